//! The log: what it contains about answers, and that strangers cannot flood it.

use std::fmt::{Debug, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::tests::harness::*;

/// The lines of this project at all levels that the test's thread has written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Log {
    pub(crate) fn begin() -> (Log, DefaultGuard) {
        let log = Log::default();
        (log.clone(), set_default(log))
    }

    /// Returns the lines of a level that contain the text, and forgets all lines.
    pub(crate) fn take(&self, level: Level, text: &str) -> Vec<String> {
        let all = std::mem::take(&mut *self.0.lock().unwrap());
        all.into_iter().filter(|(of, line)| *of == level && line.contains(text)).map(|(_, line)| line).collect()
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("insightgate")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

async fn from(deployment: &Deployment, address: &str, method: &str, path: &str, authorization: &str) -> u16 {
    let mut request = Request::builder().method(method).uri(path).header(header::AUTHORIZATION, authorization).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    deployment.send(request).await.status.as_u16()
}

/// Runs every log statement about answers before the test listens: a statement that another test's thread reaches first, while this one listens, is
/// cached as disabled.
async fn reach_all_lines(deployment: &Deployment) {
    for authorization in ["", "", "Bearer nonsense", "Bearer nonsense"] {
        from(deployment, "203.0.113.99:1", "GET", "/insights/v1/mpn/ScheduledDataset", authorization).await;
        from(deployment, "203.0.113.99:1", "GET", "/nowhere", authorization).await;
    }
}

#[tokio::test]
async fn strangers_do_not_fill_the_log() {
    let deployment = Deployment::new().await;
    reach_all_lines(&deployment).await;
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
    reach_all_lines(&deployment).await;
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
