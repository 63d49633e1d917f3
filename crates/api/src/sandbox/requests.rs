//! `/sandbox/v1/requests`: the last requests, for a test that asks what its client really sent. A layer keeps them, secrets masked; those to the sandbox
//! itself are not kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use insightgate_report::instant;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::injection::OrderedBy;
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
    let (at, begun) = (state.context.clock.now(), Instant::now());
    let (method, path) = (request.method().to_string(), shortened(request.uri().path()));
    let query = request.uri().query().map(|query| masked::pairs(shortened(query).as_bytes()));
    let (kind, headers) = (content_type(request.headers()), masked::headers(request.headers()));
    let (parts, body) = request.into_parts();
    let copied = Arc::new(Mutex::new(Copied::default()));
    let body = Body::new(Copying { body, copied: Arc::clone(&copied) });
    let response = next.run(Request::from_parts(parts, body)).await;
    let copied = copied.lock().unwrap_or_else(PoisonError::into_inner).clone();
    sandbox.requests.add(json!({
        "time": instant::format(at),
        "method": method,
        "path": path,
        "query": query,
        "headers": headers,
        "body": shown(kind.as_deref(), &copied),
        "bodyBytes": copied.bytes,
        "status": response.status().as_u16(),
        "milliseconds": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "correlationId": asked.correlation,
        "fault": response.extensions().get::<OrderedBy>().map(|OrderedBy(id)| id.as_str()),
    }));
    response
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
