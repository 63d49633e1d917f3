//! What can happen to an execution: answers that come late or never, a process that dies, tenants that compete, time that passes.

mod overview;
mod run_control;

use super::*;

async fn claimed(store: &Store, now: i64, until: i64) -> ClaimedExecution {
    store.claim_execution(now, until).await.unwrap().unwrap()
}

fn completed(epoch: u64) -> Outcome {
    Outcome::Completed { artifact: artifact(epoch), note: None, sums: Vec::new() }
}

async fn add_once(store: &Store, id: u128) {
    let once = once(id);
    store.add_report(&once, Some(&first_execution(&once)), None).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_completion_after_the_lease_counts_unless_somebody_else_took_the_execution() {
    let Deployment { store, _folder, .. } = deployment().await;
    add_once(&store, 7).await;
    add_once(&store, 8).await;
    let (late, later) = (claimed(&store, 0, 100).await, claimed(&store, 0, 100).await);
    assert!(store.finish_execution(&late, &completed(1), None, at(1)).await.unwrap(), "nobody else was at it");
    let taken = claimed(&store, 101, 200).await;
    assert_eq!(taken.execution.id, later.execution.id);
    assert!(!store.finish_execution(&later, &completed(1), None, at(1)).await.unwrap());
    assert!(store.finish_execution(&taken, &completed(2), None, at(1)).await.unwrap());
    // The late holder tries to finish the execution again and again.
    for _ in 0..3 {
        assert!(!store.finish_execution(&later, &completed(1), None, at(1)).await.unwrap());
        assert!(store.finish_execution(&taken, &completed(2), None, at(1)).await.unwrap());
    }
    let record = store.execution(taken.execution.id).await.unwrap().unwrap();
    assert_eq!(record.execution.artifact, Some(artifact(2_u64)));
}

/// Processes are distinguished only by their claims: one that comes back under the same name holds nothing.
#[tokio::test]
async fn a_worker_that_comes_back_holds_nothing_of_its_former_life() {
    let Deployment { store, url, _folder } = deployment().await;
    add_once(&store, 7).await;
    let before = claimed(&store, 0, 100).await;
    let again = Store::open(&url).await.unwrap();
    assert!(again.claim_execution(50, 150).await.unwrap().is_none());
    let after = claimed(&again, 101, 200).await;
    assert!(!store.extend_lease(before.execution.id, before.execution.epoch, 1000, 0).await.unwrap());
    assert!(again.extend_lease(after.execution.id, after.execution.epoch, 1000, 0).await.unwrap());
    assert!(!store.finish_execution(&before, &completed(1), None, at(1)).await.unwrap());
    assert!(again.finish_execution(&after, &completed(2), None, at(1)).await.unwrap());
}

#[tokio::test]
async fn a_report_that_is_deleted_while_it_runs_takes_its_run_along() {
    let Deployment { store, _folder, .. } = deployment().await;
    add_once(&store, 7).await;
    let running = claimed(&store, 0, 100).await;
    assert!(store.delete_report(OWNER, Program::Mpn, running.report.id, at(0)).await.unwrap());
    assert!(!store.extend_lease(running.execution.id, Epoch::new(1), 200, 0).await.unwrap());
    for outcome in [completed(1), Outcome::Retry { reason: "x".into(), not_before: 0 }, Outcome::Failed { reason: "x".into() }] {
        assert!(!store.finish_execution(&running, &outcome, None, at(1)).await.unwrap());
    }
    assert!(!store.release_execution(running.execution.id, Epoch::new(1)).await.unwrap());
    assert_eq!(store.artifact_epochs(running.execution.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_run_that_is_given_back_is_taken_at_once_and_was_no_attempt() {
    let Deployment { store, _folder, .. } = deployment().await;
    add_once(&store, 7).await;
    let first = claimed(&store, 0, 100_000).await;
    assert!(store.release_execution(first.execution.id, first.execution.epoch).await.unwrap());
    assert!(!store.release_execution(first.execution.id, first.execution.epoch).await.unwrap());
    let second = claimed(&store, 1, 100).await;
    assert_eq!((second.execution.epoch.number(), second.execution.attempts), (2, 1));
    assert!(!store.finish_execution(&first, &completed(1), None, at(1)).await.unwrap());
    // If the report is paused in the meantime, the execution waits for the report.
    change(&store, 7, |report| ScheduledReport { status: ReportStatus::Paused, ..report.clone() }).await;
    assert!(store.release_execution(second.execution.id, second.execution.epoch).await.unwrap());
    assert!(store.claim_execution(1, 100).await.unwrap().is_none());
}

#[tokio::test]
async fn failures_are_counted_apart_from_deaths() {
    let Deployment { store, _folder, .. } = deployment().await;
    add_once(&store, 7).await;
    for death in 0..3 {
        claimed(&store, death * 10_000, death * 10_000 + 50).await;
    }
    let held = claimed(&store, 40_000, 40_100).await;
    assert_eq!((held.execution.attempts, held.execution.failures), (4, 0));
    assert!(store.finish_execution(&held, &Outcome::Retry { reason: "x".into(), not_before: 0 }, None, at(0)).await.unwrap());
    let held = claimed(&store, 40_100, 40_200).await;
    assert_eq!((held.execution.attempts, held.execution.failures), (5, 1));
}

/// An execution that kills its process must not do so again at every start.
#[tokio::test]
async fn a_run_whose_process_died_waits_longer_each_time() {
    let Deployment { store, _folder, .. } = deployment().await;
    add_once(&store, 7).await;
    let mut now = 0;
    for deaths in 1..=insightgate_report::execution::MAXIMUM_DEATHS {
        let held = claimed(&store, now, now + 50).await;
        assert_eq!(held.execution.attempts, deaths);
        let wait = insightgate_report::execution::wait_after_deaths(deaths) * 1000;
        assert!(store.claim_execution(now + 50 + wait, now + 50 + wait).await.unwrap().is_none(), "{deaths} deaths");
        // Other executions come first.
        if deaths == 12 {
            add_once(&store, 8).await;
            let other = claimed(&store, now + 51, now + 100).await;
            assert_eq!(other.report.id, Uuid::from_u128(8));
            assert!(store.finish_execution(&other, &completed(1), None, at(1)).await.unwrap());
        }
        now += 51 + wait;
    }
    assert!(now > 3_000_000, "all of it within {now} milliseconds");
}

/// The only process restarts again and again: the first death is retried at once, and a wait after further deaths does not start again.
#[tokio::test]
async fn starts_do_not_shorten_the_wait_and_do_not_prolong_it() {
    let Deployment { store, _folder, .. } = deployment().await;
    if store.is_shared() {
        return;
    }
    add_once(&store, 7).await;
    claimed(&store, 0, i64::MAX).await;
    store.release_leases().await.unwrap();
    let start = store.lease_time().await.unwrap();
    let second = claimed(&store, start, i64::MAX).await;
    assert_eq!(second.execution.attempts, 2);
    store.release_leases().await.unwrap();
    let died = store.lease_time().await.unwrap();
    assert!(store.claim_execution(start + 900, i64::MAX).await.unwrap().is_none(), "it has died twice");
    store.release_leases().await.unwrap();
    assert_eq!(claimed(&store, died + 1001, i64::MAX).await.execution.attempts, 3);
}

/// Ten thousand executions of one tenant must not come before the only one of another.
#[tokio::test]
async fn tenants_take_turns() {
    let Deployment { store, _folder, .. } = deployment().await;
    let tenants: Vec<Tenant> = (1..=3)
        .map(|id| Tenant { id: Uuid::from_u128(id), domain: format!("{id}.example"), name: "x".into(), global_account: None })
        .collect();
    for tenant in &tenants[1..] {
        store.add_tenant(tenant, None, at(0)).await.unwrap();
    }
    let mut id = 100;
    let mut add = async |tenant: usize, count: u128| {
        for _ in 0..count {
            id += 1;
            let report = ScheduledReport { tenant: tenants[tenant].id, ..once(id) };
            store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
        }
    };
    add(0, 30).await;
    add(1, 3).await;
    add(2, 1).await;
    let mut order = Vec::new();
    for _ in 0..8 {
        order.push(claimed(&store, 0, 1_000_000).await.report.tenant.as_u128());
    }
    order[..3].sort_unstable();
    order[3..5].sort_unstable();
    order[5..7].sort_unstable();
    assert_eq!(order, [1, 2, 3, 1, 2, 1, 2, 1]);
    // An execution that comes later runs before the rest of the long queue.
    add(2, 1).await;
    assert_eq!(claimed(&store, 0, 1_000_000).await.report.tenant.as_u128(), 3);
}

/// Executions may take longer than the step between turns: a tenant that comes hours later still does not wait for what another tenant queued before.
#[tokio::test]
async fn a_backlog_of_hours_is_one_tenants_own() {
    let Deployment { store, _folder, .. } = deployment().await;
    let other = Tenant { id: Uuid::from_u128(2), domain: "2.example".into(), name: "x".into(), global_account: None };
    store.add_tenant(&other, None, at(0)).await.unwrap();
    for id in 100..120 {
        add_once(&store, id).await;
    }
    for id in [200, 201] {
        let later = ScheduledReport { tenant: other.id, created: at(9), ..once(id) };
        store.add_report(&later, Some(&first_execution(&later)), None).await.unwrap().unwrap();
    }
    let mut order = Vec::new();
    for _ in 0..4 {
        order.push(claimed(&store, 0, 1_000_000).await.report.tenant.as_u128());
    }
    assert_eq!(order, [1, 2, 1, 2]);
}

#[tokio::test]
async fn files_and_runs_are_forgotten_by_age() {
    let Deployment { store, _folder, .. } = deployment().await;
    for id in [7, 8] {
        add_once(&store, id).await;
    }
    let (done, failed) = (claimed(&store, 0, 100).await, claimed(&store, 0, 100).await);
    assert!(store.finish_execution(&done, &completed(1), None, at(1)).await.unwrap());
    assert!(store.finish_execution(&failed, &Outcome::Failed { reason: "no".into() }, None, at(1)).await.unwrap());
    assert_eq!(store.file_bytes().await.unwrap(), [(tenant().id, 2)]);
    assert_eq!(store.artifact_bytes_of(tenant().id).await.unwrap(), 2);
    assert!(store.files_before(at(1)).await.unwrap().is_empty(), "made at that very time");
    assert_eq!(store.forget_executions(at(1)).await.unwrap(), 0);
    let old: Vec<Uuid> = store.files_before(at(2)).await.unwrap().iter().map(|record| record.execution.id).collect();
    assert_eq!(old, [done.execution.id]);
    assert_eq!(store.forget_executions(at(2)).await.unwrap(), 1, "the failed one: the other has its file still");
    let published = store.artifact_epochs(done.execution.id).await.unwrap();
    assert_eq!(published, Some(FileEpochs { writing: None, published: Some(Epoch::new(1)) }));
    assert!(store.mark_artifact_removed(done.execution.id, at(3)).await.unwrap());
    assert!(!store.mark_artifact_removed(done.execution.id, at(4)).await.unwrap());
    assert_eq!(store.artifact_epochs(done.execution.id).await.unwrap().unwrap().published, None);
    assert_eq!(store.file_bytes().await.unwrap(), []);
    assert!(store.oldest_artifacts_of(tenant().id).await.unwrap().is_empty());
    let record = store.execution(done.execution.id).await.unwrap().unwrap();
    assert_eq!(record.execution.artifact_removed, Some(at(3)));
    assert_eq!(store.forget_executions(at(2)).await.unwrap(), 1);
    assert_eq!(store.execution(done.execution.id).await.unwrap(), None);
}

#[tokio::test]
async fn of_processes_that_start_at_once_one_makes_the_first_key() {
    let Deployment { store, url, _folder } = deployment().await;
    let other = Store::open(&url).await.unwrap();
    let key = |id: &str, purpose: &str| StoredKey { id: id.into(), purpose: purpose.into(), sealed: "x".into(), created: at(0) };
    let (one, two) = (key("1", "link"), key("2", "link"));
    let (first, second) = tokio::join!(store.add_first_key(&one), other.add_first_key(&two));
    first.unwrap();
    second.unwrap();
    assert_eq!(store.keys("link").await.unwrap().len(), 1);
    store.add_first_key(&key("3", "signing")).await.unwrap();
    assert_eq!(store.keys("signing").await.unwrap().len(), 1);
}

/// SQLite has one writer at a time: others wait for it, and then do their work. In Postgres nothing waits for a lock that does not concern it.
#[tokio::test]
async fn a_busy_database_delays_a_claim_and_loses_nothing() {
    let Deployment { store, url, _folder } = deployment().await;
    add_once(&store, 7).await;
    let other = Store::open(&url).await.unwrap();
    let mut writing = other.begin_beside().await.unwrap();
    execute(&mut writing, sqlx::query("UPDATE settings SET value = value")).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
            store.finish_execution(&claimed, &completed(1), None, at(1)).await.unwrap()
        }
    });
    if store.dialect == Dialect::Postgres {
        // In Postgres the execution continues beside a writer that does not hold it.
        assert!(waiting.await.unwrap());
        return writing.commit().await.unwrap();
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
    }
    writing.commit().await.unwrap();
    assert!(waiting.await.unwrap());
}

/// The change is made by another process that shares the database.
#[tokio::test]
async fn a_change_of_identities_is_seen_elsewhere_at_once() {
    let Deployment { store, url, _folder } = deployment().await;
    if !store.is_shared() {
        return;
    }
    let other = Store::open(&url).await.unwrap();
    let before = other.identity_version().await.unwrap();
    store.add_tenant(&Tenant { id: Uuid::from_u128(9), domain: "other.example".into(), ..tenant() }, None, at(0)).await.unwrap();
    let after = other.identity_version().await.unwrap();
    assert!(after > before);
    assert_eq!(store.identity_version().await.unwrap(), after);
}

/// Due reports are found by the index alone, which stops at the limit: neither the idle reports nor all due ones are read.
#[tokio::test]
async fn what_is_due_is_read_in_the_order_of_the_index() {
    let Deployment { store, _folder, .. } = deployment().await;
    if store.dialect != Dialect::Sqlite {
        return;
    }
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", crate::reports::scheduled_reports::DUE));
    let rows = sqlx::query(explained).bind("Active").bind(0_i64).bind(100_i64).fetch_all(&store.pool).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.try_get("detail").unwrap()).collect();
    assert!(steps.len() == 1 && steps[0].contains("USING INDEX scheduled_reports_due"), "{steps:?}");
}

#[tokio::test]
async fn files_are_counted_and_listed_by_tenant() {
    let Deployment { store, _folder, .. } = deployment().await;
    let other = Tenant { id: Uuid::from_u128(2), domain: "other.example".into(), name: "x".into(), global_account: None };
    store.add_tenant(&other, None, at(0)).await.unwrap();
    for (id, tenant) in [(7, tenant().id), (8, other.id), (9, other.id)] {
        let report = ScheduledReport { tenant, ..once(id) };
        store.add_report(&report, Some(&first_execution(&report)), None).await.unwrap().unwrap();
        let held = claimed(&store, 0, 100).await;
        assert!(store.finish_execution(&held, &completed(1), None, at(1)).await.unwrap());
    }
    let mut bytes = store.file_bytes().await.unwrap();
    bytes.sort();
    assert_eq!(bytes, [(tenant().id, 2), (other.id, 4)]);
    assert_eq!(store.artifact_bytes_of(other.id).await.unwrap(), 4);
    let reports: Vec<u128> = store.oldest_artifacts_of(other.id).await.unwrap().iter().map(|record| record.report.id.as_u128()).collect();
    assert_eq!(reports, [8, 9]);
}

#[tokio::test]
async fn refused_credentials_are_counted_apart() {
    let Deployment { store, _folder, .. } = deployment().await;
    let once = once(10);
    store.add_report(&once, Some(&first_execution(&once)), None).await.unwrap().unwrap();
    for (number, refused) in [(1, true), (2, false), (3, true)] {
        let claimed = store.claim_execution(100 * number, 100 * number + 50).await.unwrap().unwrap();
        let not_before = 100 * number + 90;
        let reason = "no".to_owned();
        let outcome = if refused { Outcome::Postponed { reason, not_before } } else { Outcome::Retry { reason, not_before } };
        assert!(store.finish_execution(&claimed, &outcome, None, at(0)).await.unwrap());
        assert!(!store.finish_execution(&claimed, &outcome, None, at(0)).await.unwrap(), "it is not held any more");
        assert_eq!(store.claim_execution(not_before - 1, not_before).await.unwrap(), None);
    }
    let execution = store.execution(first_execution(&once).id).await.unwrap().unwrap().execution;
    assert_eq!((execution.attempts, execution.failures, execution.refusals), (3, 3, 2));
    assert_eq!(status(&store, 10).await, ReportStatus::Active);
}
