//! The headers of every answer for caches and browsers, and requests with no host or two.

use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use serde_json::json;

use crate::tests::harness::*;
use crate::tests::oauth::token_endpoint::{ask, v1};
use crate::{ApiState, router};

#[tokio::test]
async fn nothing_with_a_token_or_a_link_is_kept_on_the_way() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let executions = deployment.get(ANA, &format!("ScheduledReport/execution/{report}")).await;
    let link = executions.ok()[0]["reportAccessSecureLink"].as_str().unwrap().to_owned();
    let token = ask(&deployment, &v1(), &[]).await;
    assert_eq!((token.status.as_u16(), token.header("pragma")), (200, "no-cache"));
    let refused = ask(&deployment, &v1(), &[("password", Some("wrong"))]).await;
    let managed = deployment.fetch("/manage/v1/tenants", &[]).await;
    let page = deployment.fetch("/common/oauth2/deviceauth", &[]).await;
    let (nothing, broken) = (deployment.fetch("/nothing", &[]).await, deployment.fetch("/artifacts/1/a.csv", &[]).await);
    for answer in [&executions, &token, &refused, &managed, &page, &nothing, &broken] {
        assert!(answer.header("cache-control").starts_with("no-store"), "{answer:?}");
    }
    // Only the client itself may cache an artifact, and has to ask each time whether it may still read it; anybody may cache what is public.
    let file = deployment.fetch(&link, &[]).await;
    let keys = deployment.fetch(&format!("/{CONTOSO}/discovery/keys"), &[]).await;
    assert_eq!((file.header("cache-control"), keys.header("cache-control")), ("private, no-cache", "public, max-age=60"));
    for answer in [&executions, &token, &refused, &managed, &page, &nothing, &broken, &file, &keys] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.headers.contains_key("strict-transport-security"), "nobody asked for it");
    }
}

#[tokio::test]
async fn https_alone_is_asked_of_browsers_where_clients_use_it() {
    let mut deployment = Deployment::new().await;
    for (base_url, told) in [(BASE, true), ("http://127.0.0.1:7080", false)] {
        deployment.router = router(ApiState { hsts_seconds: 3600, base_url: base_url.into(), ..state(&deployment.context, None) });
        let answer = deployment.fetch("/healthz", &[]).await;
        let expected = told.then_some(HeaderValue::from_static("max-age=3600"));
        assert_eq!(answer.headers.get("strict-transport-security"), expected.as_ref(), "{base_url}");
    }
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused_in_the_form_of_the_api() {
    let deployment = Deployment::new().await;
    let twice = |path: &str| {
        let request = Request::get(path).header(header::HOST, "insights.example").header(header::HOST, "insights.example");
        request.body(Body::empty()).unwrap()
    };
    let refused = deployment.send(twice("/insights/v1/mpn/ScheduledDataset")).await.refused(400);
    assert_eq!(refused, "The request has two Host headers.");
    let managed = deployment.send(twice("/manage/v1/tenants")).await;
    assert_eq!((managed.status.as_u16(), &managed.json()["error"]["code"]), (400, &json!("invalid")));
    let token = deployment.send(twice(&v1())).await;
    assert_eq!((token.status.as_u16(), &token.json()["error"]), (400, &json!("invalid_request")));
}
