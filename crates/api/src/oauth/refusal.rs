//! The platform's error body, and the text of a refusal, which pages and redirects use too.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::issue_token::TokenFailure;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::envelope::Asked;
use crate::state::ApiState;

pub(super) fn refuse_failure(state: &ApiState, asked: &Asked, failure: &TokenFailure) -> Response {
    match failure {
        TokenFailure::Refused(refusal) => refuse(state, asked, refusal),
        TokenFailure::Internal(cause) => {
            tracing::error!(%cause, correlation = asked.correlation, "a token request failed");
            refuse(state, asked, &GrantRefusal::transient())
        }
    }
}

/// The text of a refusal, with the ids that identify it in the log.
pub(super) struct Described {
    pub text: String,
    pub uri: String,
    trace: String,
    timestamp: String,
}

pub(super) fn described(state: &ApiState, asked: &Asked, refusal: &GrantRefusal) -> Described {
    let timestamp = state.context.clock.now().format("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = state.context.random.uuid().map(|id| id.to_string()).unwrap_or_default();
    let text = format!("{refusal} Trace ID: {trace} Correlation ID: {} Timestamp: {timestamp}", asked.correlation);
    let uri = format!("{}/error?code={}", state.base_url, refusal.code);
    Described { text, uri, trace, timestamp }
}

/// The platform's error body. What is refused before an endpoint is asked has no number.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Refusal", extend("additionalProperties" = false))]
pub(super) struct Refused<'a> {
    error: &'a str,
    error_description: &'a str,
    correlation_id: &'a str,
    #[serde(flatten)]
    numbered: Option<Numbered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    suberror: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct Numbered<'a> {
    error_codes: [u32; 1],
    timestamp: &'a str,
    trace_id: &'a str,
    /// A page that explains the number.
    error_uri: &'a str,
}

/// The answer to a request that is turned away before its endpoint is called, or instead of the endpoint's answer.
pub(super) fn told(status: StatusCode, message: &str, correlation_id: &str) -> Response {
    let error = if status == StatusCode::BAD_REQUEST { "invalid_request" } else { "temporarily_unavailable" };
    private_json(status, &json!(Refused { error, error_description: message, correlation_id, numbered: None, suberror: None }))
}

pub(crate) fn refuse(state: &ApiState, asked: &Asked, refusal: &GrantRefusal) -> Response {
    let Described { text, uri, trace, timestamp } = described(state, asked, refusal);
    let body = json!(Refused {
        error: refusal.error,
        error_description: &text,
        correlation_id: &asked.correlation,
        numbered: Some(Numbered { error_codes: [refusal.code], timestamp: &timestamp, trace_id: &trace, error_uri: &uri }),
        suberror: refusal.suberror,
    });
    asking_again_later(private_json(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST), &body), refusal)
}

/// Adds the seconds after which the same request may be granted, if waiting helps.
pub(super) fn asking_again_later(mut response: Response, refusal: &GrantRefusal) -> Response {
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// JSON that no cache may store, since it contains tokens or is about them.
pub(super) fn private_json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-cache")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (status, headers, body.to_string()).into_response()
}
