//! The served OpenAPI document: it is complete, and the server does what it says.

mod bounds;
mod random_bodies;

use super::desk::*;
use crate::tests::harness::described::{COMMITTED, Document};
use crate::tests::harness::*;

#[tokio::test]
async fn the_document_is_whole() {
    let desk = Desk::new().await;
    let answer = desk.deployment.fetch("/manage/v1/openapi.json", &[]).await;
    let document = Document::new(answer.json());
    assert_eq!((&document.0["openapi"], &document.0["servers"][0]["url"]), (&"3.1.0".into(), &format!("{BASE}/manage/v1").into()));
    let schemas = document.0["components"]["schemas"].as_object().unwrap();
    let text = answer.text();
    for name in schemas.keys() {
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is used by nothing");
    }
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is not there");
    }
    for (method, path) in document.operations() {
        let operation = &document.0["paths"][&path][method.to_lowercase()];
        let declared: Vec<_> = operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "path").collect();
        assert_eq!(declared.len(), path.matches('{').count(), "{method} {path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{method} {path}");
        assert!(operation["description"].as_str().unwrap().starts_with("For: "), "{method} {path}");
        assert!(method != "GET" || document.request(&method, &path).is_none(), "{method} {path}");
    }
}

#[tokio::test]
async fn the_committed_document_is_the_served_one() {
    let desk = Desk::new().await;
    let served = desk.deployment.fetch("/manage/v1/openapi.json", &[]).await.json();
    let served = serde_json::to_string_pretty(&served).unwrap() + "\n";
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        std::fs::write(COMMITTED, &served).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed == served,
        "docs/openapi.json is not what is served. Write it anew with: WRITE_OPENAPI=1 cargo test -p insightgate-api the_committed_document"
    );
}
