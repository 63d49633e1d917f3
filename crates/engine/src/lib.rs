//! Plan → rows → artifact.
//!
//! There is no way to a row without a [`TenantScope`](insightgate_identity::scope::TenantScope): every scan carries the tenant's and the
//! locations' filters as nodes of its plan. This crate knows no user, no HTTP, no clock and no database.

mod artifact;
mod balanced;
mod blame;
mod budget;
mod check_files;
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
mod lower;
mod numbers;
mod parquet_file;
mod preview;
mod pruning;
mod readers;
mod redaction;
mod scan;
mod snapshot;
mod spelling;
mod store_fault;
mod store_url;
mod table_writer;
mod text_test;
mod types;
mod upload;

pub use artifact::{ArtifactKey, ArtifactMeta, BadArtifactKey, ListedArtifact};
pub use check_files::FileCheck;
pub use encode::Format;
pub use engine::{DEFAULT_MEMORY_LIMIT, DEFAULT_SPILL_LIMIT, Engine, EngineSettings, STACK};
pub use error::EngineError;
pub use explain::{Explanation, Parts};
pub use export::{ArtifactSummary, ExportProgress, Room};
pub use ingest::{ImportSummary, InferOptions, InferredTable, import, infer};
pub use layout::local_folder;
pub use preview::Preview;
pub use snapshot::Snapshot;
pub use store_fault::StoreFault;
pub use store_url::{BadDataRoot, DataRoot};
pub use table_writer::TableWriter;

#[cfg(test)]
mod tests;
