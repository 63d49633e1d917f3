//! `/metrics`: what the process tells about itself, in Prometheus's text format; and the listener of its own that processes of every role may have.
//!
//! The numbers say how much a deployment does, so that they are for its operator. The API's own listeners show them to programs on the same machine at
//! most, and only where no proxy can stand before them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use insightgate_operations::context::{Context, SharedContext};
use insightgate_operations::scrape;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::envelope;
use crate::health;
use crate::http::intake::Intake;
use crate::http::local_caller::{host, is_local, passed_on};
use crate::state::ApiState;
use crate::table::{Route, Table};

/// The text format with this version is understood by every program that reads it.
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
/// The names by which a program reaches a server on its own machine. A page under a name of its own (DNS rebinding) has another one.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];
/// The checks and the counts have two seconds each, behind one other request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn table() -> Table {
    Table::new(vec![Route::get("/metrics", beside_the_api)])
}

async fn beside_the_api(
    State(state): State<ApiState>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let local = is_local(peer.map(|Extension(ConnectInfo(address))| address));
    if !state.shows_telemetry || !local || passed_on(&headers) || !LOCAL_NAMES.contains(&host(&headers, &uri).as_str()) {
        return (StatusCode::FORBIDDEN, "The metrics are at the listener that telemetry.address names.\n").into_response();
    }
    exposition(&state.context, &state.intake).await
}

async fn exposition(context: &Context, intake: &Intake) -> Response {
    let mut text = scrape::telemetry(context).await;
    if let Err(error) = intake.requests.write(&mut text) {
        tracing::error!(%error, "the telemetry of requests could not be written");
    }
    ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], text).into_response()
}

/// What the listener for operators needs. `intake` is that of the process's other listeners, if it has any.
#[derive(Clone)]
struct Watched {
    context: SharedContext,
    intake: Arc<Intake>,
}

/// Everything that the listener for operators serves: `/healthz`, `/readyz` and `/metrics`, to whoever can reach it.
pub fn telemetry_router(context: SharedContext, intake: Arc<Intake>) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(async |State(watched): State<Watched>| health::ready(&watched.context).await))
        .route("/metrics", get(async |State(watched): State<Watched>| exposition(&watched.context, &watched.intake).await))
        .fallback(async |_: Request| (StatusCode::NOT_FOUND, "There are /healthz, /readyz and /metrics here.\n"))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_TIMEOUT))
        .layer(map_response(envelope::say_when))
        .layer(CatchPanicLayer::custom(envelope::panicked))
        .with_state(Watched { context, intake })
}
