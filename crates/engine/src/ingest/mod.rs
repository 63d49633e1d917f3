//! A person's own files: what a definition for them would say, and their rows as Parquet. No network, no queries.

mod import;
mod infer;
mod source;
mod text_value;

pub use import::{ImportSummary, import};
pub use infer::{InferOptions, InferredTable, infer};
