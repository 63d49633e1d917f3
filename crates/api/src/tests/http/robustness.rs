//! Requests that no well-meaning client sends: each gets a plain answer.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::json;

use crate::tests::harness::*;

async fn post(deployment: &Deployment, path: &str, body: impl Into<Body>) -> Answer {
    let request =
        Request::post(format!("/insights/v1/mpn/{path}")).header(header::AUTHORIZATION, format!("Bearer {}", deployment.token(ANA)));
    deployment.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn bodies_that_are_no_fields() {
    let deployment = Deployment::new().await;
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested_field = format!("{{\"Name\":{nested}}}");
    let cases: [(Vec<u8>, &str); 11] = [
        (b"".to_vec(), "The request body is not valid JSON"),
        (b"{".to_vec(), "The request body is not valid JSON"),
        (b"{\"Name\":}".to_vec(), "The request body is not valid JSON"),
        (b"{} {}".to_vec(), "The request body is not valid JSON"),
        (b"[]".to_vec(), "The request body should be a JSON object, but is an array."),
        (b"[{\"Name\":\"a\"}]".to_vec(), "The request body should be a JSON object, but is an array."),
        (b"null".to_vec(), "The request body should be a JSON object, but is null."),
        (b"\"text\"".to_vec(), "The request body should be a JSON object, but is 'text'."),
        (b"{\"Name\":\"\xff\xfe\"}".to_vec(), "The request body is not UTF-8: byte 10 is 0xFF."),
        (b"\0\0\0\0".to_vec(), "The request body is not valid JSON"),
        (nested.into_bytes(), "The request body should be a JSON object, but is an array."),
    ];
    for (body, message) in cases {
        for path in ["ScheduledQueries", "ScheduledReport"] {
            let refused = post(&deployment, path, body.clone()).await.refused(400);
            assert!(refused.starts_with(message), "{refused}");
        }
    }
    // Unknown fields are ignored, however deep they are.
    let refused = post(&deployment, "ScheduledQueries", nested_field).await.refused(400);
    assert_eq!(refused, "Name should be a string, but is an array.");
    let large = format!("{{\"Name\":\"{}\"}}", "x".repeat(3 << 20));
    for path in ["ScheduledQueries", "ScheduledReport"] {
        assert_eq!(post(&deployment, path, large.clone()).await.refused(413), "The request body is larger than 512 KiB.");
    }
    let long = "x".repeat(400 << 10);
    assert!(post(&deployment, "ScheduledQueries", json!({"Name": "n", "Query": long}).to_string()).await.refused(400).len() < 1000);
    // Names keep characters that are dangerous to a database.
    let name = "a\u{1}b'; DROP TABLE users; --";
    let made = post(&deployment, "ScheduledQueries", json!({"Name": name, "Query": ALL_SALES}).to_string()).await.ok().remove(0);
    assert_eq!(made["name"], name);
    assert_eq!(deployment.get(ANA, "ScheduledQueries?includeSystemQueries=false").await.ok()[0]["name"], name);
}

#[tokio::test]
async fn paths_are_read_in_any_case_and_with_a_final_slash() {
    let deployment = Deployment::new().await;
    let token = format!("Bearer {}", deployment.token(ANA));
    for path in [
        "/insights/v1/mpn/ScheduledDataset",
        "/INSIGHTS/V1/MPN/SCHEDULEDDATASET",
        "/insights/v1.1/mpn/scheduleddataset/",
        "/Insights/v1/Mpn/ScheduledDataset///?DATASETNAME=sales",
    ] {
        let answer = deployment.fetch(path, &[("authorization", &token)]).await;
        assert!(answer.ok().iter().any(|dataset| dataset["datasetName"] == "Sales"), "{path}");
    }
    let path = "/insights/v1/mpn/scheduledQueries/TestQueryResult?EXPORTQUERY=select+name+from+SALES+order+by+NAME+asc+limit+1";
    assert_eq!(deployment.fetch(path, &[("authorization", &token)]).await.ok(), [json!({"Name": "alpha"})]);
}

#[tokio::test]
async fn what_is_not_there_has_the_form_of_every_answer() {
    let deployment = Deployment::new().await;
    let long = format!("/{}", "a".repeat(60_000));
    for path in ["/nothing", "/insights", "/insights/v2/mpn/ScheduledDataset", "/insights/v1/mpn/Nothing", "/%2e%2e/%2e%2e", &long] {
        let message = deployment.fetch(path, &[]).await.refused(404);
        assert!(message.starts_with("There is nothing at /") && message.len() < 300, "{message}");
    }
    for (method, path) in [
        (Method::POST, "/insights/v1/mpn/ScheduledDataset"),
        (Method::PATCH, "/insights/v1/mpn/ScheduledReport"),
        (Method::GET, "/insights/v1/mpn/ScheduledReport/pause/1"),
        (Method::DELETE, "/insights/v1/mpn/ScheduledQueries"),
        (Method::POST, "/healthz"),
        (Method::OPTIONS, "/insights/v1/mpn/ScheduledDataset"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let answer = deployment.send(request).await;
        assert!(answer.refused(405).contains("does not take"), "{path}");
        assert!(!answer.header("allow").is_empty());
    }
}

#[tokio::test]
async fn garbled_ids_and_parameters_are_refused_plainly() {
    let deployment = Deployment::new().await;
    for id in ["%00", "%ff%fe", "..%2f..%2f", "%25%32%30", "%0d%0aSet-Cookie:a=b", "a;b;c", ";", "%F0%9F%A6%80", &"9".repeat(5_000)] {
        for (method, path) in [
            (Method::DELETE, format!("ScheduledQueries/{id}")),
            (Method::PUT, format!("ScheduledReport/pause/{id}")),
            (Method::DELETE, format!("ScheduledReport/{id}")),
            (Method::GET, format!("ScheduledReport/execution/{id}")),
            (Method::GET, format!("ScheduledQueries?queryId={id}")),
            (Method::GET, format!("ScheduledReport?reportId={id}")),
            (Method::GET, format!("ScheduledDataset?datasetName={id}")),
        ] {
            let answer = deployment.call(ANA, method, &path, serde_json::Value::Null).await;
            // A semicolon separates the ids of a list, and an empty list filters nothing.
            let expected: &[u16] = if id == "%ff%fe" && !path.contains('?') { &[400] } else { &[404] };
            assert!(expected.contains(&answer.status.as_u16()), "{path}: {}", answer.text());
            answer.envelope();
        }
    }
    for path in ["/%ff/oauth2/token", "/%00/.well-known/openid-configuration", "/artifacts/%ff/%ff", "/common/userrealm/%ff"] {
        let answer = deployment.fetch(path, &[]).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn ids_of_a_request_are_echoed_unless_they_could_do_harm() {
    let deployment = Deployment::new().await;
    let sent = [("ms-requestid", "request-1"), ("ms-correlationid", "0b5c1c6e-8c1f-4c92-8d1c-111111111111")];
    let answer = deployment.fetch("/nothing", &sent).await;
    assert_eq!((answer.header("ms-requestid"), answer.header("ms-correlationid")), (sent[0].1, sent[1].1));
    let longest = "a".repeat(129);
    for bad in ["", "a b", "a\"b", "<a>", &longest] {
        let answer = deployment.fetch("/nothing", &[("ms-requestid", bad), ("ms-correlationid", bad)]).await;
        for name in ["ms-requestid", "ms-correlationid"] {
            assert_eq!(answer.header(name).len(), 36, "{bad}");
        }
    }
    let refused = deployment.post_form("/common/oauth2/token", &[]).await;
    assert_eq!(refused.json()["correlation_id"], refused.header("ms-correlationid"));
}

#[tokio::test]
async fn health() {
    let deployment = Deployment::new().await;
    assert_eq!(deployment.fetch("/healthz", &[]).await.text(), "ok");
    let answer = deployment.fetch("/readyz", &[]).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["ready"]), (200, &json!(true)), "{}", answer.text());
    deployment.context.store.close().await;
    assert_eq!(deployment.fetch("/healthz", &[]).await.status, 200);
    // Without its database the server answers with the documented message.
    let refused = deployment.get(ANA, "ScheduledReport").await;
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(refused.refused(503), "Service unavailable");
    let token = deployment.post_form("/common/oauth2/token", &[("grant_type", "client_credentials")]).await;
    assert!(token.status == 400 || token.header("retry-after") == "5");
}

fn detail(answer: &crate::tests::harness::Answer, name: &str) -> Option<String> {
    let body = answer.json();
    let found = body["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
    found["detail"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn readiness_says_what_cannot_be_done() {
    let deployment = Deployment::new().await;
    deployment.context.store.close().await;
    let answer = deployment.fetch("/readyz", &[]).await;
    assert_eq!(answer.status, 503);
    assert_eq!(detail(&answer, "database").unwrap(), "nothing can be answered: the database does not answer");
    assert_eq!(
        detail(&answer, "databaseWrites").unwrap(),
        "nothing can be changed, and no token can be given: the database does not answer"
    );
    assert_eq!((detail(&answer, "artifacts"), detail(&answer, "data")), (None, None));
    // The folder of the artifacts is replaced by a file.
    let deployment = Deployment::new().await;
    std::fs::remove_dir_all(deployment.folder.path().join("artifacts")).unwrap();
    std::fs::write(deployment.folder.path().join("artifacts"), "").unwrap();
    let answer = deployment.fetch("/readyz", &[]).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(detail(&answer, "artifacts").unwrap().starts_with("reports cannot be written: "));
    assert!(!answer.text().contains(deployment.folder.path().to_str().unwrap()), "strangers read it");
}
