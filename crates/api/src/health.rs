//! Health checks: whether the process is alive, and whether it is ready to work.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_operations::context::Context;
use insightgate_operations::scrape::checks;
use serde_json::json;

use crate::state::ApiState;
use crate::table::{Route, Table};

pub(crate) fn table() -> Table {
    Table::new(vec![
        Route::get("/healthz", alive),
        Route::get("/readyz", async |State(state): State<ApiState>| ready(&state.context).await),
    ])
}

pub(crate) async fn alive() -> &'static str {
    "ok"
}

/// Answers 503 if something that the server needs cannot be used, and says what cannot be done. When to ask again is added with the answer's headers.
pub(crate) async fn ready(context: &Context) -> Response {
    let checks = checks(context).await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, Json(json!({"ready": ready, "checks": checks}))).into_response()
}
