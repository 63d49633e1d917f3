//! Requests that meet faults.

use axum::body::Body;
use axum::http::{Method, Request, header};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

#[tokio::test]
async fn a_status_comes_as_often_as_ordered_with_its_body_and_retry_after() {
    let deployment = Deployment::sandbox().await;
    let contract = json!({"match": {"method": "GET", "path": "/insights/"}, "times": 2, "status": 503, "retryAfter": 5});
    let ordered = order(&deployment, contract).await;
    for _ in 0..2 {
        let answer = deployment.get(ANA, "ScheduledReport").await;
        assert_eq!(answer.refused(503), "Service unavailable");
        assert_eq!(answer.header("retry-after"), "5");
    }
    deployment.get(ANA, "ScheduledReport").await.ok();
    let listed = ask(&deployment, Method::GET, "faults", Value::Null).await.json();
    assert_eq!((&listed["faults"][0]["id"], &listed["faults"][0]["happened"]), (&ordered["id"], &json!(2)));
    // Not for other methods, and not once it is cleared.
    order(&deployment, json!({"match": {"method": "post", "path": "/Insights/*/ScheduledQueries"}, "status": 500, "body": {"a": 1}})).await;
    let body = json!({"Name": "query", "Query": ALL_SALES});
    let answer = deployment.call(ANA, Method::POST, "ScheduledQueries", body.clone()).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text().as_str(), answer.header("content-type")),
        (500, r#"{"a":1}"#, "application/json; charset=utf-8")
    );
    assert!(!answer.headers.contains_key("retry-after"));
    let id = ask(&deployment, Method::GET, "faults", Value::Null).await.json()["faults"][1]["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&deployment, Method::DELETE, &format!("faults/{id}"), Value::Null).await.status, 200);
    assert_eq!(ask(&deployment, Method::DELETE, &format!("faults/{id}"), Value::Null).await.status, 404);
    deployment.call(ANA, Method::POST, "ScheduledQueries", body).await.ok();
}

#[tokio::test]
async fn a_page_of_somebody_in_between_can_be_ordered() {
    let deployment = Deployment::sandbox().await;
    order(&deployment, json!({"status": 200, "body": "<html>Sign in to the network</html>", "times": 1})).await;
    let answer = deployment.get(ANA, "ScheduledReport").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/html; charset=utf-8"));
}

#[tokio::test]
async fn throttled_and_ended_tokens_look_as_real_ones() {
    let deployment = Deployment::sandbox().await;
    order(&deployment, json!({"kind": "throttled", "times": 1})).await;
    let throttled = deployment.get(ANA, "ScheduledReport").await;
    throttled.refused(429);
    assert_eq!(throttled.header("retry-after"), "30");
    order(&deployment, json!({"kind": "expiredToken", "times": 1})).await;
    let ended = deployment.get(ANA, "ScheduledReport").await;
    assert_eq!(ended.refused(401), "Unauthorized");
    assert!(ended.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
    deployment.get(ANA, "ScheduledReport").await.ok();
}

#[tokio::test]
async fn a_fault_meets_one_tenant_or_a_share() {
    let deployment = Deployment::sandbox().await;
    order(&deployment, json!({"match": {"tenant": "Fabrikam.example"}, "status": 500})).await;
    deployment.get(ANA, "ScheduledReport").await.ok();
    deployment.get(ZOE, "ScheduledReport").await.refused(500);
    let form = [("grant_type", "password")];
    assert_eq!(deployment.post_form("/fabrikam.example/oauth2/token", &form).await.status, 500);
    assert_eq!(deployment.post_form(&format!("/{FABRIKAM}/oauth2/token"), &form).await.status, 500);
    assert_eq!(deployment.post_form("/contoso.example/oauth2/token", &form).await.status, 400);
    clear(&deployment).await;
    order(&deployment, json!({"share": 0.25, "status": 500})).await;
    let mut failed = 0;
    for _ in 0..20 {
        failed += u32::from(deployment.get(ANA, "ScheduledReport").await.status == 500);
    }
    assert_eq!(failed, 5);
}

#[tokio::test]
async fn a_delay_is_real_and_the_answer_its_own() {
    let deployment = Deployment::sandbox().await;
    order(&deployment, json!({"delay": "PT0.3S", "times": 1})).await;
    let begun = tokio::time::Instant::now();
    deployment.get(ANA, "ScheduledReport").await.ok();
    assert!(begun.elapsed().as_millis() >= 300, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_token_endpoint_gives_any_documented_number() {
    let deployment = Deployment::sandbox().await;
    for (number, error, version_2) in [(50076, "interaction_required", "invalid_grant"), (53003, "invalid_grant", "invalid_grant")] {
        order(&deployment, json!({"kind": "authority", "error": number, "times": 2})).await;
        for (path, error) in [("/contoso.example/oauth2/token", error), ("/contoso.example/oauth2/v2.0/token", version_2)] {
            let answer = deployment.post_form(path, &[("grant_type", "password")]).await.json();
            assert_eq!((&answer["error"], &answer["error_codes"]), (&json!(error), &json!([number])), "{answer}");
            assert!(answer["error_description"].as_str().unwrap().starts_with(&format!("AADSTS{number}: ")));
        }
    }
    // The rest of the authority is as it was.
    assert_eq!(deployment.fetch("/contoso.example/discovery/keys", &[]).await.status, 200);
    order(&deployment, json!({"match": {"path": "/*/oauth2/*"}, "status": 429, "retryAfter": 7})).await;
    let busy = deployment.post_form("/contoso.example/oauth2/token", &[]).await;
    assert_eq!((busy.status.as_u16(), busy.header("retry-after"), &busy.json()["error_codes"]), (429, "7", &json!([90055])));
}

#[tokio::test]
async fn a_link_ends_and_a_download_breaks_off() {
    let deployment = Deployment::sandbox().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    order(&deployment, json!({"kind": "expiredLink", "times": 1, "match": {"tenant": "contoso.example"}})).await;
    assert!(deployment.fetch(&link, &[]).await.refused(403).starts_with("The link has expired."));
    let whole = deployment.fetch(&link, &[]).await;
    for (fault, sent) in [
        (json!({"kind": "cut", "cutAfter": 7}), 7),
        (json!({"kind": "cut"}), whole.body.len() / 2),
        (json!({"kind": "cut", "cutAfter": 9999}), whole.body.len() - 1),
    ] {
        order(&deployment, with(fault, json!({"times": 1, "match": {"path": "/artifacts/"}}))).await;
        let request = Request::get(link.strip_prefix(BASE).unwrap()).header(header::HOST, "insights.example").body(Body::empty()).unwrap();
        let response = deployment.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-length"], whole.body.len().to_string());
        let (mut came, mut broken) = (Vec::new(), false);
        let mut frames = response.into_body().into_data_stream();
        while let Some(frame) = frames.next().await {
            match frame {
                Ok(bytes) => came.extend(bytes),
                Err(_) => {
                    broken = true;
                    break;
                }
            }
        }
        assert!(broken && came == whole.body[..sent], "{sent}: {} came", came.len());
    }
    assert_eq!(deployment.fetch(&link, &[]).await.body, whole.body);
}

#[tokio::test]
async fn what_cannot_be_ordered_names_its_field() {
    let deployment = Deployment::sandbox().await;
    for (fault, words) in [
        (json!({}), "Say what happens"),
        (json!({"status": 99}), "'status' should be between 200 and 599"),
        (json!({"status": "503"}), "'status' should be a whole number"),
        (json!({"status": 503, "times": 0}), "'times' should be between 1 and"),
        (json!({"status": 503, "times": 1, "share": 0.5}), "'times' and 'share'"),
        (json!({"status": 503, "share": 0}), "'share' should be above 0"),
        (json!({"status": 503, "retryAfter": -1}), "'retryAfter' should be between"),
        (json!({"retryAfter": 5}), "'status' should be given"),
        (json!({"delay": "PT3M"}), "'delay' should be at most PT120S"),
        (json!({"delay": "soon"}), "'delay' should be an ISO 8601 duration"),
        (json!({"status": 503, "body": "x".repeat(65 << 10)}), "'body' should have at most"),
        (json!({"status": 503, "body": "x", "contentType": "a\nb"}), "'contentType' should be"),
        (json!({"status": 503, "stauts": 1}), "'stauts' is no field"),
        (json!({"status": 503, "match": {"url": "/"}}), "'match.url' is no field"),
        (json!({"status": 503, "match": {"path": "insights"}}), "'match.path' should begin"),
        (json!({"status": 503, "match": {"method": "FETCH"}}), "'match.method' should be"),
        (json!({"status": 503, "match": {"tenant": "nobody.example"}}), "'match.tenant' is"),
        (json!({"status": 503, "match": {"dataset": "Sales"}}), "'match.dataset' is for faults of executions"),
        (json!({"kind": "executionFailed", "match": {"path": "/"}}), "'match.path' is for faults of requests"),
        (json!({"kind": "executionFailed", "match": {"report": "1"}}), "'match.report' should be the id"),
        (json!({"kind": "broken"}), "'kind' should be one of request"),
        (json!({"kind": "throttled", "status": 500}), "'status' is not for the kind throttled"),
        (json!({"kind": "callbackDropped", "for": "PT1S"}), "which takes nothing more"),
        (json!({"kind": "authority"}), "'error' should be a number"),
        (json!({"kind": "authority", "error": 1}), "'error' should be a number of the token endpoint: 1"),
        (json!({"kind": "executionPending"}), "'for' should say how long"),
        (json!({"kind": "executionPending", "for": "PT0S"}), "'for' should be more than nothing"),
        (json!({"kind": "callbackOutOfOrder", "count": 1}), "'count' should be between 2"),
        (json!([]), "should be a JSON object"),
    ] {
        let error = refused(&deployment, fault.clone()).await;
        assert!(error.contains(words), "{fault}: {error}");
    }
    for _ in 0..100 {
        order(&deployment, json!({"status": 503})).await;
    }
    assert!(refused(&deployment, json!({"status": 503})).await.contains("There are 100 faults already"));
    assert_eq!(ask(&deployment, Method::GET, "clock", Value::Null).await.status, 200, "the sandbox itself meets none");
    assert_eq!(deployment.fetch("/healthz", &[]).await.status, 200);
}
