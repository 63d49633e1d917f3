//! `ValidateMfa: true`: the request is answered as usual, and a header says whether its token meets a requirement of a second factor.
//!
//! The header changes nothing else: if a second factor is required, a token without one is refused.

use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

const ASKED: HeaderName = HeaderName::from_static("validatemfa");
const ANSWER: HeaderName = HeaderName::from_static("ismfacompliant");

/// Whether the token meets the requirement of a second factor, set once the token was accepted.
#[derive(Debug, Clone, Default)]
pub(super) struct Compliance(Arc<OnceLock<bool>>);

impl Compliance {
    pub(super) fn found(&self, compliant: bool) {
        // A request is authenticated once. If it were twice, the first result would count.
        let _ = self.0.set(compliant);
    }
}

pub(super) async fn report(mut request: Request, next: Next) -> Response {
    let asked = request.headers().get(ASKED).and_then(|value| value.to_str().ok());
    if !asked.is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return next.run(request).await;
    }
    let compliance = Compliance::default();
    request.extensions_mut().insert(compliance.clone());
    let mut response = next.run(request).await;
    if let Some(compliant) = compliance.0.get() {
        response.headers_mut().insert(ANSWER, HeaderValue::from_static(if *compliant { "true" } else { "false" }));
    }
    response
}
