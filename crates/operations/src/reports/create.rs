//! Creates a report, which is executed at once or on a schedule.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_outbound::OutboundError;
use insightgate_report::instant;
use insightgate_report::quotas::Quota;
use insightgate_report::scheduled_report::{
    EXECUTE_NOW_WINDOW_MINUTES, NewReport, ReportFault, ReportInput, ReportStatus, ScheduledReport, Timing,
};
use insightgate_store::{NewExecution, ReportQuotas};
use url::Url;

use crate::audit::{self, Happening};
use crate::callers::caller::Caller;
use crate::context::Context;
use crate::creation_key::{creation_key, deleted_since, instead, made_before};
use crate::failure::Failure;
use crate::queries::known::find_query;

/// # Errors
/// When a field breaks a rule, the query does not exist, a quota is used up, or the database does not answer.
pub async fn create_report(context: &Context, caller: &Caller, input: &ReportInput) -> Result<ScheduledReport, Failure> {
    create_report_once(context, caller, input, None).await
}

/// Like [`create_report`]. With a key that created a report before, it returns that report, as it is now.
///
/// # Errors
/// Also when the key came with other fields before, or its report is deleted.
pub async fn create_report_once(
    context: &Context,
    caller: &Caller,
    input: &ReportInput,
    key: Option<&str>,
) -> Result<ScheduledReport, Failure> {
    let now = context.clock.now();
    let key = creation_key(caller, "report", key, input, now)?;
    // Rules about times may no longer hold for what they held for before.
    if let Some(id) = made_before(context, key.as_ref()).await? {
        return context.store.report(caller.owner(), caller.program, id).await?.ok_or_else(deleted_since);
    }
    let report = draft(context, caller, input, now).await?;
    let first = match report.timing {
        Timing::Once { .. } => {
            Some(NewExecution { id: context.random.uuid()?, report: report.id, slot: "now".to_owned(), anchor: now, queued: now })
        }
        Timing::Recurring(_) => None,
    };
    let quotas = quotas(context, caller, now).await?;
    match context.store.add_report_once(&report, first.as_ref(), quotas, key.as_ref()).await? {
        Ok(creation) => {
            if let Some(id) = instead(creation)? {
                return context.store.report(caller.owner(), caller.program, id).await?.ok_or_else(deleted_since);
            }
        }
        Err(fault @ ReportFault::ExecuteNowQuota(_)) => {
            let next = match quotas {
                Some(quotas) => context.store.execute_now_room(&report, quotas).await?,
                None => None,
            };
            let Some(next) = next else { return Err(fault.into()) };
            let free = instant::format(instant::whole_second(now + next));
            return Err(Failure::QuotaUsed {
                told: fault.to_string(),
                wait_seconds: seconds(next),
                note: format!("A place is free at {free}."),
            });
        }
        Err(fault) => return Err(fault.into()),
    }
    match first {
        Some(_) => context.signals.queued.notify_one(),
        None => context.signals.rescheduled.notify_one(),
    }
    Ok(report)
}

/// The report that a creation with these fields would make now, if the quotas have room. Nothing is stored.
///
/// # Errors
/// When a field breaks a rule, the query does not exist, or the database does not answer.
pub async fn draft_report(context: &Context, caller: &Caller, input: &ReportInput) -> Result<ScheduledReport, Failure> {
    draft(context, caller, input, context.clock.now()).await
}

async fn draft(context: &Context, caller: &Caller, input: &ReportInput, now: DateTime<Utc>) -> Result<ScheduledReport, Failure> {
    let new = NewReport::check(input, now, &context.settings.report_rules)?;
    if let Some(callback) = &new.callback {
        check_callback_address(context, caller, &callback.url).await?;
    }
    let query = find_query(context, caller, &new.query_id).await?.ok_or(ReportFault::UnknownQuery)?;
    let report = ScheduledReport {
        id: context.random.uuid()?,
        tenant: caller.scope.tenant(),
        owner: caller.owner(),
        application: caller.principal.application.id,
        program: caller.program,
        name: new.name,
        description: new.description,
        query_id: query.id(),
        query: query.text().to_owned(),
        user: caller.principal.display_name(),
        created: now,
        modified: None,
        timing: new.timing,
        status: ReportStatus::Active,
        callback: new.callback,
        format: new.format,
    };
    fits_dataset(context, &report)?;
    Ok(report)
}

/// The wait in whole seconds, rounded up. At least one, so that nobody retries at once.
fn seconds(wait: TimeDelta) -> u32 {
    let whole = (wait.num_milliseconds().max(0) + 999) / 1000;
    u32::try_from(whole).unwrap_or(u32::MAX).max(1)
}

/// Checks that the report's dataset allows its interval. If the query is no longer valid, the execution reports that.
pub(crate) fn fits_dataset(context: &Context, report: &ScheduledReport) -> Result<(), ReportFault> {
    if !context.settings.report_rules.dataset_minimum_interval {
        return Ok(());
    }
    match insightgate_query::plan(&report.query, &context.catalogs.of(report.program)) {
        Ok(plan) => report.fits_dataset(plan.dataset.minimum_interval_hours, &context.settings.report_rules),
        Err(_) => Ok(()),
    }
}

/// Refuses an IP address that may not be connected to, so that its owner learns of it at once. Host names are checked when they are connected to, since
/// their addresses can change.
pub(crate) async fn check_callback_address(context: &Context, caller: &Caller, url: &str) -> Result<(), Failure> {
    let Ok(url) = Url::parse(url) else { return Ok(()) };
    let Err(OutboundError::Forbidden(address)) = context.outbound.check(&url, false) else { return Ok(()) };
    let fault = ReportFault::CallbackAddress(address.clone());
    let happening = Happening {
        tenant: Some(caller.scope.tenant()),
        actor: caller.owner().to_string(),
        action: "callback.refuse",
        subject: "report".to_owned(),
        detail: format!("'{address}' may not be connected to"),
        correlation: None,
    };
    audit::record(context, happening).await;
    Err(fault.into())
}

/// The quotas of the caller's tenant, unless the deployment turns them off.
pub(crate) async fn quotas(context: &Context, caller: &Caller, now: DateTime<Utc>) -> Result<Option<ReportQuotas>, Failure> {
    if !context.settings.quotas {
        return Ok(None);
    }
    Ok(Some(report_quotas(&context.store.tenant_limits(caller.scope.tenant()).await?, now)))
}

/// The quotas of a tenant with these limits of its own.
pub(crate) fn report_quotas(own: &BTreeMap<String, u64>, now: DateTime<Utc>) -> ReportQuotas {
    ReportQuotas {
        active: Quota::ActiveReports.of(own),
        execute_now: Quota::ExecuteNowReports.of(own),
        execute_now_since: now - TimeDelta::minutes(EXECUTE_NOW_WINDOW_MINUTES),
    }
}
