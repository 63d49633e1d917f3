//! The served document (OpenAPI 3.1), made of the table of endpoints. It needs no token: it says nothing of anybody.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::endpoint::{Endpoint, Form};
use super::object::BODY_LIMIT;
use super::{BASE, answer, endpoints, requests, schemas};
use crate::state::ApiState;

pub(super) async fn document(State(state): State<ApiState>) -> Response {
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(operations) = operations {
            operations.insert(endpoint.method.as_str().to_ascii_lowercase(), operation(&endpoint));
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {"title": "Insightgate management API", "version": "1"},
        "servers": [{"url": format!("{}{BASE}", state.base_url)}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": format!("An access token for {}.", state.context.settings.management_resource),
                },
            },
            "schemas": schemas(),
        },
    });
    answer::json(StatusCode::OK, &document)
}

/// All that are named, by name.
fn schemas() -> Map<String, Value> {
    schemas::answers().into_iter().chain(requests::all()).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn operation(endpoint: &Endpoint) -> Value {
    let variables = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = variables.map(|name| json!({"name": name, "in": "path", "required": true, "schema": requests::variable(name)}));
    let in_query = endpoint.parameters.iter().map(|name| json!({"name": name, "in": "query", "schema": requests::parameter(name)}));
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let content = |schema: Value| json!({"application/json": {"schema": schema}});
    let success = match endpoint.form {
        Form::Nothing => json!({"description": "Done."}),
        Form::One(name) => json!({"description": name, "content": content(schemas::reference(name))}),
        Form::Many(name) => json!({"description": format!("A list of {name}."), "content": content(schemas::list_of(name))}),
    };
    let refused = json!({"description": "Refused.", "content": content(schemas::reference("Error"))});
    let mut operation = json!({
        "summary": endpoint.summary,
        "description": format!("For: {}.", endpoint.duty.holders()),
        "parameters": parameters,
        "responses": {endpoint.status.as_str(): success, "default": refused},
    });
    if let (Value::Object(fields), Some(body)) = (&mut operation, endpoint.body) {
        let request = json!({
            "description": format!("{} KiB at most.", BODY_LIMIT >> 10),
            "required": requests::is_needed(body),
            "content": content(schemas::reference(body)),
        });
        fields.insert("requestBody".to_owned(), request);
    }
    operation
}
