//! Updates, pauses, resumes and deletes a report.

use chrono::{DateTime, Utc};
use insightgate_report::scheduled_report::{ReportFaults, ReportInput, ScheduledReport};
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::reports::create::{check_callback_address, fits_dataset, quotas};
use crate::reports::overview::show_report;

/// # Errors
/// When a field breaks a rule, the report is executed only once, the caller has no such report, or the database does not answer.
pub async fn update_report(context: &Context, caller: &Caller, id: &str, input: &ReportInput) -> Result<ScheduledReport, Failure> {
    let now = context.clock.now();
    if let Some(url) = &input.callback_url {
        check_callback_address(context, caller, url).await?;
    }
    change(context, caller, id, |report| updated(context, report, input, now)).await
}

/// The report that [`update_report`] would make of it now, if the quota of active reports has room. Nothing is stored.
///
/// # Errors
/// When a field breaks a rule, the report is executed only once, the caller has no such report, or the database does not answer.
pub async fn draft_update(context: &Context, caller: &Caller, id: &str, input: &ReportInput) -> Result<ScheduledReport, Failure> {
    let report = show_report(context, caller, id).await?;
    Ok(updated(context, &report, input, context.clock.now())?)
}

fn updated(context: &Context, report: &ScheduledReport, input: &ReportInput, now: DateTime<Utc>) -> Result<ScheduledReport, ReportFaults> {
    let updated = report.updated(input, now, &context.settings.report_rules)?;
    // A report that was created when the rule was off may still be renamed, so the rule is checked only if the interval changes.
    if updated.interval_hours() != report.interval_hours() {
        fits_dataset(context, &updated)?;
    }
    Ok(updated)
}

/// # Errors
/// When the report has no further executions, the caller has no such report, or the database does not answer.
pub async fn pause_report(context: &Context, caller: &Caller, id: &str) -> Result<ScheduledReport, Failure> {
    change(context, caller, id, ScheduledReport::paused).await
}

/// # Errors
/// When the report has no further executions, the quota is used up, the caller has no such report, or the database does not answer.
pub async fn resume_report(context: &Context, caller: &Caller, id: &str) -> Result<ScheduledReport, Failure> {
    let now = context.clock.now();
    change(context, caller, id, |report| report.resumed(now)).await
}

/// Deletes the report, its executions and their artifacts, and returns the deleted report.
///
/// # Errors
/// When the caller has no such report, or the database does not answer.
pub async fn delete_report(context: &Context, caller: &Caller, id: &str) -> Result<ScheduledReport, Failure> {
    let id = Uuid::try_parse(id).map_err(|_| Failure::NotFound)?;
    let report = context.store.report(caller.owner(), caller.program, id).await?.ok_or(Failure::NotFound)?;
    if !context.store.delete_report(caller.owner(), caller.program, id, context.clock.now()).await? {
        return Err(Failure::NotFound);
    }
    context.signals.deleted.notify_waiters();
    // The artifacts are listed only now, since an execution may have finished just before the report was deleted.
    if let Err(error) = context.engine.delete_report_files(report.tenant, id).await {
        tracing::warn!(%error, report = %id, "the files of a deleted report could not be removed");
    }
    context.signals.finished.notify_waiters();
    Ok(report)
}

async fn change(
    context: &Context,
    caller: &Caller,
    id: &str,
    change: impl Fn(&ScheduledReport) -> Result<ScheduledReport, ReportFaults>,
) -> Result<ScheduledReport, Failure> {
    let id = Uuid::try_parse(id).map_err(|_| Failure::NotFound)?;
    let now = context.clock.now();
    let quotas = quotas(context, caller, now).await?;
    let changed = context.store.change_report(caller.owner(), caller.program, id, quotas, now, change).await?;
    let changed = changed.ok_or(Failure::NotFound)??;
    context.signals.queued.notify_one();
    context.signals.rescheduled.notify_one();
    context.signals.finished.notify_waiters();
    Ok(changed)
}
