//! Times in cells, and the places that they have on an axis.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};

const DAY: i64 = 86_400;

/// What the times of a column tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Month,
    Day,
    Second,
}

impl Unit {
    pub fn of(times: &[i64]) -> Unit {
        if !times.iter().all(|time| time.rem_euclid(DAY) == 0) {
            Unit::Second
        } else if times.iter().all(|time| date(*time).day() == 1) {
            Unit::Month
        } else {
            Unit::Day
        }
    }

    /// As it stands on the axis.
    pub fn shown(self, time: i64) -> String {
        let format = match self {
            Unit::Month => "%Y-%m",
            Unit::Day => "%Y-%m-%d",
            Unit::Second => "%Y-%m-%d %H:%M",
        };
        DateTime::from_timestamp(time, 0).unwrap_or_default().format(format).to_string()
    }

    /// A number that grows by one with each unit.
    fn count(self, time: i64) -> i64 {
        match self {
            Unit::Month => i64::from(date(time).year()) * 12 + i64::from(date(time).month0()),
            Unit::Day => time.div_euclid(DAY),
            Unit::Second => time,
        }
    }

    fn time(self, count: i64) -> i64 {
        match self {
            Unit::Month => {
                let year = i32::try_from(count.div_euclid(12)).unwrap_or_default();
                let month = u32::try_from(count.rem_euclid(12)).unwrap_or_default() + 1;
                NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default().and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
            }
            Unit::Day => count * DAY,
            Unit::Second => count,
        }
    }

    /// Evenly spaced places, so that a month without rows leaves a gap, each with the index of its time. None if there would be more than so many.
    pub fn places(self, times: &[i64], most: usize) -> Option<Vec<(i64, Option<usize>)>> {
        let counts: Vec<i64> = times.iter().map(|time| self.count(*time)).collect();
        let (first, last) = (*counts.first()?, *counts.last()?);
        let step = counts.iter().fold(0, |step, count| greatest_divisor(step, count - first)).max(1);
        if usize::try_from((last - first) / step).ok()? >= most {
            return None;
        }
        let places = (0..=(last - first) / step).map(|place| first + place * step);
        Some(places.map(|count| (self.time(count), counts.binary_search(&count).ok())).collect())
    }
}

fn date(time: i64) -> NaiveDate {
    DateTime::from_timestamp(time, 0).unwrap_or_default().date_naive()
}

fn greatest_divisor(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { greatest_divisor(other, one % other) }
}

/// Seconds since 1970 in UTC, of `2026-01`, `2026-01-31`, or a day with a time behind it.
pub fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let begins = bytes.len() >= 7 && bytes.get(4) == Some(&b'-') && bytes.iter().take(4).all(u8::is_ascii_digit);
    if !begins {
        return None;
    }
    let of_day = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
    match bytes.len() {
        7 => format!("{text}-01").parse().ok().map(of_day),
        10 => text.parse().ok().map(of_day),
        _ => {
            let whole = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp());
            let local = |format| NaiveDateTime::parse_from_str(text, format).ok().map(|time| time.and_utc().timestamp());
            whole().or_else(|| local("%Y-%m-%dT%H:%M:%S%.f")).or_else(|| local("%Y-%m-%d %H:%M:%S%.f"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_known_by_their_form() {
        for (text, expected) in [
            ("1970-01", Some(0)),
            ("1970-01-02", Some(DAY)),
            ("1970-01-01T00:00:05Z", Some(5)),
            ("1970-01-01T01:00:05.5+01:00", Some(5)),
            ("1970-01-01T00:00:05", Some(5)),
            ("1970-01-01 00:00:05.000", Some(5)),
            ("1969-12-31", Some(-DAY)),
            ("2026-13", None),
            ("2026-02-30", None),
            ("20260131", None),
            ("2026", None),
            ("1234-56", None),
            ("2026-1-31x", None),
            ("+026-01-31", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn places_are_as_far_apart_as_the_times_and_leave_gaps() {
        let places = |texts: &[&str], most| {
            let times: Vec<i64> = texts.iter().map(|text| parse(text).unwrap()).collect();
            let unit = Unit::of(&times);
            unit.places(&times, most).map(|places| places.into_iter().map(|(time, at)| (unit.shown(time), at)).collect::<Vec<_>>())
        };
        let shown = |place: &str, at| (place.to_owned(), at);
        let months = [shown("2025-11", Some(0)), shown("2025-12", None), shown("2026-01", Some(1)), shown("2026-02", Some(2))];
        assert_eq!(places(&["2025-11-01", "2026-01-01", "2026-02-01"], 4).unwrap(), months);
        assert_eq!(places(&["2025-11-01", "2026-01-01", "2026-02-01"], 3), None);
        let years = [shown("2024-01", Some(0)), shown("2025-01", None), shown("2026-01", Some(1)), shown("2027-01", Some(2))];
        assert_eq!(places(&["2024-01-01", "2026-01-01", "2027-01-01"], 9).unwrap(), years);
        let weeks = [shown("2026-03-02", Some(0)), shown("2026-03-09", Some(1)), shown("2026-03-16", None), shown("2026-03-23", Some(2))];
        assert_eq!(places(&["2026-03-02", "2026-03-09", "2026-03-23"], 9).unwrap(), weeks);
        assert_eq!(places(&["2026-03-02T12:00:00Z"], 9).unwrap(), [shown("2026-03-02 12:00", Some(0))]);
        assert_eq!(places(&[], 9), None);
        assert_eq!(places(&["0000-01-01", "2026-01-02", "9999-12-31"], 100), None);
    }
}
