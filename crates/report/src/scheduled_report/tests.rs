mod finite;

use super::*;
use crate::schedule::CatchUp;

fn now() -> DateTime<Utc> {
    instant::parse("2026-11-22T12:00:00Z").unwrap()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn scheduled() -> ReportInput {
    ReportInput {
        report_name: text("Monthly"),
        query_id: text("q"),
        start_time: text("2026-11-22T16:00:00Z"),
        recurrence_interval: Some(4),
        ..ReportInput::default()
    }
}

fn once_input() -> ReportInput {
    ReportInput { report_name: text("Now"), query_id: text("q"), execute_now: Some(true), ..ReportInput::default() }
}

fn check(input: &ReportInput) -> Result<NewReport, ReportFaults> {
    NewReport::check(input, now(), &ReportRules::default())
}

#[test]
fn each_broken_rule_has_its_documented_text() {
    type Change = fn(&mut ReportInput);
    let cases: [(Change, &str); 16] = [
        (|i| i.report_name = None, "Null or missing value: ReportName"),
        (|i| i.query_id = None, "Null or missing value: QueryId"),
        (|i| i.start_time = None, "Null or missing value: StartTime"),
        (|i| i.recurrence_interval = None, "Null or missing value: RecurrenceInterval"),
        (|i| i.recurrence_interval = Some(3), "Recurrence Interval must be between 4 and 2160"),
        (|i| i.recurrence_interval = Some(2161), "Recurrence Interval must be between 4 and 2160"),
        (|i| i.recurrence_interval = Some(i64::MIN), "Recurrence Interval must be between 4 and 2160"),
        (
            |i| i.start_time = text("2026-11-22T15:59:59Z"),
            "Invalid report parameters for creation - Start time of report should at least be 4 hours from current UTC time",
        ),
        (
            |i| i.start_time = text("22.11.2026"),
            "Invalid report parameters for creation - StartTime should follow format: yyyy-MM-ddTHH:mm:ssZ",
        ),
        (|i| i.format = text("xls"), "Invalid report parameters for creation - Report format should be csv/tsv"),
        (|i| i.report_name = text("a;b"), "Invalid report parameters for creation - Invalid character (;) in ReportName"),
        (
            |i| i.report_name = Some("é".repeat(257)),
            "Invalid report parameters for creation - Limit ReportName and Description length to 256 characters or less",
        ),
        (|i| i.callback_method = text("PUT"), "Invalid report parameters for creation - CallbackMethod can only be GET or POST"),
        (
            |i| i.callback_url = text("/relative"),
            "Invalid report parameters for creation - CallbackUrl should be an absolute http or https address of at most 2048 characters",
        ),
        (|i| i.recurrence_count = Some(0), "Invalid report parameters for creation - Recurrence count has to be a positive integer value"),
        (
            |i| i.recurrence_count = Some(i64::MAX),
            "Invalid report parameters for creation - Recurrence count has to be a positive integer value",
        ),
    ];
    assert!(check(&scheduled()).is_ok());
    for (change, message) in cases {
        let mut input = scheduled();
        change(&mut input);
        assert_eq!(check(&input).unwrap_err().message(), message);
    }
}

#[test]
fn all_broken_rules_are_reported_at_once() {
    let input = ReportInput { recurrence_interval: Some(1), format: text("pdf"), ..scheduled() };
    assert_eq!(check(&input).unwrap_err().0, [ReportFault::Interval, ReportFault::Format]);
}

#[test]
fn execute_now_ignores_the_schedule_and_takes_a_stretch() {
    let input = ReportInput {
        start_time: text("nonsense"),
        recurrence_interval: Some(1),
        recurrence_count: Some(-4),
        query_start_time: text("2026-01-01T00:00:00Z"),
        query_end_time: text("2026-02-01T00:00:00Z"),
        ..once_input()
    };
    let timing = check(&input).unwrap().timing;
    assert_eq!(
        timing,
        Timing::Once { query_start: instant::parse("2026-01-01T00:00:00Z"), query_end: instant::parse("2026-02-01T00:00:00Z") }
    );
    let backwards = ReportInput { query_end_time: text("2026-01-01T00:00:00Z"), ..input.clone() };
    assert_eq!(check(&backwards).unwrap_err().0, [ReportFault::EndBeforeStart]);
    let bad = ReportInput { query_end_time: text("soon"), ..input };
    assert_eq!(check(&bad).unwrap_err().0, [ReportFault::EndFormat]);
    let ignored = ReportInput { query_start_time: text("nonsense"), ..scheduled() };
    assert!(check(&ignored).is_ok(), "a stretch is ignored without ExecuteNow");
}

fn stored(input: &ReportInput) -> ScheduledReport {
    let new = check(input).unwrap();
    ScheduledReport {
        id: Uuid::from_u128(1),
        tenant: Uuid::from_u128(2),
        owner: Uuid::from_u128(3),
        application: Uuid::from_u128(4),
        program: Program::Mpn,
        name: new.name,
        description: new.description,
        query_id: new.query_id,
        query: "SELECT a FROM b".into(),
        user: "analyst@contoso.example".into(),
        created: now(),
        modified: None,
        timing: new.timing,
        status: ReportStatus::Active,
        callback: new.callback,
        format: new.format,
    }
}

fn schedule(report: &ScheduledReport) -> &Schedule {
    match &report.timing {
        Timing::Recurring(schedule) => schedule,
        Timing::Once { .. } => panic!("a recurring report was expected"),
    }
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let report = stored(&ReportInput {
        callback_url: text("https://contoso.example/done"),
        callback_method: text("get"),
        callback_on_failure: Some(true),
        recurrence_count: Some(7),
        format: text("TSV"),
        ..scheduled()
    });
    let renamed = ReportInput { report_name: text("Renamed"), start_time: scheduled().start_time, ..ReportInput::default() };
    let later = now() + TimeDelta::hours(10);
    let updated = report.updated(&renamed, later, &ReportRules::default()).unwrap();
    assert_eq!(updated, ScheduledReport { name: "Renamed".into(), modified: Some(later), ..report.clone() });

    let moved = ReportInput { start_time: text("2026-12-01T00:00:00Z"), ..ReportInput::default() };
    let updated = report.updated(&moved, later, &ReportRules::default()).unwrap();
    assert_eq!(schedule(&updated).revision, 1);
    assert_eq!((schedule(&updated).fired, schedule(&updated).count), (0, Some(7)));

    let too_soon = ReportInput { start_time: text("2026-11-22T23:00:00Z"), ..ReportInput::default() };
    assert_eq!(report.updated(&too_soon, later, &ReportRules::default()).unwrap_err().0, [ReportFault::StartLead(4)]);
    assert_eq!(stored(&once_input()).updated(&renamed, later, &ReportRules::default()).unwrap_err().0, [ReportFault::OnceUpdated]);
}

#[test]
fn a_callback_is_judged_when_it_is_named() {
    let named = |url: &str| ReportInput { callback_url: text(url), ..scheduled() };
    let strict = ReportRules { https_callbacks: true, ..ReportRules::default() };
    let fault = |url: &str| NewReport::check(&named(url), now(), &strict).unwrap_err().0;
    assert_eq!(fault("http://contoso.example/"), [ReportFault::CallbackUrl(CallbackUrlFault::NotEncrypted)]);
    assert_eq!(fault("https://me:pass@contoso.example/"), [ReportFault::CallbackUrl(CallbackUrlFault::Credentials)]);
    let report = stored(&named("http://contoso.example/"));
    assert_eq!(report.callback.as_ref().map(|callback| (callback.method, callback.on_failure)), Some((CallbackMethod::Post, false)));
    // A later rule does not affect the current address: only an address that is sent is checked.
    let asked = ReportInput { callback_on_failure: Some(true), ..ReportInput::default() };
    let updated = report.updated(&asked, now(), &strict).unwrap();
    assert_eq!(updated.callback, report.callback.map(|callback| Callback { on_failure: true, ..callback }));
    let again = ReportInput { callback_url: text("http://contoso.example/"), ..ReportInput::default() };
    assert_eq!(updated.updated(&again, now(), &strict).unwrap_err().0, [ReportFault::CallbackUrl(CallbackUrlFault::NotEncrypted)]);
    // Without an address there is no callback.
    assert_eq!(stored(&ReportInput { callback_on_failure: Some(true), ..scheduled() }).callback, None);
}

#[test]
fn a_higher_count_wakes_an_exhausted_report() {
    let mut report = stored(&ReportInput { recurrence_count: Some(1), ..scheduled() });
    let due = now() + TimeDelta::hours(4);
    report.timing = Timing::Recurring(schedule(&report).take_due(due, CatchUp::All).1);
    report.status = ReportStatus::Inactive;
    assert_eq!(report.paused().unwrap_err().0, [ReportFault::NoFurtherRuns("paused")]);
    let more = ReportInput { recurrence_count: Some(2), ..ReportInput::default() };
    let updated = report.updated(&more, due + TimeDelta::hours(1), &ReportRules::default()).unwrap();
    assert_eq!(updated.status, ReportStatus::Active);
    assert_eq!(schedule(&updated).next, Some(due + TimeDelta::hours(4)));
    let at_once = report.updated(&more, due, &ReportRules::default()).unwrap();
    assert_eq!(schedule(&at_once).next, Some(due + TimeDelta::hours(4)), "what ran already does not run again");
}

#[test]
fn pause_and_resume_are_idempotent_and_skip_what_passed() {
    let report = stored(&scheduled());
    let paused = report.paused().unwrap().paused().unwrap();
    assert_eq!(paused.status, ReportStatus::Paused);
    let resumed = paused.resumed(now() + TimeDelta::hours(9)).unwrap();
    assert_eq!(schedule(&resumed).next, Some(now() + TimeDelta::hours(12)));
    assert_eq!(resumed.resumed(now() + TimeDelta::hours(9)).unwrap(), resumed);
}

#[test]
fn limits_are_in_characters_and_take_their_ends() {
    type Change = fn(&mut ReportInput);
    let fine: [Change; 12] = [
        |i| i.report_name = Some("é".repeat(256)),
        |i| i.report_name = Some("🦀".repeat(256)),
        |i| i.description = Some("日".repeat(256)),
        |i| i.description = text("a;b"),
        |i| i.recurrence_interval = Some(2160),
        |i| i.recurrence_count = Some(1),
        |i| i.recurrence_count = Some(i64::from(u32::MAX)),
        |i| i.start_time = text("2026-11-22 16:00:00Z"),
        |i| i.start_time = text("9999-12-31T23:59:59Z"),
        |i| i.format = text("tSv"),
        |i| i.callback_method = text("pOST"),
        |i| i.callback_url = text("http://example.org:8080/a?b=c"),
    ];
    for (place, change) in fine.into_iter().enumerate() {
        let mut input = scheduled();
        change(&mut input);
        assert!(check(&input).is_ok(), "{place}: {:?}", check(&input));
    }
    let untouched = || ReportFault::Placeholder("string".to_owned());
    let broken: [(Change, ReportFault); 11] = [
        (|i| i.report_name = Some("🦀".repeat(257)), ReportFault::NameLength),
        (|i| i.description = Some("日".repeat(257)), ReportFault::NameLength),
        (|i| i.recurrence_count = Some(i64::from(u32::MAX) + 1), ReportFault::Count),
        (|i| i.recurrence_interval = Some(0), ReportFault::Interval),
        (|i| i.start_time = text("2026-11-22T16:00:00"), ReportFault::StartFormat),
        (|i| i.start_time = text("2026-11-22T12:00:00Z"), ReportFault::StartLead(4)),
        (|i| i.format = text("strings"), ReportFault::Format),
        (|i| i.callback_method = text("PUT"), ReportFault::CallbackMethod),
        // The placeholder of the documents' examples has a message of its own.
        (|i| i.format = text("string"), untouched()),
        (|i| i.callback_method = text("string"), untouched()),
        (|i| i.callback_url = text("string"), untouched()),
    ];
    for (change, fault) in broken {
        let mut input = scheduled();
        change(&mut input);
        assert_eq!(check(&input).unwrap_err().0, [fault]);
    }
}

#[test]
fn a_deployment_may_ask_for_another_lead_and_the_text_says_which() {
    let at = |time: &str| ReportInput { start_time: text(time), ..scheduled() };
    for (hours, fine, early) in [(0, "2026-11-22T12:00:00Z", "2026-11-22T11:59:59Z"), (24, "2026-11-23T12:00:00Z", "2026-11-23T11:59:59Z")]
    {
        let rules = ReportRules { start_lead_hours: hours, ..ReportRules::default() };
        assert!(NewReport::check(&at(fine), now(), &rules).is_ok());
        let refused = NewReport::check(&at(early), now(), &rules).unwrap_err().message();
        assert!(refused.ends_with(&format!("at least be {hours} hours from current UTC time")), "{refused}");
    }
}

#[test]
fn a_datasets_interval_holds_only_where_a_deployment_says_so() {
    let strict = ReportRules { dataset_minimum_interval: true, ..ReportRules::default() };
    let report = stored(&scheduled());
    assert_eq!(report.fits_dataset(24, &ReportRules::default()), Ok(()));
    assert_eq!(report.fits_dataset(4, &strict), Ok(()));
    let refused = report.fits_dataset(24, &strict).unwrap_err();
    assert_eq!(refused.to_string(), "Recurrence Interval must be between 24 and 2160");
    assert_eq!(stored(&once_input()).fits_dataset(24, &strict), Ok(()), "one that runs once has no interval");
}

/// Each case has the status, the executed slots and the current time in hours after the first slot; what is sent; and the new status, the next slot in
/// hours after the first one, and the slots that count.
#[test]
fn an_update_plans_the_next_run_anew() {
    use ReportStatus::{Active, Inactive, Paused};
    type Case = (ReportStatus, u32, i64, ReportInput, ReportStatus, Option<i64>, u32);
    let first = now() + TimeDelta::hours(4);
    let start = |hours: i64| ReportInput { start_time: Some(instant::format(first + TimeDelta::hours(hours))), ..ReportInput::default() };
    let interval = |hours| ReportInput { recurrence_interval: Some(hours), ..ReportInput::default() };
    let count = |count| ReportInput { recurrence_count: Some(count), ..ReportInput::default() };
    let both = |start: ReportInput, hours| ReportInput { recurrence_interval: Some(hours), ..start };
    let cases: [Case; 18] = [
        // Before the first slot.
        (Active, 0, -3, start(8), Active, Some(8), 0),
        (Active, 0, -3, start(0), Active, Some(0), 0),
        (Active, 0, -3, interval(24), Active, Some(0), 0),
        (Active, 0, -3, count(1), Active, Some(0), 0),
        // Between two slots.
        (Active, 1, 1, interval(24), Active, Some(24), 0),
        (Active, 1, 1, start(0), Active, Some(4), 1),
        (Active, 1, 1, both(start(0), 4), Active, Some(4), 1),
        (Active, 1, 1, both(start(6), 12), Active, Some(6), 0),
        // In the same second as a slot that was executed: it is not executed again.
        (Active, 3, 8, interval(8), Active, Some(16), 0),
        (Active, 1, 0, interval(8), Active, Some(8), 0),
        // Changes of the count.
        (Active, 2, 5, count(2), Active, None, 2),
        (Active, 2, 5, count(3), Active, Some(8), 2),
        (Inactive, 5, 17, count(6), Active, Some(20), 5),
        (Inactive, 5, 16, count(6), Active, Some(20), 5),
        (Inactive, 5, 17, count(4), Inactive, None, 5),
        (Inactive, 5, 17, start(24), Active, Some(24), 0),
        // A paused report stays paused.
        (Paused, 1, 9, start(24), Paused, Some(24), 0),
        (Paused, 5, 17, count(9), Paused, Some(20), 5),
    ];
    for (place, (status, ran, hours, input, expected, next, fired)) in cases.into_iter().enumerate() {
        let mut report = stored(&ReportInput { recurrence_count: Some(5), ..scheduled() });
        let mut taken = schedule(&report).clone();
        if ran > 0 {
            taken = taken.take_due(first + TimeDelta::hours(4 * i64::from(ran - 1)), CatchUp::All).1;
        }
        report.timing = Timing::Recurring(taken);
        report.status = status;
        let updated = report.updated(&input, first + TimeDelta::hours(hours), &ReportRules::default()).unwrap();
        let after = schedule(&updated);
        let found = (updated.status, after.next.map(|next| (next - first).num_hours()), after.fired);
        assert_eq!(found, (expected, next, fired), "case {place}");
        let anew = after.start != first || after.interval_hours != 4;
        assert_eq!(after.revision, u32::from(anew), "case {place}: slots of another plan have other keys");
    }
}
