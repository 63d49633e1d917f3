#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::datasets::builtin;
use crate::plan;

#[test]
fn windows_have_a_source() {
    let catalog = builtin::catalog("mpn");
    let time = Some(DateTime::UNIX_EPOCH);
    let source = |text: &str, start, end| plan(text, &catalog).unwrap().window_source(start, end);
    let dated = "SELECT Month FROM OfficeUsage";
    assert_eq!(source(dated, None, None), WindowSource::Default(TimeSpan::Last6Months));
    assert_eq!(source("SELECT Month FROM OfficeUsage TIMESPAN LIFETIME", None, None), WindowSource::Span(TimeSpan::Lifetime));
    for (start, end) in [(time, None), (None, time), (time, time)] {
        assert_eq!(source("SELECT Month FROM OfficeUsage TIMESPAN LAST_MONTH", start, end), WindowSource::Given);
        assert_eq!(source("SELECT MPNId FROM Profile", start, end), WindowSource::NoDates);
    }
    assert_eq!(source("SELECT MPNId FROM Profile TIMESPAN LIFETIME", None, None), WindowSource::NoDates);
}

#[test]
fn windows_of_a_run() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let catalog = builtin::catalog("mpn");
    let planned = |text: &str| plan(text, &catalog).unwrap();
    let anchor = at("2024-03-10T08:00:00Z");
    let (start, end) = (at("2020-01-01T00:00:00Z"), at("2021-01-01T00:00:00Z"));
    let spanned = planned("SELECT Month FROM OfficeUsage TIMESPAN LAST_MONTH");
    let between = |start, end| Window::Between { start, end };
    assert_eq!(spanned.window(anchor, None, None), between(Some(at("2024-02-01T00:00:00Z")), at("2024-03-01T00:00:00Z")));
    assert_eq!(spanned.window(anchor, Some(start), Some(end)), between(Some(start), end));
    assert_eq!(spanned.window(anchor, Some(start), None), between(Some(start), anchor));
    assert_eq!(spanned.window(anchor, None, Some(end)), between(None, end));
    let unspanned = planned("SELECT Month FROM OfficeUsage").window(anchor, None, None);
    assert_eq!(unspanned, between(Some(at("2023-09-01T00:00:00Z")), at("2024-03-01T00:00:00Z")));
    assert_eq!(planned("SELECT Month FROM OfficeUsage TIMESPAN LIFETIME").window(anchor, None, None), Window::All);
    assert_eq!(planned("SELECT MPNId FROM Profile").window(anchor, Some(start), Some(end)), Window::All);
}
