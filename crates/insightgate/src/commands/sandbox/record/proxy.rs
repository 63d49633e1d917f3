//! One request through the recorder: it goes on as it came, its answer comes back as it was, with links that lead here, and both are recorded.
//!
//! Answers in JSON are read whole, since their links change. Everything else passes in pieces, so that a large file takes no memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::unfold;
use insightgate_client::{ClientError, Forwarded, Forwarder, Sample};
use serde_json::json;
use tokio::time::Instant;

use super::journal::Journal;
use super::origins::{Origins, Route, is_page};
use crate::commands::sandbox::recording::content::{About, is_packed, is_preview, of_answer, of_request, of_sample};
use crate::commands::sandbox::recording::redaction::Redactor;
use crate::commands::sandbox::recording::{Exchange, Kind, Message};
use crate::terminal::table::plain;

/// The bytes of a request's body. The documented ones are small.
const MOST_SENT: usize = 2 << 20;
/// The bytes of an answer in JSON.
const MOST_JSON: usize = 32 << 20;

/// Those of one connection only (RFC 9110, 7.6.1), and what the library writes by itself.
const HOP_BY_HOP: [&str; 11] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "expect",
];
/// Those of an answer that make a browser ask elsewhere, or always by HTTPS.
const OF_ONE_HOST: [&str; 2] = ["strict-transport-security", "alt-svc"];
/// Headers of answers that hold addresses.
const WITH_ADDRESSES: [HeaderName; 3] = [header::LOCATION, header::CONTENT_LOCATION, header::WWW_AUTHENTICATE];

/// What all listeners share.
pub(super) struct Recorder {
    pub origins: Origins,
    pub forwarder: Forwarder,
    pub journal: Journal,
    pub values: bool,
    pub started: Instant,
    pub next: AtomicU64,
}

/// A listener of a recorder.
#[derive(Clone)]
pub(super) struct Desk {
    pub recorder: Arc<Recorder>,
    pub scheme: &'static str,
    pub address: SocketAddr,
    /// How clients name the listener where they name it in no other way.
    pub own: String,
}

/// What is known of an exchange while its answer is still to come.
struct Pending {
    recorder: Arc<Recorder>,
    number: u64,
    began: Instant,
    kind: Kind,
    method: Method,
    path: String,
    query: Option<String>,
    /// Where the request goes.
    address: String,
    headers: HeaderMap,
    body: Bytes,
    own: String,
}

pub(super) async fn pass(State(desk): State<Desk>, request: Request) -> Response {
    let began = Instant::now();
    let number = desk.recorder.next.fetch_add(1, Ordering::Relaxed) + 1;
    let (parts, body) = request.into_parts();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().map(str::to_owned));
    let Some(Route { kind, address }) = desk.recorder.origins.route(&path, query.as_deref()) else {
        return refusal(StatusCode::NOT_FOUND, "The recorder passes on the Insights API, its files and its authority only.");
    };
    if is_page(kind, &path) {
        return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, address)]).into_response();
    }
    let Ok(body) = to_bytes(body, MOST_SENT).await else {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "The recorder passes on requests of at most 2 MiB.");
    };
    let own = desk.own(&parts.headers);
    let sent = outgoing(&parts.headers, kind, &address, &own, &desk.recorder.origins);
    let recorder = Arc::clone(&desk.recorder);
    let pending = Pending {
        recorder: Arc::clone(&recorder),
        number,
        began,
        kind,
        method: parts.method,
        path,
        query,
        address,
        headers: parts.headers,
        body: body.clone(),
        own,
    };
    match recorder.forwarder.send(pending.method.clone(), &pending.address, sent, body).await {
        Ok(answer) => pending.answered(answer).await,
        Err(error) => pending.unreachable(&error),
    }
}

impl Desk {
    /// The origin by which the client named the recorder. A name that is not this machine's is not believed.
    fn own(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
        let name = name.trim_matches(['[', ']']);
        let local = name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback() || ip == self.address.ip());
        if local && port == self.address.port().to_string() { format!("{}://{host}", self.scheme) } else { self.own.clone() }
    }
}

/// The headers of a request as the upstream gets them.
fn outgoing(headers: &HeaderMap, kind: Kind, address: &str, own: &str, origins: &Origins) -> HeaderMap {
    let mut sent = passed_on(headers);
    sent.remove(header::CONTENT_LENGTH);
    // To its client the recorder is one host: what is meant for one behind it goes to no other.
    if !is_at(address, origins.authority()) {
        sent.remove(header::COOKIE);
    }
    if kind == Kind::Link && !is_at(address, origins.upstream()) {
        sent.remove(header::AUTHORIZATION);
        sent.remove("x-aaduserticket");
    }
    if kind != Kind::Link {
        // Its addresses are to be read.
        sent.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let origin = if kind == Kind::Authority { origins.authority() } else { origins.upstream() };
    for name in [header::ORIGIN, header::REFERER] {
        let there = sent.get(&name).and_then(|value| value.to_str().ok()?.strip_prefix(own).map(|rest| format!("{origin}{rest}")));
        if let Some(value) = there.and_then(|there| HeaderValue::from_str(&there).ok()) {
            sent.insert(name, value);
        }
    }
    sent
}

fn is_at(address: &str, origin: &str) -> bool {
    address.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let mut passed = headers.clone();
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP {
        passed.remove(name);
    }
    for name in named {
        passed.remove(name);
    }
    passed
}

impl Pending {
    async fn answered(self, mut answer: Forwarded) -> Response {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut headers = passed_on(&answer.headers);
        for name in OF_ONE_HOST {
            headers.remove(name);
        }
        // Cookies are those of the authority alone.
        if !is_at(&self.address, self.recorder.origins.authority()) {
            headers.remove(header::SET_COOKIE);
        }
        for name in WITH_ADDRESSES {
            let here = headers
                .get(&name)
                .and_then(|value| value.to_str().ok())
                .map(|value| self.recorder.origins.header_pointed_here(&self.own, value));
            if let Some(value) = here.and_then(|here| HeaderValue::from_str(&here).ok()) {
                headers.insert(name, value);
            }
        }
        let is_json = content_type(&answer.headers).contains("json");
        if self.kind == Kind::Link || !is_json || self.method == Method::HEAD {
            let passing = Passing { answer, pending: Some(self), ended: false };
            return (status, headers, Body::from_stream(unfold(passing, Passing::piece))).into_response();
        }
        let body = match answer.whole(MOST_JSON).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                self.record(answer.status, &answer.headers, None, Some("the answer is too long".to_owned()));
                return refusal(StatusCode::BAD_GATEWAY, "The answer is longer than the recorder takes.");
            }
            Err(error) => return self.unreadable(&error),
        };
        let packed = is_packed(&answer.headers);
        if !packed {
            headers.remove(header::CONTENT_ENCODING);
        }
        headers.remove(header::CONTENT_LENGTH);
        let body = match std::str::from_utf8(&body) {
            Ok(text) if !packed => Bytes::from(self.recorder.origins.pointed_here(self.kind, is_preview(&self.path), &self.own, text)),
            _ => body,
        };
        let recorded = without_host(&body, &self.own);
        self.record(answer.status, &answer.headers, Some(Passed::Whole(&recorded)), None);
        (status, headers, body).into_response()
    }

    /// The answer broke off, or cannot be unpacked.
    fn unreadable(self, error: &ClientError) -> Response {
        self.warn(error);
        self.record(StatusCode::BAD_GATEWAY.as_u16(), &HeaderMap::new(), None, Some("the answer could not be read".to_owned()));
        refusal(StatusCode::BAD_GATEWAY, &format!("The recorder cannot read the answer: {error}"))
    }

    /// Paths and answers are strangers' words.
    fn warn(&self, error: &ClientError) {
        eprintln!("{}", plain(&format!("{} {}: {error}", self.method, self.path)));
    }

    fn unreachable(self, error: &ClientError) -> Response {
        self.warn(error);
        self.record(StatusCode::BAD_GATEWAY.as_u16(), &HeaderMap::new(), None, Some("the service could not be reached".to_owned()));
        refusal(StatusCode::BAD_GATEWAY, &format!("The recorder cannot reach the service: {error}"))
    }

    fn record(&self, status: u16, headers: &HeaderMap, body: Option<Passed<'_>>, broken: Option<String>) {
        let milliseconds = |from: Instant, to: Instant| u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX);
        self.recorder.journal.write(|redactor: &mut Redactor| {
            let request = Message {
                headers: redactor.request_headers(&self.headers),
                body: of_request(&self.body, &content_type(&self.headers), redactor),
            };
            let query = self.query.as_deref().map(|query| redactor.pairs(query));
            let path = redactor.path(&self.path);
            let content_type = content_type(headers);
            let about = About {
                kind: self.kind,
                path: &self.path,
                status,
                content_type: &content_type,
                values: self.recorder.values,
                packed: is_packed(headers),
            };
            let body = match body {
                None => None,
                Some(Passed::Whole(body)) => of_answer(body, about, redactor),
                Some(Passed::Pieces(sample)) => of_sample(sample, about, redactor),
            };
            Exchange {
                number: self.number,
                at: milliseconds(self.recorder.started, self.began),
                kind: self.kind,
                method: self.method.to_string(),
                path,
                query,
                request,
                status,
                answer: Message { headers: redactor.answer_headers(headers), body },
                milliseconds: milliseconds(self.began, Instant::now()),
                broken,
            }
        });
    }
}

enum Passed<'a> {
    Whole(&'a [u8]),
    Pieces(&'a Sample),
}

/// A body on its way through. It is recorded at its end, or when the client goes away.
struct Passing {
    answer: Forwarded,
    pending: Option<Pending>,
    ended: bool,
}

impl Passing {
    async fn piece(mut self) -> Option<(Result<Bytes, ClientError>, Passing)> {
        if self.ended {
            return None;
        }
        match self.answer.next().await {
            Ok(Some(piece)) => Some((Ok(piece), self)),
            Ok(None) => {
                self.record(None);
                None
            }
            Err(error) => {
                eprintln!("{}", plain(&error.to_string()));
                self.ended = true;
                self.record(Some("the connection broke off"));
                Some((Err(error), self))
            }
        }
    }

    fn record(&mut self, broken: Option<&str>) {
        if let Some(pending) = self.pending.take() {
            let (status, headers) = (self.answer.status, &self.answer.headers);
            pending.record(status, headers, Some(Passed::Pieces(&self.answer.sample())), broken.map(str::to_owned));
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let Some(pending) = &self.pending else { return };
        // A client that has all that it was promised does not ask for the end.
        let promised = self.answer.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let whole = pending.method == Method::HEAD || promised == Some(self.answer.sample().bytes);
        self.record((!whole).then_some("the client went away"));
    }
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(header::CONTENT_TYPE).map(|kind| String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase()).unwrap_or_default()
}

/// Addresses of the service are recorded without their host, which says nothing.
fn without_host(body: &[u8], own: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let escaped = own.replace('/', "\\/");
    text.replace(&format!("\"{own}/"), "\"/").replace(&format!("\"{escaped}\\/"), "\"/").into_bytes()
}

/// In the envelope of the API.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body =
        json!({"value": [], "nextLink": null, "totalCount": 0, "message": message, "statusCode": status.as_u16(), "dataRedacted": false});
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_for_one_host_goes_to_no_other() {
        let mut headers = HeaderMap::new();
        for name in ["cookie", "authorization", "x-aaduserticket", "range"] {
            headers.insert(name, HeaderValue::from_static("x"));
        }
        let sent = |kind: Kind, address: &str, authority: &str| {
            let origins = Origins::new("https://api.example".into(), authority.into());
            let sent = outgoing(&headers, kind, address, "http://127.0.0.1:9", &origins);
            ["cookie", "authorization", "x-aaduserticket", "range"].map(|name| sent.contains_key(name))
        };
        let (one, other) = ("https://api.example", "https://login.example");
        assert_eq!(sent(Kind::Link, "https://store.example/f.csv", one), [false, false, false, true]);
        assert_eq!(sent(Kind::Link, "https://api.example.evil/f.csv", one), [false, false, false, true]);
        assert_eq!(sent(Kind::Link, "https://api.example/artifacts/f.csv", one), [true; 4]);
        assert_eq!(sent(Kind::Api, "https://api.example/insights/v1/x", one), [true; 4]);
        assert_eq!(sent(Kind::Api, "https://api.example/insights/v1/x", other), [false, true, true, true]);
        assert_eq!(sent(Kind::Authority, "https://login.example/t/oauth2/token", other), [true; 4]);
    }
}
