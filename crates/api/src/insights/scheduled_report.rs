//! `ScheduledReport`: create, list, update, pause, resume, delete.

use axum::response::Response;
use chrono::{DateTime, Utc};
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::change::{delete_report, pause_report, resume_report, update_report};
use insightgate_operations::reports::create::create_report_once;
use insightgate_operations::reports::list::{ReportListInput, list_reports};
use insightgate_report::instant;
use insightgate_report::scheduled_report::{ReportInput, ScheduledReport, Timing};
use serde::Serialize;

use super::call::{Call, Given};
use super::finite::{FiniteSchedule, schedule};
use crate::http::json_body::BodyFault;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownReport {
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

pub(super) async fn create(mut call: Call) -> Given {
    let input = input(&mut call).await?;
    let report = create_report_once(call.context(), &call.caller, &input, call.idempotency_key()).await?;
    Ok(one(&call, report, "Report created successfully"))
}

pub(super) async fn list(call: Call) -> Given {
    let parameters = &call.parameters;
    let input = ReportListInput {
        // Some versions accept several ids.
        report_ids: if call.asked.finite { parameters.list("reportId") } else { parameters.text("reportId").into_iter().collect() },
        report_name: parameters.text("reportName"),
        query_id: parameters.text("queryId"),
    };
    let reports = list_reports(call.context(), &call.caller, input).await?;
    let (finite, now) = (call.asked.finite, call.context().clock.now());
    let shown: Vec<_> = reports.into_iter().map(|report| show(report, finite, now)).collect();
    Ok(call.success(&shown, Some("Report fetched successfully")))
}

pub(super) async fn update(mut call: Call) -> Given {
    let report_id = call.report_id()?;
    // A misspelt path such as `ScheduledReport/pauseReport` arrives here too: that there is no body is not what is wrong with it.
    let is_id = |text: &str| text.chars().all(|character| character.is_ascii_hexdigit() || character == '-');
    if !is_id(report_id.trim()) {
        return Err(Failure::NotFound.into());
    }
    let input = input(&mut call).await?;
    let report = update_report(call.context(), &call.caller, &report_id, &input).await?;
    Ok(one(&call, report, "Report updated successfully"))
}

pub(super) async fn pause(call: Call) -> Given {
    let report = pause_report(call.context(), &call.caller, &call.report_id()?).await?;
    Ok(one(&call, report, "Report paused successfully"))
}

pub(super) async fn resume(call: Call) -> Given {
    let report = resume_report(call.context(), &call.caller, &call.report_id()?).await?;
    Ok(one(&call, report, "Report resumed successfully"))
}

pub(super) async fn delete(call: Call) -> Given {
    let report = delete_report(call.context(), &call.caller, &call.report_id()?).await?;
    Ok(one(&call, report, "Report deleted successfully"))
}

fn one(call: &Call, report: ScheduledReport, message: &str) -> Response {
    call.success(&[show(report, call.asked.finite, call.context().clock.now())], Some(message))
}

async fn input(call: &mut Call) -> Result<ReportInput, BodyFault> {
    let finite = call.asked.finite;
    let input: ReportInput = call.body(if finite { &[] } else { &["EndTime"] }).await?;
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
