//! The Arrow types of the definitions' types, and the types of files that fit them without loss.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use insightgate_query::datasets::catalog::ColumnType;

pub(crate) const UTC: &str = "UTC";

/// The type that a column has in scans and in the files that the engine writes.
///
/// Strings are contiguous and not views: a view keeps the page alive that it points into, so that sorting used more memory than it accounted for.
pub(crate) fn arrow(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::String => DataType::Utf8,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => timestamp(),
        ColumnType::Bool => DataType::Boolean,
    }
}

pub(crate) fn timestamp() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(UTC)))
}

/// The type as messages spell it.
pub(crate) fn spelled(kind: ColumnType) -> String {
    match kind {
        ColumnType::String => "a string".to_owned(),
        ColumnType::Int64 => "an integer".to_owned(),
        ColumnType::Float64 => "a float".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("a decimal({precision}, {scale})"),
        ColumnType::Date => "a date".to_owned(),
        ColumnType::Timestamp => "a timestamp".to_owned(),
        ColumnType::Bool => "a boolean".to_owned(),
    }
}

/// Whether every value of `found` can be read as `kind`.
pub(crate) fn fits(found: &DataType, kind: ColumnType) -> bool {
    if let DataType::Dictionary(_, values) = found {
        return fits(values, kind);
    }
    // The column has nothing but nulls; some writers leave it without a type.
    if *found == DataType::Null {
        return true;
    }
    match kind {
        ColumnType::String => is_text(found),
        ColumnType::Int64 => found.is_integer(),
        // A float holds every integer of 32 bits.
        ColumnType::Float64 => found.is_floating() || (found.is_integer() && !matches!(found, DataType::Int64 | DataType::UInt64)),
        ColumnType::Decimal { precision, scale } => {
            decimal(found).or_else(|| digits(found).map(|digits| (digits, 0))).is_some_and(|(file_precision, file_scale)| {
                let (whole, file_whole) = (i16::from(precision) - i16::from(scale), i16::from(file_precision) - i16::from(file_scale));
                file_scale <= scale && file_whole <= whole
            })
        }
        ColumnType::Date => matches!(found, DataType::Date32 | DataType::Date64),
        // A day is read as its midnight.
        ColumnType::Timestamp => matches!(found, DataType::Timestamp(_, _) | DataType::Date32),
        ColumnType::Bool => *found == DataType::Boolean,
    }
}

pub(crate) fn is_text(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_text(values),
        other => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

/// The number of digits of the largest integer of a type.
fn digits(found: &DataType) -> Option<u8> {
    Some(match found {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        DataType::UInt64 => 20,
        _ => return None,
    })
}

pub(crate) fn decimal(found: &DataType) -> Option<(u8, i8)> {
    match found {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => Some((*precision, *scale)),
        _ => None,
    }
}
