//! The client of a sandbox's own API, which needs no token and is on this machine.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use crate::error::{ClientError, Refusal};
use crate::http::reasons;

/// How long a move of the clock may take before its answer says how far it came.
const STRIDE: &str = "PT1S";
/// For an answer: two moves of the clock may wait for each other.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(140);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct SandboxClient {
    base: Url,
    http: reqwest::Client,
    answer: Duration,
}

impl SandboxClient {
    /// `url`: where the server is, such as `http://127.0.0.1:7080`.
    ///
    /// # Errors
    /// When the address is none, or the client cannot be made.
    pub fn new(url: &str) -> Result<SandboxClient, ClientError> {
        let settings = |reason: String| ClientError::Settings(reason);
        let base = Url::parse(url).map_err(|error| settings(format!("'{url}' is no address: {error}")))?;
        if base.scheme() != "http" || base.cannot_be_a_base() {
            return Err(settings(format!("'{url}': a sandbox is asked by http, on its own machine")));
        }
        // Whatever the environment says: a sandbox answers no proxy.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT);
        let http = http.redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| settings(format!("the HTTP client cannot start: {error}")))?;
        Ok(SandboxClient { base, http, answer: ANSWER_TIMEOUT })
    }

    /// Waits so long for an answer.
    #[must_use]
    pub fn answering_within(self, answer: Duration) -> SandboxClient {
        SandboxClient { answer, ..self }
    }

    /// One call of `/sandbox/v1/…`. An answer without a body is null.
    ///
    /// # Errors
    /// When the sandbox cannot be reached, refuses, or answers something else than JSON.
    pub async fn call(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<Value, ClientError> {
        let (status, headers, answer) = self.ask(method, segments, body).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let message = answer.get("error").and_then(Value::as_str).map(str::to_owned);
        Err(ClientError::Refused(Box::new(Refusal { status: status.as_u16(), message, request_id: None, headers })))
    }

    /// Moves the clock as `sent` says, `{"advance": …}` or `{"now": …}`, in as many requests as that takes, each of which takes a second or two.
    /// `reached` hears of the times on the way. Returns what the clock shows at the end.
    ///
    /// # Errors
    /// As [`SandboxClient::call`]. What was moved until then stays moved.
    pub async fn move_clock(&self, mut sent: Value, reached: impl Fn(&str)) -> Result<Value, ClientError> {
        loop {
            if let Some(fields) = sent.as_object_mut() {
                fields.insert("within".to_owned(), STRIDE.into());
            }
            let (status, headers, answer) = self.ask(Method::POST, &["clock"], Some(&sent)).await?;
            if status.is_success() {
                return Ok(answer);
            }
            let field = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
            let (Some(now), Some(target)) = (field("now"), field("target")) else {
                let refusal = Refusal { status: status.as_u16(), message: field("error"), request_id: None, headers };
                return Err(ClientError::Refused(Box::new(refusal)));
            };
            reached(&now);
            sent = json!({ "now": target });
        }
    }

    /// A refusal without JSON is null too.
    async fn ask(&self, method: Method, segments: &[&str], body: Option<&Value>) -> Result<(StatusCode, HeaderMap, Value), ClientError> {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["sandbox", "v1"]).extend(segments);
        }
        let address = url.to_string();
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            address: address.clone(),
            timed_out: error.is_timeout(),
            reason: reasons(&error.without_url()),
        };
        let request = self.http.request(method, url).header("Content-Type", "application/json").timeout(self.answer);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.map_err(unreachable)?;
        if bytes.is_empty() {
            return Ok((status, headers, Value::Null));
        }
        let unexpected = |error: serde_json::Error| ClientError::Unexpected {
            address: address.clone(),
            status: status.as_u16(),
            reason: error.to_string(),
        };
        match serde_json::from_slice(&bytes) {
            Err(_) if !status.is_success() => Ok((status, headers, Value::Null)),
            read => Ok((status, headers, read.map_err(unexpected)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::scripted::{Scripted, json as answer};

    #[tokio::test]
    async fn a_clock_goes_on_from_where_it_came_to() {
        let stopped = r#"{"now": "2026-02-01T00:00:00Z", "mode": "manual", "target": "2027-01-01T00:00:00Z", "error": "so far"}"#;
        let there = r#"{"now": "2027-01-01T00:00:00Z", "mode": "manual"}"#;
        let server =
            Scripted::start(vec![answer(409, &[], stopped), answer(200, &[], there), answer(400, &[], r#"{"error": "no"}"#)]).await;
        let client = SandboxClient::new(&format!("http://{}", server.address)).unwrap();
        let reached = Mutex::new(Vec::new());
        let hear = |now: &str| reached.lock().unwrap().push(now.to_owned());
        let clock = client.move_clock(json!({"advance": "P365D"}), hear).await.unwrap();
        assert_eq!(
            (clock["now"].as_str(), reached.into_inner().unwrap()),
            (Some("2027-01-01T00:00:00Z"), vec!["2026-02-01T00:00:00Z".into()])
        );
        let bodies = server.bodies();
        assert_eq!(bodies[0], r#"/sandbox/v1/clock {"advance":"p365d","within":"pt1s"}"#);
        assert_eq!(bodies[1], r#"/sandbox/v1/clock {"now":"2027-01-01t00:00:00z","within":"pt1s"}"#);
        let refused = client.move_clock(json!({"now": "soon"}), |_| {}).await.unwrap_err();
        assert!(matches!(&refused, ClientError::Refused(refusal) if refusal.status == 400 && refusal.message.as_deref() == Some("no")));
    }
}
