//! Makes a dataset from a person's own files: infers a definition, copies the rows under the data root, and writes the definition last, so that the
//! dataset exists only once its rows are there.
//!
//! It needs no server, and a running server finds the definition by itself. When rows are replaced, the old ones stay until the new ones are complete.

mod columns;
mod place;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_engine::{DataRoot, EngineError, Note, ReadOptions};
use insightgate_identity::program::Program;
use insightgate_identity::scope::{ACCESS_LOG, is_access_log};
use insightgate_query::datasets::builtin;
use insightgate_query::datasets::catalog::{Column, ColumnType, Dataset, Grain, RowFormat, Tenancy, TenantKey, same_name};
use insightgate_query::datasets::definition;
use insightgate_query::datasets::definition::{DEFAULT_INTERVAL_HOURS, Definition, default_date_ranges};
use thiserror::Error;
use uuid::Uuid;

use crate::datasets::catalogs::Catalogs;
use crate::written_file;
use crate::written_file::Readers;
use columns::{CommonColumns, keep_what_was_written};
use place::Place;
pub(in crate::datasets) use place::turn;

/// The files, and what the person says about them.
#[derive(Debug, Clone)]
pub struct NewDataset {
    pub files: Vec<PathBuf>,
    /// How the files are read.
    pub read: ReadOptions,
    pub name: String,
    pub program: Program,
    pub owner: DatasetOwner,
    /// The column that time spans apply to. With `None`, every query reads all rows.
    pub date_column: Option<String>,
    /// The column with the ids of partner locations.
    pub location_column: Option<String>,
    /// Whether to replace the existing rows: the tenant's, or all rows if a column says whose each is. What was written into the definition by hand is kept.
    pub replace: bool,
}

/// The tenant or tenants whose rows the files contain.
#[derive(Debug, Clone)]
pub enum DatasetOwner {
    /// All rows belong to one tenant.
    Tenant(Uuid),
    /// A column says which tenant each row belongs to.
    Column { name: String, holds: TenantKey },
}

/// The dataset that was made.
#[derive(Debug, Clone)]
pub struct AddedDataset {
    pub definition: Definition,
    pub definition_file: PathBuf,
    pub rows: u64,
    /// The name and type of each column whose type no dataset can have.
    pub skipped: Vec<(String, String)>,
    /// Notes on columns that stayed text, but look like something else.
    pub notes: Vec<Note>,
    /// Columns that could be the date column, if none was chosen.
    pub date_candidates: Vec<String>,
}

#[derive(Debug, Error)]
pub enum AddDatasetFault {
    #[error("'{0}' cannot be a dataset's name: it should be letters, digits and underscores, a letter first")]
    Name(String),
    #[error("there is no file {0}")]
    NoSuchFile(String),
    #[error("a dataset named '{0}' is there already, with rows of this owner's")]
    Exists(String),
    #[error("the name '{0}' is a documented dataset's")]
    Documented(String),
    #[error("the name '{ACCESS_LOG}' is the server's own record of who read what: give the dataset another")]
    AccessLog,
    #[error("the rows of {0} are a Delta table (format = \"delta\"), to which this command cannot add: only a writer of Delta tables can")]
    DeltaTable(String),
    #[error("rows of other owners are in {dataset}, and would not fit any more: {difference}")]
    OthersDoNotFit { dataset: String, difference: String },
    #[error("'{file}' has no column '{column}'; it has: {known}")]
    NoSuchColumn { file: String, column: String, known: String },
    #[error("'{file}' does not have the same columns as '{first}': {difference}")]
    DifferentColumns { first: String, file: String, difference: String },
    #[error("the column '{column}' is a {kind}, and cannot be the {role} column")]
    WrongKind { column: String, kind: String, role: &'static str },
    #[error("the new rows are there, and the old ones beside them: {files} could not be removed: {error}")]
    OldRowsStay { files: String, error: EngineError },
    #[error("'{file}' has no column that a dataset can have: {}", skipped.iter().map(|(name, kind)| format!("{name} is {kind}")).collect::<Vec<_>>().join(", "))]
    NoColumns { file: String, skipped: Vec<(String, String)> },
    #[error("{0}")]
    Definition(String),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

/// Adds the dataset. `root` is the place of the rows, and `definitions` the folder of the definitions. For an object store, the rows are first written to
/// a file in `staging`. `progress` is called with the number of rows so far. Blocks; for an object store it needs a runtime that may be blocked
/// (`tokio::task::block_in_place`).
///
/// If the dataset exists and keeps each tenant in a folder, the rows of a further tenant are added, and its definition stays as it is.
///
/// # Errors
///
/// If the files have an error, or something prevents the change. The previous rows and definition are then unchanged.
pub fn add_dataset(
    root: &DataRoot,
    staging: &Path,
    definitions: &Path,
    new: &NewDataset,
    progress: &dyn Fn(u64),
) -> Result<AddedDataset, AddDatasetFault> {
    check_name(&new.name)?;
    if let Some(missing) = new.files.iter().find(|file| !file.exists()) {
        return Err(AddDatasetFault::NoSuchFile(missing.display().to_string()));
    }
    let definition_file = Catalogs::definition_file(definitions, new.program, &new.name);
    let tenant = match new.owner {
        DatasetOwner::Tenant(tenant) => Some(tenant),
        DatasetOwner::Column { .. } => None,
    };
    // Held until everything is in place, so that two commands that add the same rows run one after the other.
    let _turn = match root {
        DataRoot::Folder(folder) => turn(folder)?,
        DataRoot::Store(_) => None,
    };
    let earlier = read_definition(&definition_file)?;
    // Names ignore case. An existing dataset keeps its spelling, and with it its folder.
    let documented = builtin::catalog(new.program.name()).find(&new.name).cloned();
    let known = earlier.as_ref().map(|earlier| &earlier.dataset).or(documented.as_deref());
    let new = &NewDataset { name: known.map_or_else(|| new.name.clone(), |known| known.name.clone()), ..new.clone() };
    if known.is_some_and(|known| known.format == RowFormat::Delta) {
        return Err(AddDatasetFault::DeltaTable(new.name.clone()));
    }
    let place = Place::of(root, new, tenant)?;
    let others = known.filter(|_| place.others_have_rows()).cloned();
    let joins = |earlier: &Definition| earlier.dataset.tenancy == Tenancy::Folder && tenant.is_some() && !place.has_rows();
    let (inferred, is_new) = match earlier {
        Some(earlier) if !new.replace && joins(&earlier) => {
            (Inferred { definition: earlier, skipped: Vec::new(), notes: Vec::new(), date_candidates: Vec::new() }, false)
        }
        Some(earlier) if !new.replace => return Err(AddDatasetFault::Exists(earlier.dataset.name)),
        None if !new.replace && documented.is_some() => return Err(AddDatasetFault::Documented(new.name.clone())),
        earlier => (infer_definition(new, earlier, &definition_file)?, true),
    };
    let Inferred { definition, skipped, notes, date_candidates } = inferred;
    if let Some(others) = others
        && let Some(difference) = changed_columns(&others, &definition.dataset)
    {
        return Err(AddDatasetFault::OthersDoNotFit { dataset: others.name, difference });
    }
    let rows = place.put(new, &definition.dataset, staging, progress)?;
    if is_new {
        write_whole(&definition_file, &definition::write(&definition))?;
    }
    Ok(AddedDataset { definition, definition_file, rows, skipped, notes, date_candidates })
}

/// Checks the name, which is also the name of a folder and a file.
pub(in crate::datasets) fn check_name(name: &str) -> Result<(), AddDatasetFault> {
    if is_access_log(name) {
        return Err(AddDatasetFault::AccessLog);
    }
    let mut characters = name.chars();
    let fits = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
        && name.len() <= 128;
    if fits { Ok(()) } else { Err(AddDatasetFault::Name(name.to_owned())) }
}

fn read_definition(path: &Path) -> Result<Option<Definition>, AddDatasetFault> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let definition = definition::read(&text, &path.display().to_string());
            definition.map(Some).map_err(|errors| AddDatasetFault::Definition(errors.to_string()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path)(error)),
    }
}

struct Inferred {
    definition: Definition,
    skipped: Vec<(String, String)>,
    notes: Vec<Note>,
    date_candidates: Vec<String>,
}

fn infer_definition(new: &NewDataset, earlier: Option<Definition>, definition_file: &Path) -> Result<Inferred, AddDatasetFault> {
    let tenant_column = match &new.owner {
        DatasetOwner::Column { name, .. } => Some(name.as_str()),
        DatasetOwner::Tenant(_) => None,
    };
    let known_location = earlier.as_ref().map(|earlier| &earlier.dataset).and_then(|known| known.columns.get(known.location_column?));
    let known_location = known_location.filter(|column| column.kind == ColumnType::String).map(|column| column.name.as_str());
    let of_ids: Vec<&str> = new.location_column.as_deref().into_iter().chain(tenant_column).chain(known_location).collect();
    let common = CommonColumns::of(&new.files, &new.read, &of_ids)?;
    let first = new.files.first().map(|file| file.display().to_string()).unwrap_or_default();
    if common.columns.is_empty() && !common.skipped.is_empty() {
        return Err(AddDatasetFault::NoColumns { file: first, skipped: common.skipped });
    }
    let of_kind = |name: Option<&String>, role: &'static str, fits: fn(ColumnType) -> bool| -> Result<Option<usize>, AddDatasetFault> {
        let Some(index) = name.map(|name| common.position(name, &first)).transpose()? else { return Ok(None) };
        match common.columns.get(index) {
            Some(column) if !fits(column.kind) => {
                let kind = definition::type_name(column.kind);
                Err(AddDatasetFault::WrongKind { column: column.name.clone(), kind, role })
            }
            _ => Ok(Some(index)),
        }
    };
    let is_date = |kind| matches!(kind, ColumnType::Date | ColumnType::Timestamp);
    let is_text = |kind| kind == ColumnType::String;
    let date_column = of_kind(new.date_column.as_ref(), "date", is_date)?;
    let location_column = of_kind(new.location_column.as_ref(), "location", is_text)?;
    let tenancy = match &new.owner {
        DatasetOwner::Tenant(_) => Tenancy::Folder,
        DatasetOwner::Column { name, holds } => {
            let index = of_kind(Some(name), "tenant", is_text)?;
            let spelled = index.and_then(|index| common.columns.get(index)).map_or(name, |column| &column.name);
            Tenancy::Column { name: spelled.clone(), holds: *holds }
        }
    };
    let grain = if date_column.is_some() { Grain::Day } else { Grain::None };
    let mut dataset = Dataset {
        name: new.name.clone(),
        aliases: Vec::new(),
        title: new.name.clone(),
        columns: common.columns,
        metrics: Vec::new(),
        date_column,
        grain,
        date_ranges: default_date_ranges(grain),
        minimum_interval_hours: DEFAULT_INTERVAL_HOURS,
        location_column,
        tenancy,
        format: RowFormat::Parquet,
    };
    if let Some(earlier) = earlier {
        dataset = keep_what_was_written(earlier.dataset, dataset);
    }
    let dates = dataset.columns.iter().filter(|column| dataset.date_column.is_none() && is_date(column.kind));
    let date_candidates = dates.map(|column| column.name.clone()).collect();
    // The definition is read back, so that a column that no definition can have, or a metric whose column is gone, is found before anything is copied.
    let text = definition::write(&Definition { program: new.program.name().to_owned(), dataset });
    let definition = definition::read(&text, &definition_file.display().to_string());
    let definition = definition.map_err(|errors| AddDatasetFault::Definition(errors.to_string()))?;
    Ok(Inferred { definition, skipped: common.skipped, notes: common.notes, date_candidates })
}

/// The first column that has changed, in words.
fn changed_columns(earlier: &Dataset, new: &Dataset) -> Option<String> {
    let missing = |one: &Dataset, other: &Dataset| {
        let gone = one.columns.iter().find(|column| !other.columns.iter().any(|known| same_name(&known.name, &column.name)));
        gone.map(|column| column.name.clone())
    };
    if let Some(gone) = missing(earlier, new) {
        return Some(format!("the column '{gone}' is gone"));
    }
    if let Some(added) = missing(new, earlier) {
        return Some(format!("the column '{added}' is new"));
    }
    let kinds = |column: &Column| earlier.columns.iter().find(|old| same_name(&old.name, &column.name)).map(|old| old.kind);
    let other = new.columns.iter().find_map(|column| kinds(column).filter(|old| *old != column.kind).map(|old| (column, old)))?;
    let (column, old) = other;
    Some(format!("'{}' was {} and is {}", column.name, definition::type_name(old), definition::type_name(column.kind)))
}

/// Writes the file, so that a reader sees either all of it or nothing.
fn write_whole(path: &Path, text: &str) -> Result<(), AddDatasetFault> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
    }
    written_file::write(path, text.as_bytes(), Readers::Everybody).map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> AddDatasetFault {
    let what = path.display().to_string();
    move |source| AddDatasetFault::Io { what, source }
}

#[cfg(test)]
mod tests;
