//! Moves a sandbox's clock. What falls due on the way is queued before the answer.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::ClockFault;
use crate::context::Context;
use crate::executions::scheduler;
use crate::failure::Failure;

/// The setting that keeps a manual clock's time between starts.
pub const MANUAL_CLOCK: &str = "manual_clock";

/// Queues due slots on the way, in strides of a day, so that a long move executes every slot. A single jump would skip some, as for a scheduler that
/// was away.
///
/// # Errors
/// When the clock cannot be moved there, or the database does not answer.
pub async fn move_clock(context: &Context, to: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    let refused = |fault: ClockFault| Failure::Invalid(fault.to_string());
    let from = context.clock.now();
    context.clock.check(to).map_err(refused)?;
    let mut stride = from;
    while stride < to {
        stride = stride.checked_add_signed(TimeDelta::days(1)).map_or(to, |next| next.min(to));
        let stride = match context.store.next_due().await? {
            // Nothing is due before the end: one step will do.
            next if next.is_none_or(|next| next > to) => to,
            _ => stride,
        };
        context.clock.set(stride).map_err(refused)?;
        context.store.put_setting(MANUAL_CLOCK, &stride.to_rfc3339()).await?;
        scheduler::queue_due(context, stride).await?;
        if stride == to {
            break;
        }
    }
    context.signals.rescheduled.notify_one();
    context.signals.clock_moved.notify_waiters();
    context.signals.callbacks.notify_one();
    Ok(context.clock.now())
}
