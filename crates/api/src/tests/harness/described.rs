//! A served document, as far as the tests need it: finds the operation of a path, and compares answers with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use crate::tests::harness::{Answer, Deployment};

pub(in crate::tests) struct Document(pub(in crate::tests) Value);

impl Document {
    pub(in crate::tests) fn new(document: Value) -> Document {
        Document(document)
    }

    /// The method and the path of every operation.
    pub(in crate::tests) fn operations(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap();
        let of_path = |(path, operations): (&String, &Value)| {
            operations.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(of_path).collect()
    }

    pub(in crate::tests) fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path: Vec<&str> = path.split('?').next().unwrap().trim_end_matches('/').split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            parts.len() == path.len()
                && parts.iter().zip(&path).all(|(part, sent)| part.starts_with('{') || part.eq_ignore_ascii_case(sent))
        };
        // A literal part takes precedence over a variable one.
        let mut found: Vec<_> = self.0["paths"].as_object().unwrap().iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        found.first().map(|(_, operations)| &operations[method.to_lowercase()]).filter(|operation| operation.is_object())
    }

    /// The schema of a request's body.
    pub(in crate::tests) fn request(&self, method: &str, path: &str) -> Option<&Value> {
        let body = &self.operation(method, path)?["requestBody"];
        body.is_object().then(|| self.resolved(&body["content"]["application/json"]["schema"]))
    }

    pub(in crate::tests) fn check(&self, method: &str, path: &str, answer: &Answer) -> Result<(), String> {
        let Some(operation) = self.operation(method, path) else {
            return self.fits(self.refusal(), &answer.json(), "answer");
        };
        let responses = &operation["responses"];
        let response = match responses.get(answer.status.as_str()) {
            Some(response) => response,
            None if answer.status.is_success() => return Err(format!("{} is not documented", answer.status)),
            None => &responses["default"],
        };
        match response.get("content") {
            None if answer.body.is_empty() => Ok(()),
            None => Err("a body that is not documented".to_owned()),
            Some(content) => {
                assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
                self.fits(&content["application/json"]["schema"], &answer.json(), "answer")
            }
        }
    }

    /// The schema of a refusal, which every API has one of.
    fn refusal(&self) -> &Value {
        let schemas = &self.0["components"]["schemas"];
        ["Error", "EmptyList", "Refusal"].iter().find_map(|name| schemas.get(name)).unwrap()
    }

    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap_or_else(|| panic!("no {reference}")),
            None => schema,
        }
    }

    fn fits(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        let schema = self.resolved(schema);
        if let Some(choices) = schema["anyOf"].as_array() {
            let faults: Vec<_> = choices.iter().filter_map(|choice| self.fits(choice, value, place).err()).collect();
            return if faults.len() < choices.len() { Ok(()) } else { Err(faults.join("; ")) };
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
            other => panic!("{place}: a schema without a type: {other} {schema}"),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        if !kinds.contains(&kind) {
            return Err(format!("{place} is {kind}, not {kinds:?}"));
        }
        if let (Some(names), false) = (schema["enum"].as_array(), value.is_null())
            && !names.contains(value)
        {
            return Err(format!("{place} is {value}, none of {names:?}"));
        }
        match (schema["format"].as_str(), value.as_str()) {
            (Some("uuid"), Some(text)) if uuid::Uuid::try_parse(text).is_err() => return Err(format!("{place} is no UUID: {text}")),
            (Some("date-time"), Some(text)) if chrono::DateTime::parse_from_rfc3339(text).is_err() => {
                return Err(format!("{place} is no time: {text}"));
            }
            _ => {}
        }
        if let Some(items) = value.as_array() {
            for (index, item) in items.iter().enumerate() {
                self.fits(&schema["items"], item, &format!("{place}[{index}]"))?;
            }
        }
        if let Some(fields) = value.as_object() {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(name.as_str().unwrap()) {
                    return Err(format!("{place} lacks {name}"));
                }
            }
            for (name, field) in fields {
                match schema["properties"].get(name) {
                    Some(schema) => self.fits(schema, field, &format!("{place}.{name}"))?,
                    None if schema["additionalProperties"] == false => return Err(format!("{place} has {name}, which is not documented")),
                    None => {}
                }
            }
        }
        Ok(())
    }
}

impl Deployment {
    /// Compares an answer in JSON with the served document of its API. The management API's tests do so themselves.
    pub(in crate::tests) async fn compare(&self, method: &Method, path: &str, answer: &Answer) {
        let base: String = path.split_inclusive('/').take(4).collect();
        let base = base.trim_end_matches('/');
        let is_json = answer.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        let (document, below) = match path {
            _ if !is_json || answer.body.is_empty() || path.ends_with("openapi.json") => return,
            // A sandbox answers with whatever was ordered.
            _ if self.context.sandbox.is_some() => return,
            _ if ["/insights/v1/mpn", "/insights/v1/cmp", "/insights/v1.1/cmp"].contains(&base) => {
                (format!("{base}/openapi.json"), path.strip_prefix(base).unwrap_or_default())
            }
            _ if method == Method::POST && (path.ends_with("/token") || path.ends_with("/devicecode")) => {
                ("/oauth2/openapi.json".to_owned(), path)
            }
            _ => return,
        };
        static DOCUMENTS: Mutex<BTreeMap<String, Arc<Document>>> = Mutex::new(BTreeMap::new());
        let known = DOCUMENTS.lock().unwrap().get(&document).cloned();
        let known = match known {
            Some(known) => known,
            None => {
                let served =
                    self.answer(Request::get(&document).header(header::HOST, "insights.example").body(Body::empty()).unwrap()).await;
                let read = Arc::new(Document::new(served.json()));
                DOCUMENTS.lock().unwrap().insert(document, Arc::clone(&read));
                read
            }
        };
        if let Err(fault) = known.check(method.as_str(), below, answer) {
            panic!("{method} {path} is answered otherwise than described: {fault}: {}", answer.text());
        }
    }
}

/// The management API's document as a file of the repository, with the addresses of the tests' deployment.
pub(in crate::tests) const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// What the document does not say of an answer, the tests find.
#[test]
fn an_answer_that_differs_is_found() {
    let document = Document::new(serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap());
    let schema =
        &document.operation("GET", "/tenants/contoso.example/users").unwrap()["responses"]["200"]["content"]["application/json"]["schema"];
    let user = json!({
        "id": "00000000-0000-0000-0000-0000000000a1", "username": "ana@contoso.example", "displayName": "", "enabled": true, "password": "Set",
        "totp": false, "lockedUntil": null,
    });
    let listed = |user: &Value| json!({"value": [user], "nextLink": null, "totalCount": 1});
    document.fits(schema, &listed(&user), "answer").unwrap();
    for (field, wrong) in [
        ("id", json!("none")),
        ("username", Value::Null),
        ("enabled", json!("true")),
        ("password", json!("Old")),
        ("lockedUntil", json!("today")),
        ("more", json!(1)),
    ] {
        let mut changed = user.clone();
        changed[field] = wrong;
        let fault = document.fits(schema, &listed(&changed), "answer").unwrap_err();
        assert!(fault.contains(field), "{field}: {fault}");
    }
    let mut lacking = user.clone();
    lacking.as_object_mut().unwrap().remove("totp");
    assert!(document.fits(schema, &listed(&lacking), "answer").unwrap_err().contains("totp"));
}
