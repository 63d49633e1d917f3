//! Checksums of artifacts: complete, written only by the claim that publishes the artifact, and removed with the artifact. Artifacts that are lost.

use super::group_commit::event;
use super::*;

fn sums(count: usize, seed: u8) -> Vec<[u8; 32]> {
    (0..count).map(|number| std::array::from_fn(|place| seed ^ (number as u8) ^ (place as u8).wrapping_mul(37))).collect()
}

async fn rows(store: &Store) -> i64 {
    sqlx::query("SELECT COUNT(*) FROM artifact_blocks").fetch_one(&store.pool).await.unwrap().try_get(0).unwrap()
}

async fn claimed(store: &Store, id: u128) -> ClaimedExecution {
    let report = once(id);
    store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
    store.claim_execution(0, 1_000).await.unwrap().unwrap()
}

async fn publish(store: &Store, claim: &ClaimedExecution, sums: &[[u8; 32]]) -> bool {
    let outcome = Outcome::Completed { artifact: artifact(claim.execution.epoch), note: None, sums: sums.to_vec() };
    store.finish_execution(claim, &outcome, None, at(1)).await.unwrap()
}

#[tokio::test]
async fn sums_are_published_with_their_file_and_go_with_it() {
    let Deployment { store, _folder, .. } = deployment().await;
    let per_row = BLOCKS_PER_ROW as usize;
    for (number, count) in [0, 1, per_row, per_row + 1, 3 * per_row - 1, 64 * per_row + 1].into_iter().enumerate() {
        let claim = claimed(&store, 10 + number as u128).await;
        let (id, epoch) = (claim.execution.id, claim.execution.epoch);
        let written = sums(count, 5);
        assert!(publish(&store, &claim, &written).await);
        assert!(publish(&store, &claim, &written).await, "asked again, for the answer may have been lost");
        assert_eq!(rows(&store).await, count.div_ceil(per_row) as i64);
        for first in (0..count).step_by(per_row) {
            let expected = &written[first..(first + per_row).min(count)];
            for block in [first, first + expected.len() - 1] {
                assert_eq!(store.block_sums(id, epoch, block as u64).await.unwrap().unwrap(), expected);
            }
        }
        assert_eq!(store.block_sums(id, epoch, (count + per_row) as u64).await.unwrap(), None);
        assert_eq!(store.block_sums(id, Epoch::new(epoch.number() + 1), 0).await.unwrap(), None);
        assert!(store.mark_artifact_removed(id, at(2)).await.unwrap());
        assert_eq!(rows(&store).await, 0);
    }
}

#[tokio::test]
async fn sums_are_those_of_the_claim_that_publishes() {
    let Deployment { store, _folder, .. } = deployment().await;
    let first = claimed(&store, 10).await;
    // The version before wrote them before the end, and its process died in between.
    let left = "INSERT INTO artifact_blocks (execution_id, epoch, first_block, sums) VALUES ($1, 1, 0, 'ab')";
    sqlx::query(left).bind(first.execution.id.to_string()).execute(&store.pool).await.unwrap();
    let second = store.claim_execution(2_000, 3_000).await.unwrap().unwrap();
    assert!(!publish(&store, &first, &sums(1, 1)).await, "it does not hold the execution any more");
    assert!(publish(&store, &second, &sums(3, 2)).await);
    assert!(!publish(&store, &first, &sums(1, 1)).await);
    assert_eq!(rows(&store).await, 1);
    assert_eq!(store.block_sums(second.execution.id, second.execution.epoch, 0).await.unwrap().unwrap(), sums(3, 2));
}

#[tokio::test]
async fn sums_go_with_the_execution() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store, 10).await;
    assert!(publish(&store, &claim, &sums(200, 9)).await);
    assert_eq!(rows(&store).await, 2);
    store.delete_report(OWNER, Program::Mpn, claim.report.id, at(2)).await.unwrap();
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn damage_is_noted_once_in_a_while() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store, 10).await;
    let event = |id: u128| AuditEvent {
        id: Uuid::from_u128(id),
        at: at(1),
        tenant: Some(Uuid::from_u128(1)),
        actor: "server".into(),
        action: "artifact.damaged".into(),
        subject: "artifact".into(),
        detail: String::new(),
        correlation: None,
        occurrences: 1,
        address: None,
    };
    for (number, now, since, noted) in [(1, 1, 0, true), (2, 1, 0, false), (3, 24, 1, false), (4, 26, 2, true)] {
        let done = store.note_damage(claim.execution.id, at(now), at(since), &event(number)).await.unwrap();
        assert_eq!(done, noted, "{number}");
    }
    assert_eq!(store.audit_events(10).await.unwrap().len(), 2);
    assert!(!store.note_damage(Uuid::from_u128(99), at(1), at(0), &event(9)).await.unwrap(), "no such execution");
}

#[tokio::test]
async fn an_execution_whose_artifact_is_lost_fails_and_may_publish_another() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store, 10).await;
    assert_eq!(store.published_artifacts(None).await.unwrap(), []);
    let done = |epoch: Epoch| Outcome::Completed { artifact: artifact(epoch), note: None, sums: sums(1, 1) };
    assert!(store.finish_execution(&claim, &done(claim.execution.epoch), None, at(1)).await.unwrap());

    let published = store.published_artifacts(None).await.unwrap();
    let [lost] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!(store.published_artifacts(Some(lost.execution.id)).await.unwrap(), []);
    assert!(store.give_up_artifact(lost, "its file is lost", at(2), &event(7)).await.unwrap());
    assert!(!store.give_up_artifact(lost, "its file is lost", at(3), &event(8)).await.unwrap(), "once");
    assert_eq!(store.published_artifacts(None).await.unwrap(), []);
    let failed = store.execution(lost.execution.id).await.unwrap().unwrap().execution;
    assert_eq!((failed.status, failed.failure.as_deref()), (ExecutionStatus::Failed, Some("its file is lost")));
    assert_eq!(failed.artifact_removed, Some(at(2)));
    assert_eq!(store.block_sums(failed.id, claim.execution.epoch, 0).await.unwrap(), None);
    assert_eq!(store.audit_events(10).await.unwrap().len(), 1);

    // If it is run again, its new artifact is not taken for the one that was removed.
    sqlx::query("UPDATE executions SET status = 'Pending', finished = NULL").execute(&store.pool).await.unwrap();
    let claim = store.claim_execution(0, 1_000).await.unwrap().unwrap();
    assert!(store.finish_execution(&claim, &done(claim.execution.epoch), None, at(4)).await.unwrap());
    let again = store.published_artifacts(None).await.unwrap();
    assert_eq!(again.first().map(|record| record.execution.artifact_removed), Some(None));
}
