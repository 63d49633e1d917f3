//! A look through the files of reports, beside the server that serves them: what is damaged, lost, or left over, and what mending changes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use insightgate_operations::clock::Clock;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::random::Random;
use insightgate_operations::repair::Repair;
use insightgate_operations::repair::artifacts::{Depth, Looked};
use insightgate_operations::repair::finding::{Finding, Kind};
use insightgate_report::execution::{Epoch, ExecutionStatus};
use serde_json::json;
use uuid::Uuid;

use crate::tests::harness::*;

const BLOCK: usize = 128 << 10;

/// Tests stand in for whoever has the folder and the database.
#[allow(clippy::disallowed_methods)]
fn repair(deployment: &Deployment, mends: bool) -> Repair {
    Repair {
        store: deployment.context.store.clone(),
        engine: deployment.context.engine.clone(),
        clock: Clock::manual(deployment.now()),
        random: Random::default(),
        mending: mends.then(|| Provisioner::at_start("the operator")),
    }
}

async fn found(repair: &Repair, depth: Depth) -> (Looked, Vec<Finding>, Vec<Uuid>) {
    let (mut findings, read) = (Vec::new(), AtomicU64::new(0));
    repair.check_files(&mut |finding| findings.push(finding)).await.unwrap();
    let heard = |bytes| {
        read.fetch_add(bytes, Ordering::Relaxed);
    };
    let (looked, lost) = repair.check_artifacts(depth, &mut |finding| findings.push(finding), &heard).await.unwrap();
    assert_eq!(read.into_inner() > 0, looked.bytes > 0);
    (looked, findings, lost)
}

fn kinds(findings: &[Finding]) -> Vec<(Kind, bool)> {
    findings.iter().map(|finding| (finding.kind, finding.mended)).collect()
}

/// A report's link and id, the path of its artifact, and its execution.
async fn exported(deployment: &Deployment) -> (String, String, PathBuf, Uuid) {
    let names: Vec<String> = (0..15_000).map(|number| format!("name {number:020}")).collect();
    let rows: Vec<_> = names.iter().map(|name| (name.as_str(), 100, "1000001")).collect();
    deployment.write_sales(CONTOSO, "a.parquet", &rows);
    let query = deployment.create_query(ANA, "SELECT Name, Amount FROM Sales").await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    let id: Uuid = execution["executionId"].as_str().unwrap().parse().unwrap();
    let file = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}/{id}-1.csv"));
    assert!(std::fs::metadata(&file).unwrap().len() > 3 * BLOCK as u64);
    (execution["reportAccessSecureLink"].as_str().unwrap().to_owned(), report, file, id)
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_whose_name_is_no_utf_8_is_named_and_ends_nothing() {
    use std::os::unix::ffi::OsStrExt as _;
    let deployment = Deployment::new().await;
    let (_, report, file, _) = exported(&deployment).await;
    let (artifacts, odd) = (deployment.folder.path().join("artifacts"), std::ffi::OsStr::from_bytes(b"\xe9\xff.csv"));
    for place in [artifacts.join(odd), artifacts.join(CONTOSO.to_string()).join(odd), file.parent().unwrap().join(odd)] {
        std::fs::write(place, "x").unwrap();
    }
    let repair = repair(&deployment, true);
    let (looked, findings, _) = found(&repair, Depth::Bytes).await;
    assert_eq!((looked.artifacts, kinds(&findings)), (1, vec![]));
    let mut named = Vec::new();
    repair.check_names(&mut |finding| named.push(finding)).await.unwrap();
    assert_eq!(kinds(&named), [(Kind::NameUnreadable, false); 3]);
    assert!(named.iter().all(|finding| finding.is_open() && finding.subject.contains(r"\xE9\xFF.csv")), "{named:?}");
    // What is removed with a report is not kept by it either.
    let report = report.parse().unwrap();
    deployment.context.engine.delete_report_files(CONTOSO, report).await.unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn damaged_files_are_named_and_left_to_whoever_has_a_backup() {
    let deployment = Deployment::new().await;
    let (_, _, file, id) = exported(&deployment).await;
    let content = std::fs::read(&file).unwrap();
    let repair = repair(&deployment, true);
    let whole = Looked { artifacts: 1, bytes: content.len() as u64, lost: 0 };
    assert_eq!(found(&repair, Depth::Bytes).await, (whole, vec![], vec![]));
    let mut flipped = content.clone();
    flipped[2 * BLOCK + 7] ^= 1;
    for (damaged, told, seen_by_length) in [
        (flipped, format!("the block at byte {} differs", 2 * BLOCK), false),
        (content[..BLOCK].to_vec(), format!("it has {BLOCK} bytes, and {} were written", content.len()), true),
    ] {
        std::fs::write(&file, &damaged).unwrap();
        let (_, findings, lost) = found(&repair, Depth::Bytes).await;
        assert_eq!((kinds(&findings), lost), (vec![(Kind::ArtifactDamaged, false)], vec![]));
        assert!(findings[0].detail.contains(&told) && findings[0].execution == Some(id) && findings[0].is_open(), "{findings:?}");
        assert_eq!(found(&repair, Depth::Length).await.1.len(), usize::from(seen_by_length));
        assert_eq!(std::fs::read(&file).unwrap(), damaged, "mending leaves it alone");
    }
    // The checksums of the blocks are wrong, and the file is right: downloads break off until they are written anew.
    std::fs::write(&file, &content).unwrap();
    assert!(deployment.context.store.renew_block_sums(id, Epoch::new(1), &[[7; 32]; 2]).await.unwrap());
    let only_looks = self::repair(&deployment, false);
    assert_eq!(kinds(&found(&only_looks, Depth::Bytes).await.1), [(Kind::ChecksumsWrong, false)]);
    assert_eq!(kinds(&found(&repair, Depth::Bytes).await.1), [(Kind::ChecksumsWrong, true)]);
    assert_eq!(kinds(&found(&repair, Depth::Bytes).await.1), []);
}

#[tokio::test]
async fn an_execution_whose_file_is_lost_fails_with_an_event_and_its_owner_is_told() {
    let deployment = Deployment::new().await;
    let (link, report, file, id) = exported(&deployment).await;
    let aside = deployment.folder.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    let (looked, findings, lost) = found(&repair(&deployment, false), Depth::Bytes).await;
    assert_eq!((looked.lost, kinds(&findings), lost.as_slice()), (1, vec![(Kind::ArtifactLost, false)], &[id][..]));
    assert_eq!(repair(&deployment, false).give_up(&lost).await.unwrap(), [] as [Uuid; 0], "nothing is changed unless that is asked for");

    let mending = repair(&deployment, true);
    // It was put back meanwhile.
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(mending.give_up(&lost).await.unwrap(), [] as [Uuid; 0]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(mending.give_up(&lost).await.unwrap(), [id]);
    let execution = deployment.context.store.execution(id).await.unwrap().unwrap().execution;
    assert_eq!((execution.status, execution.artifact_removed), (ExecutionStatus::Failed, Some(deployment.now())));
    assert_eq!(deployment.fetch(&link, &[]).await.status, 404);
    let events = deployment.audited("artifact.lost").await;
    assert!(events.len() == 1 && events[0].actor == "the operator" && events[0].tenant == Some(CONTOSO), "{events:?}");
    let told = deployment.get(ANA, &format!("ScheduledReport/execution/{report}?executionStatus=Failed")).await;
    assert!(told.text().contains("Run the report again"), "{}", told.text());
    assert_eq!(found(&mending, Depth::Bytes).await, (Looked::default(), vec![], vec![]));
}

#[tokio::test]
async fn files_of_attempts_that_were_not_published_go_and_those_of_strangers_stay() {
    let deployment = Deployment::new().await;
    let (_, report, file, id) = exported(&deployment).await;
    let orphaned = file.with_file_name(format!("{id}-9.csv"));
    let strange = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}/{}-1.csv", Uuid::from_u128(77)));
    for path in [&orphaned, &strange] {
        std::fs::write(path, "text").unwrap();
    }
    let both = |mended| vec![(Kind::ArtifactOrphaned, mended), (Kind::ArtifactUnknown, false)];
    let found_by = async |mends| kinds(&found(&repair(&deployment, mends), Depth::Bytes).await.1);
    assert_eq!(found_by(false).await, both(false));
    assert!(orphaned.exists());
    assert_eq!(found_by(true).await, both(true));
    assert!(!orphaned.exists() && strange.exists() && file.exists());
    assert_eq!(found_by(true).await, [(Kind::ArtifactUnknown, false)]);
    assert!(Kind::ArtifactUnknown.is_remark());
}
