//! `ScheduledReport/execution/{reportId}`: polls, and our own call that cancels one.

use chrono::{DateTime, Utc};
use insightgate_operations::executions::cancel::cancel_own_execution;
use insightgate_operations::executions::list::{ExecutionInput, ListedExecution, ask_again_after, list_executions};
use insightgate_report::instant;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Given};
use super::finite::{FiniteSchedule, schedule};
use crate::artifacts;
use crate::http::parameters::list as parts;
use crate::openapi::document::{About, about};
use crate::openapi::parameter_set::{Needed, parameter_set};

parameter_set! {
    ExecutionParameters {
        report_id: Needed = "reportId", "The report, or several between semicolons.";
        execution_id: Vec<String> = "executionId", "Only this execution, or several between semicolons.";
        execution_status: Vec<String> = "executionStatus", "Only executions of this status, or of several between semicolons.";
        get_latest: Option<bool> = "getLatestExecution", "Whether only the latest execution is listed; true if left out.";
    }
}

pub(super) const REPORTS_NAMED: &[About] = &[about("reportId", "The report, or several between semicolons.")];
pub(super) const EXECUTION_NAMED: &[About] = &[about("reportId", "The execution, by its own id.")];

/// The documented fields, followed by our own.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Execution", extend("additionalProperties" = false))]
pub(super) struct ShownExecution {
    execution_id: String,
    report_id: String,
    recurrence_interval: i64,
    recurrence_count: Option<u32>,
    callback_url: Option<String>,
    callback_method: Option<&'static str>,
    format: &'static str,
    execution_status: &'static str,
    report_location: Option<String>,
    report_access_secure_link: Option<String>,
    report_expiry_time: Option<String>,
    report_generated_time: Option<String>,
    failure_reason: Option<String>,
    attempts: u32,
    /// The percentage of row groups that have been read.
    progress: Option<u32>,
    row_count: Option<u64>,
    byte_count: Option<u64>,
    sha256: Option<String>,
    data_as_of: Option<String>,
    /// The version of the Delta table that was read; null for a dataset of Parquet files.
    data_version: Option<u64>,
    message: Option<String>,
    #[serde(flatten)]
    finite: Option<FiniteSchedule>,
}

pub(super) async fn list(mut call: Call<ExecutionParameters>) -> Given<ShownExecution> {
    let sent = std::mem::take(&mut call.query);
    let input = ExecutionInput {
        report_ids: parts(&call.report_id(&sent.report_id)?),
        execution_ids: sent.execution_id,
        statuses: sent.execution_status,
        latest_only: sent.get_latest,
    };
    let executions = list_executions(call.context(), &call.caller, &input).await?;
    let (finite, now) = (call.asked.finite, call.context().clock.now());
    let again = ask_again_after(executions.iter().map(|listed| &listed.record), now);
    let shown: Vec<_> = executions.into_iter().map(|execution| show(execution, call.base_url(), finite, now)).collect();
    Ok(call.success(&shown, None).ask_again_after(again))
}

pub(super) async fn cancel(call: Call) -> Given<ShownExecution> {
    let correlation = &call.asked.correlation;
    let record = cancel_own_execution(call.context(), &call.caller, call.path("reportid"), correlation).await?;
    let (finite, now) = (call.asked.finite, call.context().clock.now());
    let shown = show(ListedExecution { record, link: None }, call.base_url(), finite, now);
    Ok(call.success(&[shown], Some("Execution cancelled successfully")))
}

fn show(listed: ListedExecution, base_url: &str, finite: bool, now: DateTime<Utc>) -> ShownExecution {
    let ListedExecution { record, link } = listed;
    let (execution, report) = (record.execution, record.report);
    let interval = report.interval_hours().map_or(-1, i64::from);
    let (count, finite) = schedule(&report, finite, now);
    let artifact = execution.artifact.as_ref();
    let location = link.as_ref().map(|link| artifacts::location(base_url, link));
    ShownExecution {
        execution_id: execution.id.to_string(),
        report_id: report.id.to_string(),
        recurrence_interval: interval,
        recurrence_count: count,
        callback_url: report.callback.as_ref().map(|callback| callback.url.clone()),
        callback_method: report.callback.as_ref().map(|callback| callback.method.name()),
        format: artifact.map_or(report.format, |artifact| artifact.format).name(),
        execution_status: execution.status.name(),
        report_access_secure_link: location.as_ref().zip(link.as_ref()).map(|(location, link)| artifacts::opening(location, link)),
        report_location: location,
        report_expiry_time: link.as_ref().map(|link| instant::format(link.expires)),
        report_generated_time: artifact.map(|artifact| instant::format(artifact.generated)),
        failure_reason: execution.failure,
        attempts: execution.attempts,
        progress: execution.progress,
        row_count: artifact.map(|artifact| artifact.rows),
        byte_count: artifact.map(|artifact| artifact.bytes),
        sha256: artifact.map(|artifact| artifact.sha256.clone()),
        data_as_of: artifact.and_then(|artifact| artifact.data_as_of).map(instant::format),
        data_version: artifact.and_then(|artifact| artifact.data_version),
        message: execution.note,
        finite,
    }
}
