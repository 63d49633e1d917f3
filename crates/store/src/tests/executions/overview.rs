//! An owner's reports at a glance: pages of reports, pages of a report's executions, what ran last, and what is due next.

use super::*;
use crate::database::page::{Conditions, Listing, PagePlace};
use crate::tests::bounds::fill;

const FOREIGN: Uuid = Uuid::from_u128(4);

/// Five reports of the owner, which ran once each, two of another owner, and two that run by a schedule.
async fn filled() -> Deployment {
    let deployment = deployment().await;
    for id in 10..17_i64 {
        let owner = if id < 15 { OWNER } else { FOREIGN };
        let made = ScheduledReport { owner, created: at(id), ..once(u128::try_from(id).unwrap()) };
        deployment.store.add_report(&made, Some(&first_execution(&made)), None).await.unwrap().unwrap();
    }
    for (id, next) in [(20, 40), (21, 30)] {
        let made = ScheduledReport { created: at(1), ..report(id, Timing::Recurring(Schedule::new(at(next), 4, None, 0))) };
        deployment.store.add_report(&made, None, None).await.unwrap().unwrap();
    }
    deployment
}

fn numbers(ids: impl IntoIterator<Item = Uuid>) -> Vec<u128> {
    ids.into_iter().map(|id| id.as_u128()).collect()
}

#[tokio::test]
async fn an_owner_sees_reports_page_by_page_with_what_each_did_last() {
    let Deployment { store, _folder, .. } = filled().await;
    assert_eq!(store.cancel_execution(Uuid::from_u128(1013), "no", at(20)).await.unwrap(), Ok(()));
    let first = store.report_overviews(OWNER, Program::Mpn, None, 4).await.unwrap();
    let second = store.report_overviews(OWNER, Program::Mpn, first.next, 4).await.unwrap();
    assert_eq!((first.total, second.total, second.next), (7, 7, None));
    let all: Vec<_> = first.items.into_iter().chain(second.items).collect();
    assert_eq!(numbers(all.iter().map(|item| item.report.id)), [14, 13, 12, 11, 10, 21, 20]);
    let last = |place: usize| (all[place].last_status, all[place].last_finished);
    assert_eq!(last(0), (Some(ExecutionStatus::Pending), None));
    assert_eq!(last(1), (Some(ExecutionStatus::Cancelled), Some(at(20))));
    assert_eq!(last(6), (None, None));
    assert!(store.report_overviews(OWNER, Program::Cmp, None, 4).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn the_newest_runs_and_the_next_reports_are_the_owners_own() {
    let Deployment { store, _folder, .. } = filled().await;
    let latest = async |owner, programs: &[Program], limit| {
        let records = store.latest_executions(owner, programs, limit).await.unwrap();
        assert!(records.iter().all(|record| record.report.owner == owner && record.execution.report == record.report.id));
        numbers(records.iter().map(|record| record.execution.id))
    };
    assert_eq!(latest(OWNER, &[Program::Mpn, Program::Cmp], 3).await, [1014, 1013, 1012]);
    assert_eq!(latest(OWNER, &[Program::Mpn], 100).await, [1014, 1013, 1012, 1011, 1010]);
    assert_eq!(latest(FOREIGN, &[Program::Mpn], 1).await, [1016]);
    assert_eq!(latest(OWNER, &[Program::Cmp], 3).await, [0_u128; 0]);
    // Several of one report may be the newest.
    let mut next = 5000_u128;
    let new_id = || {
        next += 1;
        Ok::<_, StoreError>(Uuid::from_u128(next))
    };
    store.queue_due_reports(at(38), CatchUp::All, 10, new_id).await.unwrap();
    assert_eq!(latest(OWNER, &[Program::Mpn], 4).await, [5003, 5002, 5001, 1014]);
    let next = async |owner| numbers(store.next_reports(owner, &[Program::Mpn, Program::Cmp], 5).await.unwrap().iter().map(|next| next.id));
    assert_eq!((next(OWNER).await, next(FOREIGN).await), (vec![20, 21], vec![]));
}

#[tokio::test]
async fn the_executions_of_a_report_have_pages_in_the_order_of_their_slots() {
    let Deployment { store, _folder, .. } = filled().await;
    let mut next = 5000_u128;
    let new_id = || {
        next += 1;
        Ok::<_, StoreError>(Uuid::from_u128(next))
    };
    store.queue_due_reports(at(50), CatchUp::All, 10, new_id).await.unwrap();
    let (report, mut anchors, mut after) = (Uuid::from_u128(21), Vec::new(), None);
    loop {
        let page = store.executions_of_report(report, after, 4).await.unwrap();
        assert!(page.total == 6 && page.items.len() <= 4);
        anchors.extend(page.items.iter().map(|item| item.record.execution.anchor));
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    assert_eq!(anchors, [50, 46, 42, 38, 34, 30].map(at));
}

/// Ten thousand executions of one report are read page by page, each by the report's index from where the page before ended.
#[tokio::test]
async fn a_page_of_very_many_executions_reads_no_others() {
    let Deployment { store, _folder, .. } = filled().await;
    let (report, insert) = (
        Uuid::from_u128(20),
        "INSERT INTO executions (id, report_id, slot, anchor, queued, status, epoch, attempts, lease_until, not_before)
            SELECT '00000000-0000-4000-8000-' || substr('000000000000' || n, -12), '00000000-0000-0000-0000-000000000014', 'slot' || n, n / 3, n, 'Completed', 1, 1, 0, 0",
    );
    if store.dialect != Dialect::Sqlite {
        return;
    }
    fill(&store, 10_000, insert).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.executions_of_report(report, after, 999).await.unwrap();
        assert_eq!(page.total, 10_000);
        seen.extend(page.items.iter().map(|item| item.record.execution.id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert!(seen.len() == 10_000 && seen.is_sorted_by(|one, next| one > next), "each once, the newest first");
    let listing = Listing { columns: "*", table: "executions", at: "anchor" };
    let place = PagePlace { at: 5, id: Uuid::nil() };
    let conditions = Conditions::default().text("report_id = {}", Some(report)).behind("anchor", place);
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", conditions.listed(listing)));
    let query = sqlx::query(explained).bind(report.to_string()).bind(5_i64).bind(Uuid::nil().to_string()).bind(25_i64);
    let steps: Vec<String> = query.fetch_all(&store.pool).await.unwrap().iter().map(|row| row.try_get("detail").unwrap()).collect();
    assert!(steps[0].contains("USING INDEX executions_by_report"), "{steps:?}");
    assert!(!steps.iter().any(|step| step.contains("FOR ORDER BY")), "no more than the ids of one instant are sorted: {steps:?}");
}
