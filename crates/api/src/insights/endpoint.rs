//! A line of the table: a method and a path, what runs there, and what the served document says of it. What a handler takes and gives follows from its
//! types, so that the document cannot say anything else.

use axum::http::Method;
use axum::routing::MethodFilter;
use insightgate_operations::limits::Counted;
use schemars::JsonSchema;
use serde::Serialize;

use super::call::{Call, Given, serve};
use crate::envelope::Envelope;
use crate::openapi::body_fields::{BodyField, BodyShape};
use crate::openapi::document::{About, ShapeOf, shape_of};
use crate::openapi::parameter_set::{Described, ParameterSet};
use crate::table::Route;

pub(super) struct Endpoint {
    pub(super) method: Method,
    /// Below the program, in the letter case of the documents.
    pub(super) path: &'static str,
    /// By which generated clients call it.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// The variable parts of the path and the fields of the body.
    pub(super) told: &'static [About],
    pub(super) parameters: Vec<Described>,
    pub(super) body: Option<Vec<BodyField>>,
    pub(super) answer: ShapeOf,
    /// Whether an `Idempotency-Key` makes it happen once.
    pub(super) once: bool,
    counted: &'static [Counted],
    route: Box<dyn FnOnce(String, &'static [Counted]) -> Route>,
}

impl Endpoint {
    fn new<Query, Body, Item, Running>(
        (method, filter): (Method, MethodFilter),
        path: &'static str,
        run: fn(Call<Query, Body>) -> Running,
    ) -> Endpoint
    where
        Query: ParameterSet + Send + 'static,
        Body: BodyShape + 'static,
        Item: Serialize + JsonSchema + 'static,
        Running: Future<Output = Given<Item>> + Send + 'static,
    {
        let route_method = method.clone();
        Endpoint {
            method,
            path,
            id: "",
            summary: "",
            told: &[],
            parameters: Query::described(),
            body: Body::fields(),
            answer: shape_of::<Envelope<'static, Item>>(),
            once: false,
            counted: &[Counted::Calls],
            route: Box::new(move |path, counted| Route::on(route_method, filter, path, serve(run, counted))),
        }
    }

    pub(super) fn about(self, id: &'static str, summary: &'static str) -> Endpoint {
        Endpoint { id, summary, ..self }
    }

    pub(super) fn telling(self, told: &'static [About]) -> Endpoint {
        Endpoint { told, ..self }
    }

    pub(super) fn once(self) -> Endpoint {
        Endpoint { once: true, ..self }
    }

    /// It asks the engine, and waits for the answer.
    pub(super) fn previewing(self) -> Endpoint {
        Endpoint { counted: &[Counted::Calls, Counted::Previews], ..self }
    }

    /// The row of the table, below the address of a version and program.
    pub(super) fn route(self, base: &str) -> Route {
        (self.route)(format!("{base}{}", self.path.to_ascii_lowercase()), self.counted)
    }
}

macro_rules! methods {
    ($($name:ident = $method:ident;)*) => {$(
        pub(super) fn $name<Query, Body, Item, Running>(path: &'static str, run: fn(Call<Query, Body>) -> Running) -> Endpoint
        where
            Query: ParameterSet + Send + 'static,
            Body: BodyShape + 'static,
            Item: Serialize + JsonSchema + 'static,
            Running: Future<Output = Given<Item>> + Send + 'static,
        {
            Endpoint::new((Method::$method, MethodFilter::$method), path, run)
        }
    )*};
}

methods! {
    get = GET;
    post = POST;
    put = PUT;
    delete = DELETE;
}
