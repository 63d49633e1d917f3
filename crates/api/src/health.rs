//! Health checks: whether the process is alive, and whether it is ready to work.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::state::ApiState;
use crate::table::{Route, Table};

pub(crate) fn table() -> Table {
    Table::new(vec![Route::get("/healthz", alive), Route::get("/readyz", ready)])
}

async fn alive() -> &'static str {
    "ok"
}

/// Answers 503 if something that the server needs cannot be used, and says what cannot be done.
async fn ready(State(state): State<ApiState>) -> Response {
    let context = &state.context;
    let checks = context.readiness.checks(&context.store, &context.clock, &context.engine, &context.background).await;
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, Json(json!({"ready": ready, "checks": checks}))).into_response()
}
