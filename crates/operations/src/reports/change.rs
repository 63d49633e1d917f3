//! Updates, pauses, resumes and deletes a report.

use insightgate_report::scheduled_report::{ReportFaults, ReportInput, ScheduledReport};
use uuid::Uuid;

use crate::callers::caller::Caller;
use crate::context::Context;
use crate::failure::Failure;
use crate::reports::create::{check_callback_address, fits_dataset, quotas};

/// # Errors
/// When a field breaks a rule, the report is executed only once, the caller has no such report, or the database does not answer.
pub async fn update_report(context: &Context, caller: &Caller, id: &str, input: &ReportInput) -> Result<ScheduledReport, Failure> {
    let (now, rules) = (context.clock.now(), &context.settings.report_rules);
    let update = |report: &ScheduledReport| {
        let updated = report.updated(input, now, rules)?;
        // A report that was created when the rule was off may still be renamed, so the rule is checked only if the interval changes.
        if updated.interval_hours() != report.interval_hours() {
            fits_dataset(context, &updated)?;
        }
        Ok(updated)
    };
    if let Some(url) = &input.callback_url {
        check_callback_address(context, caller, url).await?;
    }
    change(context, caller, id, update).await
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
