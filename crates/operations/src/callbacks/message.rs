//! The body of a callback for an execution that ended. It contains neither a link nor rows: the receiver requests those with a token of its own.

use chrono::{DateTime, Utc};
use insightgate_report::callback::{CallbackEvent, CallbackMethod, give_up_after, target};
use insightgate_report::execution::{Artifact, ExecutionStatus};
use insightgate_report::instant;
use insightgate_store::{ClaimedExecution, NewCallback, Outcome};
use serde::Serialize;
use url::Url;
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;

/// The body of a POST. A field that has no value is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    report_id: Uuid,
    execution_id: Uuid,
    execution_status: &'static str,
    report_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_generated_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    byte_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
}

/// The callback for the outcome of an execution that ended at `now`. `None` if the report has no callback, the execution is not over, or it failed and
/// callbacks for failures are not requested.
pub(crate) fn of_execution(
    context: &Context,
    claimed: &ClaimedExecution,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<Option<NewCallback>, Failure> {
    let report = &claimed.report;
    let Some(registered) = &report.callback else { return Ok(None) };
    let (event, artifact, reason) = match outcome {
        Outcome::Completed { artifact, .. } => (CallbackEvent::Completed, Some(artifact), None),
        Outcome::Failed { reason } | Outcome::Refused { reason } => (CallbackEvent::Failed, None, Some(reason.as_str())),
        Outcome::Retry { .. } | Outcome::Postponed { .. } => return Ok(None),
    };
    if event == CallbackEvent::Failed && !registered.on_failure && !context.settings.callbacks.on_failure {
        return Ok(None);
    }
    let Ok(url) = Url::parse(&registered.url) else {
        tracing::warn!(report = %report.id, "the address of a callback cannot be read");
        return Ok(None);
    };
    let body = match registered.method {
        CallbackMethod::Get => String::new(),
        CallbackMethod::Post => body(claimed, event, artifact, reason)?,
    };
    Ok(Some(new_callback(context.random.ordered_uuid(now)?, claimed, event, &target(&url, registered.method, report.id), body, now)))
}

fn new_callback(id: Uuid, claimed: &ClaimedExecution, event: CallbackEvent, url: &Url, body: String, now: DateTime<Utc>) -> NewCallback {
    let report = &claimed.report;
    NewCallback {
        id,
        tenant: report.tenant,
        owner: report.owner,
        program: report.program,
        report: report.id,
        execution: claimed.execution.id,
        event,
        method: report.callback.as_ref().map(|registered| registered.method).unwrap_or_default(),
        url: url.to_string(),
        body,
        created: now,
        give_up: give_up_after(now),
    }
}

fn body(
    claimed: &ClaimedExecution,
    event: CallbackEvent,
    artifact: Option<&Artifact>,
    failure_reason: Option<&str>,
) -> Result<String, Failure> {
    let status = match event {
        CallbackEvent::Completed => ExecutionStatus::Completed,
        CallbackEvent::Failed => ExecutionStatus::Failed,
    };
    let message = Message {
        report_id: claimed.report.id,
        execution_id: claimed.execution.id,
        execution_status: status.name(),
        report_name: &claimed.report.name,
        report_generated_time: artifact.map(|artifact| instant::format(artifact.generated)),
        row_count: artifact.map(|artifact| artifact.rows),
        byte_count: artifact.map(|artifact| artifact.bytes),
        sha256: artifact.map(|artifact| artifact.sha256.as_str()),
        failure_reason,
    };
    serde_json::to_string(&message).map_err(Failure::internal)
}
