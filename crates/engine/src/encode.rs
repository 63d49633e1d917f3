//! Record batches → the bytes of artifacts and previews.

mod calendar;
mod cells;
mod columnar;
mod compress;
mod format;
mod json;
mod output;
mod parts;
mod separated;

use datafusion::arrow::array::RecordBatch;

use crate::error::EngineError;

pub(crate) use cells::text_of;
pub(crate) use format::encode;
pub(crate) use json::rows as json_rows;
pub(crate) use output::Output;
pub(crate) use parts::Halt;

/// Makes a text of rows: a start, then its batches in their order, each for itself, so that several can be made at once.
/// All append to `out`.
trait Encoder: Send + Sync {
    fn start(&self, out: &mut Vec<u8>);
    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError>;
}

/// Writes a file whose parts depend on what was written before them, so that there is one after the other.
///
/// What is finished of the file is appended to `out`; where that ends says nothing.
trait FileWriter: Send {
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError>;
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EngineError>;
}

/// The outputs where each is known by its name: one that stands twice in SELECT appears once, as its first.
fn named_once(outputs: &[Output]) -> Vec<Output> {
    let mut once: Vec<Output> = Vec::with_capacity(outputs.len());
    for output in outputs {
        if !once.iter().any(|known| known.name == output.name) {
            once.push(output.clone());
        }
    }
    once
}
