//! The sandbox's clock: who may reach it, and how it moves.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_outbound::AddressRules;
use insightgate_report::instant;
use insightgate_store::CallbackFilter;
use serde_json::{Value, json};

use crate::tests::harness::receiver::Receiver;
use crate::tests::harness::*;
use crate::{SandboxAccess, router};

async fn ask(deployment: &Deployment, method: Method, peer: Option<&str>, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri("/sandbox/v1/clock");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from(body.to_owned())).unwrap();
    if let Some(peer) = peer {
        let address = SocketAddr::new(peer.parse::<IpAddr>().unwrap(), 50_000);
        request.extensions_mut().insert(ConnectInfo(address));
    }
    deployment.send(request).await
}

async fn set(deployment: &Deployment, body: &str) -> Answer {
    ask(deployment, Method::POST, Some("127.0.0.1"), &[("host", "localhost:7080"), ("content-type", "application/json")], body).await
}

#[tokio::test]
async fn only_callers_on_the_machine_itself_are_answered() {
    let deployment = Deployment::sandbox().await;
    let ours = ("host", "localhost:7080");
    for (peer, headers, answered) in [
        (Some("127.0.0.1"), vec![ours], true),
        (Some("127.9.9.9"), vec![("host", "LOCALHOST"), ("sec-fetch-site", "none")], true),
        (Some("::1"), vec![("host", "[::1]:7080")], true),
        (Some("::ffff:127.0.0.1"), vec![ours], true),
        (Some("192.0.2.1"), vec![ours], false),
        (Some("::ffff:192.0.2.1"), vec![ours], false),
        (None, vec![ours], false),
        (Some("127.0.0.1"), vec![], false),
        (Some("127.0.0.1"), vec![("host", "evil.example")], false),
        (Some("127.0.0.1"), vec![("host", "localhost.evil.example")], false),
        (Some("127.0.0.1"), vec![ours, ("origin", "http://localhost:7080")], false),
        (Some("127.0.0.1"), vec![ours, ("origin", "null")], false),
        (Some("127.0.0.1"), vec![ours, ("sec-fetch-site", "cross-site")], false),
        (Some("127.0.0.1"), vec![ours, ("via", "1.1 proxy")], false),
        (Some("127.0.0.1"), vec![ours, ("forwarded", "for=192.0.2.1")], false),
        (Some("127.0.0.1"), vec![ours, ("x-forwarded-for", "192.0.2.1")], false),
        (Some("127.0.0.1"), vec![ours, ("x-forwarded-host", "a")], false),
        (Some("127.0.0.1"), vec![ours, ("x-forwarded-proto", "https")], false),
        (Some("127.0.0.1"), vec![ours, ("x-real-ip", "192.0.2.1")], false),
    ] {
        for method in [Method::GET, Method::POST] {
            let mut headers = headers.clone();
            headers.push(("content-type", "application/json"));
            let answer = ask(&deployment, method.clone(), peer, &headers, r#"{"advance":"PT1S"}"#).await;
            assert_eq!(answer.status.as_u16(), if answered { 200 } else { 403 }, "{method} {peer:?} {headers:?}");
            assert_eq!(answer.json()["error"].is_string(), !answered);
        }
    }
    // A request with an invalid host is refused before.
    ask(&deployment, Method::POST, Some("127.0.0.1"), &[("host", "localhost:evil")], "{}").await.refused(400);
    assert_eq!((deployment.now() - "2026-11-22T12:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap()).num_seconds(), 4);
}

#[tokio::test]
async fn the_clock_moves_forward_and_queues_what_falls_due() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    assert_eq!(set(&deployment, r#"{"advance":"PT0S"}"#).await.json(), json!({"now": NOW, "mode": "manual"}));
    assert_eq!(set(&deployment, r#"{"advance":"P1DT4H"}"#).await.json()["now"], "2026-11-23T16:00:00Z");
    let waiting = deployment.executions(ANA, &report).await;
    assert_eq!(waiting.len(), 7);
    assert!(waiting.iter().all(|execution| execution["executionStatus"] == "Pending"));
    assert_eq!(set(&deployment, r#"{"NOW":"2026-11-23T20:00:00Z"}"#).await.json()["now"], "2026-11-23T20:00:00Z");
    assert_eq!(deployment.work().await, 8);
    for (body, message) in [
        (r#"{"now":"2026-11-23T19:59:59Z"}"#, "never moves back"),
        (r#"{"now":"soon"}"#, "now should follow format"),
        (r#"{"advance":"-PT1H"}"#, "advance should be an ISO 8601 duration"),
        (r#"{"advance":"P1Y"}"#, "advance should be an ISO 8601 duration"),
        (r#"{"advance":"P4294967295W"}"#, "beyond what the calendar holds"),
        (r#"{"advance":5}"#, "'advance' should be a string"),
        (r#"{"advance":"PT1S","now":"2027-01-01T00:00:00Z"}"#, "exactly one of"),
        ("{}", "exactly one of"),
        ("[]", "should be a JSON object"),
        ("", "exactly one of"),
        ("{", "not valid JSON"),
    ] {
        let refused = set(&deployment, body).await;
        assert_eq!(refused.status, 400, "{body}");
        assert!(refused.json()["error"].as_str().unwrap().contains(message), "{body}: {}", refused.text());
    }
    // Any page can post a form without a preflight request, but not JSON.
    for kind in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("host", "localhost"), ("content-type", kind)];
        assert_eq!(ask(&deployment, Method::POST, Some("127.0.0.1"), &headers, r#"{"advance":"PT1S"}"#).await.status, 400);
    }
    assert_eq!(set(&deployment, r#"{"advance":"PT0S"}"#).await.json()["now"], "2026-11-23T20:00:00Z");
}

#[tokio::test]
async fn the_systems_clock_cannot_be_moved() {
    let deployment = Deployment::sandbox_start(Settings::default(), Clock::System).await;
    let shown = ask(&deployment, Method::GET, Some("127.0.0.1"), &[("host", "localhost")], "").await.json();
    assert_eq!(shown["mode"], "system");
    let refused = set(&deployment, r#"{"advance":"PT1H"}"#).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().contains("--clock manual"), "{}", refused.text());
}

#[tokio::test]
async fn without_a_sandbox_there_is_no_clock_to_move() {
    let service = Deployment::new().await;
    set(&service, r#"{"advance":"PT1H"}"#).await.refused(404);
    for path in ["clock", "faults", "requests", "callbacks", "receiver/any", "reset"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let request = Request::builder().method(&method).uri(format!("/sandbox/v1/{path}")).header("host", "localhost");
            let answer = service.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, 404, "{method} {path}");
        }
    }
    let mut deployment = Deployment::sandbox().await;
    let open = SandboxAccess { hosts: Arc::new(["localhost".into()]), loopback_only: false };
    deployment.router = router(state(&deployment.context, Some(open)));
    let remote = ask(&deployment, Method::GET, Some("192.0.2.1"), &[("host", "localhost")], "").await;
    assert_eq!((remote.status.as_u16(), &remote.json()["now"]), (200, &Value::from(NOW)));
}

/// What a client and the operators see of the executions of these reports, and of their callbacks, oldest first.
async fn seen(deployment: &Deployment, reports: &[String]) -> Vec<Value> {
    let mut seen = Vec::new();
    for report in reports {
        let mut generated: Vec<Value> =
            deployment.executions(ANA, report).await.into_iter().map(|run| run["reportGeneratedTime"].clone()).collect();
        generated.reverse();
        seen.push(Value::from(generated));
    }
    let filter = CallbackFilter::default();
    let mut callbacks = deployment.context.store.callback_page(&filter, None, 100).await.unwrap().items;
    callbacks.sort_by_key(|callback| callback.created);
    for callback in callbacks {
        let attempts = deployment.context.store.callback_attempts(callback.id).await.unwrap();
        let at: Vec<String> = attempts.iter().map(|attempt| instant::format(attempt.at)).collect();
        let told: Value = serde_json::from_str(&callback.body).unwrap();
        seen.push(json!([
            instant::format(callback.created),
            callback.delivery.finished.map(instant::format),
            at,
            told["reportGeneratedTime"]
        ]));
    }
    seen
}

#[tokio::test]
async fn each_slot_runs_at_its_own_time_whatever_the_strides() {
    let mut by_strides = Vec::new();
    // Who moves by small strides works between them, who moves at once works at the end.
    for (strides, stride) in [(1, "P3D"), (3, "P1D"), (72, "PT1H")] {
        let deployment = Deployment::sandbox_with(|settings| {
            settings.callbacks.addresses = AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] }
        })
        .await;
        let receiver = Receiver::start().await;
        receiver.answer("500 Broken");
        let query = deployment.create_query(ANA, ALL_SALES).await;
        let daily = json!({"StartTime": "2026-11-22T17:30:00Z", "RecurrenceInterval": 24});
        let told = with(every_four_hours(Some(4)), json!({"CallbackUrl": receiver.url}));
        let mut reports = Vec::new();
        for fields in [daily.clone(), daily, told] {
            reports.push(deployment.create_report(ANA, &query, fields).await);
        }
        for _ in 0..strides {
            assert_eq!(set(&deployment, &json!({"advance": stride}).to_string()).await.status, 200);
            if strides > 1 {
                deployment.work().await;
                deployment.deliver().await;
            }
        }
        deployment.work().await;
        deployment.deliver().await;
        assert_eq!(deployment.now(), instant::parse("2026-11-25T12:00:00Z").unwrap());
        by_strides.push(seen(&deployment, &reports).await);
    }
    let days = json!(["2026-11-22T17:30:00Z", "2026-11-23T17:30:00Z", "2026-11-24T17:30:00Z"]);
    let [once, others @ ..] = &by_strides[..] else { panic!("nothing was moved") };
    assert_eq!(once[..2], [days.clone(), days], "two equal schedules have the same executions");
    assert_eq!(once[2], json!(["2026-11-22T16:00:00Z", "2026-11-22T20:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T04:00:00Z"]));
    assert_eq!(once.len(), 3 + 4, "one callback for each execution of the third");
    let first = &once[3];
    assert_eq!((&first[0], &first[3]), (&json!("2026-11-22T16:00:00Z"), &json!("2026-11-22T16:00:00Z")));
    assert_eq!(
        first[2].as_array().unwrap()[..3],
        [json!("2026-11-22T16:00:00Z"), json!("2026-11-22T16:00:05Z"), json!("2026-11-22T16:00:35Z")]
    );
    assert!(others.len() == 2 && others.iter().all(|other| other == once), "{by_strides:#?}");
}

#[tokio::test]
async fn two_who_move_the_clock_at_once_lose_nothing() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let (one, other) = tokio::join!(set(&deployment, r#"{"advance":"P2D"}"#), set(&deployment, r#"{"now":"2026-11-25T12:00:00Z"}"#));
    assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
    assert_eq!(deployment.work().await, 18);
    assert_eq!(deployment.executions(ANA, &report).await.len(), 18);
    assert_eq!(deployment.context.store.setting("manual_clock").await.unwrap().unwrap(), deployment.now().to_rfc3339());
}

#[tokio::test]
async fn what_was_paused_runs_when_it_is_resumed() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    set(&deployment, r#"{"advance":"PT4H"}"#).await;
    let path = format!("ScheduledReport/pause/{report}");
    deployment.call(ANA, Method::PUT, &path, Value::Null).await.ok();
    set(&deployment, r#"{"advance":"PT25H"}"#).await;
    deployment.call(ANA, Method::PUT, &path.replace("pause", "resume"), Value::Null).await.ok();
    assert_eq!(deployment.work().await, 1);
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!(execution["reportGeneratedTime"], "2026-11-23T17:00:00Z", "{execution}");
}
