//! Instants as clients write and read them: `yyyy-MM-ddTHH:mm:ssZ`, in UTC.

use chrono::{DateTime, NaiveDateTime, Timelike, Utc};

/// The pattern that error messages name.
pub const PATTERN: &str = "yyyy-MM-ddTHH:mm:ssZ";

/// Parses an instant. It also accepts a blank instead of the `T`, and fractions of a second, which are cut off, since clients send both. `None` for
/// anything else, such as a missing `Z`, and for years outside 1..=9999.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let local = text.strip_suffix(['Z', 'z'])?;
    let (whole, fraction) = local.split_once('.').map_or((local, None), |(whole, fraction)| (whole, Some(fraction)));
    if fraction.is_some_and(|digits| digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    // chrono's parser would also accept blanks and signs in place of digits.
    let digits = whole.bytes().enumerate().all(|(at, byte)| matches!(at, 4 | 7 | 10 | 13 | 16) || byte.is_ascii_digit());
    if whole.len() != 19 || !digits {
        return None;
    }
    let format = match whole.as_bytes().get(10)? {
        b'T' | b't' => "%Y-%m-%dT%H:%M:%S",
        b' ' => "%Y-%m-%d %H:%M:%S",
        _ => return None,
    };
    let upper = whole.replace('t', "T");
    let parsed = NaiveDateTime::parse_from_str(&upper, format).ok()?;
    // A leap second is read as the second before.
    let parsed = parsed.with_nanosecond(0)?.and_utc();
    (parsed.timestamp() >= -62_135_596_800).then_some(parsed)
}

pub fn format(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The first whole second that is not before the instant: when something that begins then is said to begin. Written out, an instant loses its fraction,
/// and whoever comes at that second would come too early. Of milliseconds, as they are stored.
pub fn whole_second(instant: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = (instant.timestamp_millis() + 999).div_euclid(1000);
    DateTime::from_timestamp(seconds, 0).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_by_the_second_that_is_not_before_it() {
        let begin = parse("2026-11-22T12:30:00Z").unwrap();
        for (microseconds, told) in
            [(0, 0), (999, 0), (1_000, 1), (300_000, 1), (999_999, 1), (1_000_000, 1), (1_000_001, 1), (-1, 0), (-1_000_000, -1)]
        {
            let at = begin + chrono::TimeDelta::microseconds(microseconds);
            assert_eq!(whole_second(at), begin + chrono::TimeDelta::seconds(told), "{microseconds}");
        }
    }

    #[test]
    fn reads_what_clients_send_and_nothing_else() {
        for (text, expected) in [
            ("2026-11-22T12:30:00Z", Some("2026-11-22T12:30:00Z")),
            (" 2026-11-22 12:30:00Z ", Some("2026-11-22T12:30:00Z")),
            ("2026-11-22T12:30:00.1234567Z", Some("2026-11-22T12:30:00Z")),
            ("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z")),
            ("2026-02-29T00:00:00Z", None),
            ("2026-11-22T25:00:00Z", None),
            ("2026-11-22T12:30:00", None),
            ("2026-11-22T12:30:00+01:00", None),
            ("2026-11-22", None),
            ("22/11/2026", None),
            ("2026-11-22T12:30:00.Z", None),
            ("", None),
            ("é026-11-22T12:30:0Z", None),
            ("-999-11-22T12:30:00Z", None),
            ("+026-11-22T12:30:00Z", None),
            ("2026- 1-22T12:30:00Z", None),
            ("2026-11-22T 2:30:00Z", None),
            ("2026-11-22T12:30:+0Z", None),
            ("2026-1-22T12:30:00Z", None),
            ("2026-11-22T12:30:60Z", Some("2026-11-22T12:30:59Z")),
            ("2026-11-22t12:30:00z", Some("2026-11-22T12:30:00Z")),
            ("2026-11-22  12:30:00Z", None),
            ("2026-11-22T12:30:00.1234567890Z", None),
            ("2026-11-22T12:30:00ZZ", None),
            ("0000-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
            ("9999-12-31T23:59:59Z", Some("9999-12-31T23:59:59Z")),
            ("２０２６-11-22T12:30:00Z", None),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), expected, "{text}");
        }
    }
}
