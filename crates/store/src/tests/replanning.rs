//! What happens after a clock that was ahead is set back.

use super::*;

#[tokio::test]
async fn what_a_clock_that_was_ahead_planned_is_planned_anew() {
    let Deployment { store, _folder, .. } = deployment().await;
    let (now, ahead) = (at(1), at(24 * 365));
    let schedule = Schedule::new(at(0), 4, None, 0);
    let (gone, later) =
        (report(20, Timing::Recurring(schedule.clone())), report(21, Timing::Recurring(Schedule::new(at(500), 4, None, 0))));
    for report in [&gone, &later] {
        store.add_report(report, None, None).await.unwrap().unwrap();
    }
    let mut ids = 100..;
    let mut id = || Ok::<_, StoreError>(Uuid::from_u128(ids.next().unwrap()));
    // The report is due at the future time, and so is the turn of its execution.
    assert_eq!(store.queue_due_reports(ahead, CatchUp::Latest, 10, &mut id).await.unwrap(), 2);
    store.add_user(&User::new(OWNER, tenant().id, "ana@contoso.example".into()), None, at(0)).await.unwrap();
    let shut = "INSERT INTO sign_in_counts (subject, network, nobody, failures, locked_until, since, recent, last_failure, last_success)
        VALUES ($1, '', 0, 9, $2, $2, '', $2, 0)";
    sqlx::query(shut).bind(OWNER.to_string()).bind(ahead.timestamp_millis()).execute(&store.pool).await.unwrap();
    assert_eq!(store.user(tenant().id, OWNER).await.unwrap().unwrap().locked_until, Some(ahead));
    let waiting = async || {
        let row = sqlx::query("SELECT MAX(turn) AS turn FROM executions WHERE status = 'Pending'").fetch_one(&store.pool).await.unwrap();
        row.get::<i64, _>("turn")
    };
    assert!(waiting().await >= ahead.timestamp_millis());

    let mut replanned = store.replan(now).await.unwrap();
    replanned.sort_unstable();
    assert_eq!(replanned, [gone.id, later.id]);
    let next = async |id: Uuid| match store.report(OWNER, Program::Mpn, id).await.unwrap().unwrap().timing {
        Timing::Recurring(schedule) => (schedule.next, schedule.revision),
        Timing::Once { .. } => panic!("{id}"),
    };
    assert_eq!(next(gone.id).await, (Some(at(4)), 1));
    assert_eq!(next(later.id).await, (Some(at(500)), 1), "its first slot lies ahead by right");
    assert_eq!(waiting().await, now.timestamp_millis());
    assert_eq!(store.user(tenant().id, OWNER).await.unwrap().unwrap().locked_until, None);
    assert!(store.replan(now).await.unwrap().is_empty(), "once");
    // A slot that ran while the clock was ahead runs again when it is due.
    assert_eq!(store.queue_due_reports(ahead, CatchUp::Latest, 10, &mut id).await.unwrap(), 2);
    let row = sqlx::query("SELECT COUNT(*) AS runs FROM executions").fetch_one(&store.pool).await.unwrap();
    assert_eq!(row.get::<i64, _>("runs"), 4);
}

#[tokio::test]
async fn creations_of_the_future_count_for_no_quota() {
    let Deployment { store, _folder, .. } = deployment().await;
    let quotas = |since| Some(ReportQuotas { active: 50, execute_now: 1, execute_now_since: since });
    let of = |id, created| ScheduledReport { created, ..once(id) };
    let ahead = of(20, at(24 * 365));
    store.add_report(&ahead, Some(&first_execution(&ahead)), quotas(at(24 * 365 - 1))).await.unwrap().unwrap();
    let now = of(21, at(1));
    store.add_report(&now, Some(&first_execution(&now)), quotas(at(0))).await.unwrap().unwrap();
    // One that waited for its turn while the other was written counts it, though it was asked for before.
    for asked in [at(1), at(1) - TimeDelta::seconds(2)] {
        let again = of(22, asked);
        assert_eq!(
            store.add_report(&again, Some(&first_execution(&again)), quotas(at(0))).await.unwrap(),
            Err(ReportFault::ExecuteNowQuota(1))
        );
    }
}
