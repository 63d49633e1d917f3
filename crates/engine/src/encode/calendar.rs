//! Days and microseconds since 1970 → `yyyy-MM-dd` and `yyyy-MM-ddTHH:mm:ssZ`, for every value of the types.

const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

pub(crate) fn push_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    // Follows ISO 8601's expanded years, so that a year of more than four digits is not read as another one.
    if (0..=9_999).contains(&year) {
        let digit = |value: u64| b'0' + (value % 10) as u8;
        let (y, m, d) = (year.unsigned_abs(), month, day);
        let digits =
            [digit(y / 1_000), digit(y / 100), digit(y / 10), digit(y), b'-', digit(m / 10), digit(m), b'-', digit(d / 10), digit(d)];
        out.extend_from_slice(&digits);
        return;
    }
    out.push(if year < 0 { b'-' } else { b'+' });
    push_digits(year.unsigned_abs(), 6, out);
    out.push(b'-');
    push_digits(month, 2, out);
    out.push(b'-');
    push_digits(day, 2, out);
}

/// Writes fractions of a second only if they are not zero, without trailing zeros.
pub(crate) fn push_timestamp(microseconds: i64, out: &mut Vec<u8>) {
    let of_day = microseconds.rem_euclid(DAY);
    push_date(microseconds.div_euclid(DAY), out);
    let (seconds, fraction) = (of_day / SECOND, of_day % SECOND);
    for (mark, value) in [(b'T', seconds / 3_600), (b':', seconds / 60 % 60), (b':', seconds % 60)] {
        out.push(mark);
        push_digits(value.unsigned_abs(), 2, out);
    }
    if fraction > 0 {
        out.push(b'.');
        push_digits(fraction.unsigned_abs(), 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'Z');
}

fn push_digits(value: u64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    out.extend(std::iter::repeat_n(b'0', width.saturating_sub(digits.len())));
    out.extend_from_slice(digits);
}

/// Proleptic Gregorian year, month and day. Counts in eras of 400 years that begin on a 1 March (H. Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use chrono::{DateTime, Days, NaiveDate};

    fn date(days: i64) -> String {
        let mut out = Vec::new();
        push_date(days, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn timestamp(microseconds: i64) -> String {
        let mut out = Vec::new();
        push_timestamp(microseconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_day_of_ten_thousand_years_is_chronos() {
        let mut day = NaiveDate::from_ymd_opt(0, 1, 1).unwrap();
        let first = day.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days();
        for offset in 0..3_652_425 / 7 {
            assert_eq!(date(first + offset * 7), day.format("%Y-%m-%d").to_string());
            day = day + Days::new(7);
        }
    }

    #[test]
    fn edges() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(date(2_932_897), "+010000-01-01");
        assert_eq!(date(-719_529), "-000001-12-31");
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(timestamp(1_500_000), "1970-01-01T00:00:01.5Z");
        assert_eq!(timestamp(10), "1970-01-01T00:00:00.00001Z");
        let instant = DateTime::parse_from_rfc3339("2024-02-29T13:07:09Z").unwrap();
        assert_eq!(timestamp(instant.timestamp_micros()), "2024-02-29T13:07:09Z");
        // The extremes of the types print something, and do not overflow.
        assert!(date(i32::MIN.into()).starts_with('-') && date(i32::MAX.into()).starts_with('+'));
        assert!(timestamp(i64::MIN).starts_with('-') && timestamp(i64::MAX).starts_with('+'));
    }
}
