//! Record batches → the bytes of artifacts and previews.

mod calendar;
mod cells;
mod columnar;
mod compress;
mod excel_text;
mod format;
mod formulas;
mod json;
mod output;
mod parts;
mod separated;
mod sheet_cells;
mod workbook;

use datafusion::arrow::array::RecordBatch;

use crate::error::EngineError;

pub(crate) use cells::text_of;
pub(crate) use format::encode;
pub use formulas::harmless;
pub(crate) use json::rows as json_rows;
pub(crate) use output::Output;
pub(crate) use parts::Halt;
pub use workbook::About;
pub(crate) use workbook::Spill;

/// Encodes rows as a text: a header, then the batches in their order. Each batch is encoded on its own, so that several can be encoded in parallel.
/// All methods append to `out`.
trait Encoder: Send + Sync {
    fn start(&self, out: &mut Vec<u8>);
    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError>;
}

/// Writes a file whose parts depend on what was written before them, so that they are written one after the other.
///
/// Finished bytes of the file are appended to `out`; the place where they end has no meaning.
trait FileWriter: Send {
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError>;
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EngineError>;
}

/// Writes a file of which nothing is finished before all of its rows are known.
trait WholeFile: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError>;
    /// Hands the file on, part by part, for as long as `part` says that somebody takes it.
    fn finish(self, part: &mut (dyn FnMut(Vec<u8>) -> bool + Send)) -> Result<(), EngineError>;
}

/// The outputs without repeated names: a name that stands twice in SELECT appears once, as its first occurrence.
fn named_once(outputs: &[Output]) -> Vec<Output> {
    let mut once: Vec<Output> = Vec::with_capacity(outputs.len());
    for output in outputs {
        if !once.iter().any(|known| known.name == output.name) {
            once.push(output.clone());
        }
    }
    once
}
