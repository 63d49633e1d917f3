//! The answers to requests that no handler gets: an unknown path or method, or a request that finds no room. Each is in the form of the API that it was
//! meant for; browsers at the console's addresses get a page.

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use crate::envelope::{Asked, refusal};
use crate::http::parameters::beginning;
use crate::state::ApiState;
use crate::{console, insights, manage, oauth};

pub(crate) async fn no_such_path(State(state): State<ApiState>, asked: Asked, request: Request) -> Response {
    if is_of_console(&state, request.uri()) {
        return console::no_such_page(state, request).await;
    }
    let message = insights::nothing_at(request.uri().path());
    astray(&asked, request.uri(), StatusCode::NOT_FOUND, &message)
}

pub(crate) async fn wrong_method(State(state): State<ApiState>, asked: Asked, request: Request) -> Response {
    if is_of_console(&state, request.uri()) {
        return console::only_a_form(state, request).await;
    }
    let message = format!("{} does not take {}.", beginning(request.uri().path()), request.method());
    astray(&asked, request.uri(), StatusCode::METHOD_NOT_ALLOWED, &message)
}

fn is_of_console(state: &ApiState, uri: &Uri) -> bool {
    state.shows_console && console::is_at(uri.path())
}

/// An answer in the form of the API that was meant.
fn astray(asked: &Asked, uri: &Uri, status: StatusCode, message: &str) -> Response {
    if manage::is_managed(uri.path()) { manage::no_endpoint(status, message, &asked.correlation) } else { refusal(status, message) }
}

/// Whether it is a path of the Insights API or the management API.
pub(crate) fn takes_json(path: &str) -> bool {
    path.starts_with("/insights/") || manage::is_managed(path)
}

/// The answer to a request that is turned away before its handler is called, or instead of the handler's answer, in the form of the API that was meant.
pub(crate) fn told(asked: &Asked, path: &str, status: StatusCode, message: &str) -> Response {
    match () {
        () if manage::is_managed(path) => manage::told(status, message, &asked.correlation),
        () if oauth::is_token_endpoint(path) => oauth::told(status, message, &asked.correlation),
        () if console::is_at(path) => console::turned_away(status, message, &asked.correlation),
        () => refusal(status, message),
    }
}
