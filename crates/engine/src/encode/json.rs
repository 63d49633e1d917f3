//! Preview rows: JSON objects with the dataset's spelling, in SELECT's order, each number as exact as its type.

use datafusion::arrow::array::RecordBatch;
use serde_json::value::RawValue;

use super::cells::{self, Cell};
use crate::error::EngineError;
use crate::lower::Output;

/// Appends one object a row. An output that stands twice appears once, as its first.
pub(crate) fn rows(batch: &RecordBatch, outputs: &[Output], rows: &mut Vec<Box<RawValue>>) -> Result<(), EngineError> {
    let mut outputs = outputs.to_vec();
    let mut seen = Vec::with_capacity(outputs.len());
    outputs.retain(|output| {
        let is_new = !seen.contains(&output.name);
        seen.push(output.name.clone());
        is_new
    });
    let columns = cells::columns(batch, &outputs)?;
    let keys = outputs.iter().map(|output| quoted(&output.name)).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let mut object = vec![b'{'];
        for (index, (key, column)) in keys.iter().zip(&columns).enumerate() {
            if index > 0 {
                object.push(b',');
            }
            object.extend_from_slice(key.as_bytes());
            object.push(b':');
            match column.cell(row) {
                Cell::Null => object.extend_from_slice(b"null"),
                // JSON has no numbers for these.
                Cell::Float(value) if !value.is_finite() => object.extend_from_slice(b"null"),
                Cell::Text(text) => object.extend_from_slice(quoted(text)?.as_bytes()),
                cell @ (Cell::Date(_) | Cell::Timestamp(_)) => {
                    object.push(b'"');
                    cell.push(&mut object);
                    object.push(b'"');
                }
                cell => cell.push(&mut object),
            }
        }
        object.push(b'}');
        let text = String::from_utf8(object).map_err(|error| EngineError::Plan(error.to_string()))?;
        rows.push(RawValue::from_string(text).map_err(|error| EngineError::Plan(error.to_string()))?);
    }
    Ok(())
}

fn quoted(text: &str) -> Result<String, EngineError> {
    serde_json::to_string(text).map_err(|error| EngineError::Plan(error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, StringArray, TimestampMicrosecondArray};

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
            names.iter().zip([0, 1, 2, 3, 4, 0]).map(|(name, column)| Output { name: (*name).to_owned(), column }).collect();
        let mut out = Vec::new();
        rows(&batch, &outputs, &mut out).unwrap();
        let out: Vec<_> = out.iter().map(|row| row.get()).collect();
        assert_eq!(
            out,
            [
                r#"{"Text":"a \"b\"\n\u0001","Float":1e+300,"Decimal":12.30,"Day":"1970-01-01","At":"1970-01-01T00:00:00.000001Z"}"#,
                r#"{"Text":null,"Float":null,"Decimal":null,"Day":"1970-01-02","At":"1970-01-01T00:00:00Z"}"#,
            ]
        );
    }
}
