//! The server checks the limits that the served document has for each field: a value at the limit is accepted, and one beyond it is refused.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::tests::harness::described::Document;
use crate::tests::manage::desk::*;
use crate::tests::manage::isolation::operations;

/// An operator of a deployment with an organisation, and the bodies that each operation accepts.
struct Counter {
    desk: Desk,
    document: Document,
    count: usize,
}

impl Counter {
    async fn new() -> Counter {
        let desk = Desk::new().await;
        let document = Document::new(desk.deployment.fetch("/manage/v1/openapi.json", &[]).await.json());
        Counter { desk, document, count: 0 }
    }

    /// A body that is accepted, at least the first time; it differs each time if names have to be unique.
    fn right(&mut self, path: &str) -> Value {
        self.count += 1;
        let count = self.count;
        match path.trim_start_matches("/tenants/contoso.example") {
            "/tenants" => json!({"domain": format!("d{count}.example"), "name": "Name", "profile": profile()}),
            "" => json!({"profile": profile()}),
            "/enrollments" => json!({"program": "cmp"}),
            "/locations" => json!({"mpnId": format!("9{count}"), "name": "Name", "country": "Norway"}),
            "/users" => json!({"username": format!("u{count}@contoso.example")}),
            path if path.ends_with("/verify") => json!({"code": "12345678"}),
            path if path.ends_with("/reject") || path.ends_with("/suspend") => json!({"reason": "said why"}),
            path if path.ends_with("/password") => json!({"password": "a long new phrase"}),
            path if path.ends_with("/applications") => json!({"name": "Name"}),
            path if path.ends_with("/permissions") || path.ends_with("/consents") => json!({"permission": "user_impersonation"}),
            "/roleAssignments" => json!({"assignee": "ana@contoso.example", "role": "executive_report_viewer"}),
            // No issuer is trusted here, so that only values beyond the limits can be tested.
            "/externalIdentities" => json!({"issuer": "https://issuer.example", "kind": "tenant", "externalTenant": "t"}),
            _ => json!({}),
        }
    }

    async fn status(&self, method: &str, path: &str, body: &Value) -> (StatusCode, String) {
        let answer = self.desk.ask(OPERATOR, method, path, body.clone()).await;
        (answer.status, answer.text())
    }

    async fn refuses(&self, method: &str, path: &str, body: &Value, why: &str) {
        let (status, text) = self.status(method, path, body).await;
        assert_eq!(status, 400, "{method} {path}, {why}: {text}");
    }

    /// The call may fail for other reasons, but not because of its body.
    async fn takes(&self, method: &str, path: &str, body: &Value, why: &str) {
        let (status, text) = self.status(method, path, body).await;
        assert_ne!(status, 400, "{method} {path}, {why}: {text}");
    }
}

/// Every field of an object, including those of objects in it, with its schema and whether it is required.
fn fields(schema: &Value, within: &[String]) -> Vec<(Vec<String>, Value, bool)> {
    let empty = Map::new();
    let needed = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
    let mut found = Vec::new();
    for (name, field) in schema["properties"].as_object().unwrap_or(&empty) {
        let place = [within, std::slice::from_ref(name)].concat();
        found.extend(fields(field, &place));
        found.push((place, field.clone(), needed(name)));
    }
    found
}

/// The body with another value at a place, or without one.
fn with(body: &Value, place: &[String], value: Option<Value>) -> Value {
    let mut changed = body.clone();
    let mut object = &mut changed;
    let (last, before) = place.split_last().unwrap();
    for name in before {
        if !object[name.as_str()].is_object() {
            object[name.as_str()] = if name == "registrationId" { json!({"kind": "VAT number", "number": "1"}) } else { json!({}) };
        }
        object = &mut object[name.as_str()];
    }
    let fields = object.as_object_mut().unwrap();
    match value {
        Some(value) => drop(fields.insert(last.clone(), value)),
        None => drop(fields.remove(last)),
    }
    changed
}

fn kinds(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(|kind| kind.as_str().unwrap()).collect(),
        kind => vec![kind.as_str().unwrap()],
    }
}

/// Values that the schema does not accept, with what is wrong.
fn beyond(schema: &Value) -> Vec<(Value, &'static str)> {
    let kinds = kinds(schema);
    let mut values = vec![match kinds[0] {
        "string" => (json!(5), "a number"),
        _ => (json!("text"), "a text"),
    }];
    if !kinds.contains(&"null") {
        values.push((Value::Null, "null"));
    }
    let number = |rule: &str| schema[rule].as_u64();
    if let Some(longest) = number("maxLength") {
        values.push((json!(text(schema, longest as usize + 1)), "too long"));
    }
    if let Some(shortest) = number("minLength") {
        values.push((json!(text(schema, shortest as usize - 1)), "too short"));
    }
    if schema["pattern"].is_string() {
        values.push((json!("a\u{7}b"), "a control character"));
    }
    if schema["enum"].is_array() {
        values.push((json!("none of them"), "none of the names"));
    }
    if matches!(schema["format"].as_str(), Some("uuid" | "uri" | "email")) {
        values.push((json!("none"), "another format"));
    }
    if let Some(largest) = schema["maximum"].as_i64() {
        values.push((json!(largest + 1), "too large"));
        values.push((json!(schema["minimum"].as_i64().unwrap() - 1), "too small"));
    }
    if let Some(most) = number("maxItems") {
        values.push((json!(vec![item(schema); most as usize + 1]), "too many"));
        values.push((json!([5]), "an array of numbers"));
    }
    if number("minItems").is_some() {
        values.push((json!([]), "an empty array"));
    }
    if schema["items"]["maxLength"].is_number() {
        values.push((json!([text(&schema["items"], schema["items"]["maxLength"].as_u64().unwrap() as usize + 1)]), "a long entry"));
    }
    values
}

/// Values at the limits, which the schema accepts. There are none if the named object has to exist.
fn within(name: &str, schema: &Value) -> Vec<(Value, &'static str)> {
    let mut values = Vec::new();
    if kinds(schema).contains(&"null") {
        values.push((Value::Null, "null"));
    }
    for name in schema["enum"].as_array().into_iter().flatten().filter(|name| name.is_string()) {
        values.push((name.clone(), "one of the names"));
    }
    match name {
        // These name an object that has to exist, and the length of a name depends on the organisation's domain.
        "code" | "user" | "assignee" | "locations" | "username" | "domain" | "registrationId" | "kind" | "number" => return values,
        _ => {}
    }
    for (rule, why) in [("maxLength", "as long as it may be"), ("minLength", "as short as it may be")] {
        if let Some(length) = schema[rule].as_u64().filter(|length| *length > 20 || schema["format"].is_null()) {
            values.push((json!(text(schema, length as usize)), why));
        }
    }
    for (rule, why) in [("maximum", "as large as it may be"), ("minimum", "as small as it may be")] {
        if let Some(number) = schema[rule].as_i64() {
            values.push((json!(number), why));
        }
    }
    if let Some(most) = schema["maxItems"].as_u64() {
        values
            .push((json!((0..most).map(|number| format!("https://app.example/{number}")).collect::<Vec<_>>()), "as many as there may be"));
        values.push((json!([text(&schema["items"], schema["items"]["maxLength"].as_u64().unwrap() as usize)]), "a long entry"));
    }
    if kinds(schema)[0] == "boolean" {
        values.extend([(json!(true), "true"), (json!(false), "false")]);
    }
    values
}

/// A text of this many characters in the field's format.
fn text(schema: &Value, length: usize) -> String {
    let padded = |before: &str, after: &str| format!("{before}{}{after}", "q".repeat(length.saturating_sub(before.len() + after.len())));
    match schema["format"].as_str() {
        Some("email") if length > 0 => padded("ida.berg", "@adatum.example"),
        Some("uri") => padded("https://app.example/", ""),
        _ => padded("", ""),
    }
}

fn item(schema: &Value) -> Value {
    match schema["items"]["format"].as_str() {
        Some("uri") => json!("https://app.example/"),
        _ => json!("6096123"),
    }
}

#[tokio::test]
async fn the_document_says_what_is_checked() {
    let mut counter = Counter::new().await;
    let (mut refused, mut taken) = (0, 0);
    for (method, path) in operations(&counter.desk).await {
        let Some(schema) = counter.document.request(&method, &path).cloned() else { continue };
        for (place, field, needed) in fields(&schema, &[]) {
            let (name, shown) = (place.last().unwrap().clone(), place.join("."));
            // A part of an absent object cannot be missing.
            let base = counter.right(&path);
            if needed && (place.len() == 1 || base.pointer(&format!("/{}", place[..place.len() - 1].join("/"))).is_some()) {
                counter.refuses(&method, &path, &with(&base, &place, None), &format!("{shown} is missing")).await;
                refused += 1;
            }
            for (value, why) in beyond(&field) {
                let base = counter.right(&path);
                counter.refuses(&method, &path, &with(&base, &place, Some(value)), &format!("{shown} is {why}")).await;
                refused += 1;
            }
            if path.ends_with("/externalIdentities") {
                continue;
            }
            for (value, why) in within(&name, &field) {
                let base = counter.right(&path);
                counter.takes(&method, &path, &with(&base, &place, Some(value)), &format!("{shown} is {why}")).await;
                taken += 1;
            }
        }
    }
    assert!(refused > 200 && taken > 100, "{refused} {taken}");
}

#[tokio::test]
async fn a_body_is_needed_where_a_field_is() {
    let mut counter = Counter::new().await;
    let mut seen = [0, 0];
    for (method, path) in operations(&counter.desk).await {
        let body = counter.document.operation(&method, &path).unwrap()["requestBody"].clone();
        if body.is_null() {
            continue;
        }
        let needed = body["required"].as_bool().unwrap();
        seen[usize::from(needed)] += 1;
        let (status, text) = counter.status(&method, &path, &Value::Null).await;
        assert_eq!(status == 400, needed, "{method} {path}: {status} {text}");
        let large = with(&counter.right(&path), &["more".to_owned()], Some(json!("x".repeat(256 << 10))));
        counter.refuses(&method, &path, &large, "more than 256 KiB").await;
        assert!(body["description"].as_str().unwrap().contains("256 KiB"));
    }
    assert!(seen.iter().all(|count| *count > 1), "{seen:?}");
}

#[tokio::test]
async fn parameters_are_checked_as_documented() {
    let counter = Counter::new().await;
    let mut seen = 0;
    for (method, path) in operations(&counter.desk).await {
        let operation = counter.document.operation(&method, &path).unwrap().clone();
        for parameter in
            operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "query" && method == "GET")
        {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let mut wrong: Vec<String> = Vec::new();
            let mut right: Vec<String> = Vec::new();
            if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
                wrong.extend([(least - 1).to_string(), (most + 1).to_string(), "many".to_owned()]);
                right.extend([least.to_string(), most.to_string()]);
            }
            match schema["format"].as_str() {
                Some("uuid") => {
                    wrong.push("none".to_owned());
                    right.push("00000000-0000-0000-0000-000000000001".to_owned());
                }
                Some("date-time") => {
                    wrong.extend(["2026-11-01", "2026-11-01T00:00:00%2B01:00"].map(str::to_owned));
                    right.extend(["2026-11-01T00:00:00Z", "2026-11-01T00:00:00.123456789Z"].map(str::to_owned));
                }
                _ => {}
            }
            if let Some(names) = schema["enum"].as_array() {
                wrong.push("none".to_owned());
                right.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
            }
            for (values, is_wrong) in [(wrong, true), (right, false)] {
                for value in values {
                    let (status, text) = counter.status(&method, &format!("{path}?{name}={value}"), &Value::Null).await;
                    assert_eq!(status == 400, is_wrong, "{method} {path}?{name}={value}: {status} {text}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 25, "{seen}");
}
