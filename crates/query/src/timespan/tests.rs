#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[test]
fn windows() {
    use TimeSpan::{
        Last1Year, Last3Months, Last6Months, Last7Days, Last14Days, Last30Days, Last90Days, Last180Days, Last365Days, LastMonth, Today,
        Yesterday,
    };
    let noon = "2024-03-31T12:30:15Z";
    let cases = [
        (Today, noon, "2024-03-31", noon),
        (Yesterday, noon, "2024-03-30", "2024-03-31"),
        (Last7Days, noon, "2024-03-24", "2024-03-31"),
        (Last14Days, noon, "2024-03-17", "2024-03-31"),
        (Last30Days, noon, "2024-03-01", "2024-03-31"),
        (Last90Days, noon, "2024-01-01", "2024-03-31"),
        (Last180Days, noon, "2023-10-03", "2024-03-31"),
        (Last365Days, noon, "2023-04-01", "2024-03-31"),
        (LastMonth, noon, "2024-02-01", "2024-03-01"),
        (Last3Months, noon, "2023-12-01", "2024-03-01"),
        (Last6Months, noon, "2023-09-01", "2024-03-01"),
        (Last1Year, noon, "2023-03-01", "2024-03-01"),
        // The first instant of a year, of a leap day and of the day after it.
        (Today, "2024-01-01T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00Z"),
        (Yesterday, "2024-01-01T00:00:00Z", "2023-12-31", "2024-01-01"),
        (LastMonth, "2024-01-01T00:00:00Z", "2023-12-01", "2024-01-01"),
        (Yesterday, "2024-03-01T00:00:00Z", "2024-02-29", "2024-03-01"),
        (Yesterday, "2023-03-01T00:00:00Z", "2023-02-28", "2023-03-01"),
        (Last1Year, "2024-02-29T23:59:59Z", "2023-02-01", "2024-02-01"),
        (LastMonth, "2023-12-31T23:59:59.999Z", "2023-11-01", "2023-12-01"),
        // Centuries: 2000 was a leap year, but 1900 was not.
        (Last365Days, "2001-01-01T00:00:00Z", "2000-01-02", "2001-01-01"),
        (Last365Days, "1901-01-01T00:00:00Z", "1900-01-01", "1901-01-01"),
    ];
    let instant = |text: &str| at(&if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") });
    for (span, anchor, start, end) in cases {
        let expected = Window::Between { start: Some(instant(start)), end: instant(end) };
        assert_eq!(span.window(at(anchor)), expected, "{span} at {anchor}");
    }
    assert_eq!(TimeSpan::Lifetime.window(at(noon)), Window::All);
}

/// Every day of a leap year and of the years around it, at its first and last instant: each span as its name says, counted in another way.
#[test]
fn spans_are_whole_days_and_months_before_the_anchor() {
    let days = [
        (TimeSpan::Yesterday, 1),
        (TimeSpan::Last7Days, 7),
        (TimeSpan::Last14Days, 14),
        (TimeSpan::Last30Days, 30),
        (TimeSpan::Last90Days, 90),
        (TimeSpan::Last180Days, 180),
        (TimeSpan::Last365Days, 365),
    ];
    let months = [(TimeSpan::LastMonth, 1), (TimeSpan::Last3Months, 3), (TimeSpan::Last6Months, 6), (TimeSpan::Last1Year, 12)];
    let bounds = |span: TimeSpan, anchor| match span.window(anchor) {
        Window::Between { start: Some(start), end } => (start, end),
        other => panic!("{span}: {other:?}"),
    };
    let counted = |instant: DateTime<Utc>| instant.year() * 12 + instant.month0() as i32;
    let mut midnight = at("2023-01-01T00:00:00Z");
    while midnight < at("2026-01-01T00:00:00Z") {
        for anchor in [midnight, midnight + chrono::TimeDelta::microseconds(1), midnight + chrono::TimeDelta::microseconds(86_399_999_999)]
        {
            assert_eq!(bounds(TimeSpan::Today, anchor), (midnight, anchor));
            for (span, count) in days {
                let (start, end) = bounds(span, anchor);
                assert_eq!((end, (end - start).num_seconds()), (midnight, count * 86_400), "{span} at {anchor}");
            }
            for (span, count) in months {
                let (start, end) = bounds(span, anchor);
                assert!(end <= anchor && counted(end) == counted(anchor), "{span} at {anchor}");
                assert_eq!(counted(end) - counted(start), count, "{span} at {anchor}");
                assert!([start, end].iter().all(|bound| bound.day() == 1 && bound.time() == NaiveTime::MIN), "{span} at {anchor}");
            }
        }
        midnight += chrono::TimeDelta::days(1);
    }
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for anchor in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at("0000-01-01T00:00:00Z"), at("-0001-03-01T00:00:00Z")] {
        for &span in TimeSpan::ALL {
            if let Window::Between { start, end } = span.window(anchor) {
                assert!(start.unwrap() <= end && end <= anchor, "{span} at {anchor}");
            }
        }
    }
}

#[test]
fn keywords() {
    for &span in TimeSpan::ALL {
        assert_eq!(TimeSpan::from_keyword(&span.to_string().to_lowercase()), Some(span));
    }
    assert_eq!(TimeSpan::from_keyword("LAST_2_MONTHS"), None);
    assert_eq!(TimeSpan::from_keyword(""), None);
}
