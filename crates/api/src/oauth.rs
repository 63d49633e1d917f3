//! The built-in authority: sign-in pages, token endpoints, discovery and keys, in the platform's form.

mod authorize;
pub(crate) mod browser;
mod call;
mod caller;
mod device;
mod discovery;
mod document;
mod explanation;
mod form;
mod logout;
pub(crate) mod pages;
mod refusal;
mod token;

#[cfg(feature = "fuzzing")]
pub use form::read_token_form;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use insightgate_identity::tokens::grant::GrantRefusal;

pub(crate) use caller::redirect;
pub(crate) use refusal::refuse;

use crate::envelope::Asked;
use crate::openapi::page;
use crate::state::ApiState;
use crate::table::{Route, Table};
use call::{html, json};

/// The endpoints. Paths are in lower case, since letter case does not matter.
pub(crate) fn table() -> Table {
    let routes = vec![
        Route::post("/{tenant}/oauth2/token", json(token::issue_v1)).otherwise(json(token::wrong_verb)),
        Route::get("/{tenant}/oauth2/token", json(token::issue_by_get)),
        Route::post("/{tenant}/oauth2/v2.0/token", json(token::issue_v2)).otherwise(json(token::wrong_verb)),
        Route::any("/oauth2/token", json(token::no_tenant)),
        Route::any("/oauth2/v2.0/token", json(token::no_tenant)),
        Route::post("/{tenant}/oauth2/devicecode", json(device::start_v1)).otherwise(json(token::wrong_verb)),
        Route::post("/{tenant}/oauth2/v2.0/devicecode", json(device::start_v2)).otherwise(json(token::wrong_verb)),
        Route::get("/{tenant}/oauth2/authorize", html(authorize::begin_v1)),
        Route::post("/{tenant}/oauth2/authorize", html(authorize::begin_v1)),
        Route::get("/{tenant}/oauth2/v2.0/authorize", html(authorize::begin_v2)),
        Route::post("/{tenant}/oauth2/v2.0/authorize", html(authorize::begin_v2)),
        Route::get("/common/oauth2/deviceauth", html(device::show)),
        Route::post("/common/oauth2/deviceauth", html(device::enter)),
        Route::post("/common/sign-in", html(authorize::take_step)),
        Route::get("/common/sign-in.css", pages::style),
        Route::get("/{tenant}/oauth2/logout", html(logout::end)),
        Route::post("/{tenant}/oauth2/logout", html(logout::end)),
        Route::get("/{tenant}/oauth2/v2.0/logout", html(logout::end)),
        Route::post("/{tenant}/oauth2/v2.0/logout", html(logout::end)),
        Route::get("/{tenant}/.well-known/openid-configuration", json(discovery::configuration_v1)),
        Route::get("/{tenant}/v2.0/.well-known/openid-configuration", json(discovery::configuration_v2)),
        Route::get("/{tenant}/discovery/keys", discovery::keys),
        Route::get("/{tenant}/discovery/v2.0/keys", discovery::keys),
        Route::get("/common/discovery/instance", discovery::instance),
        Route::get("/common/userrealm/{user}", discovery::user_realm),
    ];
    Table::new(routes).within(|router, state| router.route_layer(from_fn_with_state(state.clone(), unless_off)))
}

/// The page that explains a refusal, and the document of the endpoints for programs. They stay available if the authority is off, since that refusal
/// leads to them too.
pub(crate) fn explanations() -> Table {
    let mut routes = vec![Route::get("/error", explanation::show), Route::get("/oauth2/openapi.json", document::serve)];
    routes.extend(page::beside("/oauth2"));
    Table::new(routes)
}

/// Whether the endpoint of the path answers with JSON rather than a page.
pub(crate) fn is_token_endpoint(path: &str) -> bool {
    path.ends_with("/token") || path.ends_with("/devicecode")
}

/// The answer to a request that is turned away before its endpoint is called, or instead of the endpoint's answer.
pub(crate) fn told(status: StatusCode, message: &str, correlation: &str) -> Response {
    refusal::told(status, message, correlation)
}

/// Refuses every request to the authority if the built-in authority is off.
async fn unless_off(State(state): State<ApiState>, asked: Asked, request: Request, next: Next) -> Response {
    match state.context.settings.built_in_authority {
        true => next.run(request).await,
        false => refusal::refuse(&state, &asked, &GrantRefusal::authority_off()),
    }
}
