//! `Idempotency-Key`: a creation that is sent again is made once.

use axum::body::Body;
use axum::http::{Request, header};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn create(deployment: &Deployment, who: Who, path: &str, key: &str, body: &Value) -> Answer {
    let request = Request::post(format!("/insights/v1/mpn/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", deployment.token(who)))
        .header("Idempotency-Key", key);
    deployment.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn reports(deployment: &Deployment) -> usize {
    deployment.get(ANA, "ScheduledReport").await.ok().len()
}

#[tokio::test]
async fn a_report_is_created_once_with_a_key() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let body = report_body(&query, every_four_hours(None));
    let first = create(&deployment, ANA, "ScheduledReport", "one", &body).await;
    let made = first.ok();
    // A moment later the start would be too near for a new report.
    deployment.advance(TimeDelta::minutes(30));
    let again = create(&deployment, ANA, "ScheduledReport", " one ", &body).await;
    assert_eq!(again.ok(), made);
    assert_eq!(reports(&deployment).await, 1);
    // Written differently it is the same.
    let same = with(body.clone(), json!({"reportname": body["ReportName"], "Description": ""}));
    let mut same = same;
    same.as_object_mut().unwrap().remove("ReportName");
    assert_eq!(create(&deployment, ANA, "ScheduledReport", "one", &same).await.ok(), made);
    let other = with(body.clone(), json!({"ReportName": "another"}));
    let told = create(&deployment, ANA, "ScheduledReport", "one", &other).await.refused(422);
    assert_eq!(told, "This Idempotency-Key came with another request before. Use a key once, and again only for the same request.");
    // Another owner's keys are others, and a query's are not a report's.
    let query_body = json!({"Name": "query", "Query": ALL_SALES});
    assert_ne!(create(&deployment, BEN, "ScheduledQueries", "one", &query_body).await.ok()[0]["queryId"], query);
    create(&deployment, ANA, "ScheduledQueries", "one", &query_body).await.ok();
    let id = made[0]["reportId"].as_str().unwrap();
    deployment.call(ANA, axum::http::Method::DELETE, &format!("ScheduledReport/{id}"), Value::Null).await.ok();
    create(&deployment, ANA, "ScheduledReport", "one", &body).await.refused(409);
}

#[tokio::test]
async fn a_query_is_saved_once_with_a_key_and_a_refusal_leaves_it_free() {
    let deployment = Deployment::new().await;
    let body = json!({"Name": "query", "Query": ALL_SALES});
    let wrong = json!({"Name": "query", "Query": "SELECT Nothing FROM Sales"});
    create(&deployment, ANA, "ScheduledQueries", "k", &wrong).await.refused(400);
    let made = create(&deployment, ANA, "ScheduledQueries", "k", &body).await.ok();
    assert_eq!(create(&deployment, ANA, "ScheduledQueries", "k", &body).await.ok(), made);
    for key in ["", &"k".repeat(256), "ü"] {
        let told = create(&deployment, ANA, "ScheduledQueries", key, &body).await.refused(400);
        assert_eq!(told, "Idempotency-Key should be one, of 1 to 255 printable ASCII characters.");
    }
    deployment.advance(TimeDelta::hours(25));
    assert_ne!(create(&deployment, ANA, "ScheduledQueries", "k", &body).await.ok()[0]["queryId"], made[0]["queryId"]);
}

#[tokio::test]
async fn two_keys_are_refused_since_nobody_knows_which_one_is_meant() {
    let deployment = Deployment::new().await;
    let body = json!({"Name": "query", "Query": ALL_SALES}).to_string();
    for (second, status) in [("a", 200), ("b", 400)] {
        let request = Request::post("/insights/v1/mpn/ScheduledQueries")
            .header(header::AUTHORIZATION, format!("Bearer {}", deployment.token(ANA)))
            .header("Idempotency-Key", "a")
            .header("Idempotency-Key", second);
        let answer = deployment.send(request.body(Body::from(body.clone())).unwrap()).await;
        assert_eq!(answer.status.as_u16(), status);
    }
}
