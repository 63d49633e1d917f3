//! Retention: removes artifacts because of their age or because there is no room, then the executions that they came from; callbacks; mails; audit events; the access log. It
//! also sweeps orphaned artifacts.
//!
//! An artifact's execution is marked first, so that no link leads to a missing file.

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use insightgate_report::execution::HISTORY_DAYS;
use insightgate_report::scheduled_report::EXECUTE_NOW_WINDOW_MINUTES;
use insightgate_store::ExecutionRecord;

use crate::background::turn::Turn;
use crate::context::Context;
use crate::executions::artifact_key;
use crate::executions::artifact_room::level;
use crate::failure::Failure;
use crate::usage;

/// How long mails are remembered that were sent or given up, so that nobody is told of the same thing twice.
const MAIL_DAYS: i64 = 30;
/// Callbacks, mails, audit events or keys of creations that are removed in one transaction: others are to write in between.
const AT_ONCE: u32 = 1000;

/// Removes what is old, unless the clock that says so has jumped; what there is no room for goes in any case.
///
/// # Errors
/// The database is away. What was removed before stays removed.
pub async fn look_after(context: &Context, turn: &Turn) -> Result<(), Failure> {
    let now = context.clock.now();
    if context.clock_watch.may_remove(&context.clock, &context.store).await? {
        return sweep(context, now, turn).await;
    }
    match context.settings.artifact_bytes {
        Some(budget) => make_room(context, budget, now, turn).await,
        None => Ok(()),
    }
}

/// Removes everything that is over by `now`, a batch at a time.
///
/// # Errors
/// The database is away. What was removed before stays removed.
pub async fn sweep(context: &Context, now: DateTime<Utc>, turn: &Turn) -> Result<(), Failure> {
    let kept_since = |days: u32| now.checked_sub_signed(TimeDelta::days(i64::from(days))).unwrap_or(DateTime::UNIX_EPOCH);
    let (store, settings) = (&context.store, &context.settings);
    loop {
        let old = store.files_before(kept_since(settings.artifact_days)).await?;
        if old.is_empty() {
            break;
        }
        for record in &old {
            remove_file(context, record, now, turn).await?;
        }
    }
    if let Some(budget) = settings.artifact_bytes {
        make_room(context, budget, now, turn).await?;
    }
    while store.forget_executions(kept_since(settings.history_days)).await? > 0 {
        turn.goes_on();
    }
    // They are listed as long as the platform lists executions.
    let callbacks = now.checked_sub_signed(TimeDelta::days(HISTORY_DAYS)).unwrap_or(DateTime::UNIX_EPOCH);
    while store.forget_callbacks(callbacks, AT_ONCE).await? >= u64::from(AT_ONCE) {
        turn.goes_on();
    }
    let mails = now.checked_sub_signed(TimeDelta::days(MAIL_DAYS)).unwrap_or(DateTime::UNIX_EPOCH);
    while store.forget_mails(mails, AT_ONCE).await? >= u64::from(AT_ONCE) {
        turn.goes_on();
    }
    while store.forget_audit_events(kept_since(settings.audit_days), AT_ONCE).await? >= u64::from(AT_ONCE) {
        turn.goes_on();
    }
    while store.forget_creation_keys(now, AT_ONCE).await? >= u64::from(AT_ONCE) {
        turn.goes_on();
    }
    usage::files::forget(context, kept_since(settings.access_log_days), turn).await?;
    Ok(store.forget_creations(now - TimeDelta::minutes(EXECUTE_NOW_WINDOW_MINUTES)).await?)
}

/// Removes artifacts of executions that have published another and are not writing this one. Those of executions that are not known are somebody else's: of
/// another deployment in the same place, or made after the backup that is tried out.
///
/// # Errors
/// The store of artifacts cannot be listed, or the database is away.
pub async fn remove_strays(context: &Context, turn: &Turn) -> Result<(), Failure> {
    let mut files = context.engine.list_artifacts();
    while let Some(file) = files.next().await {
        turn.goes_on();
        let key = file?.key;
        let Some(epochs) = context.store.artifact_epochs(key.execution).await? else { continue };
        if !epochs.hold(key.epoch) {
            tracing::info!(execution = %key.execution, epoch = key.epoch, "an artifact that no execution has published is removed");
            // One that stays does not keep the others.
            if let Err(error) = context.engine.delete(&key).await {
                tracing::warn!(%error, "it could not be removed");
            }
        }
    }
    Ok(())
}

/// Removes artifacts until the others fit: the oldest of those tenants that have the most. Whoever keeps to a fair share loses none.
async fn make_room(context: &Context, budget: u64, now: DateTime<Utc>, turn: &Turn) -> Result<(), Failure> {
    let held = context.store.file_bytes().await?;
    let mut all: u64 = held.iter().map(|(_, bytes)| bytes).sum();
    if all <= budget {
        return Ok(());
    }
    let level = level(&held.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), budget);
    for (tenant, mut bytes) in held {
        while bytes > level && all > budget {
            let oldest = context.store.oldest_artifacts_of(tenant).await?;
            if oldest.is_empty() {
                break;
            }
            for record in &oldest {
                if bytes <= level || all <= budget {
                    break;
                }
                remove_file(context, record, now, turn).await?;
                let removed = record.execution.artifact.as_ref().map_or(0, |artifact| artifact.bytes);
                (bytes, all) = (bytes.saturating_sub(removed), all.saturating_sub(removed));
            }
        }
    }
    Ok(())
}

async fn remove_file(context: &Context, record: &ExecutionRecord, now: DateTime<Utc>, turn: &Turn) -> Result<(), Failure> {
    turn.goes_on();
    let ExecutionRecord { execution, report } = record;
    context.store.mark_artifact_removed(execution.id, now).await?;
    if let Some(artifact) = &execution.artifact {
        let key = artifact_key::of(report, execution.id, artifact.epoch, artifact.format);
        // What stays is found when all artifacts are looked through.
        if let Err(error) = context.engine.delete(&key).await {
            tracing::warn!(%error, execution = %execution.id, "an old artifact could not be removed");
        }
    }
    Ok(())
}
