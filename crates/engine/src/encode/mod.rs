//! Record batches → the bytes of artifacts and previews.

mod calendar;
mod cells;
mod json;
mod separated;

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;

use crate::error::EngineError;
use crate::lower::Output;

pub(crate) use cells::text_of;
pub(crate) use json::rows as json_rows;

/// What a report can be written as. More to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Csv,
    Tsv,
}

impl Format {
    pub const ALL: [Format; 2] = [Format::Csv, Format::Tsv];

    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Tsv => "text/tab-separated-values; charset=utf-8",
        }
    }

    pub fn from_extension(text: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(text))
    }

    pub(crate) fn encoder(self, outputs: &[Output]) -> Arc<dyn Encoder> {
        match self {
            Format::Csv => Arc::new(separated::Separated::new(b',', outputs)),
            Format::Tsv => Arc::new(separated::Separated::new(b'\t', outputs)),
        }
    }
}

/// Makes the parts of one artifact: a start, then its batches in their order, each for itself, so that several can be made at once.
/// All append to `out`.
pub(crate) trait Encoder: Send + Sync {
    fn start(&self, out: &mut Vec<u8>);
    fn batch(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError>;
}
