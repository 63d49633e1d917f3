//! Tests against a real database, opened as the server opens it: a SQLite file, or a new database on the Postgres server at `POSTGRES_URL`.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::application::Application;
use insightgate_identity::program::Program;
use insightgate_identity::role::Locations;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use insightgate_query::format::Format;
use insightgate_report::execution::{Artifact, Epoch, ExecutionStatus};
use insightgate_report::schedule::{CatchUp, Schedule};
use insightgate_report::scheduled_report::{ReportFault, ReportStatus, ScheduledReport, Timing};
use uuid::Uuid;

use sqlx::{AnyConnection, Connection as _};

use super::*;

struct Deployment {
    store: Store,
    url: String,
    _folder: tempfile::TempDir,
}

/// A new database without tables. The folder is for SQLite.
async fn new_database() -> (String, tempfile::TempDir) {
    // A folder in memory, if the system has one, so that nothing waits for a disk.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let Ok(server) = std::env::var("POSTGRES_URL") else {
        return (format!("sqlite:{}", folder.path().join("insightgate.db").display()), folder);
    };
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&server).await.unwrap();
    // The folder's name is unique.
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_lowercase().replace('.', "test_");
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    (format!("{}/{name}", server.rsplit_once('/').unwrap().0), folder)
}

async fn deployment() -> Deployment {
    let (url, folder) = new_database().await;
    let store = Store::open(&url).await.unwrap();
    store.add_tenant(&tenant(), None, at(0)).await.unwrap();
    Deployment { store, url, _folder: folder }
}

fn tenant() -> Tenant {
    Tenant { id: Uuid::from_u128(1), domain: "contoso.example".into(), name: "Contoso".into(), global_account: None }
}

fn at(hours: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
}

const OWNER: Uuid = Uuid::from_u128(3);

fn report(id: u128, timing: Timing) -> ScheduledReport {
    ScheduledReport {
        id: Uuid::from_u128(id),
        tenant: Uuid::from_u128(1),
        owner: OWNER,
        application: Uuid::from_u128(2),
        program: Program::Mpn,
        name: "Größe".into(),
        description: None,
        query_id: "q".into(),
        query: "SELECT a FROM b".into(),
        user: "analyst@contoso.example".into(),
        created: at(0),
        modified: None,
        timing,
        status: ReportStatus::Active,
        callback: None,
        format: Format::Csv,
    }
}

fn once(id: u128) -> ScheduledReport {
    report(id, Timing::Once { query_start: None, query_end: Some(at(1)) })
}

fn first_execution(report: &ScheduledReport) -> NewExecution {
    let id = Uuid::from_u128(report.id.as_u128() + 1000);
    NewExecution { id, report: report.id, slot: "now".into(), anchor: report.created, queued: report.created }
}

fn artifact(epoch: impl Into<Epoch>) -> Artifact {
    Artifact {
        format: Format::Csv,
        epoch: epoch.into(),
        rows: 1,
        bytes: 2,
        sha256: "ab".into(),
        generated: at(1),
        data_as_of: None,
        data_version: Some(7),
        locations: Locations::Only(vec!["1".into(), "2".into()]),
        unredacted: Locations::Only(vec!["2".into()]),
    }
}

async fn status(store: &Store, id: u128) -> ReportStatus {
    store.report(OWNER, Program::Mpn, Uuid::from_u128(id)).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_second_opening_finds_everything() {
    let (url, _folder) = new_database().await;
    let tenant = tenant();
    let store = Store::open(&url).await.unwrap();
    store.add_tenant(&tenant, None, at(0)).await.unwrap();
    assert!(store.add_tenant(&tenant, None, at(0)).await.unwrap_err().is_conflict());
    store.put_setting("a", "1").await.unwrap();
    store.put_setting("a", "2").await.unwrap();
    store.close().await;
    let store = Store::open(&url).await.unwrap();
    assert_eq!(store.tenant_by_domain("contoso.example").await.unwrap(), Some(tenant));
    assert_eq!(store.setting("a").await.unwrap().as_deref(), Some("2"));
}

/// A full disk is the one fault for which SQLite itself ends a transaction.
#[tokio::test]
async fn a_transaction_that_the_database_ended_costs_nothing_but_itself() {
    let Deployment { store, _folder, .. } = deployment().await;
    if store.dialect != Dialect::Sqlite {
        return;
    }
    let mut connection = store.pool.acquire().await.unwrap();
    sqlx::query("PRAGMA max_page_count = 1").execute(&mut connection).await.unwrap();
    drop(connection);
    let large = |id| ScheduledReport { query: "x".repeat(1 << 20), ..once(id) };
    let mut refused = 0;
    for id in 1..=20 {
        if let Err(error) = store.add_report(&large(id), None, None).await {
            assert_eq!(error.outage(), Some(Outage::Full), "{error}");
            refused += 1;
        }
    }
    // The connection fails once and is replaced by one without the limit.
    assert_eq!(refused, 1);
    store.add_report(&large(30), None, None).await.unwrap().unwrap();
}

#[tokio::test]
async fn reports_come_back_as_they_were_written() {
    let Deployment { store, _folder, .. } = deployment().await;
    let scheduled = report(8, Timing::Recurring(Schedule::new(at(4), 4, Some(2), 0)));
    for report in [&once(7), &scheduled] {
        store.add_report(report, None, None).await.unwrap().unwrap();
        assert_eq!(store.report(OWNER, Program::Mpn, report.id).await.unwrap().as_ref(), Some(report));
    }
    assert_eq!(store.report(Uuid::from_u128(9), Program::Mpn, scheduled.id).await.unwrap(), None, "another owner's is not found");
    assert_eq!(store.report(OWNER, Program::Cmp, scheduled.id).await.unwrap(), None, "nor another program's");
    let filter = ReportFilter { name: Some("GRÖSSE".into()), ..ReportFilter::default() };
    assert!(store.reports(OWNER, Program::Mpn, &filter).await.unwrap().is_empty());
    let filter = ReportFilter { name: Some("GRÖßE".into()), ..ReportFilter::default() };
    assert_eq!(store.reports(OWNER, Program::Mpn, &filter).await.unwrap().len(), 2);
}

#[tokio::test]
async fn quotas_hold_and_deleting_does_not_give_execute_now_back() {
    let Deployment { store, _folder, .. } = deployment().await;
    let quotas = ReportQuotas { active: 1, execute_now: 2, execute_now_since: at(-1) };
    for id in [10, 11] {
        store.add_report(&once(id), Some(&first_execution(&once(id))), Some(quotas)).await.unwrap().unwrap();
    }
    assert!(store.delete_report(OWNER, Program::Mpn, Uuid::from_u128(10), at(0)).await.unwrap());
    let refused = store.add_report(&once(12), Some(&first_execution(&once(12))), Some(quotas)).await.unwrap();
    assert_eq!(refused, Err(ReportFault::ExecuteNowQuota(2)));
    // Both were created at the same time: there is room once they no longer count, and with a larger quota there is room now.
    assert_eq!(store.execute_now_room(&once(12), quotas).await.unwrap(), Some(TimeDelta::hours(1)));
    let larger = ReportQuotas { execute_now: 3, ..quotas };
    assert_eq!(store.execute_now_room(&once(12), larger).await.unwrap(), None);
    let recurring = |id| report(id, Timing::Recurring(Schedule::new(at(4), 4, None, 0)));
    store.add_report(&recurring(20), None, Some(quotas)).await.unwrap().unwrap();
    assert_eq!(store.add_report(&recurring(21), None, Some(quotas)).await.unwrap(), Err(ReportFault::ActiveQuota(1)));
    let used = |active, execute_now_room| QuotaUse { queries: 0, active, execute_now: 2, execute_now_room };
    assert_eq!(store.quota_use(OWNER, Program::Mpn, quotas, at(0)).await.unwrap(), used(1, Some(TimeDelta::hours(1))));
    store.add_report(&recurring(21), None, None).await.unwrap().unwrap();
    assert_eq!(store.quota_use(OWNER, Program::Mpn, larger, at(0)).await.unwrap(), used(2, None));
    let nothing = QuotaUse { queries: 0, active: 0, execute_now: 0, execute_now_room: None };
    assert_eq!(store.quota_use(OWNER, Program::Cmp, quotas, at(0)).await.unwrap(), nothing);
}

#[tokio::test]
async fn a_slot_is_queued_once_however_often_the_scheduler_runs() {
    let Deployment { store, _folder, .. } = deployment().await;
    let scheduled = report(8, Timing::Recurring(Schedule::new(at(4), 4, Some(2), 0)));
    store.add_report(&scheduled, None, None).await.unwrap().unwrap();
    let mut next = 5000_u128;
    let mut new_id = || {
        next += 1;
        Ok::<_, StoreError>(Uuid::from_u128(next))
    };
    assert_eq!(store.next_due().await.unwrap(), Some(at(4)));
    for (now, queued) in [(3, 0), (4, 1), (4, 1), (7, 1), (8, 2), (100, 2)] {
        store.queue_due_reports(at(now), CatchUp::All, 10, &mut new_id).await.unwrap();
        let records = store.executions(OWNER, Program::Mpn, &[scheduled.id], &ExecutionFilter::default()).await.unwrap();
        assert_eq!(records.len(), queued, "at {now}");
    }
    assert_eq!(store.next_due().await.unwrap(), None);
    for left in [1, 0] {
        let claimed = store.claim_execution(0, 10).await.unwrap().unwrap();
        let outcome = if left == 1 {
            Outcome::Failed { reason: "no".into() }
        } else {
            Outcome::Completed { artifact: artifact(1_u64), note: None, sums: Vec::new() }
        };
        assert!(store.finish_execution(&claimed, &outcome, None, at(100)).await.unwrap());
        let expected = if left == 1 { ReportStatus::Active } else { ReportStatus::Inactive };
        assert_eq!(status(&store, 8).await, expected, "Inactive only when the last execution is over");
    }
}

#[tokio::test]
async fn only_the_holder_of_the_newest_epoch_can_finish_an_execution() {
    let Deployment { store, _folder, .. } = deployment().await;
    let once = once(7);
    store.add_report(&once, Some(&first_execution(&once)), None).await.unwrap().unwrap();
    let first = store.claim_execution(100, 200).await.unwrap().unwrap();
    assert!(store.claim_execution(150, 250).await.unwrap().is_none(), "it is leased");
    assert!(store.extend_lease(first.execution.id, first.execution.epoch, 300, 0).await.unwrap());
    assert!(store.claim_execution(250, 350).await.unwrap().is_none(), "the lease was prolonged");
    let second = store.claim_execution(301, 400).await.unwrap().unwrap();
    assert_eq!((second.execution.epoch.number(), second.execution.attempts), (2, 2));
    assert!(!store.extend_lease(first.execution.id, first.execution.epoch, 500, 0).await.unwrap());
    let completed = |epoch: u64| Outcome::Completed { artifact: artifact(epoch), note: Some("a note".into()), sums: Vec::new() };
    assert!(!store.finish_execution(&first, &completed(1), None, at(1)).await.unwrap());
    assert!(store.finish_execution(&second, &completed(2), None, at(1)).await.unwrap());
    assert!(store.finish_execution(&second, &completed(2), None, at(2)).await.unwrap(), "asked again, for the answer may have been lost");
    assert!(!store.finish_execution(&first, &completed(1), None, at(2)).await.unwrap());
    let record = store.execution(second.execution.id).await.unwrap().unwrap();
    assert_eq!(record.execution.status, ExecutionStatus::Completed);
    assert_eq!(record.execution.artifact, Some(artifact(2_u64)));
    assert_eq!(record.report.status, ReportStatus::Inactive);
}

#[tokio::test]
async fn a_retry_waits_and_a_released_lease_does_not() {
    let Deployment { store, _folder, .. } = deployment().await;
    let once = once(7);
    store.add_report(&once, Some(&first_execution(&once)), None).await.unwrap().unwrap();
    let claimed = store.claim_execution(0, 100).await.unwrap().unwrap();
    let retry = Outcome::Retry { reason: "busy".into(), not_before: 50 };
    assert!(store.finish_execution(&claimed, &retry, None, at(0)).await.unwrap());
    assert!(store.claim_execution(49, 100).await.unwrap().is_none());
    assert!(store.claim_execution(50, i64::MAX).await.unwrap().is_some());
    store.release_leases().await.unwrap();
    let now = store.lease_time().await.unwrap();
    assert_eq!(store.claim_execution(now, i64::MAX).await.unwrap().unwrap().execution.epoch.number(), 3);
}

#[tokio::test]
async fn pausing_holds_back_what_waits_and_a_refusal_pauses() {
    let Deployment { store, _folder, .. } = deployment().await;
    let scheduled = report(8, Timing::Recurring(Schedule::new(at(4), 4, None, 0)));
    store.add_report(&scheduled, None, None).await.unwrap().unwrap();
    store.queue_due_reports(at(4), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(77))).await.unwrap();
    change(&store, 8, |report| report.paused().unwrap()).await;
    assert!(store.claim_execution(0, 1).await.unwrap().is_none());
    store.queue_due_reports(at(8), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(78))).await.unwrap();
    change(&store, 8, |report| report.resumed(at(9)).unwrap()).await;
    let claimed = store.claim_execution(0, 1).await.unwrap().unwrap();
    assert_eq!((claimed.execution.anchor, claimed.execution.queued), (at(4), at(9)), "it fell due anew when it was resumed");
    let refused = Outcome::Refused { reason: "role revoked".into() };
    assert!(store.finish_execution(&claimed, &refused, None, at(9)).await.unwrap());
    assert_eq!(status(&store, 8).await, ReportStatus::Paused);
}

async fn change(store: &Store, id: u128, change: impl Fn(&ScheduledReport) -> ScheduledReport) -> ScheduledReport {
    let changing = |report: &ScheduledReport| Ok::<_, ReportFault>(change(report));
    store.change_report(OWNER, Program::Mpn, Uuid::from_u128(id), None, at(9), changing).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_change_that_leaves_nothing_to_run_ends_the_report() {
    let Deployment { store, _folder, .. } = deployment().await;
    let with_count = |count| Timing::Recurring(Schedule::new(at(4), 4, Some(count), 0));
    store.add_report(&report(8, with_count(5)), None, None).await.unwrap().unwrap();
    store.queue_due_reports(at(4), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(77))).await.unwrap();
    let without_slots = |report: &ScheduledReport| match &report.timing {
        Timing::Recurring(schedule) => {
            ScheduledReport { timing: Timing::Recurring(Schedule { next: None, ..schedule.clone() }), ..report.clone() }
        }
        Timing::Once { .. } => panic!("a recurring report was expected"),
    };
    assert_eq!(change(&store, 8, without_slots).await.status, ReportStatus::Active, "an execution of it waits");
    let more = |report: &ScheduledReport| ScheduledReport { timing: with_count(5), ..report.clone() };
    change(&store, 8, more).await;
    let claimed = store.claim_execution(0, 1).await.unwrap().unwrap();
    assert!(store.finish_execution(&claimed, &Outcome::Failed { reason: "no".into() }, None, at(5)).await.unwrap());
    assert_eq!(status(&store, 8).await, ReportStatus::Active);
    assert_eq!(change(&store, 8, without_slots).await.status, ReportStatus::Inactive);
    assert_eq!(status(&store, 8).await, ReportStatus::Inactive);
}

#[tokio::test]
async fn the_quota_of_active_reports_holds_when_one_becomes_active_again() {
    let Deployment { store, _folder, .. } = deployment().await;
    let quotas = Some(ReportQuotas { active: 1, execute_now: 0, execute_now_since: at(-1) });
    let recurring = |id| report(id, Timing::Recurring(Schedule::new(at(4), 4, None, 0)));
    let resume = async |id: u128| {
        let resumed = |report: &ScheduledReport| Ok::<_, ReportFault>(report.resumed(at(1)).unwrap());
        store.change_report(OWNER, Program::Mpn, Uuid::from_u128(id), quotas, at(1), resumed).await.unwrap().unwrap()
    };
    for id in [8, 9] {
        store.add_report(&recurring(id), None, quotas).await.unwrap().unwrap();
        if id == 8 {
            change(&store, 8, |report| report.paused().unwrap()).await;
        }
    }
    assert_eq!(resume(8).await, Err(ReportFault::ActiveQuota(1)));
    assert_eq!(status(&store, 8).await, ReportStatus::Paused);
    assert!(resume(9).await.is_ok(), "it is active already");
    assert!(store.delete_report(OWNER, Program::Mpn, Uuid::from_u128(9), at(0)).await.unwrap());
    assert_eq!(resume(8).await.unwrap().status, ReportStatus::Active);
    // Reports that run once do not count for the quota of active reports, and do not need room in it.
    store.add_report(&once(7), Some(&first_execution(&once(7))), None).await.unwrap().unwrap();
    change(&store, 7, |report| report.paused().unwrap()).await;
    assert!(resume(7).await.is_ok());
}

#[tokio::test]
async fn a_run_that_fails_while_its_report_is_paused_is_held_back() {
    let Deployment { store, _folder, .. } = deployment().await;
    let scheduled = report(8, Timing::Recurring(Schedule::new(at(4), 4, Some(1), 0)));
    store.add_report(&scheduled, None, None).await.unwrap().unwrap();
    store.queue_due_reports(at(4), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(77))).await.unwrap();
    let claimed = store.claim_execution(0, 1).await.unwrap().unwrap();
    change(&store, 8, |report| report.paused().unwrap()).await;
    let retry = Outcome::Retry { reason: "busy".into(), not_before: 0 };
    assert!(store.finish_execution(&claimed, &retry, None, at(4)).await.unwrap());
    let held = store.execution(claimed.execution.id).await.unwrap().unwrap().execution;
    assert_eq!((held.status, held.failure.as_deref()), (ExecutionStatus::Paused, Some("busy")));
    assert!(store.claim_execution(100, 200).await.unwrap().is_none());
    assert_eq!(status(&store, 8).await, ReportStatus::Paused, "an execution of it is open");
    change(&store, 8, |report| report.resumed(at(5)).unwrap()).await;
    let claimed = store.claim_execution(100, 200).await.unwrap().unwrap();
    // The report is paused once more: the execution ends by itself, and as the last one it ends the report.
    change(&store, 8, |report| report.paused().unwrap()).await;
    assert!(store.finish_execution(&claimed, &Outcome::Failed { reason: "no".into() }, None, at(5)).await.unwrap());
    assert_eq!(status(&store, 8).await, ReportStatus::Inactive);
}

#[tokio::test]
async fn a_paused_report_with_slots_to_come_stays_paused_when_its_run_ends() {
    let Deployment { store, _folder, .. } = deployment().await;
    let scheduled = report(8, Timing::Recurring(Schedule::new(at(4), 4, Some(2), 0)));
    store.add_report(&scheduled, None, None).await.unwrap().unwrap();
    store.queue_due_reports(at(4), CatchUp::All, 10, || Ok::<_, StoreError>(Uuid::from_u128(77))).await.unwrap();
    let claimed = store.claim_execution(0, 1).await.unwrap().unwrap();
    change(&store, 8, |report| report.paused().unwrap()).await;
    assert!(
        store
            .finish_execution(&claimed, &Outcome::Completed { artifact: artifact(1_u64), note: None, sums: Vec::new() }, None, at(4))
            .await
            .unwrap()
    );
    assert_eq!(status(&store, 8).await, ReportStatus::Paused);
}

#[tokio::test]
async fn twenty_claimers_share_out_the_executions() {
    let Deployment { store, _folder, .. } = deployment().await;
    for id in 100..120 {
        store.add_report(&once(id), Some(&first_execution(&once(id))), None).await.unwrap().unwrap();
    }
    let claimers: Vec<_> = (0..30)
        .map(|_| {
            tokio::spawn({
                let store = store.clone();
                async move { store.claim_execution(0, 10).await.unwrap() }
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap().map(|claimed| claimed.execution.id));
    }
    assert_eq!(claimed.len(), 20);
    claimed.sort();
    claimed.dedup();
    assert_eq!(claimed.len(), 20, "none twice");
}

mod artifact_blocks;
mod bounds;
mod callbacks;
mod executions;
mod external_identities;
mod group_commit;
mod identities;
mod mails;
mod migration;
mod next_executions;
mod outages;
mod races;
mod recording;
mod replanning;
mod sign_in;
mod simulation;
