//! What a handler takes and gives, by its types alone: the document, the reading of the body and the answer's status follow from them.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;

use axum::http::StatusCode;
use insightgate_operations::failure::Failure;
use insightgate_wire::answers::Listed;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::call::Call;
use super::object::Object;

/// What a handler returns.
pub(super) type Given<T> = Result<T, Failure>;

/// What is there.
pub(super) struct Shown<T>(pub(super) T);

/// What was made.
pub(super) struct Created<T>(pub(super) T);

/// Nothing to say.
pub(super) struct Done;

/// The parameters of a query string, as a handler takes them.
pub(super) struct Query<T>(pub(super) T);

/// A type of [`insightgate_wire`], for the document.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) name: Cow<'static, str>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Shape {
    fn of<T: JsonSchema>() -> Shape {
        Shape { name: T::schema_name(), schema: |generator| generator.subschema_for::<T>() }
    }
}

/// The form of a successful answer.
#[derive(Clone)]
pub(super) enum Form {
    Nothing,
    One(Shape),
    Many { of: Shape, list: Shape },
}

/// A successful answer.
pub(super) trait Answer {
    const STATUS: StatusCode;

    fn form() -> Form;

    /// The body, if there is one.
    fn body(self) -> Given<Option<Value>>;
}

impl<T: JsonSchema + Serialize> Answer for Shown<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn form() -> Form {
        Form::One(Shape::of::<T>())
    }

    fn body(self) -> Given<Option<Value>> {
        encoded(&self.0)
    }
}

impl<T: JsonSchema + Serialize> Answer for Created<T> {
    const STATUS: StatusCode = StatusCode::CREATED;

    fn form() -> Form {
        Form::One(Shape::of::<T>())
    }

    fn body(self) -> Given<Option<Value>> {
        encoded(&self.0)
    }
}

impl<T: JsonSchema + Serialize> Answer for Listed<T> {
    const STATUS: StatusCode = StatusCode::OK;

    fn form() -> Form {
        Form::Many { of: Shape::of::<T>(), list: Shape::of::<Listed<T>>() }
    }

    fn body(self) -> Given<Option<Value>> {
        encoded(&self)
    }
}

impl Answer for Done {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;

    fn form() -> Form {
        Form::Nothing
    }

    fn body(self) -> Given<Option<Value>> {
        Ok(None)
    }
}

fn encoded(value: &impl Serialize) -> Given<Option<Value>> {
    serde_json::to_value(value).map(Some).map_err(Failure::internal)
}

type Running = Pin<Box<dyn Future<Output = Given<Option<Value>>> + Send>>;

/// A handler, with what its types say.
pub(super) struct Served {
    /// None where it takes no body.
    pub(super) body: Option<Shape>,
    /// The schema of its parameters, if it takes any: each is a property.
    pub(super) parameters: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(super) status: StatusCode,
    pub(super) form: Form,
    pub(super) run: Arc<dyn Fn(Call, Object) -> Running + Send + Sync>,
}

impl Served {
    fn giving<A: Answer>(body: Option<Shape>, run: impl Fn(Call, Object) -> Running + Send + Sync + 'static) -> Served {
        Served { body, parameters: None, status: A::STATUS, form: A::form(), run: Arc::new(run) }
    }
}

/// An async function of a call, and of its body or its parameters where it takes them.
pub(super) trait Handler<Taken> {
    fn served(self) -> Served;
}

impl<F, R, A> Handler<()> for F
where
    F: Fn(Call) -> R + Send + Sync + 'static,
    R: Future<Output = Given<A>> + Send + 'static,
    A: Answer,
{
    fn served(self) -> Served {
        Served::giving::<A>(None, move |call, _| {
            let running = self(call);
            Box::pin(async move { running.await?.body() })
        })
    }
}

impl<F, B, R, A> Handler<(B,)> for F
where
    F: Fn(Call, B) -> R + Send + Sync + 'static,
    B: DeserializeOwned + JsonSchema,
    R: Future<Output = Given<A>> + Send + 'static,
    A: Answer,
{
    fn served(self) -> Served {
        Served::giving::<A>(Some(Shape::of::<B>()), move |call, sent| {
            let running = sent.read().map(|body| self(call, body));
            Box::pin(async move { running?.await?.body() })
        })
    }
}

impl<F, Q, R, A> Handler<Query<Q>> for F
where
    F: Fn(Call, Query<Q>) -> R + Send + Sync + 'static,
    Q: DeserializeOwned + JsonSchema,
    R: Future<Output = Given<A>> + Send + 'static,
    A: Answer,
{
    fn served(self) -> Served {
        let names = properties(&Q::json_schema(&mut SchemaGenerator::default()));
        let served = Served::giving::<A>(None, move |call, _| {
            let sent = names.keys().filter_map(|name| Some((name.clone(), Value::from(call.parameters.sent(name)?))));
            let read = serde_json::from_value::<Q>(Value::Object(sent.collect())).map_err(|error| Failure::Invalid(error.to_string()));
            let running = read.map(|query| self(call, Query(query)));
            Box::pin(async move { running?.await?.body() })
        });
        Served { parameters: Some(Q::json_schema), ..served }
    }
}

/// The fields of an object, by name.
pub(super) fn properties(schema: &Schema) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}
