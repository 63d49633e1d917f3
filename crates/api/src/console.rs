//! The console: pages for people at `/`, on the same operations as the APIs. It has no rule of its own.
//!
//! A browser signs in by the authority's authorization code flow, through an application that each organisation has for it, and is then judged by its
//! principal, as the bearer of a token is. Pages are rendered here and work without scripts.

mod applications;
pub(crate) mod assets;
mod audit;
mod callback_secrets;
mod datasets;
mod endpoint;
mod operators;
mod organisation;
mod page;
mod people;
mod queries;
mod reports;
mod sign_in;
mod start;
mod usage;
mod visit;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::state::ApiState;
use crate::table::{Route, Table};
use endpoint::Endpoint;
#[cfg(test)]
pub(crate) use endpoint::Needs;
use page::failed::{self, Astray};
#[cfg(test)]
pub(crate) use page::grouped::Grouped;

/// All that the console serves.
pub(crate) fn table() -> Table {
    let mut routes: Vec<Route> = endpoints().into_iter().map(Endpoint::route).collect();
    routes.push(Route::get("/console/style.css", style));
    routes.push(assets::route());
    Table::new(routes)
}

/// Every page and every form, with what its visitor needs.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    [
        start::endpoints(),
        datasets::endpoints(),
        queries::endpoints(),
        reports::endpoints(),
        applications::endpoints(),
        people::endpoints(),
        organisation::endpoints(),
        audit::endpoints(),
        usage::endpoints(),
        operators::endpoints(),
        sign_in::endpoints(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Whether browsers ask for pages at the path, which is in lower case.
pub(crate) fn is_at(path: &str) -> bool {
    path == "/" || path.strip_prefix("/console").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The answer at an address of the console that nothing has.
pub(crate) async fn no_such_page(state: ApiState, request: Request) -> Response {
    let astray = Astray::no_such_page(request.uri().path());
    endpoint::astray(state, request, astray).await
}

/// The answer to a request with a method that the address does not take.
pub(crate) async fn only_a_form(state: ApiState, request: Request) -> Response {
    let astray = Astray::only_a_form(request.uri().path(), request.method());
    endpoint::astray(state, request, astray).await
}

/// The answer to a browser's request that is turned away before it is known who sends it.
pub(crate) fn turned_away(status: StatusCode, message: &str, correlation: &str) -> Response {
    failed::turned_away(status, message, correlation)
}

const STYLE: &str = concat!(include_str!("../templates/colours.css"), include_str!("../templates/console/console.css"));

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600")], STYLE).into_response()
}
