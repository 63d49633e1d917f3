//! The file formats, and how a file's bytes are made.

use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;
use insightgate_query::format::Format;

use super::columnar::{ArrowFile, ParquetFile, Table};
use super::compress::Compression;
use super::excel_text::ExcelText;
use super::json::Lines;
use super::parts::{self, Parts};
use super::separated::Separated;
use super::workbook::{About, Spill, WorkbookFile};
use crate::encode::Output;
use crate::error::EngineError;

/// The bytes of the file. `side_by_side` batches are encoded in parallel, if the format allows it. A workbook tells what it is `about`, and needs room on
/// the disk.
pub(crate) fn encode(
    format: Format,
    (about, spill): (Option<About>, Spill),
    rows: SendableRecordBatchStream,
    outputs: &[Output],
    side_by_side: usize,
) -> Result<Parts, EngineError> {
    let text = |rows, delimiter| parts::side_by_side(rows, Arc::new(Separated::new(delimiter, outputs)), side_by_side);
    let compressed = |rows, delimiter, compression| text(rows, delimiter).compressed(compression, side_by_side);
    Ok(match format {
        Format::Csv => text(rows, b','),
        Format::Tsv => text(rows, b'\t'),
        Format::CsvGz => compressed(rows, b',', Compression::Gzip),
        Format::CsvZst => compressed(rows, b',', Compression::Zstd),
        Format::TsvGz => compressed(rows, b'\t', Compression::Gzip),
        Format::TsvZst => compressed(rows, b'\t', Compression::Zstd),
        Format::Jsonl => parts::side_by_side(rows, Arc::new(Lines::new(outputs)?), side_by_side),
        Format::CsvExcel => parts::side_by_side(rows, Arc::new(ExcelText::new(outputs)), side_by_side),
        Format::Xlsx => parts::at_the_end(rows, WorkbookFile::new(outputs, about, spill)?),
        Format::Parquet => {
            let table = Table::new(outputs);
            let file = ParquetFile::new(&table)?;
            parts::one_by_one(rows, table, file, side_by_side)
        }
        Format::Arrow => {
            let table = Table::new(outputs);
            let file = ArrowFile::new(&table)?;
            parts::one_by_one(rows, table, file, side_by_side)
        }
    })
}
