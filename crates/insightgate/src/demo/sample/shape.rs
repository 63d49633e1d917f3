//! Converts the values of a row to the types of their columns, so that a definition may choose its types.

use chrono::{NaiveDate, NaiveTime};
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::{Column, ColumnType};

use super::fields::{FOREIGN, Field, Raw, identifier};
use super::random::{below, chance, mix, pick};
use super::row::{ANCHORS, Row, days_before};

/// The percentage of nulls in columns that may have them.
const NULLS: u64 = 2;
const YES: u64 = 30;
/// The percentage of ones in numeric flags, such as those for duplicate rows.
const ONES: u64 = 6;

/// The value of a column; `index` distinguishes the columns of a row. With a `marker`, open text begins with it.
pub fn value(column: &Column, field: &Field, index: u64, row: &Row<'_>, marker: Option<&str>) -> Option<Value> {
    let random = mix(row.random ^ mix(index));
    if !field.is_key() && row.subject >= ANCHORS && is_left_out(column, mix(random)) {
        return None;
    }
    // A value that is chosen for a subscription is the same in all of its months.
    let choice = if row.is_monthly { mix(row.key ^ mix(index)) } else { random };
    let raw = match field {
        Field::Known { read, .. } => read(row),
        Field::Date => Raw::Day(row.date),
        Field::Flag { yes, no } => {
            let is_set = if yes == "1" { chance(random, ONES) } else { chance(choice, YES) };
            Raw::Exact(if is_set { yes } else { no }.clone())
        }
        Field::OneOf(values) => pick(choice, values).map_or(Raw::Nothing, |value| Raw::Text(value.clone())),
        Field::UpTo(largest) => Raw::Float(skewed(random, *largest)),
    };
    shape(within(raw, column, choice), column, some_day(row), marker).or_else(|| (!column.nullable).then(|| zero(column.kind, row.date)))
}

/// The value of a column whose field is read as `raw`; `None` if there is no value.
pub fn known(column: &Column, raw: Raw, random: u64, date: NaiveDate, marker: Option<&str>) -> Option<Value> {
    shape(within(raw, column, random), column, date, marker)
}

/// Whether a value that may be null is left out.
pub fn is_left_out(column: &Column, random: u64) -> bool {
    column.nullable && chance(random, NULLS)
}

/// A random number, half of the time in the lowest quarter.
fn skewed(random: u64, largest: f64) -> f64 {
    let part = below(random, 10_000) as f64 / 10_000.0;
    (part * part * largest * 100.0).round() / 100.0
}

/// Keeps to a closed list: a value that is not in it is replaced by one that is.
fn within(raw: Raw, column: &Column, choice: u64) -> Raw {
    match raw {
        Raw::Text(text) | Raw::Exact(text) if !column.allowed.is_empty() => match column.allowed.contains(&text) {
            true => Raw::Exact(text),
            false => pick(choice, &column.allowed).map_or(Raw::Nothing, |allowed| Raw::Exact(allowed.clone())),
        },
        Raw::Flag(is_so) => column.examples.get(usize::from(!is_so)).map_or(Raw::Flag(is_so), |word| Raw::Exact(word.clone())),
        other => other,
    }
}

/// Converts to the column's type; `date` is used for a date that is unknown.
fn shape(raw: Raw, column: &Column, date: NaiveDate, marker: Option<&str>) -> Option<Value> {
    match (column.kind, raw) {
        (_, Raw::Nothing) => None,
        (ColumnType::String, raw) => Some(Value::String(text(raw, marker))),
        (ColumnType::Int64, raw) => Some(Value::Int(cents(&raw)? / 100)),
        (ColumnType::Float64, Raw::Float(number)) => Some(Value::Float(number)),
        (ColumnType::Float64, raw) => Some(Value::Float(cents(&raw)? as f64 / 100.0)),
        (ColumnType::Decimal { scale, .. }, raw) => Some(Value::Decimal { unscaled: rescale(cents(&raw)?, scale), scale }),
        (ColumnType::Date, raw) => Some(Value::Date(day(&raw, date))),
        (ColumnType::Timestamp, Raw::Time(time)) => Some(Value::Timestamp(time)),
        // The first hour of the day is never in the future.
        (ColumnType::Timestamp, raw) => Some(Value::Timestamp(day(&raw, date).and_time(NaiveTime::MIN).and_utc())),
        (ColumnType::Bool, raw) => Some(Value::Bool(cents(&raw).is_some_and(|cents| cents != 0))),
    }
}

fn text(raw: Raw, marker: Option<&str>) -> String {
    match raw {
        Raw::Text(text) => match marker {
            Some(marker) if !text.starts_with(marker) => format!("{marker} {text}"),
            _ => text,
        },
        Raw::Exact(text) => text,
        Raw::Flag(is_so) => is_so.to_string(),
        Raw::Guid(random) => identifier(random, marker.is_some()),
        Raw::Known(text) => match marker {
            Some(_) => format!("{FOREIGN}{}", text.get(FOREIGN.len()..).unwrap_or_default()),
            None => text,
        },
        Raw::Int(number) => number.to_string(),
        Raw::Cents(cents) => format!("{}.{:02}", cents / 100, cents % 100),
        Raw::Float(number) => number.to_string(),
        Raw::Day(day) => day.to_string(),
        Raw::Time(time) => time.to_rfc3339(),
        Raw::Nothing => String::new(),
    }
}

/// The number in hundredths; `None` if it is not a number.
fn cents(raw: &Raw) -> Option<i64> {
    match raw {
        Raw::Int(number) => Some(number * 100),
        Raw::Flag(is_so) => Some(i64::from(*is_so) * 100),
        Raw::Cents(cents) => Some(*cents),
        Raw::Float(number) => Some((number * 100.0).round() as i64),
        Raw::Text(text) | Raw::Exact(text) => match text.to_ascii_lowercase().as_str() {
            "yes" | "y" | "true" => Some(100),
            "no" | "n" | "false" => Some(0),
            number => number.parse::<f64>().ok().map(|number| (number * 100.0).round() as i64),
        },
        Raw::Guid(_) | Raw::Known(_) | Raw::Day(_) | Raw::Time(_) | Raw::Nothing => None,
    }
}

fn rescale(cents: i64, scale: i8) -> i128 {
    let cents = i128::from(cents);
    match scale {
        2.. => cents * 10_i128.pow(u32::from(scale.unsigned_abs()) - 2),
        _ => cents / 10_i128.pow((2 - i32::from(scale)).unsigned_abs()),
    }
}

fn day(raw: &Raw, unknown: NaiveDate) -> NaiveDate {
    match raw {
        Raw::Day(day) => *day,
        Raw::Time(time) => time.date_naive(),
        _ => unknown,
    }
}

/// An unknown date is put within the last year.
fn some_day(row: &Row<'_>) -> NaiveDate {
    days_before(row.date, row.random % 365)
}

fn zero(kind: ColumnType, date: NaiveDate) -> Value {
    match kind {
        ColumnType::String => Value::String(String::new()),
        ColumnType::Int64 => Value::Int(0),
        ColumnType::Float64 => Value::Float(0.0),
        ColumnType::Decimal { scale, .. } => Value::Decimal { unscaled: 0, scale },
        ColumnType::Date => Value::Date(date),
        ColumnType::Timestamp => Value::Timestamp(date.and_time(NaiveTime::MIN).and_utc()),
        ColumnType::Bool => Value::Bool(false),
    }
}
