//! Replaces old keys and takes up those that other processes made, removes what sign-ins leave behind, and asks the database what time it is. Runs in every process: each signs and
//! verifies with what it knows.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::background::in_time;
use crate::context::Context;
use crate::keys::rotate::tend_keys;
use crate::sign_in::forget::forget_sign_ins;

/// Well below the time for which a new key is published before it signs.
const WAIT: Duration = Duration::from_secs(10);
/// Looks between two at which what sign-ins left behind is removed: a minute. The first is one.
const LOOKS_PER_REMOVAL: u32 = 6;

/// Runs until `stop` says so.
pub async fn run(context: &Context, mut stop: watch::Receiver<bool>) {
    let mut look = 0;
    while !*stop.borrow() {
        match in_time(context.clock.follow(&context.store)).await {
            Ok(()) => {
                if let Some(warning) = context.clock.warning()
                    && context.recorder.tell("clock", Instant::now()).is_some()
                {
                    tracing::warn!("{warning}");
                }
            }
            // It goes on from where it was.
            Err(error) => tracing::warn!(error = ?error, "the database could not be asked what time it is"),
        }
        // Old keys go on serving: nothing has to wait for new ones.
        if let Err(error) = in_time(tend_keys(context)).await {
            tracing::error!(error = ?error, "the keys could not be looked after");
        }
        if look % LOOKS_PER_REMOVAL == 0
            && let Err(error) = in_time(forget_sign_ins(context, context.clock.now())).await
        {
            tracing::error!(error = ?error, "what ended sign-ins left behind could not be removed");
        }
        look += 1;
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = context.signals.clock_moved.notified() => {}
            _ = stop.changed() => {}
        }
    }
}
