//! The types of metric expressions. The engine casts its results to them.

use super::{MetricExpression, Operator, RowExpression};
use crate::column::{Column, ColumnType, Value};

/// The most digits of a decimal, which sums get.
const WIDEST: u8 = 38;

/// The type of a metric's value over a dataset's columns: Int64 for counts, the widest type of their input's kind for sums, and Float64 for averages
/// and quotients.
pub fn metric_type(columns: &[Column], expression: &MetricExpression) -> ColumnType {
    // A checked expression always has a type; an unchecked one is read as Float64.
    of_metric(expression, columns).unwrap_or(ColumnType::Float64)
}

/// `None` if the types of the parts do not fit together.
pub(super) fn of_metric(expression: &MetricExpression, columns: &[Column]) -> Option<ColumnType> {
    match expression {
        MetricExpression::CountRows | MetricExpression::Count { .. } => Some(ColumnType::Int64),
        MetricExpression::Sum(of) => sum(of_row(of, columns)?),
        MetricExpression::Average(of) => is_number(of_row(of, columns)?).then_some(ColumnType::Float64),
        MetricExpression::Minimum(of) | MetricExpression::Maximum(of) => of_row(of, columns),
        MetricExpression::Arithmetic(left, operator, right) => arithmetic(of_metric(left, columns)?, *operator, of_metric(right, columns)?),
        MetricExpression::Coalesce(parts) => common_of(parts.iter().map(|part| of_metric(part, columns))),
        MetricExpression::Literal(value) => Some(of_value(value)),
    }
}

pub(super) fn of_row(expression: &RowExpression, columns: &[Column]) -> Option<ColumnType> {
    match expression {
        RowExpression::Column(index) => columns.get(*index).map(|column| column.kind),
        RowExpression::Literal(value) => Some(of_value(value)),
        RowExpression::Arithmetic(left, operator, right) => arithmetic(of_row(left, columns)?, *operator, of_row(right, columns)?),
        RowExpression::Coalesce(parts) => common_of(parts.iter().map(|part| of_row(part, columns))),
        RowExpression::Concatenate(left, right) => {
            let texts = [left, right].into_iter().all(|part| of_row(part, columns) == Some(ColumnType::String));
            texts.then_some(ColumnType::String)
        }
    }
}

pub(super) fn sum(of: ColumnType) -> Option<ColumnType> {
    match of {
        ColumnType::Int64 | ColumnType::Float64 => Some(of),
        ColumnType::Decimal { scale, .. } => Some(ColumnType::Decimal { precision: WIDEST, scale }),
        _ => None,
    }
}

pub(super) fn arithmetic(left: ColumnType, operator: Operator, right: ColumnType) -> Option<ColumnType> {
    let scale = |kind| match kind {
        ColumnType::Decimal { scale, .. } => scale,
        _ => 0,
    };
    match (common(left, right)?, operator) {
        (kind, _) if !is_number(kind) => None,
        (_, Operator::Divide) => Some(ColumnType::Float64),
        (ColumnType::Decimal { precision, .. }, Operator::Multiply) => match scale(left).checked_add(scale(right)) {
            Some(scale) if scale < WIDEST as i8 => Some(ColumnType::Decimal { precision, scale }),
            _ => Some(ColumnType::Float64),
        },
        (kind, _) => Some(kind),
    }
}

/// The type that can hold the values of both types.
pub(super) fn common(left: ColumnType, right: ColumnType) -> Option<ColumnType> {
    use ColumnType::{Decimal, Float64, Int64};
    let decimal = |scale| Some(Decimal { precision: WIDEST, scale });
    match (left, right) {
        (Float64, other) | (other, Float64) if is_number(other) => Some(Float64),
        (Decimal { scale, .. }, Int64) | (Int64, Decimal { scale, .. }) => decimal(scale),
        (Decimal { scale: one, .. }, Decimal { scale: other, .. }) => decimal(one.max(other)),
        (left, right) => (left == right).then_some(left),
    }
}

fn common_of(mut kinds: impl Iterator<Item = Option<ColumnType>>) -> Option<ColumnType> {
    let first = kinds.next()??;
    kinds.try_fold(first, |known, kind| common(known, kind?))
}

pub(super) fn is_number(kind: ColumnType) -> bool {
    matches!(kind, ColumnType::Int64 | ColumnType::Float64 | ColumnType::Decimal { .. })
}

fn of_value(value: &Value) -> ColumnType {
    match value {
        Value::String(_) => ColumnType::String,
        Value::Int(_) => ColumnType::Int64,
        Value::Float(_) => ColumnType::Float64,
        Value::Decimal { scale, .. } => ColumnType::Decimal { precision: WIDEST, scale: *scale },
        Value::Date(_) => ColumnType::Date,
        Value::Timestamp(_) => ColumnType::Timestamp,
        Value::Bool(_) => ColumnType::Bool,
    }
}
