//! How much a caller may still ask for: what is told of it, what is refused, and what that costs others.

use insightgate_operations::limits::LimitSettings;
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn with_limits(limits: LimitSettings) -> Deployment {
    Deployment::with(|settings| settings.limits = limits).await
}

fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit-policy"), answer.header("ratelimit"))
}

#[tokio::test]
async fn an_application_that_calls_too_often_is_told_when_it_may_again() {
    let deployment = with_limits(LimitSettings { calls: 6, application_percent: 50, ..LimitSettings::default() }).await;
    let policy = "\"tenant-calls\";q=6;w=60, \"application-calls\";q=3;w=60";
    for left in ["\"tenant-calls\";r=5;t=10, \"application-calls\";r=2;t=20", "\"tenant-calls\";r=4;t=20, \"application-calls\";r=1;t=40"] {
        let answer = deployment.get(ANA, "ScheduledDataset").await;
        assert_eq!((answer.status.as_u16(), told(&answer)), (200, (policy, left)));
    }
    // A refusal counts too, and its caller is told as well; it is of the same application, whoever uses it.
    let missing = deployment.get(BEN, "ScheduledDataset?datasetName=Nothing").await;
    assert_eq!((missing.status.as_u16(), told(&missing).1), (404, "\"tenant-calls\";r=3;t=30, \"application-calls\";r=0;t=20"));
    let refused = deployment.get(ANA, "ScheduledDataset").await;
    assert_eq!(refused.refused(429), "The application may make 3 calls a minute, and has used them up. Try again in 20 s.");
    assert_eq!(
        (refused.header("retry-after"), told(&refused)),
        ("20", (policy, "\"tenant-calls\";r=3;t=30, \"application-calls\";r=0;t=20"))
    );
    // Another organisation is not held up, and nobody without a token is told or counted.
    assert_eq!(deployment.get(ZOE, "ScheduledDataset").await.status, 200);
    let stranger = deployment.fetch("/insights/v1/mpn/ScheduledDataset", &[]).await;
    assert!(stranger.status == 401 && !stranger.headers.contains_key("ratelimit"));
    deployment.advance(chrono::TimeDelta::seconds(20));
    assert_eq!(deployment.get(ANA, "ScheduledDataset").await.status, 200);
}

#[tokio::test]
async fn previews_and_downloads_have_limits_of_their_own() {
    let limits = LimitSettings { previews: 2, downloads: 2, application_percent: 100, ..LimitSettings::default() };
    let deployment = with_limits(limits).await;
    assert_eq!(deployment.get(ANA, "limits").await.ok().len(), 9);
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let query = "ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales";
    assert_eq!(deployment.get(ANA, query).await.status, 200);
    let explained = deployment.get(ANA, &query.replace("testQueryResult", "explainQuery")).await;
    assert!(told(&explained).1.contains("\"application-previews\";r=0;t=30"), "{explained:?}");
    let refused = deployment.get(ANA, query).await;
    assert_eq!(refused.refused(429), "The application may make 2 previews a minute, and has used them up. Try again in 30 s.");
    assert_eq!(deployment.get(ANA, "ScheduledDataset").await.status, 200, "which is no preview");
    for status in [200, 206] {
        let range: &[_] = if status == 206 { &[("range", "bytes=0-3")] } else { &[] };
        let file = deployment.fetch(&link, range).await;
        assert!(file.status == status && told(&file).0 == "\"tenant-downloads\";q=2;w=60, \"application-downloads\";q=2;w=60", "{file:?}");
    }
    let refused = deployment.fetch(&link, &[]).await;
    assert_eq!((refused.refused(429).contains("2 downloads a minute"), refused.header("retry-after")), (true, "30"));
}

#[tokio::test]
async fn the_caller_can_read_what_is_left() {
    let limits = LimitSettings { calls: 10, previews: 0, downloads: 4, application_percent: 50 };
    let deployment = with_limits(limits).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let limit = |name: &str, of: &str, limit: u64, used: u64, window: Value, free: Value| json!({"name": name, "of": of, "limit": limit, "used": used, "left": limit - used, "windowSeconds": window, "freeAt": free});
    let shown = deployment.get(ANA, "limits").await.ok();
    let expected = [
        limit("queries", "owner", 100, 1, Value::Null, Value::Null),
        limit("activeReports", "owner", 50, 1, Value::Null, Value::Null),
        limit("executeNowReports", "owner", 5, 1, json!(3600), Value::Null),
    ];
    assert_eq!(shown[..3], expected);
    assert_eq!((&shown[3]["name"], &shown[3]["of"], &shown[3]["used"]), (&json!("calls"), &json!("tenant"), &json!(4)));
    assert_eq!(
        shown[4..].iter().map(|one| (one["name"].as_str().unwrap(), one["of"].as_str().unwrap())).collect::<Vec<_>>(),
        [("calls", "application"), ("downloads", "tenant"), ("downloads", "application"),]
    );
    assert!(!report.is_empty());
    let nothing = Deployment::with(|settings| {
        settings.quotas = false;
        settings.limits = LimitSettings::none();
    })
    .await;
    let answer = nothing.get(ANA, "limits").await;
    assert!(answer.ok().is_empty() && !answer.headers.contains_key("ratelimit"));
}

/// A quota's message stays the documented one; beside it stands when a place is free.
#[tokio::test]
async fn a_refused_quota_names_when_a_place_is_free() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for _ in 0..5 {
        deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
        deployment.advance(chrono::TimeDelta::minutes(1));
    }
    let refused = deployment.call(ANA, axum::http::Method::POST, "ScheduledReport", report_body(&query, json!({"ExecuteNow": true}))).await;
    assert_eq!(refused.refused(400), "User has exceeded its ExecuteNow report creation quota of 5 reports/60 mins");
    assert_eq!((&refused.json()["notes"], refused.header("retry-after")), (&json!(["A place is free at 2026-11-22T13:00:00Z."]), "3300"));
    let used_up = deployment.get(ANA, "limits").await.ok().remove(2);
    assert_eq!((&used_up["left"], &used_up["freeAt"]), (&json!(0), &json!("2026-11-22T13:00:00Z")));
}

/// Both are told in whole seconds, and at the second that is told there is a place.
#[tokio::test]
async fn a_place_is_free_at_the_second_that_is_told() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let at_once = || report_body(&query, json!({"ExecuteNow": true}));
    deployment.advance(chrono::TimeDelta::milliseconds(700));
    for _ in 0..5 {
        deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    }
    for passed in [0, 250, 600] {
        deployment.advance(chrono::TimeDelta::milliseconds(passed));
        let refused = deployment.call(ANA, axum::http::Method::POST, "ScheduledReport", at_once()).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["notes"]), (400, &json!(["A place is free at 2026-11-22T13:00:01Z."])));
        assert_eq!(deployment.get(ANA, "limits").await.ok()[2]["freeAt"], "2026-11-22T13:00:01Z");
    }
    let left = "2026-11-22T13:00:01Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap() - deployment.context.clock.now();
    deployment.advance(left - chrono::TimeDelta::milliseconds(500));
    assert_eq!(deployment.call(ANA, axum::http::Method::POST, "ScheduledReport", at_once()).await.status, 400);
    deployment.advance(chrono::TimeDelta::milliseconds(500));
    assert_eq!(deployment.call(ANA, axum::http::Method::POST, "ScheduledReport", at_once()).await.status, 200);
}
