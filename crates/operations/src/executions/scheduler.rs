//! Turns due reports into pending executions. Any number of schedulers may run, since queueing a slot is idempotent.

use std::time::Duration;

use chrono::{DateTime, Utc};
use insightgate_report::schedule::CatchUp;

use crate::background::turn::{Next, Turn};
use crate::context::Context;
use crate::failure::Failure;

/// Reports taken in one transaction.
const BATCH: u32 = 100;
/// How long the scheduler waits at most before it looks again: other processes may have changed schedules.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Queues everything that is due by `now`, in as many transactions as it takes.
///
/// # Errors
/// The database is away. What was queued before stays queued.
pub async fn queue_due(context: &Context, now: DateTime<Utc>) -> Result<(), Failure> {
    while queue_some(context, now).await? {}
    Ok(())
}

/// Queues what is due in one transaction. Whether there was any.
pub(super) async fn queue_some(context: &Context, now: DateTime<Utc>) -> Result<bool, Failure> {
    // A clock that was moved has missed nothing.
    let catch_up = if context.clock.is_manual() { CatchUp::All } else { context.settings.catch_up };
    let queued = context.store.queue_due_reports(now, catch_up, BATCH, || context.random.uuid().map_err(Failure::from)).await? > 0;
    if queued {
        context.signals.queued.notify_one();
    }
    Ok(queued)
}

/// Plans anew what a clock that was ahead has planned, now that it came back.
/// A clock that is moved by hand never comes back.
///
/// # Errors
/// The database is away.
pub async fn replan(context: &Context) -> Result<(), Failure> {
    if context.clock.is_manual() {
        return Ok(());
    }
    let reports = context.store.replan(context.clock.now()).await?;
    if !reports.is_empty() {
        tracing::warn!(
            reports = reports.len(),
            "schedules lay more than an interval ahead, since the clock came back: they were planned anew"
        );
        context.signals.finished.notify_waiters();
        context.signals.rescheduled.notify_one();
    }
    Ok(())
}

/// Queues what is due, and says how long nothing will be.
pub(crate) async fn tick(context: &Context, turn: &Turn) -> Result<Next, Failure> {
    let now = context.clock.now();
    while queue_some(context, now).await? {
        turn.goes_on();
    }
    let next = context.store.next_due().await?;
    // A manual clock wakes the scheduler when it is moved.
    let until_next = next.filter(|_| !context.clock.is_manual()).map(|next| (next - now).to_std().unwrap_or(Duration::ZERO));
    Ok(Next::After(until_next.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT).max(Duration::from_millis(20))))
}
