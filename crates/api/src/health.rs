//! Whether the process lives, and whether it can serve.

use axum::extract::State;
use axum::http::StatusCode;

use crate::state::ApiState;

pub(crate) async fn alive() -> &'static str {
    "ok"
}

pub(crate) async fn ready(State(state): State<ApiState>) -> Result<&'static str, StatusCode> {
    match state.context.store.lease_time().await {
        Ok(_) => Ok("ok"),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            Err(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
