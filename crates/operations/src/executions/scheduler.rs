//! Turns due reports into pending executions. Any number of schedulers may run: a slot is queued once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use insightgate_report::schedule::CatchUp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::background::in_time;
use crate::context::Context;
use crate::failure::Failure;

/// Reports taken in one transaction.
const BATCH: u32 = 100;
/// How long the scheduler waits at most before it looks again: other processes may have changed schedules.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How often schedules are looked through for those that lie too far ahead.
const REPLAN_EVERY: Duration = Duration::from_secs(300);
/// How long it waits after the database failed.
const WAIT_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Queues everything that is due by `now`.
pub async fn queue_due(context: &Context, now: DateTime<Utc>) -> Result<(), Failure> {
    // A clock that was moved has missed nothing.
    let catch_up = if context.clock.is_manual() { CatchUp::All } else { context.settings.catch_up };
    while context.store.queue_due_reports(now, catch_up, BATCH, || context.random.uuid().map_err(Failure::from)).await? > 0 {
        context.signals.queued.notify_one();
    }
    Ok(())
}

/// Runs until `stop` says so.
pub async fn run(context: &Context, mut stop: watch::Receiver<bool>) {
    let mut replanned: Option<Instant> = None;
    while !*stop.borrow() {
        if replanned.is_none_or(|at| at.elapsed() >= REPLAN_EVERY) && !context.clock.is_manual() {
            replanned = Some(Instant::now());
            if let Err(error) = in_time(replan(context)).await {
                tracing::error!(error = ?error, "schedules could not be looked through");
            }
        }
        let wait = match in_time(tick(context)).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::error!(error = ?error, "the scheduler could not queue what is due");
                WAIT_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = context.signals.rescheduled.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Plans anew what a clock that was ahead has planned, now that it came back.
pub async fn replan(context: &Context) -> Result<(), Failure> {
    let reports = context.store.replan(context.clock.now()).await?;
    if !reports.is_empty() {
        tracing::warn!(
            reports = reports.len(),
            "schedules lay more than an interval ahead, since the clock came back: they were planned anew"
        );
        context.signals.finished.notify_waiters();
    }
    Ok(())
}

/// Queues what is due, and says how long nothing will be.
async fn tick(context: &Context) -> Result<Duration, Failure> {
    let now = context.clock.now();
    queue_due(context, now).await?;
    let next = context.store.next_due().await?;
    // A manual clock wakes the scheduler when it is moved.
    let until_next = next.filter(|_| !context.clock.is_manual()).map(|next| (next - now).to_std().unwrap_or(Duration::ZERO));
    Ok(until_next.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT).max(Duration::from_millis(20)))
}
