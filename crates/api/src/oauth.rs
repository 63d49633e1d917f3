//! The built-in authority: token endpoints, discovery and keys, in the platform's form.

mod discovery;
mod token;

use axum::Router;
use axum::routing::{get, post};

use crate::state::ApiState;

/// In lower case: paths are matched without regard to it.
pub(crate) fn routes() -> Router<ApiState> {
    Router::new()
        .route("/{tenant}/oauth2/token", post(token::issue_v1).fallback(token::wrong_verb))
        .route("/{tenant}/oauth2/v2.0/token", post(token::issue_v2).fallback(token::wrong_verb))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::configuration_v1))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::configuration_v2))
        .route("/{tenant}/discovery/keys", get(discovery::keys))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/common/userrealm/{user}", get(discovery::user_realm))
}
