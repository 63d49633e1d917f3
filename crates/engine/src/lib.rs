//! Plan → rows → artifact.
//!
//! There is no way to a row without a [`TenantScope`](insightgate_identity::scope::TenantScope): every scan carries the tenant's and the
//! locations' filters as nodes of its plan. This crate knows no user, no HTTP, no clock and no database.

mod artifact;
mod balanced;
mod blame;
mod block_sums;
mod budget;
mod check_files;
mod checked_store;
mod codes;
mod dictionary;
mod encode;
mod engine;
mod error;
mod explain;
mod export;
mod first_met;
mod free_disk;
mod guard;
mod in_order;
mod ingest;
mod layout;
mod ledger;
mod lower;
mod numbers;
mod parquet_file;
mod preview;
mod pruning;
mod reachable;
mod reading;
mod redaction;
mod rows_store;
mod scan;
mod snapshot;
mod spelling;
mod store_fault;
mod store_url;
mod table_writer;
mod text_test;
mod turns;
mod types;
pub mod unfinished_file;
mod upload;
mod workers;

pub use artifact::{ArtifactKey, ArtifactMeta, ArtifactReader, BadArtifactKey, ListedArtifact};
pub use block_sums::{BLOCK, BlockSum};
pub use budget::{DEFAULT_WAITING, Sharing};
pub use check_files::FileCheck;
pub use encode::Format;
pub use engine::{DEFAULT_MEMORY_LIMIT, DEFAULT_SPILL_LIMIT, Engine, EngineSettings, STACK};
pub use error::EngineError;
pub use explain::{Explanation, Parts};
pub use export::{Allowance, ArtifactSummary, ExportProgress};
pub use ingest::{
    ConvertedRows, GivenType, ImportSummary, InferOptions, InferredTable, Note, ReadOptions, TextEncoding, import, import_as_one, infer,
};
pub use layout::local_folder;
pub use ledger::Seat;
pub use preview::Preview;
pub use rows_store::RowsStore;
pub use snapshot::Snapshot;
pub use store_fault::StoreFault;
pub use store_url::{BadDataRoot, DataRoot};
pub use table_writer::TableWriter;

#[cfg(test)]
mod tests;
