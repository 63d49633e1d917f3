//! Expressions with their type in the language.
//!
//! Integers and decimals are computed as decimals wide enough for the result, since Arrow's own integer arithmetic wraps around.

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType};
use datafusion::common::ScalarValue;
use datafusion::functions::core::expr_fn::{coalesce, nullif};
use datafusion::logical_expr::{Expr, Operator as Sql, binary_expr, cast, lit};
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::ColumnType;
use insightgate_query::metric::Operator;

use crate::error::EngineError;
use crate::functions::widened::{INT64_PRECISION, widened};
use crate::rows::columns::text;
use crate::types;

/// `kind` is the value's type in the language; `arrow` is the type of the expression.
#[derive(Debug, Clone)]
pub(crate) struct Typed {
    pub(crate) expression: Expr,
    pub(crate) kind: ColumnType,
    pub(crate) arrow: DataType,
}

impl Typed {
    pub(crate) fn of_column(expression: Expr, kind: ColumnType) -> Typed {
        Typed { expression, kind, arrow: types::arrow(kind) }
    }

    pub(crate) fn literal(value: &Value) -> Result<Typed, EngineError> {
        let (scalar, kind) = match value {
            Value::String(value) => return Ok(Typed::of_column(text(value), ColumnType::String)),
            Value::Int(value) => (ScalarValue::Int64(Some(*value)), ColumnType::Int64),
            Value::Float(value) => (ScalarValue::Float64(Some(*value)), ColumnType::Float64),
            Value::Bool(value) => (ScalarValue::Boolean(Some(*value)), ColumnType::Bool),
            Value::Decimal { unscaled, scale } => {
                let digits = unscaled.unsigned_abs().checked_ilog10().map_or(1, |power| power + 1);
                let precision = u8::try_from(digits).unwrap_or(DECIMAL128_MAX_PRECISION).max(scale.unsigned_abs());
                if precision > DECIMAL128_MAX_PRECISION {
                    return Err(EngineError::OutOfRange(format!("{unscaled}e-{scale} has more than {DECIMAL128_MAX_PRECISION} digits")));
                }
                (ScalarValue::Decimal128(Some(*unscaled), precision, *scale), ColumnType::Decimal { precision, scale: *scale })
            }
            Value::Date(day) => {
                let days = day.signed_duration_since(chrono::DateTime::UNIX_EPOCH.date_naive()).num_days();
                (ScalarValue::Date32(i32::try_from(days).ok()), ColumnType::Date)
            }
            Value::Timestamp(instant) => {
                (ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some(types::UTC.into())), ColumnType::Timestamp)
            }
        };
        Ok(Typed { expression: lit(scalar), kind, arrow: types::arrow(kind) })
    }

    /// The expression in the metric's type in the language. A number that does not fit the type makes the query fail when it is executed.
    pub(crate) fn finished(self, kind: ColumnType) -> Expr {
        let wanted = types::arrow(kind);
        if self.arrow == wanted { self.expression } else { cast(self.expression, wanted) }
    }

    pub(crate) fn into_float(self) -> Expr {
        if self.arrow == DataType::Float64 { self.expression } else { cast(self.expression, DataType::Float64) }
    }

    /// The precision and scale of an exact number; `None` for everything except integers and decimals.
    pub(crate) fn exact_type(&self) -> Option<(u8, i8)> {
        match (self.kind, types::decimal(&self.arrow)) {
            (ColumnType::Int64 | ColumnType::Decimal { .. }, Some(decimal)) => Some(decimal),
            (ColumnType::Int64, None) => Some((INT64_PRECISION, 0)),
            _ => None,
        }
    }

    pub(crate) fn into_decimal(self, arrow: &DataType) -> Expr {
        match (&self.arrow, arrow) {
            (known, wanted) if known == wanted => self.expression,
            (DataType::Int64, DataType::Decimal128(INT64_PRECISION, 0)) => widened(self.expression),
            _ => cast(self.expression, arrow.clone()),
        }
    }

    fn into_text(self) -> Expr {
        if self.kind == ColumnType::String { self.expression } else { cast(self.expression, DataType::Utf8) }
    }
}

/// The narrowest Arrow decimal with so many digits. Beyond 76 digits the top digits may overflow, which is an error when it happens.
pub(crate) fn decimal_type(precision: u8, scale: i8) -> DataType {
    if precision <= DECIMAL128_MAX_PRECISION {
        DataType::Decimal128(precision, scale)
    } else {
        DataType::Decimal256(precision.min(DECIMAL256_MAX_PRECISION), scale)
    }
}

/// Division makes a float, and null where the divisor is zero.
pub(crate) fn arithmetic(left: Typed, operator: Operator, right: Typed) -> Result<Typed, EngineError> {
    let float = |expression| Typed { expression, kind: ColumnType::Float64, arrow: DataType::Float64 };
    let scales = [&left, &right].map(|side| side.exact_type().map_or(0, |(_, scale)| i16::from(scale)));
    // A product with more digits after the point than a decimal can have is a float.
    let too_fine = operator == Operator::Multiply && scales.iter().sum::<i16>() >= i16::from(DECIMAL128_MAX_PRECISION);
    if operator == Operator::Divide {
        return Ok(float(left.into_float() / nullif(right.into_float(), lit(0.0_f64))));
    }
    let operation = match operator {
        Operator::Add => Sql::Plus,
        Operator::Subtract => Sql::Minus,
        Operator::Multiply | Operator::Divide => Sql::Multiply,
    };
    let numeric = |typed: &Typed| typed.kind == ColumnType::Float64 || typed.exact_type().is_some();
    if !numeric(&left) || !numeric(&right) {
        return Err(EngineError::Plan(format!("arithmetic on {} and {}", types::spelled(left.kind), types::spelled(right.kind))));
    }
    let ((left_precision, left_scale), (right_precision, right_scale)) = match (left.exact_type(), right.exact_type()) {
        (Some(left), Some(right)) if !too_fine => (left, right),
        _ => return Ok(float(binary_expr(left.into_float(), operation, right.into_float()))),
    };
    let (precision, scale) = match operator {
        Operator::Multiply => (left_precision.saturating_add(right_precision).saturating_add(1), left_scale.saturating_add(right_scale)),
        _ => {
            let scale = left_scale.max(right_scale);
            let whole = (i16::from(left_precision) - i16::from(left_scale)).max(i16::from(right_precision) - i16::from(right_scale));
            (u8::try_from(whole + i16::from(scale) + 1).unwrap_or(u8::MAX), scale)
        }
    };
    let kind = if left.kind == ColumnType::Int64 && right.kind == ColumnType::Int64 {
        ColumnType::Int64
    } else {
        ColumnType::Decimal { precision: precision.min(DECIMAL128_MAX_PRECISION), scale }
    };
    let arrow = decimal_type(precision, scale);
    // Operands of a wide result are widened first; Arrow then gives the result the same type by the same rules.
    let (left, right) = match arrow {
        DataType::Decimal256(_, _) => (
            left.into_decimal(&DataType::Decimal256(left_precision, left_scale)),
            right.into_decimal(&DataType::Decimal256(right_precision, right_scale)),
        ),
        _ => {
            (left.into_decimal(&decimal_type(left_precision, left_scale)), right.into_decimal(&decimal_type(right_precision, right_scale)))
        }
    };
    Ok(Typed { expression: cast(binary_expr(left, operation, right), arrow.clone()), kind, arrow })
}

/// The first value that is not null, in the type that holds all of them.
pub(crate) fn first_not_null(items: Vec<Typed>) -> Result<Typed, EngineError> {
    let Some(first) = items.first() else { return Err(EngineError::Plan("COALESCE of nothing".to_owned())) };
    let exact: Option<Vec<(u8, i8)>> = items.iter().map(Typed::exact_type).collect();
    let (kind, arrow) = match exact {
        Some(_) if items.iter().all(|item| item.arrow == first.arrow) => (first.kind, first.arrow.clone()),
        Some(exact) => {
            let scale = exact.iter().map(|(_, scale)| *scale).max().unwrap_or(0);
            let whole = exact.iter().map(|(precision, scale)| i16::from(*precision) - i16::from(*scale)).max().unwrap_or(0);
            let precision = u8::try_from(whole + i16::from(scale)).unwrap_or(u8::MAX);
            let all_ints = items.iter().all(|item| item.kind == ColumnType::Int64);
            let kind = if all_ints {
                ColumnType::Int64
            } else {
                ColumnType::Decimal { precision: precision.min(DECIMAL128_MAX_PRECISION), scale }
            };
            (kind, decimal_type(precision, scale))
        }
        None if items.iter().any(|item| item.kind == ColumnType::Float64) => (ColumnType::Float64, DataType::Float64),
        None => (first.kind, first.arrow.clone()),
    };
    let expressions =
        items.into_iter().map(|item| if item.arrow == arrow { item.expression } else { cast(item.expression, arrow.clone()) });
    Ok(Typed { expression: coalesce(expressions.collect()), kind, arrow })
}

pub(crate) fn concatenated(left: Typed, right: Typed) -> Typed {
    let expression = binary_expr(left.into_text(), Sql::StringConcat, right.into_text());
    Typed { expression, kind: ColumnType::String, arrow: DataType::Utf8 }
}
