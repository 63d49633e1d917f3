//! What each value becomes in a cell of a sheet. A value that Excel cannot hold exactly becomes the text that CSV has for it, so that none is falsified.

use std::borrow::Cow;

use super::cells::Cell;
use super::formulas::may_be_formula;
use crate::error::EngineError;

/// The digits that Excel keeps of a number; it makes all further ones zero.
const MOST_DIGITS: u128 = 1_000_000_000_000_000;

/// Excel's number of 1970-01-01.
const EPOCH: i64 = 25_569;
/// 1900-03-01. Excel believes that 1900 was a leap year, and programs disagree on the days before.
const FIRST_DAY: i64 = 61;
/// 9999-12-31.
const LAST_DAY: i64 = 2_958_465;

/// Microseconds.
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;
const MILLISECOND: i64 = 1_000;

/// Powers of ten that a float holds exactly.
const POWERS: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry<'a> {
    /// A null, or a text without characters: an empty cell.
    Nothing,
    /// A number or a day, in the format of its column.
    Number(f64),
    /// Days since Excel's own first day; `fraction` if the seconds have one.
    Instant {
        days: f64,
        fraction: bool,
    },
    Truth(bool),
    Text(&'a str),
    /// A text that Excel would take for something else when somebody edits its cell.
    Marked(Cow<'a, str>),
}

pub(super) fn entry<'a>(cell: &Cell<'a>) -> Result<Entry<'a>, EngineError> {
    let held = match *cell {
        Cell::Null | Cell::Text("") => Some(Entry::Nothing),
        Cell::Text(text) if may_be_formula(text) => Some(Entry::Marked(Cow::Borrowed(text))),
        Cell::Text(text) => Some(Entry::Text(text)),
        Cell::Bool(value) => Some(Entry::Truth(value)),
        Cell::Int(value) => whole(value.into()).map(Entry::Number),
        Cell::Decimal(unscaled, scale) => decimal(unscaled, scale, cell)?.map(Entry::Number),
        // Excel has no number between zero and the least normal one.
        Cell::Float(value) => (value == 0.0 || value.is_normal()).then_some(Entry::Number(value)),
        Cell::Date(days) => day(days.into()).map(Entry::Number),
        Cell::Timestamp(microseconds) => instant(microseconds),
    };
    match held {
        Some(entry) => Ok(entry),
        None => Ok(Entry::Marked(Cow::Owned(text_of(cell)?))),
    }
}

fn text_of(cell: &Cell<'_>) -> Result<String, EngineError> {
    let mut text = Vec::new();
    cell.push(&mut text);
    String::from_utf8(text).map_err(|error| EngineError::Plan(error.to_string()))
}

/// None if Excel would not keep all of the digits.
fn whole(value: i128) -> Option<f64> {
    has_few_digits(value).then_some(value as f64)
}

fn has_few_digits(value: i128) -> bool {
    let mut digits = value.unsigned_abs();
    while digits >= MOST_DIGITS && digits.is_multiple_of(10) {
        digits /= 10;
    }
    digits < MOST_DIGITS
}

/// The float that is nearest to the decimal. With so few digits it reads back as the same decimal.
fn decimal(unscaled: i128, scale: i8, cell: &Cell<'_>) -> Result<Option<f64>, EngineError> {
    if !has_few_digits(unscaled) {
        return Ok(None);
    }
    // The quotient of two exact floats is rounded once.
    let power = usize::try_from(scale).ok().and_then(|scale| POWERS.get(scale));
    if let Some(power) = power
        && unscaled.unsigned_abs() < MOST_DIGITS
    {
        return Ok(Some(unscaled as f64 / power));
    }
    text_of(cell)?.parse().map(Some).map_err(|error| EngineError::Plan(format!("a decimal is no number: {error}")))
}

fn day(days: i64) -> Option<f64> {
    let number = days + EPOCH;
    (FIRST_DAY..=LAST_DAY).contains(&number).then_some(number as f64)
}

/// None beside Excel's calendar, and where a float that counts days is too coarse for the microseconds, as it can be from 2079 on.
fn instant(microseconds: i64) -> Option<Entry<'static>> {
    let of_day = microseconds.rem_euclid(DAY);
    let number = day(microseconds.div_euclid(DAY))?;
    let days = number + of_day as f64 / DAY as f64;
    let unit = [SECOND, MILLISECOND].into_iter().find(|unit| of_day % unit == 0).unwrap_or(1);
    let read_back = ((days - number) * (DAY / unit) as f64).round() as i64 * unit;
    (read_back == of_day).then_some(Entry::Instant { days, fraction: unit < SECOND })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::DateTime;

    use super::*;

    fn made(cell: Cell<'static>) -> Entry<'static> {
        entry(&cell).unwrap()
    }

    fn marked(text: &'static str) -> Entry<'static> {
        Entry::Marked(Cow::Borrowed(text))
    }

    fn at(text: &str) -> Cell<'static> {
        Cell::Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
    }

    #[test]
    fn whole_numbers_of_up_to_fifteen_digits_are_numbers() {
        for (value, expected) in [
            (0, Entry::Number(0.0)),
            (-7, Entry::Number(-7.0)),
            (999_999_999_999_999, Entry::Number(999_999_999_999_999.0)),
            (1_000_000_000_000_000, Entry::Number(1e15)),
            (1_234_567_890_123_450, Entry::Number(1_234_567_890_123_450.0)),
            (1_000_000_000_000_001, marked("1000000000000001")),
            (-9_007_199_254_740_993, marked("-9007199254740993")),
            (i64::MAX, marked("9223372036854775807")),
            (i64::MIN, marked("-9223372036854775808")),
        ] {
            assert_eq!(made(Cell::Int(value)), expected, "{value}");
        }
    }

    #[test]
    fn decimals_are_the_nearest_numbers_or_texts() {
        for (unscaled, scale, expected) in [
            (-1_230, 2, Entry::Number(-12.3)),
            (0, 5, Entry::Number(0.0)),
            (1, 38, Entry::Number(1e-38)),
            (7, -3, Entry::Number(7000.0)),
            (123_456_789_012_345, 2, Entry::Number(1_234_567_890_123.45)),
            (123_456_789_012_345_000, 5, Entry::Number(1_234_567_890_123.45)),
            (1_234_567_890_123_456, 2, marked("12345678901234.56")),
            (i128::MIN, 0, marked("-170141183460469231731687303715884105728")),
        ] {
            assert_eq!(made(Cell::Decimal(unscaled, scale)), expected, "{unscaled} {scale}");
        }
        let mut digits = 1_u64;
        for number in 0..20_000_u32 {
            digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (unscaled, scale) = ((digits % 999_999_999_999_999).into(), i8::try_from(number % 39).unwrap());
            let Entry::Number(value) = made(Cell::Decimal(unscaled, scale)) else { panic!("{unscaled} {scale}") };
            let text = text_of(&Cell::Decimal(unscaled, scale)).unwrap();
            assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    #[test]
    fn floats_that_are_numbers_of_excel() {
        for value in [0.0, 0.1, -1e300, 1.0 / 3.0, f64::MAX, f64::MIN_POSITIVE] {
            assert_eq!(made(Cell::Float(value)), Entry::Number(value));
        }
        for (value, text) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf"), (5e-324, "5e-324")] {
            assert_eq!(made(Cell::Float(value)), marked(text));
        }
    }

    #[test]
    fn days_of_excels_calendar() {
        for (days, expected) in [
            (0, Entry::Number(25_569.0)),
            (20_512, Entry::Number(46_081.0)),
            (-25_508, Entry::Number(61.0)),
            (-25_509, marked("1900-02-28")),
            (2_932_896, Entry::Number(2_958_465.0)),
            (2_932_897, marked("+010000-01-01")),
            (-719_529, marked("-000001-12-31")),
        ] {
            assert_eq!(made(Cell::Date(days)), expected, "{days}");
        }
    }

    #[test]
    fn instants_are_exact_or_texts() {
        let whole = |days| Entry::Instant { days, fraction: false };
        assert_eq!(made(at("2026-02-28T00:00:00Z")), whole(46_081.0));
        assert_eq!(made(at("2026-02-28T12:00:00Z")), whole(46_081.5));
        assert_eq!(made(at("2026-02-28T18:00:00.5Z")), Entry::Instant { days: 46_081.0 + 64_800.5 / 86_400.0, fraction: true });
        assert!(matches!(made(at("2026-02-28T23:59:59.999999Z")), Entry::Instant { days, fraction: true } if days < 46_082.0));
        assert!(matches!(made(at("9999-12-31T23:59:59Z")), Entry::Instant { days, fraction: false } if days < 2_958_466.0));
        assert!(matches!(made(at("9999-12-31T23:59:59.999Z")), Entry::Instant { days, fraction: true } if days < 2_958_466.0));
        assert_eq!(made(at("9999-12-31T23:59:59.999999Z")), marked("9999-12-31T23:59:59.999999Z"));
        assert_eq!(made(at("1899-12-31T00:00:00Z")), marked("1899-12-31T00:00:00Z"));
        assert_eq!(made(at("1900-03-01T00:00:00Z")), whole(61.0));
        // Every microsecond of these days is kept.
        for number in 0..20_000_i64 {
            let microseconds = 1_772_236_800_000_000 + number * 4_319_999;
            let Entry::Instant { days, .. } = made(Cell::Timestamp(microseconds)) else { panic!("{microseconds}") };
            assert_eq!((days.fract() * DAY as f64).round() as i64, microseconds.rem_euclid(DAY), "{microseconds}");
        }
    }

    #[test]
    fn texts_are_never_anything_else() {
        for (text, expected) in [
            ("", Entry::Nothing),
            ("plain", Entry::Text("plain")),
            ("007", Entry::Text("007")),
            ("https://example.com", Entry::Text("https://example.com")),
            ("=1+1", marked("=1+1")),
            ("-5", marked("-5")),
        ] {
            assert_eq!(made(Cell::Text(text)), expected);
        }
        assert_eq!((made(Cell::Null), made(Cell::Bool(true))), (Entry::Nothing, Entry::Truth(true)));
    }
}
