//! Faults that meet requests: a layer that is there in a sandbox only. It lies inside the layers that give every answer its ids, so that an ordered
//! answer looks as one of the server's own.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body::Frame;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::callers::challenge::Challenge;
use insightgate_operations::executions::link::LinkFault;
use insightgate_operations::failure::Failure;
use insightgate_operations::sandbox::fault::{Effect, OrderedAnswer, RequestFault};
use insightgate_operations::sandbox::order::tenant_of_execution;
use serde_json::Value;

use super::RECEIVER;
use super::requests::OrderedBy;
use crate::envelope::{self, Asked};
use crate::state::ApiState;
use crate::{manage, oauth};

pub(crate) async fn inject(State(state): State<ApiState>, asked: Asked, request: Request, next: Next) -> Response {
    let Some(sandbox) = &state.context.sandbox else { return next.run(request).await };
    let path = request.uri().path().to_owned();
    if is_exempt(&path) || !sandbox.faults.any(|effect| matches!(effect, Effect::Request(_))) {
        return next.run(request).await;
    }
    let tenant = tenant(&state, request.headers(), &path).await;
    let method = request.method().as_str();
    let met = sandbox.faults.of_request(|matching| matching.meets_request(method, &path, tenant.as_deref()), |fault| suits(fault, &path));
    let Some((id, fault)) = met else { return next.run(request).await };
    if let Some(OrderedBy(by)) = request.extensions().get() {
        // The list of requests is to name it. There is one for each request.
        drop(by.set(id.to_string()));
    }
    if !fault.delay.is_zero() {
        tokio::time::sleep(fault.delay).await;
    }
    match fault.answer {
        OrderedAnswer::Own => next.run(request).await,
        OrderedAnswer::Cut(after) => cut(next.run(request).await, after),
        OrderedAnswer::Status { status, body, content_type, retry_after } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = match body {
                Some(body) => with_body(status, body, content_type),
                None => usual(&state, &asked, &path, status),
            };
            match retry_after {
                Some(seconds) => drop(response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds))),
                None => drop(response.headers_mut().remove(header::RETRY_AFTER)),
            }
            response
        }
        OrderedAnswer::ExpiredToken => {
            let reason = "the token expired, as a fault ordered".to_owned();
            refused(&asked, &path, &Failure::Unauthorized { reason: reason.clone(), challenge: Challenge::BadToken(reason) })
        }
        OrderedAnswer::ExpiredLink => refused(&asked, &path, &Failure::Forbidden(LinkFault::Expired.to_string())),
        OrderedAnswer::Refusal(refusals) => {
            let [first, second] = *refusals;
            oauth::refuse(&state, &asked, if path.ends_with(SECOND_VERSION) { &second } else { &first })
        }
    }
}

const FIRST_VERSION: &str = "/oauth2/token";
const SECOND_VERSION: &str = "/oauth2/v2.0/token";

/// The sandbox itself and what watches the server meet nothing; the receiver does, so that receivers that fail can be tried.
fn is_exempt(path: &str) -> bool {
    path.starts_with("/sandbox/") && !path.starts_with(RECEIVER) || ["/healthz", "/readyz", "/metrics"].contains(&path)
}

/// Whether the fault can happen there.
fn suits(fault: &RequestFault, path: &str) -> bool {
    match fault.answer {
        OrderedAnswer::ExpiredToken => path.starts_with("/insights/") || is_management(path),
        OrderedAnswer::ExpiredLink => path.starts_with("/artifacts/"),
        OrderedAnswer::Refusal(_) => path.ends_with(FIRST_VERSION) || path.ends_with(SECOND_VERSION),
        OrderedAnswer::Own | OrderedAnswer::Status { .. } | OrderedAnswer::Cut(_) => true,
    }
}

fn is_management(path: &str) -> bool {
    path.starts_with("/manage/")
}

fn refused(asked: &Asked, path: &str, failure: &Failure) -> Response {
    if is_management(path) { manage::refuse(failure, &asked.correlation) } else { asked.refuse(failure) }
}

/// The tenant that a request is about, as it names it: by its token, its path, or the execution whose file it asks for. Nothing is proven by it.
async fn tenant(state: &ApiState, headers: &HeaderMap, path: &str) -> Option<String> {
    if let Some(execution) = path.strip_prefix("/artifacts/").and_then(|rest| rest.split('/').next()) {
        return tenant_of_execution(&state.context, execution).await;
    }
    if path.contains("/oauth2/") || path.contains("/.well-known/") || path.contains("/discovery/") {
        return path.split('/').nth(1).map(str::to_owned);
    }
    let token = [header::AUTHORIZATION.as_str(), "x-aaduserticket"].into_iter().find_map(|name| headers.get(name)?.to_str().ok())?;
    let claims = token.rsplit(' ').next()?.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    claims.get("tid")?.as_str().map(str::to_owned)
}

fn with_body(status: StatusCode, body: String, content_type: Option<String>) -> Response {
    let guessed = match body.trim_start().chars().next() {
        Some('{' | '[') => "application/json; charset=utf-8",
        Some('<') => "text/html; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    let kind = content_type.and_then(|kind| HeaderValue::try_from(kind).ok()).unwrap_or(HeaderValue::from_static(guessed));
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}

/// As the API that has this path writes the status.
fn usual(state: &ApiState, asked: &Asked, path: &str, status: StatusCode) -> Response {
    if path.contains("/oauth2/") {
        let refusal = match status.as_u16() {
            429 => GrantRefusal::busy(),
            500.. => GrantRefusal::transient(),
            _ => GrantRefusal::malformed("a fault of the sandbox was ordered"),
        };
        return oauth::refuse(state, asked, &GrantRefusal { status: status.as_u16(), ..refusal });
    }
    let message = match status {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => "Service unavailable",
        other => other.canonical_reason().unwrap_or("Ordered by a fault of the sandbox"),
    };
    match is_management(path) {
        true => manage::ordered(status, message, &asked.correlation),
        false => envelope::refusal(status, message),
    }
}

/// Bytes of a body of unknown length that come before the connection ends.
const MOST_BEFORE_CUT: u64 = 64 << 10;

/// The answer, of whose body so many bytes come before the connection ends.
fn cut(response: Response, after: Option<u64>) -> Response {
    let (parts, body) = response.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let length: Option<u64> = length.or(body.size_hint().exact());
    let after = after.or(length.map(|length| length / 2)).unwrap_or(MOST_BEFORE_CUT);
    // A connection takes a body of which all has come for complete.
    let left = length.map_or(after, |length| after.min(length.saturating_sub(1)));
    Response::from_parts(parts, Body::new(CutBody { body, left, is_sent: false }))
}

/// A body that breaks off.
struct CutBody {
    body: Body,
    left: u64,
    /// Whether what came before the cut had the time to leave.
    is_sent: bool,
}

#[derive(Debug)]
struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a fault of the sandbox cuts the connection")
    }
}

impl std::error::Error for BrokenOff {}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left == 0 {
            if !self.is_sent {
                // A connection flushes what it has while the body is not ready.
                self.is_sent = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(axum::Error::new(BrokenOff))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            None => return Poll::Ready(Some(Err(axum::Error::new(BrokenOff)))),
        };
        Poll::Ready(Some(Ok(match frame.into_data() {
            Ok(mut data) => {
                let most = usize::try_from(self.left).unwrap_or(usize::MAX);
                data.truncate(most);
                self.left -= data.len() as u64;
                Frame::data(data)
            }
            Err(frame) => frame,
        })))
    }
}
