//! Executions that are cancelled, tried again and held back, the lists of those who manage them, and creations that happen once.

use super::*;

async fn add(store: &Store, id: u128) -> Uuid {
    let once = once(id);
    let first = first_execution(&once);
    store.add_report(&once, Some(&first), None).await.unwrap().unwrap();
    first.id
}

async fn found(store: &Store, id: Uuid) -> insightgate_report::execution::Execution {
    store.execution(id).await.unwrap().unwrap().execution
}

#[tokio::test]
async fn a_cancelled_execution_is_never_finished_and_ends_its_report() {
    let Deployment { store, _folder, .. } = deployment().await;
    let (waiting, running) = (add(&store, 7).await, add(&store, 8).await);
    let claimed = loop {
        let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
        if claimed.execution.id == running {
            break claimed;
        }
        assert!(store.release_execution(claimed.execution.id, claimed.execution.epoch).await.unwrap());
        assert_eq!(store.cancel_execution(waiting, "not wanted", at(1)).await.unwrap(), Ok(()));
    };
    assert!(store.extend_lease(running, claimed.execution.epoch, 200, 40).await.unwrap());
    assert_eq!(found(&store, running).await.progress, Some(40));
    assert_eq!(store.cancel_execution(running, "cancelled by its owner", at(2)).await.unwrap(), Ok(()));
    assert!(!store.extend_lease(running, claimed.execution.epoch, 300, 50).await.unwrap());
    let completed = Outcome::Completed { artifact: artifact(claimed.execution.epoch), note: None, sums: Vec::new() };
    assert!(!store.finish_execution(&claimed, &completed, None, at(3)).await.unwrap());
    let ended = found(&store, running).await;
    assert_eq!((ended.status, ended.failure.as_deref()), (ExecutionStatus::Cancelled, Some("cancelled by its owner")));
    assert_eq!((ended.artifact, ended.progress), (None, None));
    assert_eq!(status(&store, 8).await, ReportStatus::Inactive);
    let again = store.cancel_execution(running, "again", at(4)).await.unwrap();
    assert_eq!(again, Err(Unchanged::Is(ExecutionStatus::Cancelled)));
    assert_eq!(store.cancel_execution(Uuid::from_u128(99), "x", at(4)).await.unwrap(), Err(Unchanged::NotFound));
}

#[tokio::test]
async fn what_failed_is_tried_again_as_if_it_had_not_been_tried() {
    let Deployment { store, _folder, .. } = deployment().await;
    let id = add(&store, 7).await;
    assert_eq!(store.retry_execution(id, at(1)).await.unwrap(), Err(Unchanged::Is(ExecutionStatus::Pending)));
    let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
    assert!(store.finish_execution(&claimed, &Outcome::Failed { reason: "no".into() }, None, at(1)).await.unwrap());
    assert_eq!(status(&store, 7).await, ReportStatus::Inactive);
    assert_eq!(store.retry_execution(id, at(2)).await.unwrap(), Ok(()));
    let queued = found(&store, id).await;
    assert_eq!((queued.status, queued.attempts, queued.failures, queued.failure), (ExecutionStatus::Pending, 0, 0, None));
    assert_eq!((queued.queued, queued.anchor), (at(2), at(0)), "it falls due now, with the anchor that it had");
    assert_eq!(status(&store, 7).await, ReportStatus::Active);
    let second = store.claim_execution(0, 100).await.unwrap().unwrap();
    assert!(second.execution.epoch > claimed.execution.epoch, "what the first attempt left has another key");
    let completed = Outcome::Completed { artifact: artifact(second.execution.epoch), note: None, sums: Vec::new() };
    assert!(store.finish_execution(&second, &completed, None, at(3)).await.unwrap());
    assert_eq!(found(&store, id).await.progress, Some(100));
    assert_eq!(store.retry_execution(id, at(4)).await.unwrap(), Err(Unchanged::Is(ExecutionStatus::Completed)));
}

#[tokio::test]
async fn a_paused_tenants_executions_wait_and_others_do_not() {
    let Deployment { store, _folder, .. } = deployment().await;
    let other = Tenant { id: Uuid::from_u128(8), domain: "other.example".into(), ..tenant() };
    store.add_tenant(&other, None, at(0)).await.unwrap();
    let own = add(&store, 7).await;
    let foreign = ScheduledReport { tenant: other.id, owner: Uuid::from_u128(4), ..once(9) };
    store.add_report(&foreign, Some(&first_execution(&foreign)), None).await.unwrap().unwrap();
    store.pause_runs(tenant().id, Some("too much"), at(1)).await.unwrap();
    let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
    assert_eq!(claimed.report.tenant, other.id);
    assert!(store.claim_execution(0, 100).await.unwrap().is_none());
    let runs = store.tenant_runs(tenant().id).await.unwrap();
    assert_eq!(runs, TenantRuns { paused: Some((at(1), "too much".into())), pending: 1, oldest: Some(at(0)), ..TenantRuns::default() });
    store.pause_runs(tenant().id, None, at(2)).await.unwrap();
    let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
    assert_eq!(claimed.execution.id, own);
    // One that died with its process while the tenant was paused waits too.
    store.pause_runs(tenant().id, Some("too much"), at(3)).await.unwrap();
    assert!(store.claim_execution(1_000_000, 2_000_000).await.unwrap().is_some_and(|claimed| claimed.report.tenant == other.id));
    assert!(store.claim_execution(1_000_000, 2_000_000).await.unwrap().is_none());
}

#[tokio::test]
async fn managers_see_every_owner_page_by_page() {
    let Deployment { store, _folder, .. } = deployment().await;
    for id in 10..15 {
        let owner = Uuid::from_u128(if id % 2 == 0 { 3 } else { 4 });
        let made = ScheduledReport { owner, created: at(i64::try_from(id).unwrap()), ..once(id) };
        store.add_report(&made, Some(&first_execution(&made)), None).await.unwrap().unwrap();
    }
    let cancelled = Uuid::from_u128(1014);
    assert_eq!(store.cancel_execution(cancelled, "no", at(20)).await.unwrap(), Ok(()));
    let all = PageFilter { tenant: Some(tenant().id), ..PageFilter::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.execution_page(&all, after, 2).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.items.iter().map(|item| item.record.execution.id.as_u128()));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(seen, [1014, 1013, 1012, 1011, 1010]);
    let count = async |filter: PageFilter| store.execution_page(&filter, None, 100).await.unwrap().items.len();
    assert_eq!(count(PageFilter { owner: Some(Uuid::from_u128(4)), ..all.clone() }).await, 2);
    assert_eq!(count(PageFilter { statuses: vec!["Cancelled", "Failed"], ..all.clone() }).await, 1);
    assert_eq!(count(PageFilter { from: Some(at(11)), to: Some(at(13)), ..all.clone() }).await, 2);
    assert_eq!(count(PageFilter { execution: Some(cancelled), ..PageFilter::default() }).await, 1);
    assert_eq!(count(PageFilter { tenant: Some(Uuid::from_u128(8)), ..PageFilter::default() }).await, 0);
    let page = store.report_page(&PageFilter { statuses: vec!["Inactive"], ..all.clone() }, None, 100).await.unwrap();
    let [only] = page.items.as_slice() else { panic!("{page:?}") };
    assert_eq!((only.report.id.as_u128(), only.executions.get("Cancelled")), (14, Some(&1)));
    let first = store.report_page(&all, None, 3).await.unwrap();
    let rest = store.report_page(&all, first.next, 3).await.unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next, rest.total), (3, 2, None, 5));
}

#[tokio::test]
async fn limits_of_one_tenant_are_set_and_removed() {
    let Deployment { store, _folder, .. } = deployment().await;
    store.set_tenant_limits(tenant().id, &[("a", Some(7)), ("b", Some(8))]).await.unwrap();
    store.set_tenant_limits(tenant().id, &[("a", Some(9)), ("b", None)]).await.unwrap();
    assert_eq!(store.tenant_limits(tenant().id).await.unwrap(), [("a".to_owned(), 9)].into());
    assert!(store.tenant_limits(Uuid::from_u128(8)).await.unwrap().is_empty());
    assert!(store.delete_tenant(tenant().id).await.unwrap());
    assert!(store.tenant_limits(tenant().id).await.unwrap().is_empty());
}

fn key(digest: &str, body: &str, now: DateTime<Utc>) -> CreationKey {
    CreationKey { owner: OWNER, program: Program::Mpn, digest: digest.into(), body: body.into(), now }
}

#[tokio::test]
async fn a_creation_with_a_key_happens_once_a_day() {
    let Deployment { store, _folder, .. } = deployment().await;
    let create = async |id: u128, key: CreationKey| {
        let once = once(id);
        store.add_report_once(&once, Some(&first_execution(&once)), None, Some(&key)).await.unwrap().unwrap()
    };
    assert_eq!(create(7, key("k", "body", at(0))).await, Creation::Made);
    assert_eq!(create(8, key("k", "body", at(1))).await, Creation::Before(Uuid::from_u128(7)));
    assert_eq!(create(8, key("k", "other", at(1))).await, Creation::OtherBody);
    assert_eq!(create(9, CreationKey { owner: Uuid::from_u128(4), ..key("k", "other", at(1)) }).await, Creation::Made);
    assert_eq!(store.reports(OWNER, Program::Mpn, &ReportFilter::default()).await.unwrap().len(), 2);
    assert_eq!(create(10, key("k", "other", at(24))).await, Creation::Made, "a day later the key is free");
    // A refused creation leaves the key free.
    let quotas = ReportQuotas { active: 0, execute_now: 0, execute_now_since: at(0) };
    let refused = store.add_report_once(&once(11), None, Some(quotas), Some(&key("m", "body", at(24)))).await.unwrap();
    assert_eq!(refused, Err(ReportFault::ExecuteNowQuota(0)));
    assert_eq!(create(11, key("m", "body", at(24))).await, Creation::Made);
    assert_eq!(store.forget_creation_keys(at(48), 100).await.unwrap(), 3);
    bounds::fill(
        &store,
        KEYS_OF_AN_OWNER,
        "INSERT INTO idempotency_keys (owner_id, program, digest, body, made_id, created)
         SELECT '00000000-0000-0000-0000-000000000003', 'mpn', CAST(n AS TEXT), '', '', 176400000",
    )
    .await;
    assert_eq!(create(12, key("n", "body", at(50))).await, Creation::NoRoom(TimeDelta::hours(23)));
    assert_eq!(create(12, key("n", "body", at(73))).await, Creation::Made);
}
