//! `/sandbox/v1`: the API that only a sandbox has. It needs no token, so the caller's address and host are checked before anything else.

mod clock;
mod durations;
mod faults;
mod injection;
pub mod masked;
mod receiver;
mod requests;

use std::net::SocketAddr;
use std::pin::Pin;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json, Router};
use insightgate_operations::failure::Failure;
use insightgate_operations::sandbox::Sandbox;
use insightgate_operations::sandbox::reset::reset;
use serde_json::{Value, json};

use crate::envelope::status;
use crate::http::json_body::{BodyFault, JsonBody};
use crate::http::local_caller::{host, is_local, passed_on};
use crate::state::ApiState;
use crate::table::{Route, Table};

/// Where the built-in receiver of callbacks is.
const RECEIVER: &str = "/sandbox/v1/receiver";

pub(crate) fn table() -> Table {
    let at = |path: &str| format!("/sandbox/v1/{path}");
    let any_receiver = format!("{RECEIVER}/{{*address}}");
    let routes = vec![
        Route::get(at("clock"), serve(clock::show_clock)),
        Route::post(at("clock"), serve(clock::set_clock)),
        Route::get(at("faults"), serve(faults::list)),
        Route::post(at("faults"), serve(faults::add)),
        Route::delete(at("faults"), serve(faults::clear_all)),
        Route::delete(at("faults/{fault}"), serve(faults::clear_one)),
        Route::post(at("reset"), serve(back_to_first_state)),
        Route::get(at("callbacks"), serve(receiver::list)),
        Route::delete(at("callbacks"), serve(receiver::clear)),
        Route::get(at("requests"), serve(requests::list)),
        Route::delete(at("requests"), serve(requests::clear)),
        Route::get(RECEIVER, serve(receiver::receive)),
        Route::post(RECEIVER, serve(receiver::receive)),
        Route::get(any_receiver.clone(), serve(receiver::receive)),
        Route::post(any_receiver, serve(receiver::receive)),
    ];
    Table::new(routes).within(|router, state| router.layer(from_fn_with_state(state.clone(), guard)))
}

/// Lets faults meet what is served, and keeps what was asked.
pub(crate) fn around(routes: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    routes.layer(from_fn_with_state(state.clone(), injection::inject)).layer(from_fn_with_state(state.clone(), requests::keep))
}

/// Admits only callers on this machine (if so configured) that use one of our host names, and neither pages nor proxies.
async fn guard(State(state): State<ApiState>, peer: Option<Extension<ConnectInfo<SocketAddr>>>, request: Request, next: Next) -> Response {
    let Some(access) = &state.sandbox else { return StatusCode::NOT_FOUND.into_response() };
    let headers = request.headers();
    let local = is_local(peer.map(|Extension(ConnectInfo(address))| address));
    let refused = if access.loopback_only && !local {
        Some("The sandbox answers callers on its own machine only.")
    } else if !access.hosts.contains(&host(headers, request.uri())) {
        Some("The sandbox does not answer to this Host.")
    } else if passed_on(headers) {
        Some("The sandbox answers neither pages nor proxies.")
    } else {
        None
    };
    match refused {
        Some(message) => (StatusCode::FORBIDDEN, Json(json!({"error": message}))).into_response(),
        None => next.run(request).await,
    }
}

/// A request to the sandbox.
struct Call {
    state: ApiState,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: JsonBody,
}

impl Call {
    fn of(state: ApiState, request: Request) -> Call {
        let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        Call { state, method, uri, headers, body: JsonBody::of(request) }
    }

    /// A form can be posted by any page without asking first; JSON cannot.
    fn is_json(&self) -> Result<(), Failure> {
        let json = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        match json.is_some_and(|value| value.to_ascii_lowercase().trim_start().starts_with("application/json")) {
            true => Ok(()),
            false => Err(Failure::Invalid("Send JSON, as Content-Type: application/json.".to_owned())),
        }
    }

    fn last_segment(&self) -> &str {
        self.uri.path().rsplit('/').next().unwrap_or_default()
    }
}

fn unread(fault: BodyFault) -> Failure {
    match fault {
        BodyFault::TooLarge => Failure::Invalid("The request body is too large.".to_owned()),
        BodyFault::Invalid(message) => Failure::Invalid(message),
    }
}

/// # Errors
/// When the server was started without one.
fn sandbox(state: &ApiState) -> Result<&Sandbox, Failure> {
    state.context.sandbox.as_ref().ok_or(Failure::NotFound)
}

async fn back_to_first_state(call: Call) -> Given {
    call.is_json()?;
    reset(&call.state.context, sandbox(&call.state)?).await?;
    Ok((StatusCode::OK, json!({ "reset": true })))
}

/// The outcome of a handler: a status with a body, or why there is none.
type Given = Result<(StatusCode, Value), Failure>;

/// Makes an endpoint from a handler.
fn serve<R>(run: fn(Call) -> R) -> impl Fn(State<ApiState>, Request) -> Serving + Clone + Send + Sync + 'static
where
    R: Future<Output = Given> + Send + 'static,
{
    move |State(state), request| {
        Box::pin(async move {
            match run(Call::of(state, request)).await {
                Ok((StatusCode::NO_CONTENT, _)) => StatusCode::NO_CONTENT.into_response(),
                Ok((status, shown)) => (status, Json(shown)).into_response(),
                Err(failure) => {
                    if let Failure::Internal(cause) = &failure {
                        tracing::error!(%cause, "a request to the sandbox failed");
                    }
                    let message = match &failure {
                        Failure::NotFound => "There is none with this id.".to_owned(),
                        other => other.to_string(),
                    };
                    (status(&failure), Json(json!({ "error": message }))).into_response()
                }
            }
        })
    }
}

type Serving = Pin<Box<dyn Future<Output = Response> + Send>>;
