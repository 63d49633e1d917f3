//! Moves a sandbox's clock. What falls due on the way is queued before the answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::clock::ClockFault;
use crate::context::Context;
use crate::executions::scheduler;
use crate::failure::Failure;

/// The setting that keeps a manual clock's time between starts.
pub const MANUAL_CLOCK: &str = "manual_clock";

/// How far a move came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// What the clock shows.
    pub now: DateTime<Utc>,
    /// What it was to show.
    pub target: DateTime<Utc>,
}

/// Moves the clock to what `to` makes of its time. Nobody else moves it in between, so that of two advances at once none is lost.
///
/// Stands at each slot on the way, and queues it there, so that it is the same slots, with the same times, whatever the strides. A single jump would
/// skip some, as for a scheduler that was away.
///
/// Where the way takes longer than `within`, in real time, it ends at the slot that was reached, which is at least the next one: the rest is another
/// move's.
///
/// # Errors
/// When `to` knows no time, the clock cannot be moved there, or the database does not answer. What was queued before stays queued, and the clock stays at its slot.
pub async fn move_clock(
    context: &Context,
    to: impl FnOnce(DateTime<Utc>) -> Result<DateTime<Utc>, Failure>,
    within: Duration,
) -> Result<Moved, Failure> {
    let refused = |fault: ClockFault| Failure::Invalid(fault.to_string());
    let begun = Instant::now();
    let _moving = context.clock.moving().await;
    let target = to(context.clock.now())?;
    context.clock.check(target).map_err(refused)?;
    let mut due = context.store.next_due().await?;
    loop {
        let stop = due.map_or(target, |due| due.clamp(context.clock.now(), target));
        context.store.put_setting(MANUAL_CLOCK, &stop.to_rfc3339()).await?;
        context.clock.set(stop).map_err(refused)?;
        while due.is_some_and(|due| due <= stop) {
            scheduler::queue_some(context, stop).await?;
            due = context.store.next_due().await?;
        }
        if stop == target || begun.elapsed() >= within {
            break;
        }
    }
    context.signals.rescheduled.notify_one();
    context.signals.clock_moved.notify_waiters();
    context.signals.callbacks.notify_one();
    context.signals.mails.notify_one();
    context.signals.queued.notify_one();
    Ok(Moved { now: context.clock.now(), target })
}
