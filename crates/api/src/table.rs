//! Tables of endpoints, with one row for each method of a path. The router is made only from these rows, and tests read them, so that none is forgotten.

use std::convert::Infallible;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{self, MethodFilter, MethodRouter};

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
        Route { method: Some(method), path: path.into(), answering: routing::on(filter, handler) }
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
        Route { method: None, path: path.into(), answering: routing::any(handler) }
    }

    /// Answers the methods for which the path has no row. It is enough if one row of the path does this.
    pub(crate) fn otherwise<T: 'static>(self, handler: impl Handler<T, ApiState>) -> Route {
        Route { answering: self.answering.fallback(handler), ..self }
    }

    /// Puts layers around the handler.
    pub(crate) fn within(self, layers: impl FnOnce(MethodRouter<ApiState, Infallible>) -> MethodRouter<ApiState, Infallible>) -> Route {
        Route { answering: layers(self.answering), ..self }
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
