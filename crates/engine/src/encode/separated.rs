//! CSV and TSV: UTF-8 without a byte-order mark, with lines that end with `\n` and a header with the names that the query uses.
//!
//! A null is written as nothing and an empty string as `""`. A value is quoted only if it is empty or contains the delimiter, a quote, CR or LF.

use datafusion::arrow::array::RecordBatch;

use super::Encoder;
use super::cells::{self, Cell};
use crate::encode::Output;
use crate::error::EngineError;

pub(super) struct Separated {
    delimiter: u8,
    outputs: Vec<Output>,
}

impl Separated {
    pub(super) fn new(delimiter: u8, outputs: &[Output]) -> Self {
        Separated { delimiter, outputs: outputs.to_vec() }
    }

    #[inline]
    pub(super) fn push_text(&self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        if !needs_quotes(bytes, self.delimiter) {
            out.extend_from_slice(bytes);
            return;
        }
        out.push(b'"');
        for (index, part) in text.split('"').enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    }
}

/// Looks at all bytes without stopping early, which lets the compiler use SIMD instructions.
#[inline]
fn needs_quotes(bytes: &[u8], delimiter: u8) -> bool {
    bytes.is_empty()
        | bytes.iter().fold(false, |found, &byte| found | (byte == delimiter) | (byte == b'"') | (byte == b'\n') | (byte == b'\r'))
}

impl Encoder for Separated {
    fn start(&self, out: &mut Vec<u8>) {
        for (index, output) in self.outputs.iter().enumerate() {
            if index > 0 {
                out.push(self.delimiter);
            }
            self.push_text(&output.name, out);
        }
        out.push(b'\n');
    }

    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let columns = cells::columns(batch, &self.outputs)?;
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(self.delimiter);
                }
                match column.cell(row) {
                    Cell::Text(text) => self.push_text(text, out),
                    other => other.push(out),
                }
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
    use insightgate_query::datasets::catalog::ColumnType;

    use super::*;

    fn encoded(delimiter: u8, values: &[Option<&str>]) -> String {
        let text: ArrayRef = Arc::new(StringArray::from(values.to_vec()));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter(0..i64::try_from(values.len()).unwrap()));
        let batch = RecordBatch::try_from_iter([("a", text), ("b", numbers)]).unwrap();
        let outputs = [Output::new("A,b", 0, ColumnType::String), Output::new("B", 1, ColumnType::Int64)];
        let encoder = Separated::new(delimiter, &outputs);
        let mut out = Vec::new();
        encoder.start(&mut out);
        encoder.batch(&batch, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_only_where_needed() {
        for (value, csv, tsv) in [
            (None, "", ""),
            (Some(""), "\"\"", "\"\""),
            (Some("plain text"), "plain text", "plain text"),
            (Some(" spaces "), " spaces ", " spaces "),
            (Some("a,b"), "\"a,b\"", "a,b"),
            (Some("a\tb"), "a\tb", "\"a\tb\""),
            (Some("say \"hi\""), "\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\""),
            (Some("\""), "\"\"\"\"", "\"\"\"\""),
            (Some("a\nb"), "\"a\nb\"", "\"a\nb\""),
            (Some("a\rb"), "\"a\rb\"", "\"a\rb\""),
            (Some("Größe ✓ 漢字"), "Größe ✓ 漢字", "Größe ✓ 漢字"),
            (
                Some("a quote \" well beyond the sixteenth byte"),
                "\"a quote \"\" well beyond the sixteenth byte\"",
                "\"a quote \"\" well beyond the sixteenth byte\"",
            ),
        ] {
            assert_eq!(encoded(b',', &[value]), format!("\"A,b\",B\n{csv},0\n"), "{value:?}");
            assert_eq!(encoded(b'\t', &[value]), format!("A,b\tB\n{tsv}\t0\n"), "{value:?}");
        }
    }

    #[test]
    fn a_column_may_stand_twice() {
        let bools: ArrayRef = Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]));
        let batch = RecordBatch::try_from_iter([("x", bools)]).unwrap();
        let outputs = [Output::new("X", 0, ColumnType::Bool), Output::new("X", 0, ColumnType::Bool)];
        let mut out = Vec::new();
        Separated::new(b',', &outputs).batch(&batch, &mut out).unwrap();
        assert_eq!(out, b"true,true\n,\nfalse,false\n");
    }
}
