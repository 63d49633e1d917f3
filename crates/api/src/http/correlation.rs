//! The ids that connect a request with its answer, the log and the audit trail. They are echoed if they were sent, and generated if not.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::http::client_address::ClientAddress;
use crate::http::refusals::{NotAccepted, Proven, cut};
use crate::state::ApiState;

const REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
const CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
/// The name of the correlation id at the platform's token endpoint.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The target of log lines that say why tokens were not accepted.
pub const REFUSED_TOKENS: &str = "insightgate_api::refused_tokens";

/// The correlation id of one request. It has only letters, digits and hyphens, so that it is safe in a log line.
#[derive(Debug, Clone)]
pub(crate) struct Correlation(pub(crate) String);

pub(crate) async fn attach(
    State(state): State<ApiState>,
    ClientAddress(client): ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let fresh = || state.context.random.uuid().map(|id| id.to_string()).unwrap_or_default();
    let request_id = sent(request.headers(), &REQUEST_ID).unwrap_or_else(fresh);
    let correlation =
        sent(request.headers(), &CORRELATION_ID).or_else(|| sent(request.headers(), &CLIENT_REQUEST_ID)).unwrap_or_else(fresh);
    request.extensions_mut().insert(Correlation(correlation.clone()));
    let proven = Proven::default();
    request.extensions_mut().insert(proven.clone());
    // The query string is not logged, since it may contain a signature or a whole report query.
    let (method, path) = (cut(request.method().as_str()), cut(request.uri().path()));
    let mut response = next.run(request).await;
    let status = response.status();
    let is_refusal = status.is_client_error() || status.is_server_error();
    let reason = response.extensions().get::<NotAccepted>().map(|NotAccepted(reason)| cut(reason));
    let told = match is_refusal && !proven.is_known() {
        true => state.intake.refusals.tell(client, status, reason.is_some(), Instant::now()),
        false => Some(0),
    };
    let client = client.map(tracing::field::display);
    let status = status.as_u16();
    let left_out = told.filter(|count| *count > 0);
    match told {
        // These lines have a target of their own, so that a log can contain only them.
        Some(_) if reason.is_some() => {
            tracing::info!(target: REFUSED_TOKENS, method, path, client, status, correlation, reason, left_out, "answered");
        }
        Some(_) => {
            tracing::info!(method, path, client, status, correlation, reason, left_out, "answered");
        }
        None => tracing::debug!(method, path, client, status, correlation, reason, "answered"),
    }
    for (name, value) in [(REQUEST_ID, request_id), (CORRELATION_ID, correlation)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn sent(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let plain = !value.is_empty() && value.len() <= 128 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| value.to_owned())
}
