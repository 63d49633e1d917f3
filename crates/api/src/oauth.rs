//! The built-in authority: sign-in pages, token endpoints, discovery and keys, in the platform's form.

mod authorize;
mod browser;
mod device;
mod discovery;
mod explanation;
mod form;
mod logout;
mod pages;
mod token;

#[cfg(feature = "fuzzing")]
pub use form::read_token_form;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use insightgate_identity::tokens::grant::GrantRefusal;
use serde_json::json;

use crate::envelope::Asked;
use crate::state::ApiState;

/// In lower case: paths are matched without regard to it.
pub(crate) fn routes(state: &ApiState) -> Router<ApiState> {
    Router::new()
        .route("/{tenant}/oauth2/token", post(token::issue_v1).get(token::issue_by_get).fallback(token::wrong_verb))
        .route("/{tenant}/oauth2/v2.0/token", post(token::issue_v2).fallback(token::wrong_verb))
        .route("/oauth2/token", any(token::no_tenant))
        .route("/oauth2/v2.0/token", any(token::no_tenant))
        .route("/{tenant}/oauth2/devicecode", post(device::start_v1).fallback(token::wrong_verb))
        .route("/{tenant}/oauth2/v2.0/devicecode", post(device::start_v2).fallback(token::wrong_verb))
        .route("/{tenant}/oauth2/authorize", get(authorize::begin_v1).post(authorize::begin_v1))
        .route("/{tenant}/oauth2/v2.0/authorize", get(authorize::begin_v2).post(authorize::begin_v2))
        .route("/common/oauth2/deviceauth", get(device::show).post(device::enter))
        .route("/common/sign-in", post(authorize::take_step))
        .route("/common/sign-in.css", get(pages::style))
        .route("/{tenant}/oauth2/logout", get(logout::end).post(logout::end))
        .route("/{tenant}/oauth2/v2.0/logout", get(logout::end).post(logout::end))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::configuration_v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::configuration_v2))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/common/userrealm/{user}", get(discovery::user_realm))
        .route_layer(from_fn_with_state(state.clone(), unless_off))
        // Refusals lead here, also the one that says that the authority is off.
        .route("/error", get(explanation::show))
}

/// Whether the path answers with JSON and not with a page.
pub(crate) fn is_token_endpoint(path: &str) -> bool {
    path.ends_with("/token") || path.ends_with("/devicecode")
}

/// What is said before an endpoint is asked, or in its place.
pub(crate) fn told(status: StatusCode, message: &str, correlation: &str) -> Response {
    let error = if status == StatusCode::BAD_REQUEST { "invalid_request" } else { "temporarily_unavailable" };
    token::private_json(status, &json!({"error": error, "error_description": message, "correlation_id": correlation}))
}

/// Without the built-in authority, none of its addresses answers.
async fn unless_off(State(state): State<ApiState>, asked: Asked, request: Request, next: Next) -> Response {
    match state.context.settings.built_in_authority {
        true => next.run(request).await,
        false => token::refuse(&state, &asked, &GrantRefusal::authority_off()),
    }
}
