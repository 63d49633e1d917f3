//! Executes checked plans: a plan becomes rows, and rows become an artifact.
//!
//! No row is reachable without a [`TenantScope`](insightgate_identity::scope::TenantScope): every scan carries the filters of the tenant and of its
//! locations as nodes of its plan. This crate knows no users, no HTTP, no clock and no database.

mod balanced;
mod encode;
mod error;
mod functions;
mod guard;
mod ingest;
mod lower;
mod reach;
mod rows;
mod run;
pub mod storage;
mod types;

pub use encode::{About, harmless};
pub use error::{DeltaFault, EngineError, TableFormat};
pub use ingest::rows_store::RowsStore;
pub use ingest::table_writer::TableWriter;
pub use ingest::{
    ConvertedRows, GivenType, ImportSummary, InferOptions, InferredTable, Note, ReadOptions, TextEncoding, import, import_as_one, infer,
};
pub use rows::check_files::FileCheck;
pub use rows::layout::local_folder;
pub use rows::snapshot::Snapshot;
pub use run::budget::{DEFAULT_WAITING, Sharing};
pub use run::engine::{DEFAULT_MEMORY_LIMIT, DEFAULT_SPILL_LIMIT, Engine, EngineSettings, Memory};
pub use run::explain::{Explanation, Parts};
pub use run::export::{Allowance, ArtifactSummary, ExportProgress, ExportedAs};
pub use run::how_far::HowFar;
pub use run::ledger::Seat;
pub use run::preview::Preview;
pub use run::workers::STACK;
pub use storage::advice::Step;
pub use storage::artifact::{ArtifactKey, ArtifactMeta, ArtifactReader, BadArtifactKey, ListedArtifact};
pub use storage::block_sums::{BLOCK, BlockSum, block_sums};
pub use storage::store_check::{Tried, Use};
pub use storage::store_fault::StoreFault;
pub use storage::store_url::{BadDataRoot, DataRoot};

#[cfg(test)]
mod tests;
