//! Removes what is not kept for ever: files by their age and for want of room, then the runs they came from; callbacks; audit events. And files that
//! attempts left whose process died.
//!
//! A file's run is marked first, so that no link leads to a file that is gone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use insightgate_report::execution::HISTORY_DAYS;
use insightgate_report::scheduled_report::EXECUTE_NOW_WINDOW_MINUTES;
use insightgate_store::{ExecutionRecord, FileEpochs};
use tokio::sync::watch;

use crate::clock::watch::may_remove;
use crate::context::Context;
use crate::executions::artifact_key;
use crate::executions::artifact_room::level;
use crate::failure::Failure;

const WAIT: Duration = Duration::from_secs(60);
/// Callbacks or audit events that are removed in one transaction: others are to write in between.
const AT_ONCE: u32 = 1000;
/// Looks between two at which all files are looked through. The first is one.
const LOOKS_PER_SEARCH: u32 = 60;

/// Runs until `stop` says so.
pub async fn run(context: &Context, mut stop: watch::Receiver<bool>) {
    let mut look = 0;
    while !*stop.borrow() {
        if look % LOOKS_PER_SEARCH == 0
            && let Err(error) = remove_strays(context).await
        {
            tracing::error!(error = ?error, "the files of the dead could not be looked for");
        }
        look += 1;
        if let Err(error) = look_after(context).await {
            tracing::error!(error = ?error, "old files and runs could not be removed");
        }
        tokio::select! {
            () = tokio::time::sleep(WAIT) => {}
            () = context.signals.clock_moved.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Removes what is old, unless the clock that says so has jumped; what there is no room for goes in any case.
pub async fn look_after(context: &Context) -> Result<(), Failure> {
    let now = context.clock.now();
    if may_remove(context).await? {
        return sweep(context, now).await;
    }
    match context.settings.artifact_bytes {
        Some(budget) => make_room(context, budget, now).await,
        None => Ok(()),
    }
}

/// Removes everything that is over by `now`.
pub async fn sweep(context: &Context, now: DateTime<Utc>) -> Result<(), Failure> {
    let kept_since = |days: u32| now.checked_sub_signed(TimeDelta::days(i64::from(days))).unwrap_or(DateTime::UNIX_EPOCH);
    let settings = &context.settings;
    loop {
        let old = context.store.files_before(kept_since(settings.artifact_days)).await?;
        if old.is_empty() {
            break;
        }
        for record in &old {
            remove_file(context, record, now).await?;
        }
    }
    if let Some(budget) = settings.artifact_bytes {
        make_room(context, budget, now).await?;
    }
    while context.store.forget_executions(kept_since(settings.history_days)).await? > 0 {}
    // They are listed as long as the platform lists runs.
    let callbacks = now.checked_sub_signed(TimeDelta::days(HISTORY_DAYS)).unwrap_or(DateTime::UNIX_EPOCH);
    while context.store.forget_callbacks(callbacks, AT_ONCE).await? >= u64::from(AT_ONCE) {}
    while context.store.forget_audit_events(kept_since(settings.audit_days), AT_ONCE).await? >= u64::from(AT_ONCE) {}
    Ok(context.store.forget_creations(now - TimeDelta::minutes(EXECUTE_NOW_WINDOW_MINUTES)).await?)
}

/// Removes files of runs that have published another and are not writing this one. Those of runs that are not known are somebody else's: of
/// another deployment in the same place, or made after the backup that is tried out.
pub async fn remove_strays(context: &Context) -> Result<(), Failure> {
    let mut files = context.engine.list_artifacts();
    while let Some(file) = files.next().await {
        let key = file?.key;
        let Some(FileEpochs { writing, published }) = context.store.file_epochs(key.execution).await? else { continue };
        if ![writing, published].into_iter().flatten().any(|epoch| epoch.number() == key.epoch) {
            tracing::info!(execution = %key.execution, epoch = key.epoch, "a file that no run has published is removed");
            // One that stays does not keep the others.
            if let Err(error) = context.engine.delete(&key).await {
                tracing::warn!(%error, "it could not be removed");
            }
        }
    }
    Ok(())
}

/// Removes files until the others fit: the oldest of those tenants that have the most. Whoever keeps to a fair share loses none.
async fn make_room(context: &Context, budget: u64, now: DateTime<Utc>) -> Result<(), Failure> {
    let held = context.store.file_bytes().await?;
    let mut all: u64 = held.iter().map(|(_, bytes)| bytes).sum();
    if all <= budget {
        return Ok(());
    }
    let level = level(&held.iter().map(|(_, bytes)| *bytes).collect::<Vec<_>>(), budget);
    for (tenant, mut bytes) in held {
        while bytes > level && all > budget {
            let oldest = context.store.oldest_files_of(tenant).await?;
            if oldest.is_empty() {
                break;
            }
            for record in &oldest {
                if bytes <= level || all <= budget {
                    break;
                }
                remove_file(context, record, now).await?;
                let removed = record.execution.artifact.as_ref().map_or(0, |artifact| artifact.bytes);
                (bytes, all) = (bytes.saturating_sub(removed), all.saturating_sub(removed));
            }
        }
    }
    Ok(())
}

async fn remove_file(context: &Context, record: &ExecutionRecord, now: DateTime<Utc>) -> Result<(), Failure> {
    let ExecutionRecord { execution, report } = record;
    context.store.mark_file_removed(execution.id, now).await?;
    if let Some(artifact) = &execution.artifact {
        let key = artifact_key::of(report, execution.id, artifact.epoch, artifact.format);
        // What stays is found when all files are looked through.
        if let Err(error) = context.engine.delete(&key).await {
            tracing::warn!(%error, execution = %execution.id, "an old file could not be removed");
        }
    }
    Ok(())
}
