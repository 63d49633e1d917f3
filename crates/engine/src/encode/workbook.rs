//! Workbooks of Excel (`xlsx`): a sheet with the rows, and a sheet that says what they are.
//!
//! The rows are written to a file without a name in the folder for intermediate results, which counts against what one query may use there and is gone
//! with its writer, however that ends. Once all of them are there, the workbook is compressed out of it, part by part. It never holds more rows than one.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use insightgate_query::datasets::catalog::ColumnType;
use insightgate_query::sheet::{self, MOST_CHARACTERS};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::WholeFile;
use super::cells::{self, Cell};
use super::formulas::may_be_formula;
use super::sheet_cells::{Entry, entry};
use crate::encode::Output;
use crate::error::EngineError;
use crate::storage::free_disk::{Watched, free};

const ROWS_SHEET: &str = "Data";
const ABOUT_SHEET: &str = "About";

/// The bytes of a part of the compressed file. Tests end in the middle of files that are small.
const PART: usize = if cfg!(test) { 32 << 10 } else { 1 << 20 };

/// Files of a zip that may be larger than this need the newer form, which not every reader knows.
const LARGE: u64 = 3 << 30;

/// The most that a cell and a row take in the sheet's XML beside a text or a number.
const CELL: u64 = 96;
const ROW: u64 = 32;
/// The most that the digits of a number take: the library writes no exponents.
const NUMBER: u64 = 24;
const EXTREME_NUMBER: u64 = 336;
/// The most that escaping adds to a byte.
const ESCAPE: u64 = 6;

/// The widths of columns in characters.
const NARROWEST: usize = 10;
const WIDEST: usize = 50;

const DAY: &str = "yyyy-mm-dd";
const INSTANT: &str = "yyyy-mm-dd hh:mm:ss";
const INSTANT_WITH_FRACTION: &str = "yyyy-mm-dd hh:mm:ss.000";

/// What a workbook says about its rows, beside their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The text of the query.
    pub query: String,
    /// The time that the query's time span is relative to. It is also that of the file, so that the same execution gives the same bytes.
    pub at: DateTime<Utc>,
}

/// The folder for intermediate results, and the bytes that one query may write there.
#[derive(Debug, Clone)]
pub(crate) struct Spill {
    pub(crate) folder: PathBuf,
    pub(crate) limit: u64,
}

pub(super) struct WorkbookFile {
    book: Workbook,
    outputs: Vec<Output>,
    about: Option<About>,
    spill: Spill,
    disk: Watched,
    /// At the most, since the library does not tell.
    written: u64,
    rows: u64,
    /// The rows that a sheet takes; fewer in tests.
    most_rows: u64,
    marked: Format,
    with_fraction: Format,
}

impl WorkbookFile {
    pub(super) fn new(outputs: &[Output], about: Option<About>, spill: Spill) -> Result<WorkbookFile, EngineError> {
        let mut book = Workbook::new();
        // By default the library takes the time of the machine.
        let at = about.as_ref().map_or(0, |about| about.at.timestamp());
        let created = ExcelDateTime::from_timestamp(at).or_else(|_| ExcelDateTime::from_timestamp(0)).map_err(failed)?;
        book.set_properties(&DocProperties::new().set_creation_datetime(&created));
        book.set_tempdir(&spill.folder).map_err(failed)?;
        let rows = book.add_worksheet_with_constant_memory().map_err(failed)?;
        head(rows, outputs).map_err(failed)?;
        let disk = Watched::new(Some(spill.folder.clone()));
        let headers: u64 = outputs.iter().map(|output| text_bytes(&output.name)).sum();
        Ok(WorkbookFile {
            book,
            outputs: outputs.to_vec(),
            about,
            spill,
            disk,
            written: ROW + headers,
            rows: 0,
            most_rows: sheet::MOST_ROWS,
            marked: Format::new().set_quote_prefix(),
            with_fraction: Format::new().set_num_format(INSTANT_WITH_FRACTION),
        })
    }

    fn write_rows(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let columns = cells::columns(batch, &self.outputs)?;
        for row in 0..batch.num_rows() {
            if self.rows >= self.most_rows {
                return Err(EngineError::Sheet(sheet::SheetFault::Rows));
            }
            self.rows += 1;
            self.grow(ROW)?;
            let to = u32::try_from(self.rows).map_err(failed)?;
            for (column, values) in (0..).zip(&columns) {
                self.write_cell(to, column, &values.cell(row))?;
            }
        }
        Ok(())
    }

    fn write_cell(&mut self, row: u32, column: u16, cell: &Cell<'_>) -> Result<(), EngineError> {
        let entry = entry(cell)?;
        let text = match &entry {
            Entry::Text(text) => Some(*text),
            Entry::Marked(text) => Some(text.as_ref()),
            _ => None,
        };
        if let Some(text) = text {
            let name = self.outputs.get(usize::from(column)).map_or("", |output| &output.name);
            sheet::fits_text(text, name, self.rows)?;
        }
        self.grow(match (&entry, text) {
            (Entry::Nothing, _) => return Ok(()),
            (_, Some(text)) => text_bytes(text),
            (Entry::Number(value), _) if *value != 0.0 && !(1e-5..1e17).contains(&value.abs()) => CELL + EXTREME_NUMBER,
            _ => CELL + NUMBER,
        })?;
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        let written = match entry {
            Entry::Nothing => return Ok(()),
            Entry::Number(value) | Entry::Instant { days: value, fraction: false } => sheet.write_number(row, column, value),
            Entry::Instant { days, fraction: true } => sheet.write_number_with_format(row, column, days, &self.with_fraction),
            Entry::Truth(value) => sheet.write_boolean(row, column, value),
            Entry::Text(text) => sheet.write_string(row, column, text),
            Entry::Marked(text) => sheet.write_string_with_format(row, column, text.as_ref(), &self.marked),
        };
        written.map(|_| ()).map_err(failed)
    }

    /// Counts bytes of the file before they are written.
    fn grow(&mut self, bytes: u64) -> Result<(), EngineError> {
        self.written += bytes;
        if self.written > self.spill.limit {
            return Err(EngineError::Spill(format!("the sheet takes more than {} MiB before it is compressed", self.spill.limit >> 20)));
        }
        self.disk.grows_to(self.written)
    }

    /// The library panics when its file cannot be written.
    fn caught<T>(&mut self, write: impl FnOnce(&mut Self) -> Result<T, EngineError>) -> Result<T, EngineError> {
        let caught = catch_unwind(AssertUnwindSafe(|| write(self)));
        caught.unwrap_or_else(|_| {
            let kind = if free(&self.spill.folder) == 0 { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
            Err(EngineError::io(self.spill.folder.display().to_string())(io::Error::new(kind, "the rows of a workbook cannot be written")))
        })
    }

    fn write_about(&mut self) -> Result<(), EngineError> {
        let (label, wrapped) = (Format::new().set_bold().set_align(FormatAlign::Top), Format::new().set_text_wrap());
        let (marked, left) = (wrapped.clone().set_quote_prefix(), Format::new().set_align(FormatAlign::Left));
        let sheet = self.book.add_worksheet();
        sheet.set_name(ABOUT_SHEET).map_err(failed)?;
        sheet.set_column_width(0, 14).and_then(|sheet| sheet.set_column_width(1, 100)).map_err(failed)?;
        let mut row = 0;
        if let Some(About { query, at }) = &self.about {
            sheet.write_string_with_format(row, 0, "Query", &label).map_err(failed)?;
            for piece in pieces(query) {
                let format = if may_be_formula(piece) { &marked } else { &wrapped };
                sheet.write_string_with_format(row, 1, piece, format).map_err(failed)?;
                row += 1;
            }
            row = row.max(1);
            sheet.write_string_with_format(row, 0, "Time (UTC)", &label).map_err(failed)?;
            match entry(&Cell::Timestamp(at.timestamp() * 1_000_000))? {
                Entry::Instant { days, .. } => sheet.write_number_with_format(row, 1, days, &left.clone().set_num_format(INSTANT)),
                _ => sheet.write_string(row, 1, at.to_rfc3339()),
            }
            .map_err(failed)?;
            row += 1;
        }
        sheet.write_string_with_format(row, 0, "Rows", &label).map_err(failed)?;
        sheet.write_number_with_format(row, 1, self.rows as f64, &left).map_err(failed)?;
        Ok(())
    }
}

impl WholeFile for WorkbookFile {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.caught(|file| file.write_rows(batch))
    }

    fn finish(mut self, part: &mut (dyn FnMut(Vec<u8>) -> bool + Send)) -> Result<(), EngineError> {
        self.caught(|file| {
            file.write_about()?;
            file.book.use_zip_large_file(file.written > LARGE);
            let mut parts = CutIntoParts { bytes: Vec::with_capacity(PART), part };
            file.book.save_to_writer(&mut parts).map_err(failed)?;
            parts.flush().map_err(EngineError::io("the workbook"))
        })
    }
}

/// Hands on what is written, in parts of one size.
struct CutIntoParts<'a> {
    bytes: Vec<u8>,
    part: &'a mut (dyn FnMut(Vec<u8>) -> bool + Send),
}

impl Write for CutIntoParts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PART.saturating_sub(self.bytes.len());
        let (taken, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.bytes.extend_from_slice(taken);
        if self.bytes.len() >= PART {
            let full = std::mem::replace(&mut self.bytes, Vec::with_capacity(PART));
            self.hand_on(full)?;
        }
        Ok(taken.len())
    }

    /// Hands on a last, shorter part. The library never flushes before the end.
    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.bytes);
        if rest.is_empty() { Ok(()) } else { self.hand_on(rest) }
    }
}

impl CutIntoParts<'_> {
    fn hand_on(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        if (self.part)(bytes) { Ok(()) } else { Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the file any more")) }
    }
}

/// The header, the formats and the widths of the columns.
fn head(sheet: &mut Worksheet, outputs: &[Output]) -> Result<(), XlsxError> {
    sheet.set_name(ROWS_SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    let marked = bold.clone().set_quote_prefix();
    for (column, output) in (0..).zip(outputs) {
        let (format, width) = shown(output.kind);
        if let Some(format) = format {
            sheet.set_column_format(column, &Format::new().set_num_format(format))?;
        }
        let width = width.max(output.name.chars().count() + 2).clamp(NARROWEST, WIDEST);
        sheet.set_column_width(column, u32::try_from(width).unwrap_or_default())?;
        let header = if may_be_formula(&output.name) { &marked } else { &bold };
        sheet.write_string_with_format(0, column, &output.name, header)?;
    }
    Ok(())
}

/// The number format of a column, and the characters that its values usually take. A day in too narrow a column is shown as `####`.
fn shown(kind: ColumnType) -> (Option<String>, usize) {
    match kind {
        ColumnType::String => (None, 24),
        ColumnType::Bool => (None, 8),
        ColumnType::Float64 => (None, 14),
        // Without a format, Excel shows the digits beyond the eleventh as an exponent.
        ColumnType::Int64 => (Some("0".to_owned()), 16),
        ColumnType::Decimal { scale: 0, .. } => (Some("0".to_owned()), 16),
        ColumnType::Decimal { scale, .. } => (Some(format!("0.{}", "0".repeat(usize::from(scale.unsigned_abs()).min(30)))), 16),
        ColumnType::Date => (Some(DAY.to_owned()), 12),
        ColumnType::Timestamp => (Some(INSTANT.to_owned()), 24),
    }
}

/// At the most, with all characters escaped that may be.
fn text_bytes(text: &str) -> u64 {
    let escaped = |byte: &&u8| matches!(byte, b'&' | b'<' | b'>' | b'_' | 0xef | 0..0x20);
    let escapes = text.as_bytes().iter().filter(escaped).count() as u64;
    CELL + text.len() as u64 + escapes * ESCAPE
}

/// A long query takes several cells, one below the other.
fn pieces(query: &str) -> impl Iterator<Item = &str> {
    let mut rest = query;
    std::iter::from_fn(move || {
        let mut left = MOST_CHARACTERS;
        let is_beyond = |character: char| {
            let taken = left.checked_sub(character.len_utf16());
            left = taken.unwrap_or_default();
            taken.is_none()
        };
        let end = rest.find(is_beyond).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Plan(format!("the workbook cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn file(folder: &std::path::Path, limit: u64) -> WorkbookFile {
        let outputs = [Output::new("Id", 0, ColumnType::Int64), Output::new("Text", 1, ColumnType::String)];
        WorkbookFile::new(&outputs, None, Spill { folder: folder.to_owned(), limit }).unwrap()
    }

    fn batch(rows: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("text {row}"))));
        RecordBatch::try_from_iter([("a", ids), ("b", texts)]).unwrap()
    }

    #[test]
    fn a_sheet_that_is_full_takes_no_further_row() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = WorkbookFile { most_rows: 100, ..file(folder.path(), 1 << 20) };
        file.write(&batch(60)).unwrap();
        file.write(&batch(40)).unwrap();
        assert!(matches!(file.write(&batch(1)), Err(EngineError::Sheet(sheet::SheetFault::Rows))));
    }

    #[test]
    fn parts_have_one_size_and_end_when_nobody_takes_them() {
        let folder = tempfile::tempdir().unwrap();
        let written = || {
            let mut file = file(folder.path(), 1 << 30);
            file.write(&batch(1_000)).unwrap();
            file
        };
        let mut whole = Vec::new();
        written()
            .finish(&mut |bytes| {
                whole.extend(bytes);
                true
            })
            .unwrap();
        assert!(whole.starts_with(b"PK\x03\x04"));
        let mut parts = Vec::new();
        let mut cut = CutIntoParts {
            bytes: Vec::new(),
            part: &mut |bytes: Vec<u8>| {
                parts.push(bytes.len());
                true
            },
        };
        cut.write_all(&vec![7; 2 * PART + 5]).unwrap();
        cut.flush().unwrap();
        cut.flush().unwrap();
        assert_eq!(parts, [PART, PART, 5]);
        assert!(written().finish(&mut |_| false).is_err());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(folder.path(), 1 << 30);
        let failed = file.caught(|_| -> Result<(), EngineError> { panic!("Couldn't write to xml file") }).unwrap_err();
        assert!(failed.is_retryable() && failed.caller_message().contains("storage"), "{failed}");
    }

    #[test]
    fn a_long_query_is_cut_between_characters() {
        let query = format!("{}🦀{}", "x".repeat(MOST_CHARACTERS - 1), "y".repeat(MOST_CHARACTERS));
        let cut: Vec<&str> = pieces(&query).collect();
        assert_eq!(cut.iter().map(|piece| piece.encode_utf16().count()).collect::<Vec<_>>(), [MOST_CHARACTERS - 1, MOST_CHARACTERS, 2]);
        assert_eq!((cut.concat(), pieces("").count()), (query, 0));
    }
}
