//! The paths and their handlers. The letter case of paths does not matter.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, uri::PathAndQuery};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use tower::ServiceExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::http::{admission, correlation, cross_origin, safe_headers, well_formed};
use crate::openapi::page;
use crate::state::ApiState;
use crate::table::Table;
use crate::{artifacts, console, envelope, health, insights, manage, oauth, sandbox, telemetry, turned_away};

/// The limit of a request. It is longer than the longest operation, a preview, which has a limit and an answer of its own.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(130);

/// Everything that one listener serves.
pub fn router(state: ApiState) -> Router {
    let routes = tables(&state)
        .into_iter()
        .fold(Router::new(), |router, table| router.merge(table.router(&state)))
        .fallback(turned_away::no_such_path)
        .method_not_allowed_fallback(turned_away::wrong_method)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .layer(map_response(envelope::timed_out))
        .layer(map_response(envelope::say_when))
        .layer(CatchPanicLayer::custom(envelope::panicked));
    let routes = match &state.sandbox {
        Some(_) => sandbox::around(routes, &state),
        None => routes,
    };
    let routes = routes
        .layer(from_fn_with_state(state.clone(), admission::admit))
        .layer(from_fn_with_state(state.clone(), cross_origin::attach))
        .layer(from_fn(well_formed::one_host))
        .layer(from_fn_with_state(state.clone(), correlation::attach))
        .layer(from_fn_with_state(state.clone(), safe_headers::attach))
        .with_state(state);
    // The path must be rewritten before routing reads it.
    Router::new().fallback_service(routes.map_request(with_plain_path))
}

/// The tables of all endpoints.
pub(crate) fn tables(state: &ApiState) -> Vec<Table> {
    let mut tables = vec![
        insights::table(),
        oauth::table(),
        oauth::explanations(),
        artifacts::table(state),
        manage::table(),
        page::table(),
        health::table(),
        telemetry::table(),
    ];
    tables.extend(state.shows_console.then(console::table));
    tables.extend(state.sandbox.as_ref().map(|_| sandbox::table()));
    tables
}

/// The path of the artifacts. It keeps the letter case of their names, which are signed.
const ARTIFACTS: &str = "/artifacts/";

/// Rewrites the path in lower case, without a final slash, and with one slash in place of several, since clients put an address that ends with a slash
/// before a path that begins with one. In the path of an artifact, what follows the folder keeps its letter case.
fn with_plain_path(mut request: Request) -> Request {
    let path = request.uri().path();
    let mut single = String::with_capacity(path.len());
    for character in path.chars() {
        if character != '/' || !single.ends_with('/') {
            single.push(character);
        }
    }
    let plain = match single.split_at_checked(ARTIFACTS.len()) {
        Some((folder, file)) if folder.eq_ignore_ascii_case(ARTIFACTS) => format!("{ARTIFACTS}{file}"),
        _ => single.trim_end_matches('/').to_ascii_lowercase(),
    };
    let plain = if plain.is_empty() { "/" } else { &plain };
    if plain != path {
        let with_query = request.uri().query().map_or_else(|| plain.to_owned(), |query| format!("{plain}?{query}"));
        let mut parts = request.uri().clone().into_parts();
        if let Ok(rewritten) = PathAndQuery::try_from(with_query) {
            parts.path_and_query = Some(rewritten);
            if let Ok(uri) = Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
    }
    request
}
