//! The parts of which the documents are put together (OpenAPI 3.1): schemas of answers, security, headers, and the answer that serves a document.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use insightgate_report::scheduled_report::NAME_LIMIT;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::openapi::body_fields::BodyField;
use crate::openapi::parameter_set::Described;
use crate::state::ApiState;

/// The schema of an answer, for the document.
pub(crate) type ShapeOf = fn(&mut SchemaGenerator) -> Schema;

pub(crate) fn shape_of<T: JsonSchema>() -> ShapeOf {
    |generator| generator.subschema_for::<T>()
}

/// Collects the schemas of answers, as they are written.
pub(crate) fn answers() -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .for_serialize()
        .into_generator()
}

/// A document is the same for everybody and says nothing of anybody.
pub(crate) fn served(document: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (StatusCode::OK, headers, document.to_string()).into_response()
}

/// What is said of a field, beside its name and kind, which the type knows.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub(crate) field: &'static str,
    pub(crate) text: &'static str,
    pub(crate) needed: bool,
    like: Like,
}

/// What a value looks like, beyond its kind.
#[derive(Clone, Copy)]
pub(crate) enum Like {
    Any,
    /// Not longer than a name.
    Short,
    Time,
    Within(u32, u32),
    OneOf(fn() -> Vec<&'static str>),
}

impl About {
    pub(crate) const fn like(self, like: Like) -> About {
        About { like, ..self }
    }

    fn constrain(&self, schema: &mut Map<String, Value>) {
        let keys = match self.like {
            Like::Any => Vec::new(),
            Like::Short => vec![("maxLength", json!(NAME_LIMIT))],
            Like::Time => vec![("format", json!("date-time"))],
            Like::Within(least, most) => vec![("minimum", json!(least)), ("maximum", json!(most))],
            Like::OneOf(names) => vec![("enum", json!(names()))],
        };
        schema.extend(keys.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
}

pub(crate) const fn about(field: &'static str, text: &'static str) -> About {
    About { field, text, needed: false, like: Like::Any }
}

pub(crate) const fn needed(field: &'static str, text: &'static str) -> About {
    About { needed: true, ..about(field, text) }
}

/// The schema of a body with these fields.
pub(crate) fn object(fields: &[BodyField], told: &[About]) -> Value {
    let told = |name: &str| told.iter().find(|about| about.field == name);
    let property = |field: &BodyField| {
        let mut schema = Map::from_iter([("type".to_owned(), json!(field.kind))]);
        if let Some(about) = told(field.name) {
            schema.insert("description".to_owned(), json!(about.text));
            about.constrain(&mut schema);
        }
        (field.name.to_owned(), Value::Object(schema))
    };
    let needed: Vec<&str> = fields.iter().map(|field| field.name).filter(|name| told(name).is_some_and(|about| about.needed)).collect();
    let mut schema = json!({"type": "object", "properties": Map::from_iter(fields.iter().map(property))});
    if let (Value::Object(keys), false) = (&mut schema, needed.is_empty()) {
        keys.insert("required".to_owned(), json!(needed));
    }
    schema
}

/// The schema of a form with these fields.
pub(crate) fn form(fields: &[Described]) -> Value {
    let property = |field: &Described| (field.name.to_owned(), with_description(&field.schema, field.about));
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": Map::from_iter(fields.iter().map(property)), "required": required})
}

fn with_description(schema: &Value, text: &str) -> Value {
    let mut schema = schema.clone();
    if let Value::Object(keys) = &mut schema {
        keys.insert("description".to_owned(), Value::from(text));
    }
    schema
}

/// The parameters of a path and of its query string. What the path names is not asked for again.
pub(crate) fn parameters(path: &str, variables: &[About], query: &[Described]) -> Vec<Value> {
    let named: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let told = |name: &str| variables.iter().find(|about| about.field == name).map(|about| about.text).unwrap_or_default();
    let in_path = named.iter().map(
        |name| json!({"name": name, "in": "path", "required": true, "description": told(name), "schema": {"type": "string", "minLength": 1}}),
    );
    let in_query = query
        .iter()
        .filter(|one| !named.contains(&one.name))
        .map(|one| json!({"name": one.name, "in": "query", "required": one.required, "description": one.about, "schema": one.schema}));
    in_path.chain(in_query).collect()
}

/// How a caller shows who it is. People sign in on the page where the built-in authority is on.
pub(crate) struct Security {
    pub(crate) schemes: Map<String, Value>,
    /// Any one of them.
    pub(crate) any: Vec<Value>,
}

pub(crate) fn security(state: &ApiState, resource: &str) -> Security {
    let mut schemes = Map::new();
    let mut any = Vec::new();
    if state.context.settings.built_in_authority {
        let authority = format!("{}/organizations/oauth2/v2.0", state.base_url);
        let scope = format!("{resource}/.default");
        let flow = json!({
            "authorizationUrl": format!("{authority}/authorize"),
            "tokenUrl": format!("{authority}/token"),
            "refreshUrl": format!("{authority}/token"),
            "scopes": {&scope: "What the application has been permitted."},
        });
        let description = "Signs a user in by the authorization code grant with PKCE.";
        schemes.insert(SIGN_IN.to_owned(), json!({"type": "oauth2", "description": description, "flows": {"authorizationCode": flow}}));
        any.push(json!({SIGN_IN: [scope]}));
    }
    let description = format!("An access token for {resource}.");
    schemes.insert(BEARER.to_owned(), json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": description}));
    any.push(json!({BEARER: []}));
    Security { schemes, any }
}

const SIGN_IN: &str = "signIn";
const BEARER: &str = "bearer";
