//! Writes the counts of what comes too fast to be recorded one by one. Runs in every process: each has counts of its own.

use std::time::Duration;

use tokio::sync::watch;

use crate::audit::write_counts;
use crate::background::in_time;
use crate::context::Context;

/// What a process that is killed loses at most.
const WAIT: Duration = Duration::from_secs(5);

/// Runs until `stop` says so. What is counted after that is written when the server closes the database.
pub async fn run(context: &Context, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            _ = stop.changed() => {}
        }
        // They are kept until they are written.
        if let Err(error) = in_time(write_counts(context)).await
            && let Some(untold) = context.recorder.tell("counts", tokio::time::Instant::now())
        {
            tracing::error!(error = ?error, untold, "counts of refusals could not be written yet");
        }
    }
}
