//! The ids that tie a request to its answer, the log and the audit record: echoed when sent, made when not.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::client_address::ClientAddress;
use crate::state::ApiState;

const REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
const CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
/// What the platform's token endpoint calls it.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// Of one request. Letters, digits and hyphens only, so that it can stand in a log line.
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
    // The query may hold a signature or a whole report query: it is not logged.
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::info!(%method, path, client = client.map(tracing::field::display), status = response.status().as_u16(), correlation, "answered");
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
