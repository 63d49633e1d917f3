//! CSV for people who open it in Excel: UTF-8 with a byte-order mark, lines that end with CR and LF, and no cell that Excel would run as a formula.
//!
//! Everything else is as in plain CSV, which stays what programs read. Numbers are numbers, the negative ones too.

use datafusion::arrow::array::RecordBatch;

use super::Encoder;
use super::cells::{self, Cell};
use super::formulas::harmless;
use super::separated::Separated;
use crate::encode::Output;
use crate::error::EngineError;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// As Excel itself writes them, so that line feeds within a text are not taken for the end of a row.
const LINE_END: &[u8] = b"\r\n";
const COMMA: u8 = b',';

pub(super) struct ExcelText {
    text: Separated,
    outputs: Vec<Output>,
}

impl ExcelText {
    pub(super) fn new(outputs: &[Output]) -> Self {
        ExcelText { text: Separated::new(COMMA, outputs), outputs: outputs.to_vec() }
    }

    fn push(&self, cell: &Cell<'_>, out: &mut Vec<u8>) {
        match cell {
            Cell::Text(text) => self.text.push_text(&harmless(text), out),
            Cell::Float(value) if !value.is_finite() => push_without_sign(cell, out),
            Cell::Date(_) | Cell::Timestamp(_) => push_without_sign(cell, out),
            Cell::Null | Cell::Int(_) | Cell::Float(_) | Cell::Decimal(..) | Cell::Bool(_) => cell.push(out),
        }
    }
}

/// Years beyond four digits and `-inf` begin with a sign, and are no numbers.
fn push_without_sign(cell: &Cell<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    cell.push(out);
    if matches!(out.get(start), Some(b'-' | b'+')) {
        out.insert(start, b'\'');
    }
}

impl Encoder for ExcelText {
    fn start(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(BYTE_ORDER_MARK);
        for (index, output) in self.outputs.iter().enumerate() {
            if index > 0 {
                out.push(COMMA);
            }
            self.text.push_text(&harmless(&output.name), out);
        }
        out.extend_from_slice(LINE_END);
    }

    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let columns = cells::columns(batch, &self.outputs)?;
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                if index > 0 {
                    out.push(COMMA);
                }
                self.push(&column.cell(row), out);
            }
            out.extend_from_slice(LINE_END);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};
    use insightgate_query::datasets::catalog::ColumnType;

    use super::*;

    #[test]
    fn texts_are_harmless_and_numbers_stay_numbers() {
        let columns: [(&str, ArrayRef); 5] = [
            ("t", Arc::new(StringArray::from(vec![Some("=1+1"), Some("-a,\"b\""), None, Some(""), Some("x\n-y")]))),
            ("n", Arc::new(Int64Array::from(vec![Some(-5), Some(i64::MIN), None, Some(0), Some(5)]))),
            ("f", Arc::new(Float64Array::from(vec![-0.5, f64::NEG_INFINITY, f64::NAN, f64::INFINITY, 1e300]))),
            (
                "d",
                Arc::new(
                    Decimal128Array::from(vec![Some(-1230), None, Some(1), Some(2), Some(3)]).with_precision_and_scale(38, 2).unwrap(),
                ),
            ),
            ("y", Arc::new(Date32Array::from(vec![0, -719_529, 2_932_897, 1, 2]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let names = ["=Name", "Ä", "F", "D", "Y"];
        let outputs: Vec<_> = names.iter().enumerate().map(|(column, name)| Output::new(name, column, ColumnType::String)).collect();
        let (encoder, mut out) = (ExcelText::new(&outputs), Vec::new());
        encoder.start(&mut out);
        encoder.batch(&batch, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\u{feff}'=Name,Ä,F,D,Y\r\n\
             '=1+1,-5,-0.5,-12.30,1970-01-01\r\n\
             \"'-a,\"\"b\"\"\",-9223372036854775808,'-inf,,'-000001-12-31\r\n\
             ,,NaN,0.01,'+010000-01-01\r\n\
             \"\",0,inf,0.02,1970-01-02\r\n\
             \"x\n'-y\",5,1e+300,0.03,1970-01-03\r\n"
        );
    }
}
