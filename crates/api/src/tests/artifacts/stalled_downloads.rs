//! Downloads that are no longer read: their places are freed, and their connections end. Time only moves by the steps that a test makes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use axum::response::Response;
use futures::StreamExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::ConnectionEnd;
use crate::tests::harness::*;

async fn large_file(deployment: &Deployment) -> String {
    let names: Vec<String> = (0..30_000).map(|number| format!("name {number:020}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), 100, "1000001")).collect();
    deployment.write_sales(CONTOSO, "a.parquet", &rows);
    deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await
}

/// An answer that nobody has read yet, on a connection whose end is counted.
async fn asked(deployment: &Deployment, link: &str, ended: &Arc<AtomicUsize>, headers: &[(&str, &str)]) -> Response {
    let ended = Arc::clone(ended);
    let end = ConnectionEnd::new(move || {
        ended.fetch_add(1, Ordering::Relaxed);
    });
    let uri = link.strip_prefix(BASE).unwrap();
    let request = Request::get(uri).header(header::HOST, "insights.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    deployment.router.clone().oneshot(request.extension(end).body(Body::empty()).unwrap()).await.unwrap()
}

/// The runtime would advance its paused clock whenever it is idle, and it does not see the database's threads; it does not while a thread of its own is busy.
fn freeze() -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel();
    tokio::task::spawn_blocking(move || held.recv().is_ok());
    tokio::time::pause();
    release
}

/// Waits until no more than so many places are taken: a place is given back by a task of its own.
async fn until_under_way(deployment: &Deployment, most: usize) {
    while deployment.context.downloads.under_way() > most {
        deployment.context.store.lease_time().await.unwrap();
    }
}

/// The seconds until nobody downloads.
async fn passed_until_all_places_are_back(deployment: &Deployment) -> u64 {
    let mut passed = 0;
    while deployment.context.downloads.under_way() > 0 {
        for _ in 0..20 {
            deployment.context.store.lease_time().await.unwrap();
        }
        assert!(passed < 1_000, "{} stay", deployment.context.downloads.under_way());
        tokio::time::advance(Duration::from_secs(1)).await;
        passed += 1;
    }
    passed
}

#[tokio::test]
async fn a_reader_that_does_not_read_on_loses_its_place_and_its_connection() {
    let deployment = Deployment::with(|settings| settings.downloads.per_file = 4).await;
    let link = large_file(&deployment).await;
    let ended = Arc::default();
    let range = [("range", "bytes=0-1023")];
    let mut answers = Vec::new();
    for headers in [&[][..], &[("accept-encoding", "gzip")], &range, &[]] {
        answers.push(asked(&deployment, &link, &ended, headers).await);
    }
    // The artifact's share of downloads is used up, also for a small part of it; a request for no bytes is answered.
    let refused = deployment.fetch(&link, &range).await;
    assert!(refused.refused(429).starts_with("The file has as many downloads") && refused.header("retry-after") == "5");
    let etag = answers[0].headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(deployment.fetch(&link, &[("if-none-match", &etag)]).await.status, 304);
    // A client that disconnects frees its place.
    drop(answers.pop());
    until_under_way(&deployment, 3).await;
    assert_eq!(deployment.fetch(&link, &range).await.status, 206);
    assert_eq!(ended.load(Ordering::Relaxed), 0);
    let _frozen = freeze();
    let passed = passed_until_all_places_are_back(&deployment).await;
    assert!((60..=125).contains(&passed), "{passed}");
    assert_eq!(ended.load(Ordering::Relaxed), 3, "each connection is ended");
    // The buffered bytes can be read, and then the body ends with an error, not as if it were complete.
    for answer in answers {
        let is_part = answer.status() == 206;
        let pieces: Vec<_> = answer.into_body().into_data_stream().collect().await;
        assert!(is_part || pieces.iter().any(Result::is_err));
    }
    assert_eq!(deployment.fetch(&link, &[]).await.status, 200);
}

#[tokio::test]
async fn a_tenant_and_all_together_have_a_share() {
    let deployment = Deployment::with(|settings| {
        settings.quotas = false;
        (settings.downloads.per_tenant, settings.downloads.at_once) = (3, 4);
    })
    .await;
    let (own, other) = (large_file(&deployment).await, deployment.export(ZOE, ALL_SALES, json!({})).await);
    let second = deployment.export(BEN, ALL_SALES, json!({})).await;
    let ended = Arc::default();
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(asked(&deployment, &own, &ended, &[]).await);
    }
    let refused = deployment.fetch(&second, &[]).await;
    assert!(refused.refused(429).starts_with("The organization has as many downloads") && refused.header("retry-after") == "5");
    held.push(asked(&deployment, &other, &ended, &[]).await);
    assert_eq!(deployment.context.downloads.under_way(), 4);
    let refused = deployment.fetch(&other, &[]).await;
    assert!(refused.refused(503).starts_with("Too many downloads") && refused.header("retry-after") == "5");
    // A download that is read to its end frees its place.
    let answer = held.remove(0);
    assert!(answer.into_body().into_data_stream().all(async |piece| piece.is_ok()).await);
    until_under_way(&deployment, 3).await;
    assert_eq!(deployment.fetch(&other, &[]).await.status, 200);
    assert_eq!(ended.load(Ordering::Relaxed), 0);
}
