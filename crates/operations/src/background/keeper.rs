//! Replaces old keys and takes up those that other processes made. Runs in every process: each signs and verifies with what it knows.

use std::time::Duration;

use tokio::sync::watch;

use super::in_time;
use crate::context::Context;
use crate::rotate_keys::tend_keys;

/// Well below the time for which a new key is published before it signs.
const WAIT: Duration = Duration::from_secs(10);

/// Runs until `stop` says so.
pub async fn run(context: &Context, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        // Old keys go on serving: nothing has to wait for new ones.
        if let Err(error) = in_time(tend_keys(context)).await {
            tracing::error!(error = ?error, "the keys could not be looked after");
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = context.signals.clock_moved.notified() => {}
            _ = stop.changed() => {}
        }
    }
}
