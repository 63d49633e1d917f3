//! The answers to requests that no handler gets: an unknown path or method, or a request that finds no room. Each is in the form of the API that it was
//! meant for.

use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;

use crate::envelope::{Asked, refusal};
use crate::{manage, oauth};

pub(crate) async fn no_such_path(asked: Asked, uri: Uri) -> Response {
    let shown: String = uri.path().chars().take(200).collect();
    astray(&asked, &uri, StatusCode::NOT_FOUND, &format!("There is nothing at {shown}."))
}

pub(crate) async fn wrong_method(asked: Asked, method: Method, uri: Uri) -> Response {
    let shown: String = uri.path().chars().take(200).collect();
    astray(&asked, &uri, StatusCode::METHOD_NOT_ALLOWED, &format!("{shown} does not take {method}."))
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
        () => refusal(status, message),
    }
}
