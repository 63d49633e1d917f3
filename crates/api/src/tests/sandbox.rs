//! Failures that are ordered in a sandbox, and what it keeps of requests and callbacks.

mod callbacks;
mod clock;
mod executions;
mod kept;
mod requests;
mod reset;

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use serde_json::Value;

use crate::tests::harness::*;

/// A request of the sandbox's own machine.
pub(super) async fn ask(deployment: &Deployment, method: Method, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(format!("/sandbox/v1/{path}")).header(header::HOST, "localhost:7080");
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    let mut request = request.header(header::CONTENT_TYPE, "application/json").body(body).unwrap();
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 50_000))));
    deployment.send(request).await
}

/// The fault as it is listed.
pub(super) async fn order(deployment: &Deployment, fault: Value) -> Value {
    let answer = ask(deployment, Method::POST, "faults", fault).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

pub(super) async fn refused(deployment: &Deployment, fault: Value) -> String {
    let answer = ask(deployment, Method::POST, "faults", fault).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    answer.json()["error"].as_str().unwrap().to_owned()
}

pub(super) async fn clear(deployment: &Deployment) {
    assert_eq!(ask(deployment, Method::DELETE, "faults", Value::Null).await.status, 200);
}

pub(super) async fn advance(deployment: &Deployment, by: &str) {
    assert_eq!(ask(deployment, Method::POST, "clock", serde_json::json!({ "advance": by })).await.status, 200);
}
