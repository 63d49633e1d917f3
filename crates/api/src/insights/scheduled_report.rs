//! `ScheduledReport`: create, list, update, pause, resume, delete.

use chrono::{DateTime, Utc};
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::change::{delete_report, pause_report, resume_report, update_report};
use insightgate_operations::reports::create::create_report_once;
use insightgate_operations::reports::list::{ReportListInput, list_reports};
use insightgate_query::format::Format;
use insightgate_report::callback::CallbackMethod;
use insightgate_report::instant;
use insightgate_report::schedule::{MAXIMUM_INTERVAL_HOURS, MINIMUM_INTERVAL_HOURS};
use insightgate_report::scheduled_report::{ReportInput, ScheduledReport, Timing};
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Answered, Call, Given, Refused};
use super::finite::{FiniteSchedule, schedule};
use super::meant;
use crate::http::json_body::BodyFault;
use crate::http::parameters::list as parts;
use crate::openapi::body_fields::Json;
use crate::openapi::document::{About, Like, about, needed};
use crate::openapi::parameter_set::{Needed, parameter_set};

parameter_set! {
    ReportParameters {
        report_id: Option<String> = "reportId", "Only this report; in version 1.1 of the marketplace also several, between semicolons.";
        report_name: Option<String> = "reportName", "Only reports of this name.";
        query_id: Option<String> = "queryId", "Only reports of this query.";
    }
}

parameter_set! {
    ReportNamed {
        report_id: Needed = "reportId", "The report.";
    }
}

pub(super) const REPORT_NAMED: &[About] = &[about("reportId", "The report.")];

pub(super) const NEW_REPORT_FIELDS: &[About] = &[
    needed("ReportName", "At most 256 characters, without a semicolon.").like(Like::Short),
    about("Description", "At most 256 characters.").like(Like::Short),
    needed("QueryId", "A query of the caller, or a system query."),
    about("StartTime", "Needed without ExecuteNow: the first execution, some hours ahead: yyyy-MM-ddTHH:mm:ssZ.").like(Like::Time),
    about("ExecuteNow", "Whether the report runs once, at once. The fields of a schedule are then not looked at."),
    about("QueryStartTime", "With ExecuteNow: the begin of the time that is read, in place of the query's TIMESPAN.").like(Like::Time),
    about("QueryEndTime", "With ExecuteNow: the end of that time, which is left out.").like(Like::Time),
    about("RecurrenceInterval", "Needed without ExecuteNow: hours from run to run, 4 to 2160.")
        .like(Like::Within(MINIMUM_INTERVAL_HOURS, MAXIMUM_INTERVAL_HOURS)),
    about("RecurrenceCount", "How many runs; without it, there is no end.").like(Like::Within(1, i32::MAX as u32)),
    about("Format", "csv (the default) or tsv. Added: xlsx, csv-excel, jsonl, parquet, arrow, and compressed texts such as csv.gz.")
        .like(Like::OneOf(|| Format::NAMES.to_vec())),
    about("CallbackUrl", "Where it is told that a run has completed."),
    about("CallbackMethod", "GET (the default) or POST.")
        .like(Like::OneOf(|| CallbackMethod::ALL.iter().map(|method| method.name()).collect())),
    about("CallbackOnFailure", "Added: whether failed runs are told too."),
    about("EndTime", "Version 1.1 of the marketplace: after it, no run begins.").like(Like::Time),
];

pub(super) const CHANGED_REPORT_FIELDS: &[About] = &[
    about("reportId", "The report."),
    about("ReportName", "At most 256 characters, without a semicolon.").like(Like::Short),
    about("Description", "At most 256 characters.").like(Like::Short),
    about("QueryId", "Not looked at: a report keeps its query."),
    about("StartTime", "Another start restarts the schedule: yyyy-MM-ddTHH:mm:ssZ.").like(Like::Time),
    about("ExecuteNow", "Not looked at."),
    about("QueryStartTime", "Not looked at."),
    about("QueryEndTime", "Not looked at."),
    about("RecurrenceInterval", "Another interval restarts the schedule: hours from run to run, 4 to 2160.")
        .like(Like::Within(MINIMUM_INTERVAL_HOURS, MAXIMUM_INTERVAL_HOURS)),
    about("RecurrenceCount", "How many runs.").like(Like::Within(1, i32::MAX as u32)),
    about("Format", "As of a new report.").like(Like::OneOf(|| Format::NAMES.to_vec())),
    about("CallbackUrl", "Where it is told that a run has completed."),
    about("CallbackMethod", "GET or POST.").like(Like::OneOf(|| CallbackMethod::ALL.iter().map(|method| method.name()).collect())),
    about("CallbackOnFailure", "Added: whether failed runs are told too."),
    about("EndTime", "Version 1.1 of the marketplace: after it, no run begins.").like(Like::Time),
];

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Report", extend("additionalProperties" = false))]
pub(super) struct ShownReport {
    report_id: String,
    report_name: String,
    description: Option<String>,
    query_id: String,
    query: String,
    user: String,
    created_time: String,
    modified_time: Option<String>,
    execute_now: bool,
    query_start_time: Option<String>,
    query_end_time: Option<String>,
    start_time: String,
    report_status: &'static str,
    recurrence_interval: i64,
    recurrence_count: Option<u32>,
    callback_url: Option<String>,
    callback_method: Option<&'static str>,
    /// Our own field: whether callbacks are sent for failed executions too.
    callback_on_failure: Option<bool>,
    format: &'static str,
    #[serde(flatten)]
    finite: Option<FiniteSchedule>,
}

pub(super) async fn create(mut call: Call<(), Json<ReportInput>>) -> Given<ShownReport> {
    let input = input(&mut call).await?;
    let report = create_report_once(call.context(), &call.caller, &input, call.idempotency_key()).await?;
    Ok(one(&call, report, "Report created successfully"))
}

pub(super) async fn list(mut call: Call<ReportParameters>) -> Given<ShownReport> {
    let sent = std::mem::take(&mut call.query);
    let named = sent.report_id.into_iter();
    let input = ReportListInput {
        // Some versions accept several ids.
        report_ids: if call.asked.finite { named.flat_map(|ids| parts(&ids)).collect() } else { named.collect() },
        report_name: sent.report_name,
        query_id: sent.query_id,
    };
    let reports = list_reports(call.context(), &call.caller, input).await?;
    let (finite, now) = (call.asked.finite, call.context().clock.now());
    let shown: Vec<_> = reports.into_iter().map(|report| show(report, finite, now)).collect();
    Ok(call.success(&shown, Some("Report fetched successfully")))
}

pub(super) async fn update(mut call: Call<ReportNamed, Json<ReportInput>>) -> Given<ShownReport> {
    let report_id = call.report_id(&call.query.report_id)?;
    // A misspelt path such as `ScheduledReport/pauseReport` arrives here too: that there is no body is not what is wrong with it.
    let is_id = |text: &str| text.chars().all(|character| character.is_ascii_hexdigit() || character == '-');
    if !is_id(report_id.trim()) {
        return Err(match meant(&call.address) {
            Some(_) => Refused::NoSuchPath(std::mem::take(&mut call.address)),
            None => Failure::NotFound.into(),
        });
    }
    let input = input(&mut call).await?;
    let report = update_report(call.context(), &call.caller, &report_id, &input).await?;
    Ok(one(&call, report, "Report updated successfully"))
}

pub(super) async fn pause(call: Call<ReportNamed>) -> Given<ShownReport> {
    let report = pause_report(call.context(), &call.caller, &call.report_id(&call.query.report_id)?).await?;
    Ok(one(&call, report, "Report paused successfully"))
}

pub(super) async fn resume(call: Call<ReportNamed>) -> Given<ShownReport> {
    let report = resume_report(call.context(), &call.caller, &call.report_id(&call.query.report_id)?).await?;
    Ok(one(&call, report, "Report resumed successfully"))
}

pub(super) async fn delete(call: Call<ReportNamed>) -> Given<ShownReport> {
    let report = delete_report(call.context(), &call.caller, &call.report_id(&call.query.report_id)?).await?;
    Ok(one(&call, report, "Report deleted successfully"))
}

fn one<Query, Body>(call: &Call<Query, Body>, report: ScheduledReport, message: &str) -> Answered<ShownReport> {
    call.success(&[show(report, call.asked.finite, call.context().clock.now())], Some(message))
}

async fn input<Query>(call: &mut Call<Query, Json<ReportInput>>) -> Result<ReportInput, BodyFault> {
    let finite = call.asked.finite;
    let input = call.body(if finite { &[] } else { &["EndTime"] }).await?;
    Ok(ReportInput { finite, ..input })
}

/// Shows a report. An ExecuteNow report shows what the original service was observed to show: interval -1, count 1, and its creation as the start.
fn show(report: ScheduledReport, finite: bool, now: DateTime<Utc>) -> ShownReport {
    let (start, interval, stretch) = match &report.timing {
        Timing::Once { query_start, query_end } => (report.created, -1, (*query_start, *query_end)),
        Timing::Recurring(schedule) => (schedule.start, i64::from(schedule.interval_hours), (None, None)),
    };
    let (count, finite) = schedule(&report, finite, now);
    ShownReport {
        report_id: report.id.to_string(),
        report_name: report.name,
        description: report.description,
        query_id: report.query_id,
        query: report.query,
        user: report.user,
        created_time: instant::format(report.created),
        modified_time: report.modified.map(instant::format),
        execute_now: matches!(report.timing, Timing::Once { .. }),
        query_start_time: stretch.0.map(instant::format),
        query_end_time: stretch.1.map(instant::format),
        start_time: instant::format(start),
        report_status: report.status.name(),
        recurrence_interval: interval,
        recurrence_count: count,
        callback_url: report.callback.as_ref().map(|callback| callback.url.clone()),
        callback_method: report.callback.as_ref().map(|callback| callback.method.name()),
        callback_on_failure: report.callback.as_ref().map(|callback| callback.on_failure),
        format: report.format.name(),
        finite,
    }
}
