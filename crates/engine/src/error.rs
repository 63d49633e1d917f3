//! The errors between a plan and an artifact. Each has two texts: one for the log and one for the caller.

use std::error::Error;
use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use insightgate_identity::scope::DatasetRefusal;

use crate::guard::PageFault;
use crate::storage::causes::causes;
use crate::storage::store_fault::{FaultKind, StoreFault, store_error};

/// `Display` is for the log and may name paths of the machine; [`EngineError::caller_message`] is for the caller and never does.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file's column does not fit the dataset's definition.
    #[error("{file}: column '{column}' should be {expected}, but is {found}")]
    Misfit { file: String, column: String, expected: String, found: String },
    /// A file of the data cannot be read as what it claims to be. The column is the first that cannot, where that is known.
    #[error("{}{file}: {detail}", of_column(column))]
    Corrupt {
        file: String,
        column: Option<String>,
        detail: String,
        /// Whether the detail is in our own words, which the caller may read.
        told: bool,
    },
    /// A file changed or vanished between the listing and the end of the run.
    #[error("{file} changed while it was read")]
    FilesChanged { file: String },
    #[error("the dataset '{dataset}' has no location column, so that a viewer of some locations cannot query it")]
    LocationScopeUnsupported { dataset: String },
    /// The roles that made the scope do not open the dataset.
    #[error(transparent)]
    DatasetRefused(#[from] DatasetRefusal),
    /// The query needs more memory, or more disk for its intermediate results, than the engine may use.
    #[error("the query needs more than its budget of {} MiB of memory: {detail}", memory_limit >> 20)]
    Budget { memory_limit: usize, detail: String },
    /// Reading a single row group takes more memory than the engine has. Bytes; the row group is counted from 0.
    #[error(
        "{file}: row group {number} stores {} MiB of the columns that are read, and the query takes {} MiB at the least: more than the {} MiB of \
         engine.memory_mib",
        mebibytes(*stored), mebibytes(*needed as u64), memory_limit >> 20
    )]
    RowGroupTooLarge { file: String, number: usize, stored: u64, needed: usize, memory_limit: usize },
    /// As many previews and explanations are under way or wait as may: the tenant's own, or all together.
    #[error("{} as many previews and explanations under way as may be", if *by_own { "the tenant has" } else { "there are" })]
    Crowded { by_own: bool },
    /// The query needs more disk for what does not fit into its memory than one may use.
    #[error("the query needs more disk for its intermediate results than one may use (engine.spill_gib): {0}")]
    Spill(String),
    /// The file would take more than it may, or together with others of its owner's.
    #[error("{0}")]
    NoRoom(String),
    /// A number left the range of its type.
    #[error("a number is out of range: {0}")]
    OutOfRange(String),
    #[error("no such artifact")]
    NoSuchArtifact,
    /// An artifact is not what was written: it is shorter or longer, or has other bytes.
    #[error("the artifact is damaged: {detail}")]
    Damaged { detail: String },
    /// A file that a person gave to be imported.
    #[error("{file}: {detail}")]
    Input { file: String, detail: String },
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{0}")]
    Store(StoreFault),
    /// A plan that the checker should not have let through.
    #[error("the plan cannot run: {0}")]
    Plan(String),
    #[error("{0}")]
    Query(DataFusionError),
}

impl EngineError {
    /// Whether only the scope prevents the answer: the caller may not have it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, EngineError::LocationScopeUnsupported { .. } | EngineError::DatasetRefused(_))
    }

    /// Whether the same query may succeed later by itself.
    pub fn is_retryable(&self) -> bool {
        match self {
            EngineError::FilesChanged { .. } => true,
            // Memory is shared: what fails beside others may pass alone.
            EngineError::Budget { .. } | EngineError::Crowded { .. } => true,
            EngineError::Io { .. } => true,
            EngineError::Store(fault) => !matches!(fault.kind(), FaultKind::Refused | FaultKind::Missing | FaultKind::Unsupported),
            EngineError::Query(error) => io_causes(error).next().is_some(),
            _ => false,
        }
    }

    /// An object store refused the credentials: the same query may succeed once they are replaced.
    pub fn is_refused_by_store(&self) -> bool {
        matches!(self, EngineError::Store(fault) if fault.kind() == FaultKind::Refused)
    }

    /// The disk of the artifacts, of the data or of the intermediate results is full.
    pub fn is_storage_full(&self) -> bool {
        let store_is_full = matches!(self, EngineError::Store(fault) if fault.kind() == FaultKind::StorageFull);
        store_is_full || io_causes(self).any(|error| error.kind() == io::ErrorKind::StorageFull)
    }

    /// The text for the caller: what is wrong and where in the caller's terms, without paths or causes of the machine.
    pub fn caller_message(&self) -> String {
        if self.is_storage_full() {
            return "The server has no storage left.".to_owned();
        }
        match self {
            EngineError::Misfit { file, column, expected, found } => {
                let file = file_name(file);
                format!("The data does not fit the dataset's definition: column '{column}' of {file} should be {expected}, but is {found}.")
            }
            EngineError::Corrupt { file, column, detail, told } => {
                let why = if *told { format!(": {detail}") } else { String::new() };
                format!("A file of the dataset cannot be read: {}{}{why}.", of_column(column), file_name(file))
            }
            EngineError::FilesChanged { .. } => "The data changed while it was read.".to_owned(),
            EngineError::LocationScopeUnsupported { dataset } => {
                format!("'{dataset}' cannot be limited to locations: only a viewer of the whole organization may query it.")
            }
            EngineError::DatasetRefused(refusal) => refusal.to_string(),
            EngineError::Budget { memory_limit, .. } => {
                format!(
                    "The query needs more than its budget of {} MiB of memory. Select fewer columns or a shorter time span.",
                    memory_limit >> 20
                )
            }
            EngineError::RowGroupTooLarge { file, number, stored, needed, memory_limit } => format!(
                "The query takes {} MiB of memory at the least, and there are {} MiB for all queries: row group {number} of {} stores {} MiB of \
                 the columns that are read. Select fewer columns, or ask the operator to write smaller row groups or to raise engine.memory_mib.",
                mebibytes(*needed as u64),
                memory_limit >> 20,
                file_name(file),
                mebibytes(*stored)
            ),
            EngineError::Crowded { by_own: true } => {
                "Your organisation has too many previews and explanations under way. Try again when some of them have ended.".to_owned()
            }
            EngineError::Crowded { by_own: false } => "Too many previews and explanations are under way. Try again shortly.".to_owned(),
            EngineError::Spill(_) => {
                "The query needs more disk for its intermediate results than one query may use (engine.spill_gib). Select fewer \
                                      columns or a shorter time span."
                    .to_owned()
            }
            EngineError::NoRoom(why) => why.clone(),
            EngineError::OutOfRange(_) => "A number is out of the range of its type.".to_owned(),
            EngineError::NoSuchArtifact => "There is no such file.".to_owned(),
            EngineError::Damaged { .. } => "The file is damaged.".to_owned(),
            EngineError::Input { detail, .. } => detail.clone(),
            EngineError::Store(fault) if matches!(fault.kind(), FaultKind::Refused | FaultKind::Missing | FaultKind::Unsupported) => {
                "The server may not use its storage: its operator has to look after that.".to_owned()
            }
            EngineError::Io { .. } | EngineError::Store(_) => "The storage cannot be reached. Try again shortly.".to_owned(),
            EngineError::Plan(_) | EngineError::Query(_) => "The query cannot be run.".to_owned(),
        }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> EngineError {
        let what = what.into();
        move |source| EngineError::Io { what, source }
    }

    /// Whether a Parquet file could not be read.
    pub(crate) fn is_parquet(&self) -> bool {
        let EngineError::Query(error) = self else { return false };
        match error.find_root() {
            DataFusionError::ParquetError(_) => true,
            // The library panics on some damage.
            DataFusionError::ExecutionJoin(join) => join.is_panic(),
            DataFusionError::ArrowError(cause, _) => matches!(cause.as_ref(), ArrowError::ParquetError(_)),
            _ => false,
        }
    }

    /// Classifies an error of planning or execution. `memory_limit` is the budget that the message names.
    pub(crate) fn from_query(error: DataFusionError, memory_limit: usize) -> EngineError {
        if let Some(cause) = store_error(&error) {
            return match cause {
                object_store::Error::NotFound { path, .. } | object_store::Error::Precondition { path, .. } => {
                    EngineError::FilesChanged { file: path.clone() }
                }
                other => EngineError::Store(StoreFault::of(other)),
            };
        }
        if let Some(PageFault { file, column, detail }) = causes(&error).find_map(|cause| cause.downcast_ref()).cloned() {
            return EngineError::Corrupt { file, column, detail, told: true };
        }
        // The library says so in a text alone.
        let text = error.to_string();
        if text.contains("during the spilling process") {
            return EngineError::Spill(text);
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(detail) => EngineError::Budget { memory_limit, detail: detail.clone() },
            DataFusionError::ArrowError(cause, _) if is_out_of_range(cause) => EngineError::OutOfRange(cause.to_string()),
            // Of timestamps DataFusion says so itself, in a text alone.
            DataFusionError::Execution(text) if text.starts_with("Cannot cast ") => EngineError::OutOfRange(text.clone()),
            _ => EngineError::Query(error),
        }
    }
}

impl From<object_store::Error> for EngineError {
    fn from(error: object_store::Error) -> Self {
        EngineError::Store(StoreFault::of(&error))
    }
}

fn is_out_of_range(error: &ArrowError) -> bool {
    match error {
        ArrowError::ArithmeticOverflow(_) | ArrowError::CastError(_) | ArrowError::OffsetOverflowError(_) => true,
        // Arrow has no variant of its own for a decimal with too many digits.
        ArrowError::InvalidArgumentError(text) => text.contains("to store in a Decimal"),
        _ => false,
    }
}

/// Rounded up.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// Without the folders, which are the operator's own business.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The input/output errors in a chain of causes.
fn io_causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a io::Error> {
    causes(error).filter_map(|error| error.downcast_ref())
}

fn of_column(column: &Option<String>) -> String {
    column.as_ref().map(|column| format!("column '{column}' of ")).unwrap_or_default()
}
