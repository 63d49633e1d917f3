//! Checksums of artifacts: complete, written only by the claim that holds the execution, and removed with the artifact. Artifacts that are lost.

use super::group_commit::event;
use super::*;

fn sums(count: usize, seed: u8) -> Vec<[u8; 32]> {
    (0..count).map(|number| std::array::from_fn(|place| seed ^ (number as u8) ^ (place as u8).wrapping_mul(37))).collect()
}

async fn rows(store: &Store) -> i64 {
    sqlx::query("SELECT COUNT(*) FROM artifact_blocks").fetch_one(&store.pool).await.unwrap().try_get(0).unwrap()
}

async fn claimed(store: &Store) -> ClaimedExecution {
    let report = once(10);
    store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
    store.claim_execution(0, 1_000).await.unwrap().unwrap()
}

#[tokio::test]
async fn sums_are_those_of_the_holder_and_go_with_the_file() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store).await;
    let (id, epoch) = (claim.execution.id, claim.execution.epoch);
    let per_row = BLOCKS_PER_ROW as usize;
    assert_eq!(store.block_sums(id, epoch, 0).await.unwrap(), None);
    for count in [0, 1, per_row, per_row + 1, 3 * per_row - 1] {
        let written = sums(count, 5);
        assert!(store.put_block_sums(id, epoch, &written).await.unwrap());
        assert_eq!(rows(&store).await, count.div_ceil(per_row) as i64, "nothing is left of what was written before");
        for (block, _) in written.iter().enumerate() {
            let first = block / per_row * per_row;
            let expected = &written[first..(first + per_row).min(count)];
            assert_eq!(store.block_sums(id, epoch, block as u64).await.unwrap().unwrap(), expected);
        }
        assert_eq!(store.block_sums(id, epoch, (count + per_row) as u64).await.unwrap(), None);
    }
    assert_eq!(store.block_sums(id, Epoch::new(epoch.number() + 1), 0).await.unwrap(), None);
    assert!(
        !store.put_block_sums(id, Epoch::new(epoch.number() + 1), &sums(1, 1)).await.unwrap(),
        "of a claim that does not hold the execution"
    );
    assert!(store.finish_execution(&claim, &Outcome::Completed { artifact: artifact(1_u64), note: None }, None, at(1)).await.unwrap());
    assert!(!store.put_block_sums(id, epoch, &[]).await.unwrap(), "the execution has ended");
    assert_eq!(rows(&store).await, 3);
    assert!(store.mark_artifact_removed(id, at(2)).await.unwrap());
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn sums_go_with_the_execution() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store).await;
    assert!(store.put_block_sums(claim.execution.id, Epoch::new(1), &sums(200, 9)).await.unwrap());
    assert_eq!(rows(&store).await, 2);
    store.delete_report(OWNER, Program::Mpn, claim.report.id, at(2)).await.unwrap();
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn damage_is_noted_once_in_a_while() {
    let Deployment { store, _folder, .. } = deployment().await;
    let claim = claimed(&store).await;
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
    let report = once(10);
    store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
    let claim = store.claim_execution(0, 1_000).await.unwrap().unwrap();
    store.put_block_sums(claim.execution.id, claim.execution.epoch, &[[1; 32]]).await.unwrap();
    assert_eq!(store.published_artifacts(None).await.unwrap(), []);
    let done = |epoch: Epoch| Outcome::Completed { artifact: artifact(epoch), note: None };
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
