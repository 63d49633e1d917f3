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

#[cfg(test)]
mod tests {
    use super::*;

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
