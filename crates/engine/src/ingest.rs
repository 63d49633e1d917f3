//! Imports a person's own files: finds a definition for them, converts their rows to Parquet, and places these in a store. It runs no queries.

mod batch;
mod columnar;
mod file_kind;
mod guess;
mod import;
mod infer;
pub(crate) mod parquet_file;
mod read_options;
pub(crate) mod rows_store;
mod source;
pub(crate) mod table_writer;
pub(crate) mod text;

pub use guess::Note;
pub use import::{ConvertedRows, ImportSummary, import, import_as_one};
pub use infer::{InferOptions, InferredTable, infer};
pub use read_options::{GivenType, ReadOptions, TextEncoding};
