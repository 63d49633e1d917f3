//! Brings a sandbox's first state back, without a restart: the same identifiers, and nothing that came since.
//!
//! Keys stay, so that access tokens go on to work until they end. The clock stays, since it never moves back. Rows of datasets stay, and what a person
//! added to them.

use futures::StreamExt as _;
use insightgate_engine::ArtifactKey;

use crate::context::Context;
use crate::failure::Failure;
use crate::sandbox::Sandbox;
use crate::usage::files::{go_back, known_days};

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
/// When there is no state to go back to, the artifacts cannot be listed, or the database does not answer.
pub async fn reset(context: &Context, sandbox: &Sandbox) -> Result<(), Failure> {
    let Some(first) = sandbox.first_state.get() else {
        return Err(Failure::Conflict("The sandbox is not ready yet: it has no state to go back to.".to_owned()));
    };
    let _walked = sandbox.walk.lock().await;
    // What moves the clock queues what is then gone.
    let _moving = context.clock.moving().await;
    sandbox.faults.clear_all();
    let (before, days) = (files(context).await?, known_days(context).await?);
    context.store.restore(first).await?;
    go_back(context, &days).await?;
    sandbox.executions.forget();
    sandbox.callbacks.forget();
    sandbox.requests.clear();
    sandbox.received.clear();
    context.addresses.forget();
    context.secret_senders.forget();
    context.limits.forget();
    context.device_polls.forget_all();
    // Executions that are under way find out that they are held no more.
    context.signals.deleted.notify_waiters();
    context.signals.finished.notify_waiters();
    context.signals.rescheduled.notify_one();
    context.signals.queued.notify_one();
    for file in before {
        let is_held = context.store.artifact_epochs(file.execution).await?.is_some_and(|epochs| epochs.hold(file.epoch));
        if is_held {
            continue;
        }
        if let Err(error) = context.engine.delete(&file).await {
            tracing::warn!(%error, execution = %file.execution, "the file of an execution that is gone by a reset could not be removed");
        }
    }
    Ok(())
}

/// The artifacts of executions that are known. Others are somebody else's.
async fn files(context: &Context) -> Result<Vec<ArtifactKey>, Failure> {
    let (mut listed, mut known) = (context.engine.list_artifacts(), Vec::new());
    while let Some(file) = listed.next().await {
        let key = file?.key;
        if context.store.artifact_epochs(key.execution).await?.is_some() {
            known.push(key);
        }
    }
    Ok(known)
}
