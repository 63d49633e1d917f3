//! The table of all background loops: the name of each, which processes run it, its period, and what a turn does.
//!
//! A new loop needs only a row here: the driver (`background::driver`) limits, guards, logs, counts, stops and drains it. A turn must tolerate concurrent
//! turns of the same loop in other processes. One loop is in the server instead, since it belongs to the listener: the one that reloads its certificate.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::audit::write_counts;
use crate::background::driver::Loop;
use crate::background::turn::{Next, Turn};
use crate::callbacks::deliverer::Callbacks;
use crate::context::{SharedContext, Signals};
use crate::executions::places::Places;
use crate::executions::{runner, scheduler, sweeper};
use crate::failure::Failure;
use crate::keys::rotate::tend_keys;
use crate::mail::deliverer::Mails;
use crate::mail::expiring::tell_of_secrets;
use crate::outbox::shares::Shares;
use crate::outbox::{Outbox, send_due};
use crate::sign_in::forget::forget_sign_ins;
use crate::usage;

/// Which processes run a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunBy {
    /// Every process, since each has state of its own: keys, counts, a clock.
    Every,
    Schedulers,
    Workers,
}

/// All loops. A process runs at most `of_one_tenant` executions of one tenant concurrently, and half as many more of other tenants.
pub fn all(context: &SharedContext, of_one_tenant: usize) -> Vec<(RunBy, Loop)> {
    let of_one_tenant = of_one_tenant.max(1);
    let runners = of_one_tenant + of_one_tenant.div_ceil(2);
    let mut loops = vec![
        (RunBy::Every, clock(context)),
        (RunBy::Every, keys(context)),
        (RunBy::Every, sign_ins(context)),
        (RunBy::Every, counts(context)),
        (RunBy::Every, access_events(context)),
        (RunBy::Schedulers, access_files(context)),
        (RunBy::Schedulers, schedules(context)),
        (RunBy::Schedulers, replanning(context)),
        (RunBy::Schedulers, retention(context)),
        (RunBy::Schedulers, orphans(context)),
        (RunBy::Workers, executions(context, Places::new(of_one_tenant), runners)),
        (RunBy::Workers, callbacks(context)),
    ];
    if context.mail.is_some() {
        loops.extend([(RunBy::Schedulers, expiring_secrets(context)), (RunBy::Workers, mails(context))]);
    }
    loops
}

/// Follows the database's clock.
fn clock(context: &SharedContext) -> Loop {
    each("clock", "the database could not be asked what time it is", seconds(10), context, |context, _| async move {
        // After an error the clock continues from where it was.
        context.clock.follow(&context.store).await?;
        if let Some(warning) = context.clock.warning()
            && context.recorder.tell("clock", Instant::now()).is_some()
        {
            tracing::warn!("{warning}");
        }
        Ok(Next::Period)
    })
}

/// Rotates old keys, and loads those that other processes made. The period is well below the time for which a new key is published before it signs.
fn keys(context: &SharedContext) -> Loop {
    // Old keys continue to serve, so nothing has to wait for new ones.
    let work = |context: SharedContext, _| async move { tend_keys(&context).await.map(|()| Next::Period) };
    each("keys", "the keys could not be looked after", seconds(10), context, work).woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Removes what ended sign-ins leave behind.
fn sign_ins(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, _| async move { forget_sign_ins(&context, context.clock.now()).await.map(|()| Next::Period) };
    each("sign-ins", "what ended sign-ins left behind could not be removed", seconds(60), context, work)
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Writes the counts of events that come too fast to be recorded one by one. A process that is killed loses at most one period of them; on a shutdown
/// they are written when the server closes the database.
fn counts(context: &SharedContext) -> Loop {
    // After an error the counts are kept until they are written.
    each("counts", "counts of refusals could not be written yet", seconds(5), context, |context, _| async move {
        write_counts(&context).await?;
        Ok(Next::Period)
    })
}

/// Writes events of the access log into the database. A process that is killed loses at most one period of them, and the counts of a minute.
fn access_events(context: &SharedContext) -> Loop {
    // After an error the events are kept until they are written.
    each("access-events", "events of the access log could not be written yet", seconds(5), context, |context, _| async move {
        usage::files::write_down(&context, false).await?;
        Ok(Next::Period)
    })
}

/// Writes events of the access log into its files, with those that this process has still in memory.
fn access_files(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move {
        usage::files::write_down(&context, false).await?;
        usage::files::write_files(&context, &turn).await.map(|()| Next::Period)
    };
    each("access-files", "files of the access log could not be written yet", seconds(30), context, work)
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Turns due reports into pending executions.
fn schedules(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { scheduler::tick(&context, &turn).await };
    each("schedules", "the scheduler could not queue what is due", scheduler::LONGEST_WAIT, context, work)
        .after_failure(seconds(1))
        .woken_by(signal(context, |signals| &signals.rescheduled))
}

/// Replans schedules that are too far in the future since the clock was corrected backwards.
fn replanning(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, _| async move { scheduler::replan(&context).await.map(|()| Next::Period) };
    each("replanning", "schedules could not be looked through", seconds(300), context, work)
}

/// Removes artifacts, executions, callbacks, audit events and days of the access log whose retention has ended.
fn retention(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { sweeper::look_after(&context, &turn).await.map(|()| Next::Period) };
    each("retention", "old artifacts and executions could not be removed", seconds(60), context, work)
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Sweeps orphaned artifacts: those that no execution refers to, since their process died before it published them.
fn orphans(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { sweeper::remove_strays(&context, &turn).await.map(|()| Next::Period) };
    each("orphans", "orphaned artifacts could not be looked for", seconds(3600), context, work).after_failure(seconds(600))
}

/// Runs executions, `runners` concurrently. The period covers what no signal announces: a retry that is due, or an execution that another process queued.
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

/// Sends callbacks that are due. The period covers what no signal announces: a retry that is due, or an execution that another process finished.
fn callbacks(context: &SharedContext) -> Loop {
    sending::<Callbacks>("callbacks", "callbacks could not be claimed", context).woken_by(signal(context, |signals| &signals.callbacks))
}

/// Sends mails that are due. The period covers what no signal announces, as for callbacks.
fn mails(context: &SharedContext) -> Loop {
    sending::<Mails>("mails", "mails could not be claimed", context).woken_by(signal(context, |signals| &signals.mails))
}

/// Tells administrators of secrets that expire.
fn expiring_secrets(context: &SharedContext) -> Loop {
    let work = |context: SharedContext, turn| async move { tell_of_secrets(&context, &turn).await.map(|()| Next::Period) };
    each("expiring-secrets", "secrets that expire could not be looked for", seconds(3600), context, work)
        .after_failure(seconds(60))
        .woken_by(signal(context, |signals| &signals.clock_moved))
}

/// Sends what waits in an outbox.
fn sending<O: Outbox>(name: &'static str, trouble: &'static str, context: &SharedContext) -> Loop {
    let shares = Shares::new(O::BOUNDS);
    let work = move |context: SharedContext, turn| {
        let shares = shares.clone();
        async move { send_due::<O>(&context, &shares, &turn).await.map(|()| Next::Period) }
    };
    each(name, trouble, seconds(1), context, work)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A loop whose turns get the context. `trouble` is the log message for a turn that fails.
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
