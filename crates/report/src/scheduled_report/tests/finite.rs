//! Finite schedules: the fields that they require, the effect of an end, and how many slots are left.

use super::*;
use crate::execution::ExecutionStatus;

fn finite(count: Option<i64>, end: Option<&str>) -> ReportInput {
    ReportInput { recurrence_count: count, end_time: end.and_then(text), finite: true, ..scheduled() }
}

fn faults(input: &ReportInput) -> String {
    check(input).unwrap_err().message()
}

#[test]
fn a_finite_schedule_names_a_count_or_an_end() {
    const PREFIX: &str = "Invalid report parameters for creation - ";
    for (count, end) in [(Some(3), None), (None, Some("2026-11-23T00:00:00Z")), (Some(3), Some("2026-11-22T16:00:01Z"))] {
        check(&finite(count, end)).unwrap();
    }
    for (count, end, message) in [
        (None, None, "Null or missing value: RecurrenceCount or EndTime".to_owned()),
        (None, Some("nonsense"), format!("{PREFIX}EndTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (Some(3), Some("2026-11-23"), format!("{PREFIX}EndTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (None, Some("2026-11-22T16:00:00Z"), format!("{PREFIX}EndTime should be greater than StartTime")),
        (Some(3), Some("2020-01-01T00:00:00Z"), format!("{PREFIX}EndTime should be greater than StartTime")),
        (Some(0), None, format!("{PREFIX}Recurrence count has to be a positive integer value")),
    ] {
        assert_eq!(faults(&finite(count, end)), message);
    }
    // If the version of the API does not require an end, a schedule may have none. A report that is executed once has no schedule.
    check(&scheduled()).unwrap();
    check(&ReportInput { finite: true, end_time: text("nonsense"), ..once_input() }).unwrap();
}

#[test]
fn the_most_runs_depend_on_the_interval_and_are_a_deployments_own() {
    let rules = ReportRules { most_runs: [(4, 100), (24, 30)].into(), ..ReportRules::default() };
    let asked = |interval, count| ReportInput { recurrence_interval: Some(interval), ..finite(Some(count), None) };
    for (interval, count, most) in [(4, 100, None), (4, 101, Some(100)), (23, 101, Some(100)), (24, 30, None), (2160, 31, Some(30))] {
        let checked = NewReport::check(&asked(interval, count), now(), &rules);
        let expected = most.map(|most| vec![ReportFault::TooManyRuns(most, interval as u32)]);
        assert_eq!(checked.err().map(|faults| faults.0), expected, "{interval} {count}");
    }
    let report = stored(&asked(4, 31));
    let less_often = ReportInput { recurrence_interval: Some(24), finite: true, ..ReportInput::default() };
    assert_eq!(report.updated(&less_often, now(), &rules).unwrap_err().0, [ReportFault::TooManyRuns(30, 24)]);
    let renamed = ReportInput { report_name: text("n"), finite: true, ..ReportInput::default() };
    assert!(report.updated(&renamed, now(), &ReportRules { most_runs: [(4, 1)].into(), ..rules }).is_ok(), "what is there may stay");
    check(&asked(4, i64::from(u32::MAX))).unwrap();
}

#[test]
fn an_update_moves_the_end() {
    let first = now() + TimeDelta::hours(4);
    let ends = |hours: i64| instant::format(first + TimeDelta::hours(hours));
    let end = |hours: i64| ReportInput { end_time: Some(ends(hours)), finite: true, ..ReportInput::default() };
    let start = |hours: i64| ReportInput { start_time: Some(ends(hours)), ..ReportInput::default() };
    let mut report = stored(&finite(None, Some(&ends(9))));
    report.timing = Timing::Recurring(schedule(&report).take_due(first, CatchUp::All).1);
    let after = |input: &ReportInput| {
        let updated = report.updated(input, first + TimeDelta::hours(1), &ReportRules::default()).unwrap();
        (schedule(&updated).next.map(|next| (next - first).num_hours()), updated.executions_left(now()))
    };
    assert_eq!(
        after(&ReportInput { report_name: text("n"), ..ReportInput::default() }),
        (Some(4), Some(2)),
        "an end that is not named is kept"
    );
    assert_eq!(after(&end(20)), (Some(4), Some(5)));
    assert_eq!(after(&end(4)), (Some(4), Some(1)));
    assert_eq!(after(&end(3)), (None, Some(0)), "nothing is left");
    assert_eq!(after(&start(8)), (Some(8), Some(1)), "another start keeps the end");
    let too_late = report.updated(&start(9), first, &ReportRules::default()).unwrap_err();
    assert_eq!(too_late.0, [ReportFault::EndBeforeStart]);
    // A later end continues a schedule that had ended.
    let ended = report.updated(&end(3), first + TimeDelta::hours(1), &ReportRules::default()).unwrap();
    let ended = ScheduledReport { status: ReportStatus::Inactive, ..ended };
    assert_eq!((ended.next_slot(now()), ended.executions_left(now()), ended.waiting_execution(now())), (None, Some(0), None));
    let woken = ended.updated(&end(20), first + TimeDelta::hours(5), &ReportRules::default()).unwrap();
    assert_eq!((woken.status, schedule(&woken).next), (ReportStatus::Active, Some(first + TimeDelta::hours(8))));
}

#[test]
fn the_waiting_run_is_the_next_slots() {
    let mut report = stored(&finite(Some(3), None));
    assert_eq!((report.waiting_execution(now()), report.executions_left(now())), (None, Some(3)), "it has no id yet");
    let id = Uuid::from_u128(9);
    report.timing = Timing::Recurring(Schedule { next_execution: Some(id), ..schedule(&report).clone() });
    let waiting = report.waiting_execution(now()).unwrap();
    assert_eq!((waiting.id, waiting.status, waiting.anchor), (id, ExecutionStatus::Pending, now() + TimeDelta::hours(4)));
    assert_eq!(waiting.note.as_deref(), Some("The run waits for its time: 2026-11-22T16:00:00Z"));
    let paused = report.paused().unwrap();
    let later = now() + TimeDelta::hours(5);
    assert_eq!(paused.next_slot(later), Some(now() + TimeDelta::hours(8)), "the one that it would go on with");
    assert_eq!(paused.waiting_execution(later).map(|execution| (execution.id, execution.status)), Some((id, ExecutionStatus::Paused)));
    let moved = ReportInput { start_time: text("2026-11-23T00:00:00Z"), ..ReportInput::default() };
    let moved = report.updated(&moved, now(), &ReportRules::default()).unwrap();
    assert_eq!(moved.waiting_execution(now()).map(|execution| execution.id), Some(id), "the next execution, whichever slot it gets");
    let once = stored(&once_input());
    assert_eq!((once.waiting_execution(now()), once.next_slot(now()), once.executions_left(now())), (None, None, Some(1)));
    assert_eq!(ScheduledReport { status: ReportStatus::Inactive, ..once }.executions_left(now()), Some(0));
}
