//! The line of the log about an answer. It is written once the last byte of the answer was handed over, or when its client went away.
//!
//! It has no query string, which may contain a signature or a whole report query, no header and no body.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header;
use axum::response::Response;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tracing::Level;

use super::requests::Route;
use crate::http::refusals::Proven;

/// The target of log lines that say why tokens were not accepted.
pub const REFUSED_TOKENS: &str = "insightgate_api::refused_tokens";

/// What is known of an answer when its head is there.
pub(super) struct Answered {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) route: Arc<Route>,
    pub(super) client: Option<IpAddr>,
    pub(super) status: u16,
    pub(super) correlation: String,
    /// Why a token was not accepted.
    pub(super) reason: Option<String>,
    pub(super) proven: Proven,
    pub(super) begun: Instant,
    /// `None` if such lines come too fast, so that this one is only there at `debug`; else how many were left out since the last.
    pub(super) told: Option<u64>,
}

/// One event has one target and one level, which have to be known when the program is compiled.
macro_rules! line {
    ($target:expr, $level:expr, $answer:expr, $milliseconds:expr, $bytes:expr, $cut_off:expr) => {{
        let (answer, who) = ($answer, $answer.proven.who());
        tracing::event!(
            target: $target,
            $level,
            method = answer.method,
            path = answer.path,
            route = answer.route.pattern(),
            client = answer.client.map(display),
            status = answer.status,
            milliseconds = $milliseconds,
            bytes = $bytes,
            cut_off = $cut_off.then_some(true),
            tenant = who.map(|who| display(who.tenant)),
            user = who.and_then(|who| who.user).map(display),
            application = who.map(|who| display(who.application)),
            correlation = answer.correlation,
            reason = answer.reason,
            left_out = answer.told.filter(|count| *count > 0),
            "answered"
        );
    }};
}

const OWN: &str = "insightgate_api::http::correlation";

impl Answered {
    /// Writes the line once the answer is sent, which is at once unless its size is not known before.
    pub(super) fn follow(self, response: Response) -> Response {
        match response.body().size_hint().exact() {
            Some(bytes) => {
                self.write(bytes, false);
                response
            }
            None => {
                let length = response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
                response.map(|body| Body::new(Followed { body, answer: Some(self), bytes: 0, length }))
            }
        }
    }

    fn write(&self, bytes: u64, cut_off: bool) {
        self.route.sent(bytes);
        let milliseconds = milliseconds(self.begun.elapsed());
        match self.told {
            // These lines have a target of their own, so that a log can contain only them.
            Some(_) if self.reason.is_some() => line!(REFUSED_TOKENS, Level::INFO, self, milliseconds, bytes, cut_off),
            Some(_) => line!(OWN, Level::INFO, self, milliseconds, bytes, cut_off),
            None => line!(OWN, Level::DEBUG, self, milliseconds, bytes, cut_off),
        }
    }
}

fn milliseconds(took: Duration) -> f64 {
    took.as_micros() as f64 / 1000.0
}

/// A body whose bytes are counted.
struct Followed {
    body: Body,
    answer: Option<Answered>,
    bytes: u64,
    /// What the head of the answer says. Nobody asks for more once so much was sent.
    length: Option<u64>,
}

impl Followed {
    fn is_whole(&self) -> bool {
        self.length == Some(self.bytes) || self.body.is_end_stream()
    }

    fn end(&mut self, cut_off: bool) {
        if let Some(answer) = self.answer.take() {
            answer.write(self.bytes, cut_off);
        }
    }
}

impl HttpBody for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.is_whole() {
                    self.end(false);
                }
            }
            Poll::Ready(Some(Err(_))) => self.end(true),
            Poll::Ready(None) => self.end(false),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let whole = self.is_whole();
        self.end(!whole);
    }
}
