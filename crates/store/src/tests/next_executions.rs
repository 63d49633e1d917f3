//! Executions that are announced before they begin, schedules that end unnoticed, and the order of lists.

use insightgate_report::report_query::ReportQuery;

use super::*;

fn recurring(id: u128, schedule: Schedule) -> ScheduledReport {
    report(id, Timing::Recurring(schedule))
}

fn next_execution(report: &ScheduledReport) -> Option<Uuid> {
    match &report.timing {
        Timing::Recurring(schedule) => schedule.next_execution,
        Timing::Once { .. } => None,
    }
}

#[tokio::test]
async fn a_run_begins_under_the_id_that_it_was_announced_by() {
    let Deployment { store, url, _folder } = deployment().await;
    let made = recurring(8, Schedule::new(at(4), 4, None, 0));
    store.add_report(&made, None, None).await.unwrap().unwrap();
    let (announced, refused) = (Uuid::from_u128(50), Uuid::from_u128(51));
    for fresh in [announced, refused] {
        let report = store.announce_next_execution(made.id, fresh).await.unwrap().unwrap();
        assert_eq!(next_execution(&report), Some(announced), "the first id stays");
    }
    assert_eq!(store.report_of_next_execution(OWNER, Program::Mpn, refused).await.unwrap(), None);
    assert_eq!(
        store.report_of_next_execution(Uuid::from_u128(9), Program::Mpn, announced).await.unwrap(),
        None,
        "another owner's is not found"
    );
    // The id survives a change of the report, and another process sees it.
    change(&store, 8, |report| report.paused().unwrap().resumed(at(9)).unwrap()).await;
    let other = Store::open(&url).await.unwrap();
    let report = other.report_of_next_execution(OWNER, Program::Mpn, announced).await.unwrap().unwrap();
    assert_eq!(report.id, made.id);
    let mut others = 100;
    let mut new_id = || {
        others += 1;
        Ok::<_, StoreError>(Uuid::from_u128(others))
    };
    assert_eq!(other.queue_due_reports(at(20), CatchUp::All, 10, &mut new_id).await.unwrap(), 1);
    // The first of the slots, which are now 12, 16 and 20.
    let execution = store.execution(announced).await.unwrap().unwrap().execution;
    assert_eq!((execution.report, execution.anchor, execution.status), (made.id, at(12), ExecutionStatus::Pending));
    assert_eq!(others, 102);
    assert_eq!(store.report_of_next_execution(OWNER, Program::Mpn, announced).await.unwrap(), None);
    let next = store.announce_next_execution(made.id, refused).await.unwrap().unwrap();
    assert_eq!(next_execution(&next), Some(refused), "the execution after it has an id of its own");
    // If there is no further slot, no execution is announced.
    store.add_report(&once(9), None, None).await.unwrap().unwrap();
    assert_eq!(store.announce_next_execution(Uuid::from_u128(9), Uuid::from_u128(52)).await.unwrap(), None);
    assert_eq!(store.announce_next_execution(Uuid::from_u128(77), Uuid::from_u128(53)).await.unwrap(), None);
}

#[tokio::test]
async fn a_report_whose_last_slots_are_skipped_ends() {
    let Deployment { store, _folder, .. } = deployment().await;
    let ending = |hours| Schedule::new(at(4), 4, None, 0).ending(Some(at(hours)));
    for (id, end) in [(8, 9), (9, 90)] {
        let made = recurring(id, ending(end));
        store.add_report(&made, None, None).await.unwrap().unwrap();
        assert_eq!(store.report(OWNER, Program::Mpn, made.id).await.unwrap(), Some(made), "as it was written");
    }
    let new_id = || Ok::<_, StoreError>(Uuid::from_u128(60));
    assert_eq!(store.queue_due_reports(at(30), CatchUp::None, 10, new_id).await.unwrap(), 2);
    assert_eq!((status(&store, 8).await, status(&store, 9).await), (ReportStatus::Inactive, ReportStatus::Active));
    assert_eq!(store.queue_due_reports(at(31), CatchUp::None, 10, new_id).await.unwrap(), 0, "it is not looked at again");
    // A report that is resumed too late has ended.
    store.add_report(&recurring(10, ending(9)), None, None).await.unwrap().unwrap();
    change(&store, 10, |report| report.paused().unwrap()).await;
    assert_eq!(change(&store, 10, |report| report.resumed(at(10)).unwrap()).await.status, ReportStatus::Inactive);
}

#[tokio::test]
async fn what_is_made_at_one_instant_is_listed_in_that_order() {
    let Deployment { store, _folder, .. } = deployment().await;
    let ids: Vec<u128> = vec![905, 17, 640, 3, 555, 12];
    for id in &ids {
        store.add_report(&once(*id), None, None).await.unwrap().unwrap();
        let query = ReportQuery {
            id: Uuid::from_u128(*id),
            tenant: tenant().id,
            owner: OWNER,
            program: Program::Mpn,
            name: "n".into(),
            description: None,
            text: "SELECT a FROM b".into(),
            user: "u".into(),
            created: at(0),
        };
        assert!(store.add_report_query(&query, Some(100)).await.unwrap());
    }
    let listed = store.reports(OWNER, Program::Mpn, &ReportFilter::default()).await.unwrap();
    assert_eq!(listed.iter().map(|report| report.id.as_u128()).collect::<Vec<_>>(), ids);
    let listed = store.report_queries(OWNER, Program::Mpn).await.unwrap();
    assert_eq!(listed.iter().map(|query| query.id.as_u128()).collect::<Vec<_>>(), ids);
    let some = ReportFilter { ids: vec![Uuid::from_u128(12), Uuid::from_u128(17)], ..ReportFilter::default() };
    let listed = store.reports(OWNER, Program::Mpn, &some).await.unwrap();
    assert_eq!(listed.iter().map(|report| report.id.as_u128()).collect::<Vec<_>>(), [17, 12]);
}
