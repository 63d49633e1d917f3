//! Operators can replace the signing key.

use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

#[tokio::test]
async fn an_operator_replaces_the_signing_key_and_tokens_stay_good() {
    let desk = Desk::new().await;
    let before = desk.deployment.token(ANA);
    let rotated = desk.done(OPERATOR, "POST", "/keys/rotate", json!({})).await;
    assert_eq!(rotated["keyIds"].as_array().unwrap().len(), 2);
    let published = desk.deployment.fetch("/common/discovery/keys", &[]).await.json();
    let published: Vec<Value> = published["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(rotated["keyIds"], json!(published));
    let request = axum::http::Request::get("/insights/v1/mpn/ScheduledDataset").header("authorization", format!("Bearer {before}"));
    desk.deployment.send(request.body(axum::body::Body::empty()).unwrap()).await.ok();
    for who in [GLOBAL, ROBOT] {
        let text = desk.refused(who, "POST", "/keys/rotate", json!({}), "forbidden").await;
        assert_eq!(text, "Only an operator of this server may do this.");
    }
}
