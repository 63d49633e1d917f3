//! Ctrl-C and the system's requests to end: a command that has made something elsewhere takes it back before it ends.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::command_error::CommandError;

/// For work that cannot be dropped at once, because it writes to somebody who does not read.
const TO_DROP: Duration = Duration::from_secs(1);

/// The outcome of the work, unless a signal comes first: then the work is dropped.
pub async fn ended_or_interrupted<T>(mut work: JoinHandle<Result<T, CommandError>>) -> Result<T, CommandError> {
    tokio::select! {
        ended = &mut work => ended.unwrap_or_else(|_| Err(CommandError::failed("the command panicked"))),
        () = signalled() => {
            work.abort();
            // What it has half written goes with it.
            let _ = tokio::time::timeout(TO_DROP, work).await;
            Err(CommandError::failed("interrupted"))
        }
    }
}

/// Returns with the next signal.
pub async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let asked = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        let mut waiting: Vec<_> = asked.into_iter().flatten().map(|mut signal| Box::pin(async move { signal.recv().await })).collect();
        if waiting.is_empty() {
            // None can be listened to: a signal ends the process as ever.
            std::future::pending::<()>().await;
        }
        drop(futures::future::select_all(waiting.drain(..)).await);
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
