//! Sends random bodies and paths to every operation, the same in each run: none may end in a failure of the server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::tests::http::fuzz::Dice;
use crate::tests::manage::desk::*;
use crate::tests::manage::isolation::operations;

const FIELDS: [&str; 24] = [
    "domain",
    "name",
    "globalAccountId",
    "program",
    "profile",
    "code",
    "reason",
    "mpnId",
    "country",
    "username",
    "displayName",
    "password",
    "mustChangePassword",
    "mustChange",
    "enabled",
    "public",
    "operator",
    "redirectUris",
    "id",
    "description",
    "days",
    "permission",
    "assignee",
    "locations",
];
const WORDS: [&str; 14] = [
    "contoso.example",
    "mpn",
    "cmp",
    "ana@contoso.example",
    "1000001",
    "management",
    "user_impersonation",
    "executive_report_viewer",
    "global_admin",
    "https://app.example/",
    "00000000-0000-0000-0000-0000000000a1",
    "\u{0}\u{202e}é",
    "",
    "x",
];

fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.throw(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(dice.throw(2) == 0),
        2 => json!(dice.throw(1000) as i64 - 100),
        3 => json!(1.5e300),
        4 => json!(dice.text()),
        5 => json!("y".repeat(dice.throw(5000))),
        6 => json!(dice.pick(&WORDS)),
        7 => Value::Array((0..dice.throw(4)).map(|_| value(dice, depth - 1)).collect()),
        _ => Value::Object((0..dice.throw(4)).map(|_| (dice.pick(&FIELDS).to_owned(), value(dice, depth - 1))).collect()),
    }
}

/// Every field of every body, with valid values.
fn right(round: usize) -> Value {
    json!({
        "domain": format!("d{round}.example"),
        "name": "Name",
        "profile": profile(),
        "program": "mpn",
        "code": "12345678",
        "reason": "said why",
        "mpnId": format!("9{round}"),
        "country": "Germany",
        "username": format!("u{round}@contoso.example"),
        "permission": "management",
        "assignee": "ben@contoso.example",
        "role": "report_viewer",
    })
}

#[tokio::test]
async fn random_bodies_never_fail_the_server() {
    let desk = Desk::new().await;
    let operations = operations(&desk).await;
    let mut dice = Dice(3);
    let mut seen = BTreeMap::new();
    for round in 0..1500 {
        let (method, path) = &operations[dice.throw(operations.len())];
        // The deployment's organisation has to outlive the test.
        if method == "DELETE" && path == "/tenants/contoso.example" {
            continue;
        }
        let parts: Vec<String> = path
            .split('/')
            .map(|part| match dice.throw(30) {
                0 => dice.bytes(12).iter().map(|byte| format!("%{byte:02x}")).collect(),
                1 => url::form_urlencoded::byte_serialize(dice.pick(&WORDS).as_bytes()).collect(),
                _ => part.to_owned(),
            })
            .collect();
        let path = format!("/{}", parts.join("/").trim_start_matches('/'));
        // Half of the bodies begin with valid fields.
        let mut body = if dice.throw(2) == 0 { right(round) } else { json!({}) };
        for _ in 0..dice.throw(4) {
            body[dice.pick(&FIELDS)] = value(&mut dice, 2);
        }
        let who = [OPERATOR, OPERATOR, GLOBAL, ACCOUNT, ROBOT][dice.throw(5)];
        let query = if method == "GET" {
            format!("?pageSize={}&skipToken={}", dice.throw(40), dice.pick(&["", "1.2", "x"]))
        } else {
            String::new()
        };
        let request = axum::http::Request::builder()
            .method(method.as_str())
            .uri(format!("/manage/v1{path}{query}"))
            .header("authorization", format!("Bearer {}", desk.token(who)));
        let bytes = match dice.throw(8) {
            0 => dice.bytes(100),
            1 => value(&mut dice, 2).to_string().into_bytes(),
            _ => body.to_string().into_bytes(),
        };
        let shown = format!("{method} {path} {}", String::from_utf8_lossy(&bytes).chars().take(400).collect::<String>());
        let answer = desk.deployment.send(request.body(axum::body::Body::from(bytes)).unwrap()).await;
        assert!(!answer.status.is_server_error(), "{shown} -> {}", answer.text());
        *seen.entry(answer.status.as_u16()).or_insert(0_usize) += 1;
    }
    for status in [200, 201, 400, 403, 404, 409] {
        assert!(seen.get(&status).copied().unwrap_or_default() >= 10, "{seen:?}");
    }
    let large = json!({"name": "x".repeat(300 << 10)});
    desk.refused(OPERATOR, "POST", "/tenants", large, "invalid").await;
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let request = axum::http::Request::post("/manage/v1/tenants").header("authorization", format!("Bearer {}", desk.token(OPERATOR)));
    assert_eq!(desk.deployment.send(request.body(axum::body::Body::from(deep)).unwrap()).await.status, 400);
}
