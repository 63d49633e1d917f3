//! TIMESPAN: named periods in UTC, relative to the start of an execution. They include their start and exclude their end.

use std::fmt;
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

/// Source: the documented query specification; the contract defines the meaning of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumString, VariantArray, VariantNames)]
#[strum(ascii_case_insensitive)]
pub enum TimeSpan {
    #[strum(serialize = "TODAY")]
    Today,
    #[strum(serialize = "YESTERDAY")]
    Yesterday,
    #[strum(serialize = "LAST_7_DAYS")]
    Last7Days,
    #[strum(serialize = "LAST_14_DAYS")]
    Last14Days,
    #[strum(serialize = "LAST_30_DAYS")]
    Last30Days,
    #[strum(serialize = "LAST_90_DAYS")]
    Last90Days,
    #[strum(serialize = "LAST_180_DAYS")]
    Last180Days,
    #[strum(serialize = "LAST_365_DAYS")]
    Last365Days,
    #[strum(serialize = "LAST_MONTH")]
    LastMonth,
    #[strum(serialize = "LAST_3_MONTHS")]
    Last3Months,
    #[strum(serialize = "LAST_6_MONTHS")]
    Last6Months,
    #[strum(serialize = "LAST_1_YEAR")]
    Last1Year,
    #[strum(serialize = "LIFETIME")]
    Lifetime,
}

/// The rows that an execution reads, by their date column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All rows, including those with a null date.
    All,
    /// `start` is inclusive (`None` reads from the beginning) and `end` is exclusive; rows with a null date are outside.
    Between { start: Option<DateTime<Utc>>, end: DateTime<Utc> },
}

impl TimeSpan {
    pub const ALL: &'static [TimeSpan] = <TimeSpan as VariantArray>::VARIANTS;
    /// All keywords, in the same order.
    pub const KEYWORDS: &'static [&'static str] = <TimeSpan as VariantNames>::VARIANTS;

    /// The keyword, as `availableDateRanges` spells it.
    pub fn keyword(self) -> &'static str {
        self.into()
    }

    pub fn from_keyword(word: &str) -> Option<TimeSpan> {
        word.parse().ok()
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
