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
        // The first instant of a year, of a leap day and of the day behind it.
        (Today, "2024-01-01T00:00:00Z", "2024-01-01", "2024-01-01T00:00:00Z"),
        (Yesterday, "2024-01-01T00:00:00Z", "2023-12-31", "2024-01-01"),
        (LastMonth, "2024-01-01T00:00:00Z", "2023-12-01", "2024-01-01"),
        (Yesterday, "2024-03-01T00:00:00Z", "2024-02-29", "2024-03-01"),
        (Yesterday, "2023-03-01T00:00:00Z", "2023-02-28", "2023-03-01"),
        (Last1Year, "2024-02-29T23:59:59Z", "2023-02-01", "2024-02-01"),
        (LastMonth, "2023-12-31T23:59:59.999Z", "2023-11-01", "2023-12-01"),
        // Centuries: 2000 was a leap year, 1900 was none.
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

#[test]
fn the_ends_of_time_do_not_panic() {
    for anchor in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, at("0000-01-01T00:00:00Z"), at("-0001-03-01T00:00:00Z")] {
        for span in TimeSpan::ALL {
            if let Window::Between { start, end } = span.window(anchor) {
                assert!(start.unwrap() <= end && end <= anchor, "{span} at {anchor}");
            }
        }
    }
}

#[test]
fn keywords() {
    for span in TimeSpan::ALL {
        assert_eq!(TimeSpan::from_keyword(&span.to_string().to_lowercase()), Some(span));
    }
    assert_eq!(TimeSpan::from_keyword("LAST_2_MONTHS"), None);
    assert_eq!(TimeSpan::from_keyword(""), None);
}
