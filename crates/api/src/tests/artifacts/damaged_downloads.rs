//! Damaged artifacts: no download of one succeeds, whatever part was requested, and no byte is sent that was not written.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use chrono::TimeDelta;
use futures::StreamExt as _;
use insightgate_identity::role::Locations;
use insightgate_query::format::Format;
use insightgate_report::execution::Artifact;
use insightgate_store::Outcome;
use serde_json::json;
use std::path::PathBuf;

use crate::tests::harness::log::Log;
use crate::tests::harness::*;

/// The engine's block size.
const BLOCK: usize = 128 << 10;
const GZIP: (&str, &str) = ("accept-encoding", "gzip");

/// The link to an artifact of several blocks, the artifact's path, and the bytes that were written.
async fn large_file(deployment: &Deployment) -> (String, PathBuf, Vec<u8>) {
    let names: Vec<String> = (0..30_000).map(|number| format!("name {number:020}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), 100, "1000001")).collect();
    deployment.write_sales(CONTOSO, "a.parquet", &rows);
    let link = deployment.export(ANA, "SELECT Name, Amount FROM Sales", json!({})).await;
    let file = only_file(deployment);
    let content = std::fs::read(&file).unwrap();
    assert!(content.len() > 5 * BLOCK && !content.len().is_multiple_of(BLOCK));
    assert_eq!(received(deployment, &link, &[]).await, (StatusCode::OK, content.clone(), true));
    (link, file, content)
}

fn only_file(deployment: &Deployment) -> PathBuf {
    let mut folder = deployment.folder.path().join("artifacts");
    while folder.is_dir() {
        let mut inside: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(inside.len(), 1);
        folder = inside.remove(0);
    }
    folder
}

/// The received bytes, and whether the download succeeded.
async fn received(deployment: &Deployment, link: &str, headers: &[(&str, &str)]) -> (StatusCode, Vec<u8>, bool) {
    let uri = link.strip_prefix(BASE).unwrap();
    let request = Request::get(uri).header(header::HOST, "insights.example");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = tower::ServiceExt::oneshot(deployment.router.clone(), request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, mut body, mut came) = (response.status(), response.into_body().into_data_stream(), Vec::new());
    while let Some(piece) = body.next().await {
        match piece {
            Ok(bytes) => came.extend_from_slice(&bytes),
            Err(_) => return (status, came, false),
        }
    }
    (status, came, true)
}

async fn head(deployment: &Deployment, link: &str) -> Answer {
    deployment.send(Request::builder().method(Method::HEAD).uri(link.strip_prefix(BASE).unwrap()).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn no_download_of_a_damaged_file_ends_well() {
    let deployment = Deployment::new().await;
    let (link, file, content) = large_file(&deployment).await;
    let half = content.len() / 2;
    let flipped = |place: usize| {
        let mut changed = content.clone();
        changed[place] ^= 1;
        changed
    };
    let longer = [content.as_slice(), b"more"].concat();
    for (what, damaged) in [
        ("half of it", content[..half].to_vec()),
        ("at a block's end", content[..2 * BLOCK].to_vec()),
        ("a byte less", content[..content.len() - 1].to_vec()),
        ("nothing", Vec::new()),
        ("longer", longer),
        ("the first byte", flipped(0)),
        ("a byte within", flipped(2 * BLOCK + 77)),
        ("the last byte", flipped(content.len() - 1)),
    ] {
        std::fs::write(&file, &damaged).unwrap();
        let (status, came, well) = received(&deployment, &link, &[]).await;
        assert!(!well && status == 200 && content.starts_with(&came) && came.len() < content.len(), "{what}: {} bytes", came.len());
        let (status, _, well) = received(&deployment, &link, &[GZIP]).await;
        assert!(!well && status == 200, "{what}, compressed");
        let tail = format!("bytes=1-{}", content.len() - 1);
        for headers in [&[("range", tail.as_str())][..], &[("range", tail.as_str()), GZIP], &[("x-ms-range", tail.as_str())]] {
            let (status, came, well) = received(&deployment, &link, headers).await;
            assert!(!well && status == 206 && content[1..].starts_with(&came), "{what}: {headers:?}");
        }
        // The headers are those of the bytes that were written.
        let told = head(&deployment, &link).await;
        assert_eq!((told.status.as_u16(), told.header("content-length")), (200, content.len().to_string().as_str()), "{what}");
    }
    // One event for each artifact, however often it was requested.
    let events = deployment.audited("artifact.damaged").await;
    assert_eq!(events.len(), 1);
    assert!(
        events[0].tenant == Some(CONTOSO) && events[0].detail.starts_with("the artifact is damaged: ") && events[0].correlation.is_some(),
        "{events:?}"
    );
    deployment.advance(TimeDelta::hours(25));
    received(&deployment, &link, &[]).await;
    received(&deployment, &link, &[]).await;
    assert_eq!(deployment.audited("artifact.damaged").await.len(), 2);
    std::fs::write(&file, &content).unwrap();
    assert_eq!(received(&deployment, &link, &[]).await, (StatusCode::OK, content, true));
}

/// A client that has a link to a damaged artifact may request it again and again.
#[tokio::test]
async fn a_damaged_file_is_an_error_in_the_log_once_a_day() {
    let deployment = Deployment::new().await;
    let (link, file, content) = large_file(&deployment).await;
    std::fs::write(&file, &content[..content.len() / 2]).unwrap();
    let (log, _guard) = Log::begin();
    for day in ["first", "second"] {
        for _ in 0..20 {
            assert!(!received(&deployment, &link, &[]).await.2);
        }
        let told = log.take(tracing::Level::ERROR, "");
        assert!(told.len() == 1 && told[0].contains("the artifact is damaged"), "{day}: {told:?}");
        deployment.advance(TimeDelta::hours(25));
    }
    std::fs::remove_file(&file).unwrap();
    for _ in 0..20 {
        assert_eq!(deployment.fetch(&link, &[]).await.status, 404);
    }
    // A database that is slow to answer is an error of its own, after which the next request records the damage.
    assert_eq!(log.take(tracing::Level::ERROR, "is not what was written: the artifact is not there").len(), 1);
}

#[tokio::test]
async fn stretches_of_what_is_not_damaged_are_read() {
    let deployment = Deployment::new().await;
    let (link, file, content) = large_file(&deployment).await;
    for (first, last) in [(0, 0), (5, BLOCK), (BLOCK - 1, BLOCK), (2 * BLOCK, 4 * BLOCK - 1), (3 * BLOCK + 1, content.len() - 1)] {
        let (status, came, well) = received(&deployment, &link, &[("range", &format!("bytes={first}-{last}"))]).await;
        assert!(well && status == 206 && came == content[first..=last], "{first}-{last}");
    }
    let mut damaged = content.clone();
    damaged[2 * BLOCK + 77] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    for (first, last, reads) in [
        (0, 2 * BLOCK - 1, true),
        (3 * BLOCK, content.len() - 1, true),
        // Before and after the damage, in the same block.
        (2 * BLOCK, 2 * BLOCK, false),
        (3 * BLOCK - 1, 3 * BLOCK - 1, false),
        (2 * BLOCK - 1, 3 * BLOCK, false),
    ] {
        let (status, came, well) = received(&deployment, &link, &[("range", &format!("bytes={first}-{last}"))]).await;
        assert!(well == reads && status == 206 && content[first..=last].starts_with(&came), "{first}-{last}");
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_not_found_and_told_of() {
    let deployment = Deployment::new().await;
    let (link, file, _) = large_file(&deployment).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(deployment.fetch(&link, &[]).await.status, 404);
    assert_eq!(head(&deployment, &link).await.status, 404);
    let events = deployment.audited("artifact.damaged").await;
    assert!(events.len() == 1 && events[0].detail.contains("not there"), "{events:?}");
}

/// For such artifacts only the checksum and the length of the whole are known.
#[tokio::test]
async fn files_from_before_there_were_checksums_of_blocks_are_compared_as_a_whole() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let claimed = deployment.context.store.claim_execution(0, i64::MAX / 2).await.unwrap().unwrap();
    let content: Vec<u8> = (0..3 * BLOCK + 5).map(|position| b'a' + (position % 23) as u8).collect();
    let id = claimed.execution.id;
    let file = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}/{id}-{}.csv", claimed.execution.epoch));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, &content).unwrap();
    let artifact = Artifact {
        epoch: claimed.execution.epoch,
        format: Format::Csv,
        rows: 3,
        bytes: content.len() as u64,
        sha256: digest(&SHA256, &content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
        generated: deployment.now(),
        data_as_of: None,
        data_version: None,
        locations: Locations::Organization,
        unredacted: Locations::Organization,
    };
    assert!(
        deployment
            .context
            .store
            .finish_execution(&claimed, &Outcome::Completed { artifact, note: None, sums: Vec::new() }, None, deployment.now())
            .await
            .unwrap()
    );
    let execution = deployment.executions(ANA, &report).await.remove(0);
    let link = execution["reportAccessSecureLink"].as_str().unwrap();
    assert_eq!(received(&deployment, link, &[]).await, (StatusCode::OK, content.clone(), true));
    let mut damaged = content.clone();
    damaged[7] ^= 1;
    std::fs::write(&file, &damaged).unwrap();
    for headers in [&[][..], &[GZIP]] {
        assert!(!received(&deployment, link, headers).await.2, "{headers:?}");
    }
    assert_eq!(received(&deployment, link, &[("range", "bytes=9-19")]).await, (StatusCode::PARTIAL_CONTENT, content[9..20].to_vec(), true));
    std::fs::write(&file, &content[..BLOCK]).unwrap();
    for headers in [&[][..], &[GZIP], &[("range", "bytes=9-19")]] {
        assert!(!received(&deployment, link, headers).await.2, "{headers:?}");
    }
}
