//! `ScheduledReport`: create, list, update, pause, resume, delete.

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use insightgate_operations::failure::Failure;
use insightgate_operations::reports::change::{delete_report, pause_report, resume_report, update_report};
use insightgate_operations::reports::create::create_report;
use insightgate_operations::reports::list::{ReportListInput, list_reports};
use insightgate_report::instant;
use insightgate_report::scheduled_report::{ReportInput, ScheduledReport, Timing};
use serde::Serialize;

use super::admitted::Admitted;
use super::finite::{FiniteSchedule, schedule};
use crate::envelope::{self, Asked};
use crate::http::fields::{BODY_LIMIT, Fields};
use crate::http::json_body::{BodyFault, JsonBody};
use crate::state::ApiState;

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
    /// Ours: whether failed runs are told of too.
    callback_on_failure: Option<bool>,
    format: &'static str,
    #[serde(flatten)]
    finite: Option<FiniteSchedule>,
}

pub(crate) async fn create(State(state): State<ApiState>, admitted: Admitted, body: JsonBody) -> Response {
    let input = match report_input(body, &admitted.asked).await {
        Ok(input) => input,
        Err(response) => return response,
    };
    let created = create_report(&state.context, &admitted.caller, &input).await;
    one(&state, &admitted, created, "Report created successfully")
}

pub(crate) async fn list(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let parameters = &admitted.parameters;
    let input = ReportListInput {
        // Several, where the version has it so.
        report_ids: if admitted.asked.finite { parameters.list("reportId") } else { parameters.text("reportId").into_iter().collect() },
        report_name: parameters.text("reportName"),
        query_id: parameters.text("queryId"),
    };
    match list_reports(&state.context, &admitted.caller, input).await {
        Ok(reports) => {
            let (finite, now) = (admitted.asked.finite, state.context.clock.now());
            let shown: Vec<_> = reports.into_iter().map(|report| show(report, finite, now)).collect();
            admitted.success(&shown, Some("Report fetched successfully"))
        }
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(crate) async fn update(State(state): State<ApiState>, admitted: Admitted, body: JsonBody) -> Response {
    let input = match report_input(body, &admitted.asked).await {
        Ok(input) => input,
        Err(response) => return response,
    };
    let updated = match admitted.report_id() {
        Ok(id) => update_report(&state.context, &admitted.caller, &id, &input).await,
        Err(failure) => Err(failure),
    };
    one(&state, &admitted, updated, "Report updated successfully")
}

pub(crate) async fn pause(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let paused = match admitted.report_id() {
        Ok(id) => pause_report(&state.context, &admitted.caller, &id).await,
        Err(failure) => Err(failure),
    };
    one(&state, &admitted, paused, "Report paused successfully")
}

pub(crate) async fn resume(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let resumed = match admitted.report_id() {
        Ok(id) => resume_report(&state.context, &admitted.caller, &id).await,
        Err(failure) => Err(failure),
    };
    one(&state, &admitted, resumed, "Report resumed successfully")
}

pub(crate) async fn delete(State(state): State<ApiState>, admitted: Admitted) -> Response {
    let deleted = match admitted.report_id() {
        Ok(id) => delete_report(&state.context, &admitted.caller, &id).await,
        Err(failure) => Err(failure),
    };
    one(&state, &admitted, deleted, "Report deleted successfully")
}

fn one(state: &ApiState, admitted: &Admitted, outcome: Result<ScheduledReport, Failure>, message: &str) -> Response {
    match outcome {
        Ok(report) => admitted.success(&[show(report, admitted.asked.finite, state.context.clock.now())], Some(message)),
        Err(failure) => admitted.asked.refuse(&failure),
    }
}

pub(super) async fn fields_of(body: JsonBody, asked: &Asked) -> Result<Fields, Response> {
    Fields::read(body).await.map_err(|fault| match fault {
        BodyFault::TooLarge => envelope::too_large(BODY_LIMIT),
        BodyFault::Invalid(message) => asked.refuse(&Failure::Invalid(message)),
    })
}

async fn report_input(body: JsonBody, asked: &Asked) -> Result<ReportInput, Response> {
    let fields = fields_of(body, asked).await?;
    read_input(&fields, asked.finite).map_err(|failure| asked.refuse(&failure))
}

fn read_input(fields: &Fields, finite: bool) -> Result<ReportInput, Failure> {
    Ok(ReportInput {
        report_name: fields.text("ReportName")?,
        description: fields.text("Description")?,
        query_id: fields.text("QueryId")?,
        start_time: fields.text("StartTime")?,
        execute_now: fields.flag("ExecuteNow")?,
        query_start_time: fields.text("QueryStartTime")?,
        query_end_time: fields.text("QueryEndTime")?,
        recurrence_interval: fields.integer("RecurrenceInterval")?,
        recurrence_count: fields.integer("RecurrenceCount")?,
        format: fields.text("Format")?,
        callback_url: fields.text("CallbackUrl")?,
        callback_method: fields.text("CallbackMethod")?,
        callback_on_failure: fields.flag("CallbackOnFailure")?,
        end_time: if finite { fields.text("EndTime")? } else { None },
        finite,
    })
}

/// An ExecuteNow report shows what the service was seen to show: interval -1, count 1, and its creation as the start.
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
