//! The served document of the authority's endpoints for programs. Pages for people are not in it, and discovery has its own standard.

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::device::{DeviceForm, Started};
use super::refusal::Refused;
use super::token::{Granted, TokenForm};
use crate::openapi::document::{About, ShapeOf, about, answers, form, parameters, served, shape_of};
use crate::openapi::parameter_set::{Described, ParameterSet};
use crate::state::ApiState;

/// An endpoint that takes a form, or nothing but its path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    id: &'static str,
    summary: &'static str,
    form: Vec<Described>,
    answer: ShapeOf,
}

impl Endpoint {
    fn form<Form: ParameterSet, Answer: JsonSchema>(path: &'static str, id: &'static str, summary: &'static str) -> Endpoint {
        Endpoint { method: Method::POST, path, id, summary, form: Form::described(), answer: shape_of::<Answer>() }
    }

    /// What it answers is what a standard says.
    fn standard(path: &'static str, id: &'static str, summary: &'static str) -> Endpoint {
        Endpoint { method: Method::GET, path, id, summary, form: Vec::new(), answer: shape_of::<Map<String, Value>>() }
    }
}

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::form::<TokenForm, Granted<String>>("/{tenant}/oauth2/token", "tokenV1", "Gives tokens; numbers are written as text."),
        Endpoint::form::<TokenForm, Granted<i64>>("/{tenant}/oauth2/v2.0/token", "tokenV2", "Gives tokens."),
        Endpoint::form::<DeviceForm, Started<String>>(
            "/{tenant}/oauth2/devicecode",
            "deviceCodeV1",
            "Begins a device's sign-in; numbers are written as text.",
        ),
        Endpoint::form::<DeviceForm, Started<i64>>("/{tenant}/oauth2/v2.0/devicecode", "deviceCodeV2", "Begins a device's sign-in."),
        Endpoint::standard(
            "/{tenant}/.well-known/openid-configuration",
            "discoveryV1",
            "The provider's metadata (OpenID Connect Discovery).",
        ),
        Endpoint::standard("/{tenant}/v2.0/.well-known/openid-configuration", "discoveryV2", "The provider's metadata, for version 2."),
        Endpoint::standard("/{tenant}/discovery/keys", "keysV1", "The public keys that tokens are signed with (JWK Set)."),
        Endpoint::standard("/{tenant}/discovery/v2.0/keys", "keysV2", "The same keys."),
    ]
}

const TENANT: &[About] = &[about("tenant", "An id or a domain of an organisation; organizations for that of the user who signs in.")];

pub(super) async fn serve(State(state): State<ApiState>) -> Response {
    served(&written(&state.base_url))
}

fn written(server: &str) -> Value {
    let mut schemas = answers();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let content = |schema: Value| json!({"application/json": {"schema": schema}});
        let answer = (endpoint.answer)(&mut schemas).to_value();
        let refused = schemas.subschema_for::<Refused<'static>>().to_value();
        let mut operation = json!({
            "operationId": endpoint.id,
            "summary": endpoint.summary,
            "parameters": parameters(endpoint.path, TENANT, &[]),
            "responses": {
                "200": {"description": "Done.", "content": content(answer)},
                "default": {"description": "Refused: error_codes holds the number.", "content": content(refused)},
            },
        });
        if let (Value::Object(keys), false) = (&mut operation, endpoint.form.is_empty()) {
            let form = json!({"application/x-www-form-urlencoded": {"schema": form(&endpoint.form)}});
            keys.insert("requestBody".to_owned(), json!({"description": "16 KiB at most.", "required": true, "content": form}));
        }
        paths.insert(endpoint.path.to_owned(), json!({endpoint.method.as_str().to_ascii_lowercase(): operation}));
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Insightgate authority", "version": "1"},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": schemas.take_definitions(true)},
    })
}
