//! Reads texts of CSV files as values. Everything that is recognised when a definition is inferred can also be read when the file is imported.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

pub(crate) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `inf`, `nan` and the like are not numbers: in files they are words.
pub(crate) fn float(text: &str) -> Option<f64> {
    let numeric = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(numeric) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// The number × 10^`scale`; `None` if it has more digits after the point than the scale.
pub(crate) fn decimal(text: &str, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let unscaled: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let unscaled = crate::ingest::table_writer::rescaled(unscaled, i8::try_from(fraction.len()).ok()?, scale)?;
    Some(if negative { -unscaled } else { unscaled })
}

/// Whether the whole text is a day or a time in the format.
pub(crate) fn has_format(text: &str, format: &str) -> bool {
    // A text such as `1.2.3` is rather a version.
    let is_short = |text: &str| text.len() == 8 && text.bytes().enumerate().all(|(at, byte)| byte.is_ascii_digit() != matches!(at, 2 | 5));
    if format.contains("%y") && !text.get(..8).is_some_and(is_short) {
        return false;
    }
    date_as(text, format).is_some() || timestamp_as(text, format).is_some()
}

/// Parses by strftime placeholders. A year has at most four digits, although `%Y` would accept more.
pub(crate) fn date_as(text: &str, format: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, format).ok().filter(|day| (1..=9999).contains(&day.year()) && has_whole_year(text, format))
}

/// A time without an offset in the format is UTC; a day without a time is midnight.
pub(crate) fn timestamp_as(text: &str, format: &str) -> Option<DateTime<Utc>> {
    let with_offset = DateTime::parse_from_str(text, format).map(|instant| instant.to_utc());
    let instant = with_offset.or_else(|_| NaiveDateTime::parse_from_str(text, format).map(|time| time.and_utc()));
    let instant = instant.ok().or_else(|| Some(date_as(text, format)?.and_time(NaiveTime::MIN).and_utc()));
    instant.filter(|instant| (1..=9999).contains(&instant.year()) && has_whole_year(text, format))
}

/// `31.12.26` is not a day in the year 26.
fn has_whole_year(text: &str, format: &str) -> bool {
    !format.contains("%Y") || text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 4)
}

/// `yyyy-MM-dd`.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// `yyyy-MM-dd` and a time of day after a `T` or a blank, with or without seconds, fraction and offset. A time without an offset is UTC. A date alone
/// means its midnight.
pub(crate) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    if let Some(day) = date(text) {
        return Some(day.and_time(NaiveTime::MIN).and_utc());
    }
    let (day, time) = (text.get(..10)?, text.get(11..)?);
    let day = date(day)?;
    if !matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' ')) {
        return None;
    }
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some(of_day(day, time)?.and_utc());
    }
    match time.rfind(['+', '-']) {
        Some(_) => DateTime::parse_from_str(&format!("{day}T{time}"), "%Y-%m-%dT%H:%M:%S%.f%:z").ok().map(|instant| instant.to_utc()),
        None => Some(of_day(day, time)?.and_utc()),
    }
}

fn of_day(day: NaiveDate, time: &str) -> Option<NaiveDateTime> {
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(time, "%H:%M")).ok()?;
    Some(day.and_time(time))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(integer("-7"), Some(-7));
        assert_eq!(integer("7.0"), None);
        assert_eq!(float("1e3"), Some(1000.0));
        assert_eq!(float("inf"), None);
        assert_eq!(float("NaN"), None);
        assert_eq!(float("1e999"), None);
        assert_eq!(decimal("12.50", 2), Some(1250));
        assert_eq!(decimal("-.5", 2), Some(-50));
        assert_eq!(decimal("12.505", 2), None);
        assert_eq!(decimal("12.500", 2), Some(1250));
        assert_eq!(decimal("", 2), None);
        assert_eq!(decimal("-", 2), None);
        assert_eq!(boolean("TRUE"), Some(true));
        assert_eq!(boolean("1"), None);
    }

    #[test]
    fn dates_and_timestamps() {
        assert_eq!(date("2024-02-29").unwrap().to_string(), "2024-02-29");
        assert_eq!(date("2023-02-29"), None);
        assert_eq!(date("2024-2-9"), None);
        assert_eq!(date_as("31.12.2026", "%d.%m.%Y").unwrap().to_string(), "2026-12-31");
        assert_eq!(date_as("31.12.26", "%d.%m.%Y"), None);
        assert_eq!(date_as("31.12.26", "%d.%m.%y").unwrap().to_string(), "2026-12-31");
        assert_eq!(date_as("31.13.2026", "%d.%m.%Y"), None);
        assert_eq!(timestamp_as("31.12.2026 10:30", "%d.%m.%Y %H:%M").unwrap().to_rfc3339(), "2026-12-31T10:30:00+00:00");
        assert_eq!(timestamp_as("31.12.2026", "%d.%m.%Y").unwrap().to_rfc3339(), "2026-12-31T00:00:00+00:00");
        assert_eq!(timestamp_as("31.12.2026 10:30 +0200", "%d.%m.%Y %H:%M %z").unwrap().to_rfc3339(), "2026-12-31T08:30:00+00:00");
        for (text, expected) in [
            ("2024-02-29", Some("2024-02-29T00:00:00+00:00")),
            ("2024-02-29T12:30:00Z", Some("2024-02-29T12:30:00+00:00")),
            ("2024-02-29 12:30", Some("2024-02-29T12:30:00+00:00")),
            ("2024-02-29 12:30:01.25", Some("2024-02-29T12:30:01.250+00:00")),
            ("2024-02-29T12:30:00+02:00", Some("2024-02-29T10:30:00+00:00")),
            ("2024-02-29_12:30:00", None),
            ("2024-02-29T25:00:00Z", None),
            ("29.02.2024", None),
        ] {
            assert_eq!(timestamp(text).map(|instant| instant.to_rfc3339()).as_deref(), expected, "{text}");
        }
    }
}
