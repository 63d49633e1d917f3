//! Rows as JSON objects under the names that the query uses, in the order of SELECT, with numbers as exact as their types. Previews and JSON Lines
//! files use them.
//!
//! A name that stands twice in SELECT appears once, with its first value, since readers of JSON identify a value by its name.

use datafusion::arrow::array::RecordBatch;
use serde_json::value::RawValue;

use super::cells::{self, Cell, Cells};
use super::{Encoder, named_once};
use crate::encode::Output;
use crate::error::EngineError;

/// Writes one object per line, with a line feed after each.
pub(super) struct Lines(Objects);

/// The outputs, and their names as JSON strings.
struct Objects {
    outputs: Vec<Output>,
    keys: Vec<String>,
}

/// Appends one object per row.
pub(crate) fn rows(batch: &RecordBatch, outputs: &[Output], rows: &mut Vec<Box<RawValue>>) -> Result<(), EngineError> {
    let objects = Objects::new(outputs)?;
    let columns = cells::columns(batch, &objects.outputs)?;
    for row in 0..batch.num_rows() {
        let mut object = Vec::new();
        objects.push(&columns, row, &mut object)?;
        let text = String::from_utf8(object).map_err(unwritten)?;
        rows.push(RawValue::from_string(text).map_err(unwritten)?);
    }
    Ok(())
}

impl Lines {
    pub(super) fn new(outputs: &[Output]) -> Result<Lines, EngineError> {
        Ok(Lines(Objects::new(outputs)?))
    }
}

impl Encoder for Lines {
    fn start(&self, _: &mut Vec<u8>) {}

    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let columns = cells::columns(batch, &self.0.outputs)?;
        for row in 0..batch.num_rows() {
            self.0.push(&columns, row, out)?;
            out.push(b'\n');
        }
        Ok(())
    }
}

impl Objects {
    fn new(outputs: &[Output]) -> Result<Objects, EngineError> {
        let outputs = named_once(outputs);
        let keys = outputs.iter().map(|output| serde_json::to_string(&output.name).map_err(unwritten)).collect::<Result<_, _>>()?;
        Ok(Objects { outputs, keys })
    }

    fn push(&self, columns: &[Cells<'_>], row: usize, out: &mut Vec<u8>) -> Result<(), EngineError> {
        out.push(b'{');
        for (index, (key, column)) in self.keys.iter().zip(columns).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key.as_bytes());
            out.push(b':');
            match column.cell(row) {
                Cell::Null => out.extend_from_slice(b"null"),
                // JSON has no numbers for infinity and NaN.
                Cell::Float(value) if !value.is_finite() => out.extend_from_slice(b"null"),
                Cell::Text(text) => serde_json::to_writer(&mut *out, text).map_err(unwritten)?,
                cell @ (Cell::Date(_) | Cell::Timestamp(_)) => {
                    out.push(b'"');
                    cell.push(out);
                    out.push(b'"');
                }
                cell => cell.push(out),
            }
        }
        out.push(b'}');
        Ok(())
    }
}

fn unwritten(error: impl std::fmt::Display) -> EngineError {
    EngineError::Plan(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, StringArray, TimestampMicrosecondArray};
    use insightgate_query::datasets::catalog::ColumnType;

    use super::*;

    #[test]
    fn each_type_has_its_json() {
        let columns: [(&str, ArrayRef); 5] = [
            ("t", Arc::new(StringArray::from(vec![Some("a \"b\"\n\u{1}"), None]))),
            ("f", Arc::new(Float64Array::from(vec![1e300, f64::NAN]))),
            ("d", Arc::new(Decimal128Array::from(vec![Some(1230), None]).with_precision_and_scale(38, 2).unwrap())),
            ("day", Arc::new(Date32Array::from(vec![0, 1]))),
            ("at", Arc::new(TimestampMicrosecondArray::from(vec![1, 0]).with_timezone("UTC"))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let names = ["Text", "Float", "Decimal", "Day", "At", "Text"];
        let outputs: Vec<_> =
            names.iter().zip([0, 1, 2, 3, 4, 0]).map(|(name, column)| Output::new(name, column, ColumnType::String)).collect();
        let mut out = Vec::new();
        rows(&batch, &outputs, &mut out).unwrap();
        let out: Vec<_> = out.iter().map(|row| row.get()).collect();
        let mut lines = Vec::new();
        Lines::new(&outputs).unwrap().batch(&batch, &mut lines).unwrap();
        assert_eq!(String::from_utf8(lines).unwrap(), format!("{}\n{}\n", out[0], out[1]));
        assert_eq!(
            out,
            [
                r#"{"Text":"a \"b\"\n\u0001","Float":1e+300,"Decimal":12.30,"Day":"1970-01-01","At":"1970-01-01T00:00:00.000001Z"}"#,
                r#"{"Text":null,"Float":null,"Decimal":null,"Day":"1970-01-02","At":"1970-01-01T00:00:00Z"}"#,
            ]
        );
    }
}
