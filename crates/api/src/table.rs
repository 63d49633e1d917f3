//! Tables of endpoints, with one row for each method of a path. The router is made only from these rows, and tests read them, so that none is forgotten.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodFilter, MethodRouter};

use crate::http::refusals::Proven;
use crate::state::ApiState;

/// A row: a method, a path, and its handler.
pub(crate) struct Route {
    /// `None` if every method is answered.
    #[cfg_attr(not(test), expect(dead_code, reason = "the router has it in `answering`; tests read it here"))]
    pub(crate) method: Option<Method>,
    /// The path in lower case, since letter case does not matter, with its parameters in `{…}`.
    pub(crate) path: String,
    answering: MethodRouter<ApiState>,
}

impl Route {
    pub(crate) fn on<T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: impl Into<String>,
        handler: impl Handler<T, ApiState>,
    ) -> Route {
        let path = path.into();
        Route { method: Some(method), answering: routing::on(filter, Reached::at(&path, handler)), path }
    }

    pub(crate) fn get<T: 'static>(path: impl Into<String>, handler: impl Handler<T, ApiState>) -> Route {
        Route::on(Method::GET, MethodFilter::GET, path, handler)
    }

    pub(crate) fn post<T: 'static>(path: impl Into<String>, handler: impl Handler<T, ApiState>) -> Route {
        Route::on(Method::POST, MethodFilter::POST, path, handler)
    }

    pub(crate) fn delete<T: 'static>(path: impl Into<String>, handler: impl Handler<T, ApiState>) -> Route {
        Route::on(Method::DELETE, MethodFilter::DELETE, path, handler)
    }

    pub(crate) fn any<T: 'static>(path: impl Into<String>, handler: impl Handler<T, ApiState>) -> Route {
        let path = path.into();
        Route { method: None, answering: routing::any(Reached::at(&path, handler)), path }
    }

    /// Answers the methods for which the path has no row. It is enough if one row of the path does this.
    pub(crate) fn otherwise<T: 'static>(self, handler: impl Handler<T, ApiState>) -> Route {
        let handler = Reached::at(&self.path, handler);
        Route { answering: self.answering.fallback(handler), ..self }
    }

    /// Puts layers around the handler.
    pub(crate) fn within(self, layers: impl FnOnce(MethodRouter<ApiState, Infallible>) -> MethodRouter<ApiState, Infallible>) -> Route {
        Route { answering: layers(self.answering), ..self }
    }
}

/// A handler that says first, by the pattern of its path, that it was reached.
#[derive(Clone)]
struct Reached<H> {
    pattern: Arc<str>,
    handler: H,
}

impl<H> Reached<H> {
    fn at(path: &str, handler: H) -> Reached<H> {
        Reached { pattern: path.into(), handler }
    }
}

impl<T: 'static, H: Handler<T, ApiState>> Handler<T, ApiState> for Reached<H> {
    type Future = H::Future;

    fn call(self, request: Request, state: ApiState) -> Self::Future {
        if let Some(proven) = request.extensions().get::<Proven>() {
            proven.reached(&self.pattern);
        }
        self.handler.call(request, state)
    }
}

/// Rows within the same layers.
pub(crate) struct Table {
    pub(crate) routes: Vec<Route>,
    layers: fn(Router<ApiState>, &ApiState) -> Router<ApiState>,
}

impl Table {
    pub(crate) fn new(routes: Vec<Route>) -> Table {
        Table { routes, layers: |router, _| router }
    }

    pub(crate) fn within(self, layers: fn(Router<ApiState>, &ApiState) -> Router<ApiState>) -> Table {
        Table { layers, ..self }
    }

    pub(crate) fn router(self, state: &ApiState) -> Router<ApiState> {
        let router = self.routes.into_iter().fold(Router::new(), |router, route| router.route(&route.path, route.answering));
        (self.layers)(router, state)
    }
}
