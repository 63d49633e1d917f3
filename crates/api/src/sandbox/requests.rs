//! `/sandbox/v1/requests`: the last requests, for a test that asks what its client really sent. A layer keeps them, secrets masked, and those too whose
//! client did not wait for the answer. Those to the sandbox itself are not kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http_body::{Frame, SizeHint};
use insightgate_operations::sandbox::Sandbox;
use insightgate_report::instant;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{Call, Given, masked, sandbox};
use crate::envelope::Asked;
use crate::state::ApiState;

/// Bytes of a body that are kept.
const MOST_KEPT: usize = 16 << 10;
/// Bytes of an address that are kept.
const LONGEST_ADDRESS: usize = 4 << 10;

pub(super) async fn list(call: Call) -> Given {
    Ok((StatusCode::OK, json!({ "requests": sandbox(&call.state)?.requests.list() })))
}

pub(super) async fn clear(call: Call) -> Given {
    Ok((StatusCode::OK, json!({ "cleared": sandbox(&call.state)?.requests.clear() })))
}

pub(super) async fn keep(State(state): State<ApiState>, asked: Asked, request: Request, next: Next) -> Response {
    let Some(sandbox) = &state.context.sandbox else { return next.run(request).await };
    if request.uri().path().starts_with("/sandbox/") {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let mut asked = Kept {
        sandbox,
        at: state.context.clock.now(),
        begun: Instant::now(),
        method: parts.method.to_string(),
        path: shortened(parts.uri.path()),
        query: parts.uri.query().map(|query| masked::pairs(shortened(query).as_bytes())),
        kind: content_type(&parts.headers),
        headers: masked::headers(&parts.headers),
        copied: Arc::default(),
        correlation: asked.correlation,
        fault: OrderedBy::default(),
        status: None,
    };
    parts.extensions.insert(asked.fault.clone());
    let body = Body::new(Copying { body, copied: Arc::clone(&asked.copied) });
    let response = next.run(Request::from_parts(parts, body)).await;
    asked.status = Some(response.status().as_u16());
    response
}

/// The fault that answered a request, for whoever meets it to fill in.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderedBy(pub(super) Arc<OnceLock<String>>);

/// A request, which is written down when this goes: with its answer, or when nobody waits for one any more.
struct Kept<'a> {
    sandbox: &'a Sandbox,
    at: DateTime<Utc>,
    begun: Instant,
    method: String,
    path: String,
    query: Option<String>,
    kind: Option<String>,
    headers: Map<String, Value>,
    copied: Arc<Mutex<Copied>>,
    correlation: String,
    fault: OrderedBy,
    /// None until it is answered.
    status: Option<u16>,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        let copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.sandbox.requests.add(json!({
            "time": instant::format(self.at),
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
            "body": shown(self.kind.as_deref(), &copied),
            "bodyBytes": copied.bytes,
            "status": self.status,
            "gaveUp": self.status.is_none(),
            "milliseconds": u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            "correlationId": self.correlation,
            "fault": self.fault.0.get(),
        }));
    }
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(LONGEST_ADDRESS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase())
}

/// Only what can be masked field by field.
fn shown(kind: Option<&str>, copied: &Copied) -> Value {
    if copied.bytes > copied.start.len() as u64 {
        return Value::Null;
    }
    // JSON first, whatever it says that it is: `curl -d` calls everything a form.
    match serde_json::from_slice(&copied.start) {
        Ok(value) => masked::json(value),
        Err(_) if kind.is_some_and(|kind| kind.contains("x-www-form-urlencoded")) => masked::pairs(&copied.start).into(),
        Err(_) => Value::Null,
    }
}

#[derive(Debug, Clone, Default)]
struct Copied {
    start: Vec<u8>,
    bytes: u64,
}

/// A body of which the beginning is copied as it is read.
struct Copying {
    body: Body,
    copied: Arc<Mutex<Copied>>,
}

impl HttpBody for Copying {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let mut copied = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
            copied.bytes += data.len() as u64;
            let room = MOST_KEPT.saturating_sub(copied.start.len());
            copied.start.extend(data.iter().take(room));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
