//! The envelope of every answer of the Insights API, including refusals, and the only place that maps a failure to a status.

use std::any::Any;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use insightgate_operations::usage::event::Origin;
use insightgate_report::execution::ExecutionStatus;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::http::challenge;
use crate::http::correlation::Correlation;
use crate::http::refusals::{NotAccepted, Proven};

/// Source: the documented answers; field order as in the worked examples.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{Item}List", extend("additionalProperties" = false))]
pub(crate) struct Envelope<'a, Item> {
    value: &'a [Item],
    /// Always null: lists come whole.
    next_link: Option<&'a str>,
    total_count: usize,
    /// The documented message, or why the request was refused.
    message: Option<&'a str>,
    status_code: u16,
    /// Whether this caller sees some rows without their sensitive columns.
    data_redacted: bool,
    /// Only if the platform has a number for what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
    /// Only if there are any: what the caller should know about the answer and the documented fields do not say.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// What a refusal lists.
#[derive(Serialize)]
pub(crate) enum Nothing {}

impl JsonSchema for Nothing {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Empty".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object"})
    }
}

/// The platform's number for a token without a required second factor.
const SECOND_FACTOR_REQUIRED: u32 = 900421;

/// An answer with data, or about it. `redacted` says that the caller sees some rows without their sensitive columns.
pub(crate) fn success<Item: Serialize>(value: &[Item], message: Option<&str>, notes: &[String], redacted: bool) -> Response {
    let status_code = StatusCode::OK.as_u16();
    answer(&Envelope { value, next_link: None, total_count: value.len(), message, status_code, data_redacted: redacted, code: None, notes })
}

pub(crate) fn refusal(status: StatusCode, message: &str) -> Response {
    answer(&nothing(status.as_u16(), message))
}

/// An answer without data.
fn nothing(status_code: u16, message: &str) -> Envelope<'_, Nothing> {
    let message = Some(message);
    Envelope { value: &[], next_link: None, total_count: 0, message, status_code, data_redacted: false, code: None, notes: &[] }
}

fn answer<Item: Serialize>(envelope: &Envelope<'_, Item>) -> Response {
    let status = StatusCode::from_u16(envelope.status_code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match serde_json::to_vec(envelope) {
        Ok(body) => (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The parts of a request on which the text of a failure depends.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub program: Option<Program>,
    /// Whether the requested version has finite schedules. Only v1.1 of the marketplace does.
    pub finite: bool,
    pub correlation: String,
    /// Set once the caller is known.
    pub proven: Proven,
    creates_report: bool,
}

impl Asked {
    pub(crate) fn of(parts: &Parts) -> Asked {
        let path = parts.uri.path();
        let program = path.split('/').nth(3).and_then(|segment| segment.parse().ok());
        let finite = program == Some(Program::Cmp) && path.split('/').nth(2) == Some("v1.1");
        let correlation = parts.extensions.get::<Correlation>().map(|id| id.0.clone()).unwrap_or_default();
        let proven = parts.extensions.get::<Proven>().cloned().unwrap_or_default();
        let creates_report = parts.method == Method::POST && path.ends_with("/scheduledreport");
        Asked { program, finite, correlation, proven, creates_report }
    }

    /// Where the request came from, for the access log.
    pub(crate) fn origin(&self, address: Option<IpAddr>) -> Origin {
        Origin { address, correlation: self.correlation.clone() }
    }

    fn no_executions(&self) -> String {
        let advice = if self.program == Some(Program::Cmp) { "Please recheck" } else { "Double check" };
        format!(
            "There are no executions that have occurred for the given filter conditions. {advice} the reportId or executionId and retry the \
             API after the report's scheduled execution time"
        )
    }

    pub(crate) fn refuse(&self, failure: &Failure) -> Response {
        let status = status(failure);
        let message = match failure {
            Failure::NotFound if self.program == Some(Program::Cmp) => "No item found with given filters".to_owned(),
            Failure::NotFound => "No item found with given filters.".to_owned(),
            Failure::NoExecutions { .. } => self.no_executions(),
            Failure::OnlyFailedExecutions { latest } => {
                let ended = if *latest == ExecutionStatus::Cancelled { "was cancelled" } else { "failed" };
                format!("{}. A run {ended}: executionStatus={} shows it with the reason", self.no_executions(), latest.name())
            }
            Failure::Internal(_) if self.creates_report => {
                format!("Internal error encountered while creating report. Correlation ID {}", self.correlation)
            }
            other => other.to_string(),
        };
        match failure {
            Failure::Internal(cause) => tracing::error!(%cause, correlation = self.correlation, "a request failed"),
            Failure::Unavailable { cause, .. } => {
                tracing::error!(cause, correlation = self.correlation, "a request could not be answered now")
            }
            _ => {}
        }
        let code = matches!(failure, Failure::SecondFactorRequired).then_some(SECOND_FACTOR_REQUIRED);
        let note = match failure {
            Failure::QuotaUsed { note, .. } => std::slice::from_ref(note),
            _ => &[],
        };
        let response = answer(&Envelope { code, notes: note, ..nothing(status.as_u16(), &message) });
        challenge::with(with_retry_after(with_reason(response, failure), failure), failure)
    }
}

/// Adds the reason for the log line of the answer.
pub(crate) fn with_reason(mut response: Response, failure: &Failure) -> Response {
    if let Failure::Unauthorized { reason, .. } = failure {
        response.extensions_mut().insert(NotAccepted(reason.clone()));
    }
    response
}

pub(crate) fn with_retry_after(response: Response, failure: &Failure) -> Response {
    retry_after(response, failure.retry_after())
}

/// Says after how many seconds another request makes sense, if that is known.
pub(crate) fn retry_after(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Asked::of(parts))
    }
}

pub(crate) fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Unauthorized { .. } | Failure::SecondFactorRequired => StatusCode::UNAUTHORIZED,
        Failure::Refused(_) | Failure::Forbidden(_) => StatusCode::FORBIDDEN,
        Failure::NotFound | Failure::NoExecutions { .. } | Failure::OnlyFailedExecutions { .. } => StatusCode::NOT_FOUND,
        Failure::Invalid(_) | Failure::Profile(_) | Failure::QuotaUsed { .. } => StatusCode::BAD_REQUEST,
        Failure::Conflict(_) | Failure::IllegalMove(_) => StatusCode::CONFLICT,
        Failure::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
        Failure::Busy | Failure::ShareTaken { .. } => StatusCode::TOO_MANY_REQUESTS,
        Failure::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Failure::QueryTimeout { .. } | Failure::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) fn too_large(limit: usize) -> Response {
    let message = format!("The request body is larger than {} KiB.", limit / 1024);
    refusal(StatusCode::PAYLOAD_TOO_LARGE, &message)
}

/// The complete answer over HTTP/1.1 for a request whose head is too long, with the status 414 or 431.
pub fn long_head(status: u16) -> Vec<u8> {
    let (reason, what) = match status {
        414 => ("URI Too Long", "The address is longer than 64 KiB"),
        _ => ("Request Header Fields Too Large", "The head of the request is longer than 80 KiB"),
    };
    let message = format!(
        "{what}. Send a long query as exportQuery in the JSON body of POST ScheduledQueries/testQueryResult, or save it with POST \
         ScheduledQueries and name it by its queryId."
    );
    let body = serde_json::to_string(&nothing(status, &message)).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    (head + &body).into_bytes()
}

/// Gives a timed-out request its envelope, since the layer that ends it answers with an empty body.
pub(crate) async fn timed_out(response: Response) -> Response {
    if response.status() == StatusCode::REQUEST_TIMEOUT {
        return refusal(StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time.");
    }
    response
}

/// After how many seconds a client may retry, if nothing better is known.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Adds `Retry-After` to every answer that turns a caller away temporarily, in every API.
pub(crate) async fn say_when(mut response: Response) -> Response {
    let for_now = matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    if for_now {
        response.headers_mut().entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
    response
}

/// The answer after a panic. The process continues, and the log has the place of the panic.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "Service unavailable")
}
