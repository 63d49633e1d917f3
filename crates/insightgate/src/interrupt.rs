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
        signal = signalled() => {
            work.abort();
            // What it has half written goes with it.
            let _ = tokio::time::timeout(TO_DROP, work).await;
            Err(CommandError::interrupted(signal))
        }
    }
}

/// The same for work that leaves nothing behind wherever it is dropped.
pub async fn unless_interrupted<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    tokio::select! {
        ended = work => ended,
        signal = signalled() => Err(CommandError::interrupted(signal)),
    }
}

/// The numbers of the signals that end a command.
const HANGUP: u8 = 1;
const INTERRUPT: u8 = 2;
const TERMINATE: u8 = 15;

/// The number of the next signal.
pub async fn signalled() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [(SignalKind::interrupt(), INTERRUPT), (SignalKind::terminate(), TERMINATE), (SignalKind::hangup(), HANGUP)];
        let asked = kinds.into_iter().filter_map(|(kind, number)| Some((signal(kind).ok()?, number)));
        let mut waiting: Vec<_> = asked
            .map(|(mut signal, number)| {
                Box::pin(async move {
                    signal.recv().await;
                    number
                })
            })
            .collect();
        if waiting.is_empty() {
            // None can be listened to: a signal ends the process as ever.
            std::future::pending::<()>().await;
        }
        futures::future::select_all(waiting.drain(..)).await.0
    }
    #[cfg(not(unix))]
    {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPT
    }
}
