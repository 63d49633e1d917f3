//! A line of the table: a method and a path, what runs there, and what the served document says of it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::MethodFilter;
use insightgate_operations::manage::administrator::Duty;
use serde_json::Value;

use super::call::Call;
use super::given::{Given, Handler, Served};
use super::{BASE, answer};
use crate::envelope::Asked;
use crate::state::ApiState;
use crate::table::Route;

pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) duty: Duty,
    pub(super) served: Served,
    filter: MethodFilter,
}

impl Endpoint {
    fn new<T>(method: Method, filter: MethodFilter, path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint { method, path, summary: "", duty: Duty::Operate, served: handler.served(), filter }
    }

    pub(super) fn get<T>(path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint::new(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(super) fn post<T>(path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint::new(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(super) fn put<T>(path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint::new(Method::PUT, MethodFilter::PUT, path, handler)
    }

    pub(super) fn patch<T>(path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint::new(Method::PATCH, MethodFilter::PATCH, path, handler)
    }

    pub(super) fn delete<T>(path: &'static str, handler: impl Handler<T>) -> Endpoint {
        Endpoint::new(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    /// The duty is what the operation checks, said here for the document.
    pub(super) fn about(self, summary: &'static str, duty: Duty) -> Endpoint {
        Endpoint { summary, duty, ..self }
    }

    /// Authenticates, decodes, runs and encodes.
    pub(super) fn route(self) -> Route {
        let Endpoint { path, filter, method, served: Served { body, status, run, .. }, .. } = self;
        let takes_body = body.is_some();
        let serve = move |State(state): State<ApiState>, asked: Asked, request: Request| {
            let run = Arc::clone(&run);
            async move {
                let given = match Call::read(state, request, takes_body).await {
                    Ok((call, sent)) => run(call, sent).await,
                    Err(failure) => Err(failure),
                };
                respond(given, status, &asked.correlation)
            }
        };
        Route::on(method, filter, format!("{BASE}{}", path.to_ascii_lowercase()), serve)
    }
}

fn respond(given: Given<Option<Value>>, status: StatusCode, correlation: &str) -> Response {
    match given {
        Ok(Some(body)) => answer::json(status, &body),
        Ok(None) => answer::nothing(),
        Err(failure) => answer::failure(&failure, correlation),
    }
}
