//! Lowers conditions to expressions. A null meets no predicate.

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};
use datafusion::arrow::datatypes::{DataType, i256};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, in_list, lit};
use insightgate_query::column::{Comparison, Value};
use insightgate_query::plan::Predicate;
use insightgate_query::timespan::Window;

use super::compare::{Place, Placed, compare, place};
use crate::functions::meets::meets;
use crate::types;

/// Whether `subject`, of the Arrow type `kind`, meets the predicate. Values that cannot be compared with the type meet nothing, as the language says.
pub(crate) fn condition(subject: Expr, kind: &DataType, predicate: &Predicate) -> Expr {
    match predicate {
        Predicate::Nothing => lit(false),
        Predicate::NotNull => subject.is_not_null(),
        predicate if is_string(kind) => on_text(subject, predicate),
        Predicate::Compare(comparison, value) => comparison_with(subject, kind, *comparison, value),
        Predicate::In { values, negated } => membership(subject, kind, values, *negated),
        Predicate::Like { .. } => meets(subject, predicate).unwrap_or_else(|| lit(false)),
    }
}

fn on_text(subject: Expr, predicate: &Predicate) -> Expr {
    meets(subject.clone(), predicate).unwrap_or_else(|| {
        // Values that are not texts, with which the checker never compares a text.
        if is_negated(predicate) { subject.is_not_null() } else { lit(false) }
    })
}

fn is_negated(predicate: &Predicate) -> bool {
    matches!(
        predicate,
        Predicate::Compare(Comparison::NotEqual, _) | Predicate::In { negated: true, .. } | Predicate::Like { negated: true, .. }
    )
}

/// The rows whose date is in the window; rows without a date are only in the window `All`.
pub(crate) fn in_window(date: Expr, kind: &DataType, window: Window) -> Option<Expr> {
    let Window::Between { start, end } = window else { return None };
    let before_end = comparison_with(date.clone(), kind, Comparison::Less, &Value::Timestamp(end));
    Some(match start {
        Some(start) => comparison_with(date, kind, Comparison::GreaterOrEqual, &Value::Timestamp(start)).and(before_end),
        None => before_end,
    })
}

fn is_string(kind: &DataType) -> bool {
    *kind == DataType::Utf8
}

/// A literal in terms of the type that it is compared with.
enum Literal {
    Float(f64),
    Bool(bool),
    Exact(Place),
}

fn comparison_with(subject: Expr, kind: &DataType, comparison: Comparison, value: &Value) -> Expr {
    let placed = match literal(kind, value) {
        Some(Literal::Float(value)) => return compared(subject, comparison, lit(value)),
        Some(Literal::Bool(value)) => return compared(subject, comparison, lit(value)),
        Some(Literal::Exact(place)) => compare(comparison, place),
        None if comparison == Comparison::NotEqual => Placed::NotNull,
        None => Placed::Nothing,
    };
    match placed {
        Placed::Compare(comparison, value) => match exact_scalar(kind, value) {
            Some(scalar) => compared(subject, comparison, lit(scalar)),
            None => lit(false),
        },
        Placed::Nothing => lit(false),
        Placed::NotNull => subject.is_not_null(),
    }
}

fn membership(subject: Expr, kind: &DataType, values: &[Value], negated: bool) -> Expr {
    let mut list: Vec<Expr> = Vec::with_capacity(values.len());
    for value in values {
        let item = match literal(kind, value) {
            Some(Literal::Float(value)) => Some(lit(value)),
            Some(Literal::Bool(value)) => Some(lit(value)),
            Some(Literal::Exact(Place::At(value))) => exact_scalar(kind, value).map(lit),
            Some(Literal::Exact(_)) | None => None,
        };
        list.extend(item);
    }
    if list.is_empty() {
        return if negated { subject.is_not_null() } else { lit(false) };
    }
    in_list(subject, list, negated)
}

fn compared(subject: Expr, comparison: Comparison, value: Expr) -> Expr {
    match comparison {
        Comparison::Equal => subject.eq(value),
        Comparison::NotEqual => subject.not_eq(value),
        Comparison::Less => subject.lt(value),
        Comparison::LessOrEqual => subject.lt_eq(value),
        Comparison::Greater => subject.gt(value),
        Comparison::GreaterOrEqual => subject.gt_eq(value),
    }
}

fn literal(kind: &DataType, value: &Value) -> Option<Literal> {
    match (kind, value) {
        (DataType::Boolean, Value::Bool(value)) => Some(Literal::Bool(*value)),
        (DataType::Float64, Value::Float(value)) => Some(Literal::Float(*value)),
        (DataType::Float64, Value::Int(value)) => Some(Literal::Float(*value as f64)),
        (DataType::Float64, Value::Decimal { unscaled, scale }) => decimal_text(*unscaled, *scale).parse().ok().map(Literal::Float),
        (DataType::Int64 | DataType::Decimal128(_, _) | DataType::Decimal256(_, _), Value::Int(value)) => {
            Some(Literal::Exact(number(kind, (*value).into(), 0)?))
        }
        (DataType::Int64 | DataType::Decimal128(_, _) | DataType::Decimal256(_, _), Value::Decimal { unscaled, scale }) => {
            Some(Literal::Exact(number(kind, *unscaled, *scale)?))
        }
        (DataType::Date32, Value::Date(day)) => Some(Literal::Exact(Place::At(days(*day)))),
        (DataType::Date32, Value::Timestamp(instant)) => Some(Literal::Exact(match instant.time() {
            NaiveTime::MIN => Place::At(days(instant.date_naive())),
            _ => Place::After(days(instant.date_naive())),
        })),
        (DataType::Timestamp(_, _), Value::Date(day)) => Some(Literal::Exact(microseconds(day.and_time(NaiveTime::MIN).and_utc()))),
        (DataType::Timestamp(_, _), Value::Timestamp(instant)) => Some(Literal::Exact(microseconds(*instant))),
        _ => None,
    }
}

fn number(kind: &DataType, unscaled: i128, scale: i8) -> Option<Place> {
    match kind {
        DataType::Int64 => Some(place(unscaled, scale, 0, i64::MIN.into(), i64::MAX.into())),
        DataType::Decimal128(precision, target) => {
            let maximum = 10_i128.checked_pow((*precision).into())? - 1;
            Some(place(unscaled, scale, *target, -maximum, maximum))
        }
        // The type holds more digits than a literal can have.
        DataType::Decimal256(_, target) => Some(place(unscaled, scale, *target, -i128::MAX, i128::MAX)),
        _ => None,
    }
}

fn exact_scalar(kind: &DataType, value: i128) -> Option<ScalarValue> {
    match kind {
        DataType::Int64 => i64::try_from(value).ok().map(|value| ScalarValue::Int64(Some(value))),
        DataType::Decimal128(precision, scale) => Some(ScalarValue::Decimal128(Some(value), *precision, *scale)),
        DataType::Decimal256(precision, scale) => Some(ScalarValue::Decimal256(Some(i256::from_i128(value)), *precision, *scale)),
        DataType::Date32 => i32::try_from(value).ok().map(|value| ScalarValue::Date32(Some(value))),
        DataType::Timestamp(_, _) => {
            i64::try_from(value).ok().map(|value| ScalarValue::TimestampMicrosecond(Some(value), Some(types::UTC.into())))
        }
        _ => None,
    }
}

fn days(day: NaiveDate) -> i128 {
    day.signed_duration_since(DateTime::UNIX_EPOCH.date_naive()).num_days().into()
}

fn microseconds(instant: DateTime<Utc>) -> Place {
    let value = instant.timestamp_micros().into();
    if instant.nanosecond().is_multiple_of(1_000) { Place::At(value) } else { Place::After(value) }
}

/// Parsing the digits rounds once, where a division would round twice.
pub(crate) fn decimal_text(unscaled: i128, scale: i8) -> String {
    format!("{unscaled}e{}", -i32::from(scale))
}
