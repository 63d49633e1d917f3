//! The client of a sandbox's own API, which needs no token and is on this machine.

use std::time::Duration;

use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{ClientError, Refusal};
use crate::http::reasons;

/// For an answer: a clock that moves far takes a while.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(140);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct SandboxClient {
    base: Url,
    http: reqwest::Client,
    answer: Duration,
}

/// A refusal's body.
#[derive(Deserialize)]
struct Refused {
    error: Option<String>,
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
        if !status.is_success() {
            let message = serde_json::from_slice::<Refused>(&bytes).ok().and_then(|refused| refused.error);
            return Err(ClientError::Refused(Box::new(Refusal { status: status.as_u16(), message, request_id: None, headers })));
        }
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let unexpected = |error: serde_json::Error| ClientError::Unexpected {
            address: address.clone(),
            status: status.as_u16(),
            reason: error.to_string(),
        };
        serde_json::from_slice(&bytes).map_err(unexpected)
    }
}
