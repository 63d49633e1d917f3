//! The served document (OpenAPI 3.1), made of the table of endpoints. It needs no token: it says nothing of anybody.

use axum::extract::State;
use axum::response::Response;
use insightgate_wire::answers::Error;
use insightgate_wire::forms;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema as _, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use super::given::{Form, properties};
use super::object::BODY_LIMIT;
use super::{BASE, endpoints};
use crate::openapi::document::{Security, security, served};
use crate::state::ApiState;

pub(super) async fn document(State(state): State<ApiState>) -> Response {
    let server = format!("{}{BASE}", state.base_url);
    served(&written(&server, security(&state, &state.context.settings.management_resource)))
}

/// Schemas of what is sent and of what is answered: a field that may be left out of a body is always in an answer.
struct Schemas {
    bodies: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Schemas {
        let settings = || SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
        let answers = settings().for_serialize().with_transform(RecursiveTransform(without_default));
        Schemas { bodies: settings().for_deserialize().into_generator(), answers: answers.into_generator() }
    }

    /// Whether a body is needed: one without a field that has to be there may be left out.
    fn is_needed(&self, body: &str) -> bool {
        let required = self.bodies.definitions().get(body).and_then(|schema| schema.get("required")).and_then(Value::as_array);
        required.is_some_and(|required| !required.is_empty())
    }

    fn of_answer(&mut self, schema: fn(&mut SchemaGenerator) -> Schema) -> Schema {
        let mut schema = schema(&mut self.answers);
        RecursiveTransform(without_default).transform(&mut schema);
        schema
    }

    /// All that are named, by name.
    fn named(mut self) -> Map<String, Value> {
        let mut named = self.bodies.take_definitions(true);
        named.extend(self.answers.take_definitions(true));
        named
    }
}

/// What the client makes of a field that an older server leaves out is nothing that this one says.
fn without_default(schema: &mut Schema) {
    schema.remove("default");
}

fn written(server: &str, security: Security) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(endpoint.method.as_str().to_ascii_lowercase(), operation(&endpoint, &mut schemas));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Insightgate management API", "version": "1"},
        "servers": [{"url": server}],
        "security": security.any,
        "paths": paths,
        "components": {
            "securitySchemes": security.schemes,
            "schemas": schemas.named(),
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let variables = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters = Vec::new();
    for name in variables {
        parameters.push(json!({"name": name, "in": "path", "required": true, "schema": variable(name, &mut schemas.bodies)}));
    }
    if let Some(taken) = endpoint.served.parameters {
        let taken = properties(&taken(&mut schemas.bodies));
        parameters.extend(taken.iter().map(|(name, schema)| json!({"name": name, "in": "query", "schema": schema})));
    }
    let content = |schema: Schema| json!({"application/json": {"schema": schema}});
    let success = match &endpoint.served.form {
        Form::Nothing => json!({"description": "Done."}),
        Form::One(shape) => json!({"description": shape.name, "content": content(schemas.of_answer(shape.schema))}),
        Form::Many { of, list } => {
            json!({"description": format!("A list of {}.", of.name), "content": content(schemas.of_answer(list.schema))})
        }
    };
    let refused = json!({"description": "Refused.", "content": content(schemas.answers.subschema_for::<Error>())});
    let mut operation = json!({
        "summary": endpoint.summary,
        "description": format!("For: {}.", endpoint.duty.holders()),
        "parameters": parameters,
        "responses": {endpoint.served.status.as_str(): success, "default": refused},
    });
    if let (Value::Object(fields), Some(body)) = (&mut operation, &endpoint.served.body) {
        let schema = (body.schema)(&mut schemas.bodies);
        let request = json!({
            "description": format!("{} KiB at most.", BODY_LIMIT >> 10),
            "required": schemas.is_needed(&body.name),
            "content": content(schema),
        });
        fields.insert("requestBody".to_owned(), request);
    }
    operation
}

/// Of a variable part of a path. What it names and is not there is a 404, whatever its form.
fn variable(name: &str, generator: &mut SchemaGenerator) -> Schema {
    match name {
        "application" | "secret" | "identity" | "callback" | "execution" | "report" => forms::Id::json_schema(generator),
        "program" => forms::ProgramName::json_schema(generator),
        "permission" => forms::AskedPermission::json_schema(generator),
        "role" => forms::RoleId::json_schema(generator),
        _ => forms::Text::json_schema(generator),
    }
}
