//! The form of every answer of the management API, and of its errors.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::page::{Page, skip_token};
use insightgate_wire::ErrorCode;
use insightgate_wire::answers::{Error, FieldFault, Listed, Refusal};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::call::Call;
use crate::envelope;
use crate::http::challenge;

/// Some answers hold a secret, once: none may be kept by anything on the way.
pub(super) fn json(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}

pub(super) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The parameter that says where a page begins.
const SKIP_TOKEN: &str = "skipToken";

/// The same parameters, with another place to begin at.
fn next_link(call: &Call, token: &str) -> String {
    let kept = form_urlencoded::parse(call.uri.query().unwrap_or_default().as_bytes());
    let kept = kept.filter(|(name, _)| !name.eq_ignore_ascii_case(SKIP_TOKEN));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair(SKIP_TOKEN, token).finish();
    format!("{}{}?{query}", call.base_url(), call.uri.path())
}

/// A page of a list, with the address of the next one.
pub(super) fn listed<Item, Shown>(call: &Call, page: Page<Item>, shown: impl FnMut(Item) -> Shown) -> Listed<Shown> {
    let next_link = page.next.map(|place| next_link(call, &skip_token(&place)));
    Listed { value: page.items.into_iter().map(shown).collect(), next_link, total_count: page.total }
}

pub(super) fn error(status: StatusCode, code: ErrorCode, message: &str, details: Option<Vec<FieldFault>>, correlation: &str) -> Response {
    let (code, message, correlation_id) = (code.name().to_owned(), message.to_owned(), correlation.to_owned());
    json(status, &json!(Error { error: Refusal { code, message, correlation_id, details } }))
}

pub(super) fn failure(failure: &Failure, correlation: &str) -> Response {
    let status = envelope::status(failure);
    let (code, details) = match failure {
        Failure::Unauthorized { .. } | Failure::SecondFactorRequired => (ErrorCode::Unauthorized, None),
        Failure::Refused(_) | Failure::Forbidden(_) => (ErrorCode::Forbidden, None),
        Failure::NotFound | Failure::NoExecutions { .. } | Failure::OnlyFailedExecutions { .. } => (ErrorCode::NotFound, None),
        Failure::Conflict(_) | Failure::KeyReused => (ErrorCode::Conflict, None),
        Failure::IllegalMove(_) => (ErrorCode::IllegalMove, None),
        Failure::Busy | Failure::ShareTaken { .. } => (ErrorCode::Busy, None),
        Failure::Unavailable { .. } => (ErrorCode::Unavailable, None),
        Failure::Invalid(_) | Failure::QuotaUsed { .. } => (ErrorCode::Invalid, None),
        Failure::Profile(faults) => {
            let shown = faults.iter().map(|fault| FieldFault {
                field: fault.field.to_owned(),
                rule: fault.rule.to_owned(),
                message: fault.message.clone(),
            });
            (ErrorCode::Invalid, Some(shown.collect()))
        }
        Failure::QueryTimeout { .. } | Failure::Internal(_) => (ErrorCode::Internal, None),
    };
    let message = match failure {
        Failure::NotFound => "There is nothing of this name or id.".to_owned(),
        other => other.to_string(),
    };
    match failure {
        Failure::Internal(cause) => tracing::error!(%cause, correlation, "a request failed"),
        Failure::Unavailable { cause, .. } => tracing::error!(cause, correlation, "a request could not be answered now"),
        _ => {}
    }
    let response = error(status, code, &message, details, correlation);
    challenge::with(envelope::with_retry_after(envelope::with_reason(response, failure), failure), failure)
}
