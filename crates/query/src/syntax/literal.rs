//! Converts a literal to the type with which it is compared.
//!
//! The conversion is exact: a number is never rounded and a day is never moved. Blanks around a quoted number, date or truth value are ignored.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::column::{ColumnType, Value};
use crate::syntax::ast::LiteralValue;

/// The position of a literal among the values of a type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Converted {
    Value(Value),
    /// A number between two neighbours of the type, given as the middle between them, which compares as the literal does.
    Between(Value),
    /// An instant within a day, where the type only has days.
    Within(NaiveDate),
    /// Less than every value of the type.
    Below,
    /// More than every value of the type.
    Above,
    /// Not a value of such a type.
    No,
}

/// The words for a literal of that type, as in "is not …".
pub(crate) fn wanted(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::String => "a text",
        ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. } => "a number",
        ColumnType::Date => "a date such as '2026-01-31'",
        ColumnType::Timestamp => "a time such as '2026-01-31T12:00:00Z'",
        ColumnType::Bool => "true or false",
    }
}

pub(crate) fn convert(literal: &LiteralValue, kind: ColumnType) -> Converted {
    if kind == ColumnType::String {
        return Converted::Value(Value::String(literal.text().to_owned()));
    }
    let text = literal.text().trim();
    match kind {
        ColumnType::String => Converted::No,
        ColumnType::Int64 => integer(text),
        ColumnType::Float64 => float(text),
        ColumnType::Decimal { precision, scale } => decimal(text, precision, scale),
        ColumnType::Bool => match text {
            "0" => Converted::Value(Value::Bool(false)),
            "1" => Converted::Value(Value::Bool(true)),
            _ if text.eq_ignore_ascii_case("false") => Converted::Value(Value::Bool(false)),
            _ if text.eq_ignore_ascii_case("true") => Converted::Value(Value::Bool(true)),
            _ => Converted::No,
        },
        ColumnType::Date => match (date(text), instant(text)) {
            (Some(day), _) => Converted::Value(Value::Date(day)),
            (None, Some(instant)) if instant.time() == NaiveTime::MIN => Converted::Value(Value::Date(instant.date_naive())),
            (None, Some(instant)) => Converted::Within(instant.date_naive()),
            (None, None) => Converted::No,
        },
        ColumnType::Timestamp => {
            let midnight = date(text).map(|day| day.and_time(NaiveTime::MIN).and_utc());
            midnight.or_else(|| instant(text)).map_or(Converted::No, |instant| Converted::Value(Value::Timestamp(instant)))
        }
    }
}

fn integer(text: &str) -> Converted {
    match place(text, 0) {
        Some(Place::At(unscaled)) => match i64::try_from(unscaled) {
            Ok(integer) => Converted::Value(Value::Int(integer)),
            Err(_) => outside(unscaled),
        },
        Some(Place::Above(floor)) => match i64::try_from(floor) {
            Ok(_) => between(floor, 0),
            Err(_) => outside(floor),
        },
        None => Converted::No,
    }
}

fn decimal(text: &str, precision: u8, scale: i8) -> Converted {
    let end = 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    match (u8::try_from(scale).ok().and_then(|scale| place(text, scale)), exact(text)) {
        (Some(Place::At(unscaled)), _) if unscaled.abs() < end => Converted::Value(Value::Decimal { unscaled, scale }),
        (Some(Place::Above(floor)), _) if floor.abs() < end => between(floor, scale),
        (Some(Place::At(unscaled) | Place::Above(unscaled)), _) => outside(unscaled),
        // The text is a number, but it has more digits before the point than the type can hold.
        (None, Some((unscaled, _))) => outside(unscaled),
        (None, None) => Converted::No,
    }
}

fn between(floor: i128, scale: i8) -> Converted {
    match (floor.checked_mul(10).and_then(|scaled| scaled.checked_add(5)), scale.checked_add(1)) {
        (Some(unscaled), Some(scale)) => Converted::Between(Value::Decimal { unscaled, scale }),
        _ => outside(floor),
    }
}

fn outside(value: i128) -> Converted {
    if value < 0 { Converted::Below } else { Converted::Above }
}

fn float(text: &str) -> Converted {
    let number = exact(text).and_then(|_| text.parse::<f64>().ok());
    // Engines order -0.0 before 0.0; people do not.
    number.map_or(Converted::No, |number| Converted::Value(Value::Float(if number == 0.0 { 0.0 } else { number })))
}

/// The place of a number among the multiples of 10^-scale.
enum Place {
    /// Exactly at this multiple.
    At(i128),
    /// Between this multiple and the next greater one.
    Above(i128),
}

/// `None` if the text is not a number, or is one that is too great for 128 bits.
fn place(text: &str, scale: u8) -> Option<Place> {
    let (unscaled, digits) = exact(text)?;
    let scale = u32::from(scale);
    if digits <= scale {
        return Some(Place::At(unscaled.checked_mul(10_i128.checked_pow(scale - digits)?)?));
    }
    let divisor = 10_i128.checked_pow(digits - scale)?;
    let floor = unscaled.div_euclid(divisor);
    Some(if unscaled.rem_euclid(divisor) == 0 { Place::At(floor) } else { Place::Above(floor) })
}

/// Parses `-12.50` as (-1250, 2). `None` for anything except an optional minus, digits and a fraction, and for more than 38 digits.
pub(crate) fn exact(text: &str) -> Option<(i128, u32)> {
    const MAXIMUM_DIGITS: usize = 38;
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    if whole.is_empty() || fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    if whole.len() + fraction.len() > MAXIMUM_DIGITS {
        return None;
    }
    let unscaled = whole.bytes().chain(fraction.bytes()).fold(0_i128, |sum, byte| sum * 10 + i128::from(byte - b'0'));
    Some((if negative { -unscaled } else { unscaled }, fraction.len() as u32))
}

/// Accepts only `yyyy-MM-dd`, since any other order of day and month would be a guess.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    if !shaped {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)
}

/// Parses `yyyy-MM-ddTHH:mm:ss`; a space may replace the T, a fraction of a second may follow, and Z, an offset or nothing (which means UTC) ends it.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    date(day)?;
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let zoned = time.ends_with(['Z', 'z']) || time.contains(['+', '-']);
    let text = format!("{day}T{time}{}", if zoned { "" } else { "Z" });
    DateTime::parse_from_rfc3339(&text).ok().map(|instant| instant.to_utc())
}
