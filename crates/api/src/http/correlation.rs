//! The ids that connect a request with its answer, the log and the audit trail. They are echoed if they were sent, and generated if not. What is counted
//! about requests and the line of the log about each answer are in the folder below.

pub(crate) mod answered;
pub(crate) mod requests;
pub(crate) mod strangers;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use insightgate_operations::telemetry::SPANS;
use tokio::time::Instant;
use tracing::Instrument as _;
use tracing::field::{Empty, display};

use crate::http::client_address::{ClientAddress, is_of_trusted_proxy};
use crate::http::refusals::{NotAccepted, Proven, cut};
use crate::state::ApiState;
use answered::Answered;

const REQUEST_ID: HeaderName = HeaderName::from_static("ms-requestid");
const CORRELATION_ID: HeaderName = HeaderName::from_static("ms-correlationid");
/// The name of the correlation id at the platform's token endpoint.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");

/// The trace of the caller that the request belongs to (<https://www.w3.org/TR/trace-context/>).
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The correlation id of one request. It has only letters, digits and hyphens, so that it is safe in a log line.
#[derive(Debug, Clone)]
pub(crate) struct Correlation(pub(crate) String);

pub(crate) async fn attach(
    State(state): State<ApiState>,
    ClientAddress(client): ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let requests = &state.intake.requests;
    let sent_method = request.method().clone();
    let under_way = requests.begin();
    let fresh = || state.context.random.uuid().map(|id| id.to_string()).unwrap_or_default();
    let request_id = sent(request.headers(), &REQUEST_ID).unwrap_or_else(fresh);
    let correlation =
        sent(request.headers(), &CORRELATION_ID).or_else(|| sent(request.headers(), &CLIENT_REQUEST_ID)).unwrap_or_else(fresh);
    request.extensions_mut().insert(Correlation(correlation.clone()));
    let proven = Proven::default();
    request.extensions_mut().insert(proven.clone());
    let (method, path) = (cut(sent_method.as_str()), cut(request.uri().path()));
    let from_proxy = is_of_trusted_proxy(request.extensions(), &state.trusted_proxies);
    let span = tracing::info_span!(
        target: SPANS,
        parent: None,
        "request",
        otel.name = Empty,
        otel.kind = "server",
        traceparent = request.headers().get(TRACE_PARENT).and_then(|value| value.to_str().ok()),
        traceparent.decides = from_proxy,
        http.request.method = method,
        http.route = Empty,
        http.response.status_code = Empty,
        correlation,
        tenant = Empty,
        user = Empty,
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    drop(under_way);
    let status = response.status();
    let route = requests.route(proven.pattern(), &sent_method);
    requests.answered(&route, status, begun.elapsed());
    if let Some(who) = proven.who() {
        state.context.telemetry.request_of(who.tenant);
    }
    if !span.is_disabled() {
        span.record("otel.name", format!("{method} {}", route.pattern()));
        span.record("http.route", route.pattern());
        span.record("http.response.status_code", status.as_u16());
        if let Some(who) = proven.who() {
            span.record("tenant", display(who.tenant));
            span.record("user", who.user.map(display));
        }
    }
    let is_refusal = status.is_client_error() || status.is_server_error();
    let reason = response.extensions().get::<NotAccepted>().map(|NotAccepted(reason)| cut(reason));
    let told = match (proven.is_known(), is_refusal) {
        (true, _) => Some(0),
        (false, true) => state.intake.refusals.tell(client, status, reason.is_some(), Instant::now()),
        (false, false) => state.intake.answers.tell(Instant::now()),
    };
    for (name, value) in [(REQUEST_ID, request_id.as_str()), (CORRELATION_ID, correlation.as_str())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    let status = status.as_u16();
    Answered { method, path, route, client, status, correlation, reason, proven, begun, told }.follow(response)
}

fn sent(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    let plain = !value.is_empty() && value.len() <= 128 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| value.to_owned())
}
