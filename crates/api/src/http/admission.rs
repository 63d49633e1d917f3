//! Admission: every request is either taken in, or its client is told when to retry.
//!
//! [`super::intake`] decides how much there is room for.

use std::sync::Arc;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::envelope::Asked;
use crate::http::client_address::ClientAddress;
use crate::http::intake::{Fault, Full, Held, Lent, is_drained};
use crate::state::ApiState;
use crate::turned_away;

/// The health checks, which are answered even if there is no room for other requests.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// After how many seconds a client that found no room may retry.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// Takes the request in, or says when to retry.
pub(crate) async fn admit(
    State(state): State<ApiState>,
    ClientAddress(client): ClientAddress,
    asked: Asked,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    state.intake.unknown_proxies.look(&parts, &state.trusted_proxies);
    let path = parts.uri.path().to_owned();
    if HEALTH.contains(&path.as_str()) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let held = match Held::request_of(&state.intake, client) {
        Ok(held) => Arc::new(held),
        Err(full) => return full_up(&asked, &path, full),
    };
    // Over HTTP/2 an unread body ends only its own stream.
    let is_shared = parts.version <= Version::HTTP_11;
    // Such a client waits to be told to send its body, and must not be told to send one that nobody reads.
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let lent = (!body.is_end_stream()).then(|| Lent::new(body, &held));
    let body = lent.clone().map_or_else(Body::empty, Body::new);
    let response = next.run(Request::from_parts(parts, body)).await;
    // If the body is left unread, the connection has to end. Without `Connection: close`, the client would find that out with its next request.
    let fault = held.fault();
    let ends = match lent.filter(|_| is_shared) {
        None => false,
        Some(_) if fault.is_some() => true,
        Some(body) if asks_first => !body.is_end_stream(),
        Some(body) => !is_drained(body).await,
    };
    let mut response = match fault {
        Some(Fault::Full(full)) => full_up(&asked, &path, full),
        // Endpoints that take forms have already reported it in their own form, such as a page.
        Some(Fault::TooSlow) if turned_away::takes_json(&path) => {
            turned_away::told(&asked, &path, StatusCode::REQUEST_TIMEOUT, "The request's body did not arrive in time.")
        }
        _ => response,
    };
    if ends {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn full_up(asked: &Asked, path: &str, full: Full) -> Response {
    let (status, message) = match full {
        Full::Address => (StatusCode::TOO_MANY_REQUESTS, "Too many requests from this address are under way. Try again in a moment."),
        Full::Server => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests are under way. Try again in a moment."),
    };
    let mut response = turned_away::told(asked, path, status, message);
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
