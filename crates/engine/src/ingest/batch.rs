//! What an open file yields: its columns, its rows in batches, and the errors in it.

use std::io;
use std::path::Path;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::SchemaRef;

use super::text::delimited::ReadError;
use crate::error::EngineError;

/// The form that values have before they are converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Values in types of their own.
    Columnar,
    /// Texts.
    Delimited,
    /// Texts, with numbers told apart from words.
    Json,
}

/// An open file. The columns of a text are strings, which are null where there is no value.
pub(super) struct Source {
    pub(super) schema: SchemaRef,
    pub(super) form: Form,
    pub(super) decimal_comma: bool,
    /// Values are separated by semicolons, as where a decimal comma is usual.
    pub(super) semicolons: bool,
    pub(super) batches: Box<dyn Iterator<Item = Result<Batch, EngineError>>>,
}

/// The rows that are in memory at once.
pub(crate) struct Batch {
    pub(super) columns: Vec<ArrayRef>,
    pub(super) rows: usize,
    /// For a text, the line on which each row begins.
    pub(super) lines: Vec<u64>,
    /// For JSON, which columns hold words, and the first line where a column holds a list or an object.
    pub(super) words: Vec<bool>,
    pub(super) nested: Vec<Option<u64>>,
}

pub(super) fn bad(path: &Path, detail: impl ToString) -> EngineError {
    EngineError::Input { file: path.display().to_string(), detail: detail.to_string() }
}

pub(super) fn failed(path: &Path, error: ReadError) -> EngineError {
    match error {
        ReadError::Wrong(detail) => bad(path, detail),
        ReadError::Io(error) => unread(path, error),
    }
}

/// An error in the file's bytes, or in reading them.
pub(super) fn unread(path: &Path, error: io::Error) -> EngineError {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::UnexpectedEof, None) => bad(path, "the compressed file is cut: its end is missing"),
        (io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other, None) => bad(path, error),
        _ => EngineError::io(path.display().to_string())(error),
    }
}
