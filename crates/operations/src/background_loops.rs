//! The table of all background loops: what each is called, which processes run it, how often its turn comes, and what a turn does.
//!
//! A new loop gets a row here and nothing else: the driver (`background::driver`) limits, guards, logs, counts, stops and drains it. A turn must get along with
//! others of the same loop in other processes. The one loop that is not of the service, that of the listener's certificate, is in the server.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::audit::write_counts;
use crate::background::driver::Loop;
use crate::background::turn::{Next, Turn};
use crate::callbacks::deliverer::{self, Shares};
use crate::context::{SharedContext, Signals};
use crate::executions::places::Places;
use crate::executions::{runner, scheduler, sweeper};
use crate::failure::Failure;
use crate::keys::rotate::tend_keys;
use crate::sign_in::forget::forget_sign_ins;

/// Which processes run a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunBy {
    /// Each has state of its own: keys, counts, a clock.
    Every,
    Schedulers,
    Workers,
}

/// All loops. A process runs as many executions of one tenant at once as `of_one_tenant` says, and half as many again of others.
pub fn all(context: &SharedContext, of_one_tenant: usize) -> Vec<(RunBy, Loop)> {
    let of_one_tenant = of_one_tenant.max(1);
    let runners = of_one_tenant + of_one_tenant.div_ceil(2);
    vec![
        (RunBy::Every, clock(context)),
        (RunBy::Every, keys(context)),
        (RunBy::Every, sign_ins(context)),
        (RunBy::Every, counts(context)),
        (RunBy::Schedulers, schedules(context)),
        (RunBy::Schedulers, replanning(context)),
        (RunBy::Schedulers, retention(context)),
        (RunBy::Schedulers, orphans(context)),
        (RunBy::Workers, executions(context, Places::new(of_one_tenant), runners)),
        (RunBy::Workers, callbacks(context)),
    ]
}

/// Follows the database's clock.
fn clock(context: &SharedContext) -> Loop {
    each("clock", "the database could not be asked what time it is", seconds(10), context, |context, _| async move {
        // On an error it goes on from where it was.
        context.clock.follow(&context.store).await?;
        if let Some(warning) = context.clock.warning()
            && context.recorder.tell("clock", Instant::now()).is_some()
        {
            tracing::warn!("{warning}");
        }
        Ok(Next::Period)
    })
}

/// Replaces old keys, and takes up those that other processes made. The period is well below the time for which a new key is published before it
/// signs.
fn keys(context: &SharedContext) -> Loop {
    // Old keys go on serving: nothing has to wait for new ones.
    let work = |context: SharedContext, _| async move { tend_keys(&context).await.map(|()| Next::Period) };
    each("keys", "the keys could not be looked after", seconds(10), context, work).woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Removes what ended sign-ins leave behind.
fn sign_ins(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, _| async move { forget_sign_ins(&context, context.clock.now()).await.map(|()| Next::Period) };
    each("sign-ins", "what ended sign-ins left behind could not be removed", seconds(60), context, work)
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Writes the counts of what comes too fast to be recorded one by one. The period is what a process that is killed loses at most; what is counted
/// at the end is written when the server closes the database.
fn counts(context: &SharedContext) -> Loop {
    // They are kept until they are written.
    each("counts", "counts of refusals could not be written yet", seconds(5), context, |context, _| async move {
        write_counts(&context).await?;
        Ok(Next::Period)
    })
}

/// Turns due reports into pending executions.
fn schedules(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { scheduler::tick(&context, &turn).await };
    each("schedules", "the scheduler could not queue what is due", scheduler::LONGEST_WAIT, context, work)
        .after_failure(seconds(1))
        .woken_by(signal(context, |signals| &signals.rescheduled))
}

/// Looks for schedules that lie too far ahead since the clock came back.
fn replanning(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, _| async move { scheduler::replan(&context).await.map(|()| Next::Period) };
    each("replanning", "schedules could not be looked through", seconds(300), context, work)
}

/// Removes artifacts, executions, callbacks and audit events that are not kept any longer.
fn retention(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { sweeper::look_after(&context, &turn).await.map(|()| Next::Period) };
    each("retention", "old artifacts and executions could not be removed", seconds(60), context, work)
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Removes artifacts that no execution refers to, since their process died before it published them.
fn orphans(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { sweeper::remove_strays(&context, &turn).await.map(|()| Next::Period) };
    each("orphans", "orphaned artifacts could not be looked for", seconds(3600), context, work).after_failure(seconds(600))
}

/// Runs executions, `runners` at once. The period is for what no signal tells of: a retry may be due, or another process may have queued something.
pub fn executions(context: &SharedContext, places: Places, runners: usize) -> Loop {
    let places = Arc::new(places);
    let work = move |context: SharedContext, turn| {
        let places = Arc::clone(&places);
        async move {
            let has_executed = runner::execute_next_beside(&context, &places, &turn).await?;
            Ok(if has_executed { Next::Now } else { Next::Period })
        }
    };
    each("executions", "an execution could not be claimed or finished", seconds(1), context, work)
        .copies(runners)
        .woken_by(signal(context, |signals| &signals.queued))
}

/// Sends callbacks that are due. The period is for what no signal tells of: a wait may be over, or another process may have ended an execution.
fn callbacks(context: &SharedContext) -> Loop {
    let shares = Shares::default();
    let work = move |context: SharedContext, turn| {
        let shares = shares.clone();
        async move { deliverer::send_due(&context, &shares, &turn).await.map(|()| Next::Period) }
    };
    each("callbacks", "callbacks could not be claimed", seconds(1), context, work).woken_by(signal(context, |signals| &signals.callbacks))
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A loop whose turns get the context. `trouble`: what the log says when one fails.
fn each<F>(
    name: &'static str,
    trouble: &'static str,
    period: Duration,
    context: &SharedContext,
    work: impl Fn(SharedContext, Turn) -> F + Send + Sync + 'static,
) -> Loop
where
    F: Future<Output = Result<Next, Failure>> + Send + 'static,
{
    let context = Arc::clone(context);
    Loop::new(name, trouble, period, move |turn| work(Arc::clone(&context), turn))
}

fn signal(context: &SharedContext, which: fn(&Signals) -> &Notify) -> impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static {
    let context = Arc::clone(context);
    move || {
        let context = Arc::clone(&context);
        async move { which(&context.signals).notified().await }.boxed()
    }
}

#[cfg(test)]
mod tests;
