//! The errors that can occur between a plan and an artifact. Each has two texts: one for the log and one for the caller.

use std::error::Error;
use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use insightgate_identity::scope::DatasetRefusal;
use insightgate_query::sheet::SheetFault;

use crate::guard::PageFault;
use crate::storage::causes::causes;
use crate::storage::store_fault::{FaultKind, StoreFault, store_error};

/// A format of tables whose own records say which Parquet files of a folder count. Read as plain files, they also give rows that were deleted or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    Delta,
    Iceberg,
}

impl TableFormat {
    /// The name for texts, with its article.
    fn shown(self) -> &'static str {
        match self {
            TableFormat::Delta => "a Delta table",
            TableFormat::Iceberg => "an Iceberg table",
        }
    }

    /// What its operator can do.
    fn advice(self) -> &'static str {
        match self {
            TableFormat::Delta => "Write `format = \"delta\"` into the dataset's definition: then the table is read by its log",
            TableFormat::Iceberg => "Write the table's current rows as plain Parquet files, and put them into the folder in its place",
        }
    }
}

/// Why a Delta table is not read. `Display` is for the log and names files within the table; [`EngineError::caller_message`] names no folders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaFault {
    #[error(
        "it has no log (_delta_log). Write the table there, or leave `format` out of the dataset's definition if its files are plain Parquet files"
    )]
    NoLog,
    /// The dataset's folder is a table, where each tenant's folder should be one.
    #[error(
        "one table holds the rows of all tenants: the dataset's definition has to name the column that says whose each row is (`tenant_column`)"
    )]
    OfAllTenants,
    /// A commit is not there, and no checkpoint holds what it said.
    #[error(
        "its log lacks {file}, and has no whole checkpoint of that version or a later one. Put the file back, or let the table's writer make a checkpoint"
    )]
    Gap { file: String },
    #[error("{file} of its log is damaged: {detail}")]
    Damaged { file: String, detail: String },
    #[error("{0}. Let the table's writer make a checkpoint, and clean up its log")]
    TooLarge(String),
    /// What this server cannot read, and what helps.
    #[error("it has {found}, which this server does not read: {advice}")]
    Unsupported { found: String, advice: &'static str },
    #[error("its log names the file {path:?}, which is not a path within the table's folder")]
    Outside { path: String },
    /// A file of the newest version is gone.
    #[error(
        "{file} is gone, which its newest version names: the table was vacuumed meanwhile, or the file was removed otherwise. Restore the file, or a \
         version without it"
    )]
    Gone { file: String },
    #[error("{file} has {found} bytes, and {expected} by the log: it was replaced by something else than the table's writer")]
    Resized { file: String, expected: u64, found: u64 },
}

impl DeltaFault {
    /// The text for the caller, which names no folders and no values.
    fn told(&self) -> String {
        match self {
            DeltaFault::NoLog => "it has no log".to_owned(),
            DeltaFault::OfAllTenants => "one table holds the rows of all organisations".to_owned(),
            DeltaFault::Gap { file } => format!("its log lacks {file}"),
            DeltaFault::Damaged { file, .. } => format!("{} of its log is damaged", file_name(file)),
            DeltaFault::TooLarge(what) => what.clone(),
            DeltaFault::Unsupported { found, .. } => format!("it has {found}, which this server does not read"),
            DeltaFault::Outside { .. } => "its log names a file outside of it".to_owned(),
            DeltaFault::Gone { file } => format!("{} is gone", file_name(file)),
            DeltaFault::Resized { file, .. } => format!("{} was replaced", file_name(file)),
        }
    }
}

/// `Display` is for the log and may name paths of the machine; [`EngineError::caller_message`] is for the caller and never names them.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A column of a file does not fit the dataset's definition.
    #[error("{file}: column '{column}' should be {expected}, but is {found}")]
    Misfit { file: String, column: String, expected: String, found: String },
    /// A data file cannot be read as the format that it claims to have. `column` is the first column that cannot be read, where that is known.
    #[error("{}{file}: {detail}", of_column(column))]
    Corrupt {
        file: String,
        column: Option<String>,
        detail: String,
        /// Whether `detail` is written by this crate, so that the caller may read it.
        told: bool,
    },
    /// A folder of plain Parquet files is the folder of a table, whose files cannot be read as plain ones.
    #[error(
        "{folder} is {}: some of its Parquet files hold rows that were deleted or replaced, so that none of them is read. {}",
        format.shown(), format.advice()
    )]
    TableFound { folder: String, format: TableFormat },
    /// A Delta table cannot be read.
    #[error("the Delta table {table} cannot be read: {fault}")]
    Delta { table: String, fault: DeltaFault },
    /// A file changed or vanished between the listing and the end of the query.
    #[error("{file} changed while it was read")]
    FilesChanged { file: String },
    #[error("the dataset '{dataset}' has no location column, so that a viewer of some locations cannot query it")]
    LocationScopeUnsupported { dataset: String },
    /// The roles behind the scope do not grant access to the dataset.
    #[error(transparent)]
    DatasetRefused(#[from] DatasetRefusal),
    /// The query needs more memory, or more disk for its intermediate results, than the engine may use.
    #[error("the query needs more than its budget of {} MiB of memory: {detail}", memory_limit >> 20)]
    Budget { memory_limit: usize, detail: String },
    /// Reading a single row group takes more memory than the engine has. The sizes are in bytes; row groups are counted from 0.
    #[error(
        "{file}: row group {number} stores {} MiB of the columns that are read, and the query takes {} MiB at the least: more than the {} MiB of \
         engine.memory_mib",
        mebibytes(*stored), mebibytes(*needed as u64), memory_limit >> 20
    )]
    RowGroupTooLarge { file: String, number: usize, stored: u64, needed: usize, memory_limit: usize },
    /// As many previews and explanations are running or waiting as the limit allows, either of the tenant or in total.
    #[error("{} as many previews and explanations under way as may be", if *by_own { "the tenant has" } else { "there are" })]
    Crowded { by_own: bool },
    /// The query spills more to disk than one query may.
    #[error("the query needs more disk for its intermediate results than one may use (engine.spill_gib): {0}")]
    Spill(String),
    /// The artifact would take more room than a single one may, or than is left together with its owner's others.
    #[error("{0}")]
    NoRoom(String),
    /// The answer does not fit into a sheet of Excel.
    #[error(transparent)]
    Sheet(#[from] SheetFault),
    /// A number left the range of its type.
    #[error("a number is out of range: {0}")]
    OutOfRange(String),
    #[error("no such artifact")]
    NoSuchArtifact,
    /// An artifact is not what was written: it is shorter or longer, or has other bytes.
    #[error("the artifact is damaged: {detail}")]
    Damaged { detail: String },
    /// A file that was given for an import is wrong.
    #[error("{file}: {detail}")]
    Input { file: String, detail: String },
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
    #[error("{0}")]
    Store(StoreFault),
    /// The plan is one that the checker should have refused.
    #[error("the plan cannot run: {0}")]
    Plan(String),
    #[error("{0}")]
    Query(DataFusionError),
}

impl EngineError {
    /// Whether only the scope prevents the answer, so that the caller is not allowed to have it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, EngineError::LocationScopeUnsupported { .. } | EngineError::DatasetRefused(_))
    }

    /// Whether the same query may succeed later without any change.
    pub fn is_retryable(&self) -> bool {
        match self {
            EngineError::FilesChanged { .. } => true,
            // The next attempt reads a newer version, if there is one.
            EngineError::Delta { fault, .. } => matches!(fault, DeltaFault::Gone { .. }),
            // Memory is shared, so that a query that fails beside others may succeed alone.
            EngineError::Budget { .. } | EngineError::Crowded { .. } => true,
            EngineError::Io { .. } => true,
            EngineError::Store(fault) => !matches!(fault.kind(), FaultKind::Refused | FaultKind::Missing | FaultKind::Unsupported),
            EngineError::Query(error) => io_causes(error).next().is_some(),
            _ => false,
        }
    }

    /// An object store refused the credentials. The same query may succeed once they are replaced.
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
            EngineError::TableFound { format, .. } => format!(
                "The data of the dataset is {}, and cannot be read as plain Parquet files: rows that were deleted would come back. Its operator has \
                 to look after that.",
                format.shown()
            ),
            EngineError::Delta { fault, .. } => {
                format!(
                    "The data of the dataset is a Delta table that cannot be read: {}. Its operator has to look after that.",
                    fault.told()
                )
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
            EngineError::Sheet(fault) => fault.to_string(),
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

    /// Whether the error says that a Parquet file could not be read.
    pub(crate) fn is_parquet(&self) -> bool {
        let EngineError::Query(error) = self else { return false };
        match error.find_root() {
            DataFusionError::ParquetError(_) => true,
            // The library panics on some damaged files.
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
        // The library reports this in the text of the error only.
        let text = error.to_string();
        if text.contains("during the spilling process") {
            return EngineError::Spill(text);
        }
        match error.find_root() {
            DataFusionError::ResourcesExhausted(detail) => EngineError::Budget { memory_limit, detail: detail.clone() },
            DataFusionError::ArrowError(cause, _) if is_out_of_range(cause) => EngineError::OutOfRange(cause.to_string()),
            // DataFusion reports this for timestamps itself, in the text of the error only.
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
        // Arrow has no error variant for a decimal with too many digits.
        ArrowError::InvalidArgumentError(text) => text.contains("to store in a Decimal"),
        _ => false,
    }
}

/// Rounds up.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// The name without its folders, which only concern the operator.
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
