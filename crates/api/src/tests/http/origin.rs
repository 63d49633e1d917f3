//! Issuers and links begin with the configured address of the deployment, whatever a request claims.

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::tests::harness::*;
use crate::tests::oauth::token_endpoint::v1;

/// The headers that proxies and attackers send.
const CLAIMS: [(&str, &str); 5] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("forwarded", "for=1.2.3.4;host=evil.example;proto=http"),
    ("x-original-url", "https://evil.example/"),
];

async fn ask(deployment: &Deployment, request: axum::http::request::Builder, body: &str) -> Answer {
    let request = CLAIMS.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    deployment.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

fn nothing_of_evil(answer: &Answer) {
    assert!(!answer.text().contains("evil.example"), "{}", answer.text());
    assert!(!format!("{:?}", answer.headers).contains("evil.example"), "{:?}", answer.headers);
}

#[tokio::test]
async fn discovery_tokens_and_links_are_of_the_deployments_own_address() {
    let deployment = Deployment::new().await;
    for path in [
        format!("/{CONTOSO}/.well-known/openid-configuration"),
        format!("/{CONTOSO}/v2.0/.well-known/openid-configuration"),
        "/common/discovery/instance?api-version=1.1".to_owned(),
    ] {
        let answer = ask(&deployment, Request::get(&path), "").await;
        nothing_of_evil(&answer);
        assert!(answer.text().contains(BASE), "{path}");
    }
    let form = format!(
        "grant_type=password&client_id={APP}&client_secret=app%2Bsecret%2F1%3D&resource={RESOURCE}&username=ana@contoso.example&password=p%C3%A4ssword%20%26%20more"
    );
    let answer = ask(&deployment, Request::post(v1()), &form).await;
    nothing_of_evil(&answer);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], format!("{BASE}/{CONTOSO}/"));
    let refused = ask(&deployment, Request::post(v1()), "grant_type=x").await;
    nothing_of_evil(&refused);
    assert!(refused.json()["error_uri"].as_str().unwrap().starts_with(BASE));

    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let path = format!("/insights/v1/mpn/ScheduledReport/execution/{report}");
    let answer = ask(&deployment, Request::get(path).header("authorization", format!("Bearer {token}")), "").await;
    nothing_of_evil(&answer);
    let execution = &answer.ok()[0];
    for field in ["reportAccessSecureLink", "reportLocation"] {
        assert!(execution[field].as_str().unwrap().starts_with(&format!("{BASE}/")), "{field}: {execution}");
    }
}
