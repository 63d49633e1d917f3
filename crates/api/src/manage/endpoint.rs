//! A line of the table: a method and a path, what runs there, and what the served document says of it.

use std::pin::Pin;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::MethodFilter;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use serde_json::Value;

use super::call::Call;
use super::{BASE, answer};
use crate::envelope::Asked;
use crate::state::ApiState;
use crate::table::Route;

/// What a call gives: a body, or nothing.
pub(super) type Given = Result<Option<Value>, Failure>;
type Run = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Given> + Send>> + Send + Sync>;

/// The form of a successful answer. The names are of [`super::schemas`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Nothing,
    One(&'static str),
    Many(&'static str),
}

pub(super) struct Endpoint {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) summary: &'static str,
    pub(super) duty: Duty,
    pub(super) body: Option<&'static str>,
    pub(super) parameters: &'static [&'static str],
    pub(super) status: StatusCode,
    pub(super) form: Form,
    filter: MethodFilter,
    run: Run,
}

impl Endpoint {
    fn new<F, R>(method: Method, filter: MethodFilter, path: &'static str, run: F) -> Endpoint
    where
        F: Fn(Call) -> R + Send + Sync + 'static,
        R: Future<Output = Given> + Send + 'static,
    {
        Endpoint {
            method,
            path,
            summary: "",
            duty: Duty::Operate,
            body: None,
            parameters: &[],
            status: StatusCode::NO_CONTENT,
            form: Form::Nothing,
            filter,
            run: Arc::new(move |call| Box::pin(run(call))),
        }
    }

    pub(super) fn get<R: Future<Output = Given> + Send + 'static>(path: &'static str, run: fn(Call) -> R) -> Endpoint {
        Endpoint::new(Method::GET, MethodFilter::GET, path, run)
    }

    pub(super) fn post<R: Future<Output = Given> + Send + 'static>(path: &'static str, run: fn(Call) -> R) -> Endpoint {
        Endpoint::new(Method::POST, MethodFilter::POST, path, run)
    }

    pub(super) fn put<R: Future<Output = Given> + Send + 'static>(path: &'static str, run: fn(Call) -> R) -> Endpoint {
        Endpoint::new(Method::PUT, MethodFilter::PUT, path, run)
    }

    pub(super) fn patch<R: Future<Output = Given> + Send + 'static>(path: &'static str, run: fn(Call) -> R) -> Endpoint {
        Endpoint::new(Method::PATCH, MethodFilter::PATCH, path, run)
    }

    pub(super) fn delete<R: Future<Output = Given> + Send + 'static>(path: &'static str, run: fn(Call) -> R) -> Endpoint {
        Endpoint::new(Method::DELETE, MethodFilter::DELETE, path, run)
    }

    /// The duty is what the operation checks, said here for the document.
    pub(super) fn about(self, summary: &'static str, duty: Duty) -> Endpoint {
        Endpoint { summary, duty, ..self }
    }

    pub(super) fn takes(self, body: &'static str) -> Endpoint {
        Endpoint { body: Some(body), ..self }
    }

    pub(super) fn query(self, parameters: &'static [&'static str]) -> Endpoint {
        Endpoint { parameters, ..self }
    }

    pub(super) fn one(self, name: &'static str) -> Endpoint {
        Endpoint { status: StatusCode::OK, form: Form::One(name), ..self }
    }

    pub(super) fn created(self, name: &'static str) -> Endpoint {
        Endpoint { status: StatusCode::CREATED, form: Form::One(name), ..self }
    }

    pub(super) fn many(self, name: &'static str) -> Endpoint {
        Endpoint { status: StatusCode::OK, form: Form::Many(name), ..self }
    }

    /// Authenticates, decodes, runs and encodes.
    pub(super) fn route(self) -> Route {
        let Endpoint { path, body, status, filter, method, run, .. } = self;
        let serve = move |State(state): State<ApiState>, asked: Asked, request: Request| {
            let run = Arc::clone(&run);
            async move {
                let given = match Call::read(state, request, body.is_some()).await {
                    Ok(call) => run(call).await,
                    Err(failure) => Err(failure),
                };
                respond(given, status, &asked.correlation)
            }
        };
        Route::on(method, filter, format!("{BASE}{}", path.to_ascii_lowercase()), serve)
    }
}

fn respond(given: Given, status: StatusCode, correlation: &str) -> Response {
    match given {
        Ok(Some(body)) => answer::json(status, &body),
        Ok(None) => answer::nothing(),
        Err(failure) => answer::failure(&failure, correlation),
    }
}
