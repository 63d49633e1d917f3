//! Looks at what is not counted (loops, checks, what waits, memory, the process), and writes everything as text in Prometheus's format.
//!
//! However often somebody asks, the database counts what waits once in five seconds, and each look has two seconds. What could not be looked at is left
//! out, so that no old number seems to be a new one.

mod process;

use std::sync::atomic::Ordering;
use std::time::Duration;

use insightgate_store::Queue;
use tokio::time::{Instant, timeout};

use crate::context::Context;
use crate::failure::Failure;
use crate::readiness::Check;

/// How long the counts of what waits are good.
const GOOD: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(2);

/// Checks everything that this process needs for its work.
pub async fn checks(context: &Context) -> Vec<Check> {
    context.readiness.checks((&context.store, &context.vault), &context.clock, &context.engine, &context.background).await
}

/// Everything that this process tells about itself.
pub async fn telemetry(context: &Context) -> String {
    let sampled = &context.telemetry.sampled;
    // Others that ask at the same time wait, for four seconds at most, and get a look of their own.
    let mut looked = context.telemetry.looked.lock().await;
    let now = Instant::now();
    let queue = async {
        match *looked {
            Some(at) if now < at + GOOD => None,
            _ => Some(timeout(LIMIT, queue(context)).await.ok().and_then(Result::ok)),
        }
    };
    let (checks, queue) = futures::join!(checks(context), queue);
    sampled.checks.clear();
    for check in checks {
        sampled.checks.get_or_create(&[("check", check.name)]).set(u64::from(check.ok));
    }
    match queue {
        None => {}
        Some(Some(queue)) => {
            *looked = Some(now);
            keep(context, &queue);
        }
        Some(None) => {
            *looked = None;
            sampled.waiting.clear();
            sampled.oldest.clear();
        }
    }
    loops(context);
    let memory = context.engine.memory();
    sampled.memory_limit.set(memory.limit as u64);
    sampled.memory_held.set(memory.held as u64);
    sampled.queries_waiting.set(memory.waiting as u64);
    sampled.downloads.set(context.downloads.under_way() as u64);
    process::look(&sampled.process);
    let mut text = String::new();
    if let Err(error) = context.telemetry.write(&mut text) {
        tracing::error!(%error, "the telemetry could not be written");
    }
    text
}

fn loops(context: &Context) {
    let (sampled, now) = (&context.telemetry.sampled, Instant::now());
    for (name, record) in context.background.records() {
        let label = [("loop", name)];
        // The record counts; the number here follows it.
        sampled.turns.get_or_create(&label).inner().store(record.turns, Ordering::Relaxed);
        sampled.failures.get_or_create(&label).inner().store(record.failures, Ordering::Relaxed);
        sampled.since_success.get_or_create(&label).set(record.since_success(now).as_secs_f64());
        sampled.last_turn.get_or_create(&label).set(record.last_duration.as_secs_f64());
        sampled.stuck.get_or_create(&label).set(u64::from(record.stuck(now).is_some()));
    }
}

async fn queue(context: &Context) -> Result<Queue, Failure> {
    let lease_now = context.store.lease_time().await?;
    Ok(context.store.queue(lease_now, context.clock.now().timestamp_millis()).await?)
}

fn keep(context: &Context, queue: &Queue) {
    let sampled = &context.telemetry.sampled;
    for (which, state, number) in [
        ("executions", "due", queue.due),
        ("executions", "retrying", queue.retrying),
        ("executions", "running", queue.running),
        ("callbacks", "due", queue.callbacks_due),
        ("callbacks", "retrying", queue.callbacks_retrying),
        ("mails", "due", queue.mails_due),
        ("mails", "retrying", queue.mails_retrying),
    ] {
        sampled.waiting.get_or_create(&[("queue", which), ("state", state)]).set(number);
    }
    let now = context.clock.now().timestamp_millis();
    for (which, oldest) in [("executions", queue.oldest_queued), ("callbacks", queue.oldest_callback), ("mails", queue.oldest_mail)] {
        let milliseconds = oldest.map_or(0, |oldest| now.saturating_sub(oldest).max(0));
        sampled.oldest.get_or_create(&[("queue", which)]).set(milliseconds as f64 / 1000.0);
    }
}
