//! A person's own files: what a definition for them would say, and their rows as Parquet. No network, no queries.

mod columnar;
mod decoded;
mod delimited;
mod file_kind;
mod guess;
mod import;
mod infer;
mod json_lines;
mod number_text;
mod parse;
mod read_options;
mod separator;
mod source;
mod text_batches;
mod text_value;

pub use guess::Note;
pub use import::{ConvertedRows, ImportSummary, import, import_as_one};
pub use infer::{InferOptions, InferredTable, infer};
pub use read_options::{GivenType, ReadOptions, TextEncoding};
