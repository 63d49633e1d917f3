//! The headers of every answer: no cache may store it unless its handler allows that, and no browser may guess its type.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::ApiState;

pub(crate) async fn attach(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Links and rows are only for the caller.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // Browsers accept the header only over https.
    if state.hsts_seconds > 0
        && state.base_url.starts_with("https:")
        && let Ok(value) = HeaderValue::try_from(format!("max-age={}", state.hsts_seconds))
    {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    response
}
