//! TIMESPAN: named periods, relative to the start of an execution, in UTC, with their start and without their end.

use std::fmt;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

/// Source: the documented query specification; the meaning of each is settled in the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeSpan {
    Today,
    Yesterday,
    Last7Days,
    Last14Days,
    Last30Days,
    Last90Days,
    Last180Days,
    Last365Days,
    LastMonth,
    Last3Months,
    Last6Months,
    Last1Year,
    Lifetime,
}

/// The rows that an execution reads, by their date column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All rows, those with a null date among them.
    All,
    /// `start` inclusive (None: from the beginning), `end` exclusive; null dates are outside.
    Between { start: Option<DateTime<Utc>>, end: DateTime<Utc> },
}

impl TimeSpan {
    pub const ALL: [TimeSpan; 13] = [
        TimeSpan::Today,
        TimeSpan::Yesterday,
        TimeSpan::Last7Days,
        TimeSpan::Last14Days,
        TimeSpan::Last30Days,
        TimeSpan::Last90Days,
        TimeSpan::Last180Days,
        TimeSpan::Last365Days,
        TimeSpan::LastMonth,
        TimeSpan::Last3Months,
        TimeSpan::Last6Months,
        TimeSpan::Last1Year,
        TimeSpan::Lifetime,
    ];

    /// The keyword, as `availableDateRanges` spells it.
    pub fn keyword(self) -> &'static str {
        match self {
            TimeSpan::Today => "TODAY",
            TimeSpan::Yesterday => "YESTERDAY",
            TimeSpan::Last7Days => "LAST_7_DAYS",
            TimeSpan::Last14Days => "LAST_14_DAYS",
            TimeSpan::Last30Days => "LAST_30_DAYS",
            TimeSpan::Last90Days => "LAST_90_DAYS",
            TimeSpan::Last180Days => "LAST_180_DAYS",
            TimeSpan::Last365Days => "LAST_365_DAYS",
            TimeSpan::LastMonth => "LAST_MONTH",
            TimeSpan::Last3Months => "LAST_3_MONTHS",
            TimeSpan::Last6Months => "LAST_6_MONTHS",
            TimeSpan::Last1Year => "LAST_1_YEAR",
            TimeSpan::Lifetime => "LIFETIME",
        }
    }

    pub fn from_keyword(word: &str) -> Option<TimeSpan> {
        TimeSpan::ALL.into_iter().find(|span| span.keyword().eq_ignore_ascii_case(word))
    }

    /// The period before `anchor`. Whole days and months end where the anchor's own day or month begins.
    pub fn window(self, anchor: DateTime<Utc>) -> Window {
        let today = anchor.date_naive();
        let month = today.with_day(1).unwrap_or(today);
        let days = |n| between(today.checked_sub_days(Days::new(n)).unwrap_or(NaiveDate::MIN), today);
        let months = |n| between(month.checked_sub_months(Months::new(n)).unwrap_or(NaiveDate::MIN), month);
        match self {
            TimeSpan::Today => Window::Between { start: Some(midnight(today)), end: anchor },
            TimeSpan::Yesterday => days(1),
            TimeSpan::Last7Days => days(7),
            TimeSpan::Last14Days => days(14),
            TimeSpan::Last30Days => days(30),
            TimeSpan::Last90Days => days(90),
            TimeSpan::Last180Days => days(180),
            TimeSpan::Last365Days => days(365),
            TimeSpan::LastMonth => months(1),
            TimeSpan::Last3Months => months(3),
            TimeSpan::Last6Months => months(6),
            TimeSpan::Last1Year => months(12),
            TimeSpan::Lifetime => Window::All,
        }
    }
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}

fn between(start: NaiveDate, end: NaiveDate) -> Window {
    Window::Between { start: Some(midnight(start)), end: midnight(end) }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests;
