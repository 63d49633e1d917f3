//! The served document of one program and version, made of the table of endpoints. It needs no token: it says nothing of anybody.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use insightgate_identity::program::Program;
use insightgate_operations::failure::Failure;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::endpoint::Endpoint;
use super::endpoints;
use crate::envelope::{Asked, Envelope, Nothing};
use crate::http::fields::BODY_LIMIT;
use crate::openapi::document::{Security, answers, object, parameters, security, served};
use crate::state::ApiState;

/// The field that only a version with schedules that end reads.
const FINITE: &str = "EndTime";

pub(super) async fn serve(State(state): State<ApiState>, asked: Asked, uri: Uri) -> Response {
    let version = uri.path().split('/').nth(2).unwrap_or_default();
    match asked.program {
        Some(program) => served(&written(&state, version, program, asked.finite)),
        None => asked.refuse(&Failure::NotFound),
    }
}

fn written(state: &ApiState, version: &str, program: Program, finite: bool) -> Value {
    let resource = state.context.settings.resources.first().map(String::as_str).unwrap_or_default();
    let Security { mut schemes, mut any } = security(state, resource);
    let description = "The same token in the header that some clients send.";
    schemes.insert("ticket".to_owned(), json!({"type": "apiKey", "in": "header", "name": "X-AadUserTicket", "description": description}));
    any.push(json!({"ticket": []}));
    let mut schemas = answers();
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(endpoint.method.as_str().to_ascii_lowercase(), operation(&endpoint, finite, &mut schemas));
        }
    }
    let name = program.name();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Insightgate Insights API, {name}"),
            "version": version,
            "description": "Paths, and names of parameters and fields, are matched without regard to letter case. null and an empty text count as absent.",
        },
        "servers": [{"url": format!("{}/insights/{version}/{name}", state.base_url)}],
        "security": any,
        "paths": paths,
        "components": {"securitySchemes": schemes, "headers": headers(), "schemas": schemas.take_definitions(true)},
    })
}

fn operation(endpoint: &Endpoint, finite: bool, schemas: &mut SchemaGenerator) -> Value {
    let folder = endpoint.path.split('/').nth(1).unwrap_or_default();
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let answer = (endpoint.answer)(schemas).to_value();
    let refusal = schemas.subschema_for::<Envelope<'static, Nothing>>().to_value();
    let mut parameters = parameters(endpoint.path, endpoint.told, &endpoint.parameters);
    if endpoint.once {
        let description = "Added: with the same key and body again, the first answer comes again and nothing more is made.";
        let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"});
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "description": description, "schema": key}));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "summary": endpoint.summary,
        "tags": [folder],
        "parameters": parameters,
        "responses": {
            "200": {"description": "Done.", "headers": named(&COUNTED), "content": content(answer)},
            "default": {"description": "Refused: message says why.", "headers": named(&REFUSED), "content": content(refusal)},
        },
    });
    if let (Value::Object(keys), Some(fields)) = (&mut operation, &endpoint.body) {
        let fields: Vec<_> = fields.iter().filter(|field| finite || field.name != FINITE).copied().collect();
        let schema = object(&fields, endpoint.told);
        let body = json!({"description": format!("{} KiB at most.", BODY_LIMIT >> 10), "required": true, "content": content(schema)});
        keys.insert("requestBody".to_owned(), body);
    }
    operation
}

const COUNTED: [&str; 4] = ["MS-RequestId", "MS-CorrelationId", "RateLimit-Policy", "RateLimit"];
const REFUSED: [&str; 5] = ["MS-RequestId", "MS-CorrelationId", "RateLimit-Policy", "RateLimit", "Retry-After"];

/// The headers of an answer, by reference.
fn named(names: &[&str]) -> Value {
    Value::Object(names.iter().map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/headers/{name}")}))).collect())
}

fn headers() -> Value {
    let text = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    json!({
        "MS-RequestId": text("Echoed if it was sent, and made if not."),
        "MS-CorrelationId": text("Echoed if it was sent, and made if not."),
        "RateLimit-Policy": text("The limits that the call was counted against: q calls in w seconds. Not there where nothing was counted."),
        "RateLimit": text("What is left of each: r now, and all of it after t seconds; where r is 0, one after t seconds."),
        "Retry-After": {"description": "After how many seconds to ask again.", "schema": {"type": "integer", "minimum": 0}},
    })
}
