//! The log: what it contains about answers, and that strangers cannot flood it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use tracing::Level;

use crate::tests::harness::log::Log;
use crate::tests::harness::*;

async fn from(deployment: &Deployment, address: &str, method: &str, path: &str, authorization: &str) -> u16 {
    let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    deployment.send(request).await.status.as_u16()
}

#[tokio::test]
async fn strangers_do_not_fill_the_log() {
    let deployment = Deployment::new().await;
    let (log, _guard) = Log::begin();
    let long = format!("/{}", "x".repeat(60_000));
    let (one, other) = ("203.0.113.7:1", "203.0.113.8:1");
    for _ in 0..300 {
        assert_eq!(from(&deployment, one, "GET", &long, "").await, 404);
    }
    let told = log.take(Level::INFO, "");
    assert!(told.len() == 1 && told[0].len() < 500 && told[0].contains("xxx… (60001 bytes)"), "{told:?}");
    for _ in 0..3 {
        from(&deployment, one, "GET", &long, "").await;
    }
    let left_out = log.take(Level::DEBUG, "answered");
    assert!(left_out.len() == 3 && left_out.iter().all(|line| line.len() < 500), "they are there at debug: {left_out:?}");
    // A method may be as long as a path.
    from(&deployment, other, &"M".repeat(60_000), "/nowhere", "").await;
    let told = log.take(Level::INFO, "answered");
    assert!(told.len() == 1 && told[0].len() < 500, "another address has a line of its own: {told:?}");
    // The same line says why a token was refused.
    for path in ["/insights/v1/mpn/ScheduledDataset", "/manage/v1/tenants"] {
        for _ in 0..50 {
            assert_eq!(from(&deployment, one, "GET", path, "Bearer nonsense").await, 401);
        }
    }
    let told = log.take(Level::INFO, "");
    assert!(told.len() == 1 && told[0].contains("status=401") && told[0].contains("reason="), "{told:?}");
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    from(&deployment, one, "GET", &long, "").await;
    let told = log.take(Level::INFO, "left_out=302");
    assert_eq!(told.len(), 1, "{told:?}");
    // An answer that is not a refusal has a line of its own.
    for _ in 0..5 {
        assert_eq!(from(&deployment, one, "GET", "/common/discovery/instance", "").await, 200);
    }
    assert_eq!(log.take(Level::INFO, "status=200").len(), 5);
}

#[tokio::test]
async fn whoever_proved_something_has_a_line_for_each_answer() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await;
    let (log, _guard) = Log::begin();
    for _ in 0..5 {
        deployment.call(ANA, Method::DELETE, "ScheduledQueries/00000000-0000-0000-0000-000000000001", Value::Null).await;
        deployment.fetch(&link, &[("range", "bytes=999999-")]).await;
    }
    let told = log.take(Level::INFO, "answered");
    assert_eq!(told.len(), 10, "{told:?}");
    let forged = link.replace("sig=", "sig=x");
    for _ in 0..5 {
        assert_eq!(deployment.fetch(&forged, &[]).await.status, 403);
    }
    assert_eq!(log.take(Level::INFO, "answered").len(), 1);
}
