//! Brings a sandbox's first state back, without a restart: the same identifiers, and nothing that came since.
//!
//! Keys stay, so that access tokens go on to work until they end. The clock stays, since it never moves back. Rows of datasets stay, and what a person
//! added to them.

use std::collections::HashSet;

use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;
use crate::sandbox::Sandbox;

/// What a reset goes back to from now on. The first call counts.
///
/// # Errors
/// When the database does not answer.
pub async fn remember_first_state(context: &Context) -> Result<(), Failure> {
    if let Some(sandbox) = &context.sandbox {
        // A second one has nothing to say.
        drop(sandbox.first_state.set(context.store.snapshot().await?));
    }
    Ok(())
}

/// # Errors
/// When there is no state to go back to, or the database does not answer.
pub async fn reset(context: &Context, sandbox: &Sandbox) -> Result<(), Failure> {
    let Some(first) = sandbox.first_state.get() else {
        return Err(Failure::Conflict("The sandbox is not ready yet: it has no state to go back to.".to_owned()));
    };
    let _walked = sandbox.walk.lock().await;
    // What moves the clock queues what is then gone.
    let _moving = context.clock.moving().await;
    sandbox.faults.clear_all();
    let before = reports(context).await?;
    context.store.restore(first).await?;
    sandbox.executions.forget();
    sandbox.callbacks.forget();
    sandbox.requests.clear();
    sandbox.received.clear();
    context.addresses.forget();
    context.device_polls.forget_all();
    // Executions that are under way find out that they are held no more.
    context.signals.deleted.notify_waiters();
    context.signals.finished.notify_waiters();
    context.signals.rescheduled.notify_one();
    context.signals.queued.notify_one();
    let after = reports(context).await?;
    for (tenant, report) in before.difference(&after) {
        if let Err(error) = context.engine.delete_report_files(*tenant, *report).await {
            tracing::warn!(%error, %report, "the files of a report that is gone by a reset could not be removed");
        }
    }
    Ok(())
}

/// All that there are, with their tenants.
async fn reports(context: &Context) -> Result<HashSet<(Uuid, Uuid)>, Failure> {
    let mut reports = HashSet::new();
    for tenant in context.store.tenants().await? {
        reports.extend(context.store.report_ids(tenant.id).await?.into_iter().map(|report| (tenant.id, report)));
    }
    Ok(reports)
}
