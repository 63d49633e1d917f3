//! The values of one column of a batch, by its type. All encoders share this.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::Int32Type;

use super::calendar;
use crate::encode::Output;
use crate::error::EngineError;

/// A column whose type is determined once for the whole batch.
pub(super) struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Text(&'a StringArray),
    /// The keys belong to the rows that are not null.
    Dictionary(&'a [i32], &'a StringArray),
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Date(&'a Date32Array),
    Timestamp(&'a TimestampMicrosecondArray),
    Bool(&'a BooleanArray),
    Nothing,
}

pub(super) enum Cell<'a> {
    Null,
    Text(&'a str),
    Int(i64),
    Float(f64),
    Decimal(i128, i8),
    Date(i32),
    Timestamp(i64),
    Bool(bool),
}

/// The columns of the answer, in the answer's order.
pub(super) fn columns<'a>(batch: &'a RecordBatch, outputs: &[Output]) -> Result<Vec<Cells<'a>>, EngineError> {
    let column = |output: &Output| match batch.columns().get(output.column) {
        Some(array) => Cells::new(array.as_ref()),
        None => Err(EngineError::Plan(format!("the stream has no column {}", output.column))),
    };
    outputs.iter().map(column).collect()
}

impl<'a> Cells<'a> {
    fn new(array: &'a dyn Array) -> Result<Self, EngineError> {
        let any = array.as_any();
        let values = if let Some(array) = any.downcast_ref() {
            Values::Text(array)
        } else if let Some(values) = any.downcast_ref().and_then(dictionary) {
            values
        } else if let Some(array) = any.downcast_ref() {
            Values::Int(array)
        } else if let Some(array) = any.downcast_ref() {
            Values::Float(array)
        } else if let Some(array) = any.downcast_ref::<Decimal128Array>() {
            Values::Decimal(array, array.scale())
        } else if let Some(array) = any.downcast_ref() {
            Values::Date(array)
        } else if let Some(array) = any.downcast_ref() {
            Values::Timestamp(array)
        } else if let Some(array) = any.downcast_ref() {
            Values::Bool(array)
        } else if array.null_count() == array.len() {
            Values::Nothing
        } else {
            return Err(EngineError::Plan(format!("the stream has a column of {}", array.data_type())));
        };
        Ok(Cells { nulls: array.nulls(), values })
    }

    #[inline]
    pub(super) fn cell(&self, row: usize) -> Cell<'a> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return Cell::Null;
        }
        match &self.values {
            Values::Text(array) => Cell::Text(array.value(row)),
            Values::Dictionary(keys, values) => match keys.get(row).and_then(|key| usize::try_from(*key).ok()) {
                Some(key) if values.is_valid(key) => Cell::Text(values.value(key)),
                _ => Cell::Null,
            },
            Values::Int(array) => Cell::Int(array.value(row)),
            Values::Float(array) => Cell::Float(array.value(row)),
            Values::Decimal(array, scale) => Cell::Decimal(array.value(row), *scale),
            Values::Date(array) => Cell::Date(array.value(row)),
            Values::Timestamp(array) => Cell::Timestamp(array.value(row)),
            Values::Bool(array) => Cell::Bool(array.value(row)),
            Values::Nothing => Cell::Null,
        }
    }
}

fn dictionary(array: &DictionaryArray<Int32Type>) -> Option<Values<'_>> {
    Some(Values::Dictionary(array.keys().values(), array.values().as_string_opt()?))
}

/// The texts that an export writes for the values; null stays null.
pub(crate) fn text_of(array: &ArrayRef) -> Result<StringArray, EngineError> {
    let cells = Cells::new(array.as_ref())?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 8);
    let mut scratch = Vec::new();
    for row in 0..array.len() {
        scratch.clear();
        match cells.cell(row) {
            Cell::Null => texts.append_null(),
            cell => {
                cell.push(&mut scratch);
                texts.append_value(std::str::from_utf8(&scratch).map_err(|error| EngineError::Plan(error.to_string()))?);
            }
        }
    }
    Ok(texts.finish())
}

impl Cell<'_> {
    /// Appends any value except a text, which the encoder quotes itself. Appends nothing for null.
    #[inline]
    pub(super) fn push(&self, out: &mut Vec<u8>) {
        match self {
            Cell::Null => {}
            Cell::Text(text) => out.extend_from_slice(text.as_bytes()),
            Cell::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes()),
            // The shortest digits that read back as the same number, with an exponent from `1e16` up and from `1e-5` down.
            Cell::Float(value) => out.extend_from_slice(zmij::Buffer::new().format(*value).as_bytes()),
            Cell::Decimal(unscaled, scale) => push_decimal(*unscaled, *scale, out),
            Cell::Date(days) => calendar::push_date((*days).into(), out),
            Cell::Timestamp(microseconds) => calendar::push_timestamp(*microseconds, out),
            Cell::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        }
    }
}

/// Writes as many digits after the point as the scale says.
fn push_decimal(unscaled: i128, scale: i8, out: &mut Vec<u8>) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(unscaled.unsigned_abs()).as_bytes();
    match usize::try_from(scale) {
        Ok(0) => out.extend_from_slice(digits),
        Ok(scale) => {
            let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(scale)).unwrap_or((digits, &[]));
            out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
            out.push(b'.');
            out.extend(std::iter::repeat_n(b'0', scale - fraction.len()));
            out.extend_from_slice(fraction);
        }
        Err(_) => {
            out.extend_from_slice(digits);
            if unscaled != 0 {
                out.extend(std::iter::repeat_n(b'0', scale.unsigned_abs().into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pushed(cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        cell.push(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_keep_their_scale() {
        for (unscaled, scale, expected) in [
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (12345, 2, "123.45"),
            (-12300, 2, "-123.00"),
            (7, -3, "7000"),
            (0, -3, "0"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
            (1, 38, "0.00000000000000000000000000000000000001"),
        ] {
            assert_eq!(pushed(Cell::Decimal(unscaled, scale)), expected);
        }
    }

    #[test]
    fn floats_are_shortest_and_read_back() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (123_456_789.125, "123456789.125"),
            (1e15, "1000000000000000.0"),
            (1e300, "1e+300"),
            (1e-7, "1e-7"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(pushed(Cell::Float(value)), expected);
        }
        let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(pushed(Cell::Float(value)).parse::<f64>().unwrap().to_bits(), bits);
            }
        }
    }

    #[test]
    fn the_rest() {
        assert_eq!(pushed(Cell::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(pushed(Cell::Bool(true)), "true");
        assert_eq!(pushed(Cell::Null), "");
    }
}
