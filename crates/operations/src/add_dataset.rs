//! Takes a person's own files in: infers a definition, copies the rows under the data root, and writes the definition last, so that a
//! dataset can be asked for only when its rows are there.
//!
//! Needs no server: a running one finds the definition by itself. Rows that are replaced stay until the new ones are complete.

mod columns;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_engine::{EngineError, import, local_folder};
use insightgate_identity::program::Program;
use insightgate_query::builtin;
use insightgate_query::catalog::{Column, ColumnType, Dataset, Grain, Tenancy, TenantKey, same_name};
use insightgate_query::definition::{self, DEFAULT_INTERVAL_HOURS, Definition, default_date_ranges};
use thiserror::Error;
use uuid::Uuid;

use crate::catalogs::Catalogs;
use crate::written_file::{self, Readers};
use columns::{CommonColumns, keep_what_was_written};

/// What a person says of the files.
#[derive(Debug, Clone)]
pub struct NewDataset {
    pub files: Vec<PathBuf>,
    pub name: String,
    pub program: Program,
    pub owner: DatasetOwner,
    /// The column that time spans apply to. None: every query reads all rows.
    pub date_column: Option<String>,
    /// The column of partner locations' ids.
    pub location_column: Option<String>,
    /// Takes the place of the rows that are there: the tenant's, or all of them where a column says whose each is. What was written into
    /// the definition is kept.
    pub replace: bool,
}

/// Whose rows the files hold.
#[derive(Debug, Clone)]
pub enum DatasetOwner {
    /// All of them one tenant's.
    Tenant(Uuid),
    /// A column says whose each row is.
    Column { name: String, holds: TenantKey },
}

/// What was made.
#[derive(Debug, Clone)]
pub struct AddedDataset {
    pub definition: Definition,
    pub definition_file: PathBuf,
    pub rows: u64,
    /// Columns of types that no dataset can have: name and type.
    pub skipped: Vec<(String, String)>,
    /// Columns that could be the date column, when none was chosen.
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
    #[error("rows of other owners are in {dataset}, and would not fit any more: {difference}")]
    OthersDoNotFit { dataset: String, difference: String },
    #[error("'{file}' has no column '{column}'; it has: {known}")]
    NoSuchColumn { file: String, column: String, known: String },
    #[error("'{file}' does not have the same columns as '{first}': {difference}")]
    DifferentColumns { first: String, file: String, difference: String },
    #[error("the column '{column}' is a {kind}, and cannot be the {role} column")]
    WrongKind { column: String, kind: String, role: &'static str },
    #[error("{0}")]
    Definition(String),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

/// `data_root` holds the rows, `definitions` the definitions. `progress` hears of the rows so far. Blocks.
///
/// A further tenant's rows join a dataset that keeps tenants in folders; its definition stays as it is.
pub fn add_dataset(
    data_root: &Path,
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
    let earlier = read_definition(&definition_file)?;
    // Names ignore case: what is there keeps its spelling, and with it its folder.
    let documented = builtin::catalog(new.program.name()).find(&new.name).cloned();
    let known = earlier.as_ref().map(|earlier| &earlier.dataset).or(documented.as_deref());
    let new = &NewDataset { name: known.map_or_else(|| new.name.clone(), |known| known.name.clone()), ..new.clone() };
    let folder = followed(local_folder(data_root, new.program, &new.name, None));
    let rows = followed(local_folder(data_root, new.program, &new.name, tenant));
    let others = known.filter(|_| others_have_rows(&folder, &rows)).cloned();
    let joins = |earlier: &Definition| earlier.dataset.tenancy == Tenancy::Folder && tenant.is_some() && !rows.exists();
    let (inferred, is_new) = match earlier {
        Some(earlier) if !new.replace && joins(&earlier) => {
            (Inferred { definition: earlier, skipped: Vec::new(), date_candidates: Vec::new() }, false)
        }
        Some(earlier) if !new.replace => return Err(AddDatasetFault::Exists(earlier.dataset.name)),
        None if !new.replace && documented.is_some() => return Err(AddDatasetFault::Documented(new.name.clone())),
        earlier => (infer_definition(new, earlier, &definition_file)?, true),
    };
    let Inferred { definition, skipped, date_candidates } = inferred;
    if let Some(others) = others
        && let Some(difference) = changed_columns(&others, &definition.dataset)
    {
        return Err(AddDatasetFault::OthersDoNotFit { dataset: others.name, difference });
    }

    // Beside the dataset's folder, or the tenant's where that is a link to elsewhere: no scan looks there, and what is moved stays on one disk.
    let moved = if rows.starts_with(&folder) { &folder } else { &rows };
    let beside = |prefix: &str| moved.with_file_name(format!(".{prefix}-{}", new.name));
    let (incoming, outgoing) = (beside("incoming"), beside("outgoing"));
    remove_folder(&incoming)?;
    let imported = match import(&new.files, &definition.dataset, &incoming, tenant, None, progress) {
        Ok(imported) => imported,
        Err(error) => {
            // The disk may be full of what was written so far.
            remove_folder(&incoming)?;
            return Err(error.into());
        }
    };
    let complete = imported.files.first().and_then(|file| file.parent()).unwrap_or(&incoming);
    swap(complete, &rows, &outgoing)?;
    remove_folder(&outgoing)?;
    remove_folder(&incoming)?;
    if is_new {
        write_whole(&definition_file, &definition::write(&definition))?;
    }
    Ok(AddedDataset { definition, definition_file, rows: imported.rows, skipped, date_candidates })
}

/// A name is a folder's and a file's too.
fn check_name(name: &str) -> Result<(), AddDatasetFault> {
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
    let common = CommonColumns::of(&new.files, &of_ids)?;
    let first = new.files.first().map(|file| file.display().to_string()).unwrap_or_default();
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
    };
    if let Some(earlier) = earlier {
        dataset = keep_what_was_written(earlier.dataset, dataset);
    }
    let dates = dataset.columns.iter().filter(|column| dataset.date_column.is_none() && is_date(column.kind));
    let date_candidates = dates.map(|column| column.name.clone()).collect();
    // What is written must be readable: a column that no definition can have, or a metric whose column is gone, shows before anything is copied.
    let text = definition::write(&Definition { program: new.program.name().to_owned(), dataset });
    let definition = definition::read(&text, &definition_file.display().to_string());
    let definition = definition.map_err(|errors| AddDatasetFault::Definition(errors.to_string()))?;
    Ok(Inferred { definition, skipped: common.skipped, date_candidates })
}

/// Whether the dataset's folder holds anything but the rows that are to be replaced.
fn others_have_rows(folder: &Path, rows: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    folder != rows && entries.into_iter().any(|entry| followed(entry.path()) != rows)
}

/// The first column that is not as it was, in words.
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

/// Where a link to a folder leads: what is put in its place must not take the link's.
fn followed(folder: PathBuf) -> PathBuf {
    if folder.is_symlink() { folder.canonicalize().unwrap_or(folder) } else { folder }
}

/// Puts complete rows in their place; those that were there are moved out first. Between the two renames there are none.
fn swap(complete: &Path, rows: &Path, outgoing: &Path) -> Result<(), AddDatasetFault> {
    remove_folder(outgoing)?;
    if rows.exists() {
        std::fs::rename(rows, outgoing).map_err(io(rows))?;
    }
    if let Some(parent) = rows.parent() {
        std::fs::create_dir_all(parent).map_err(io(parent))?;
    }
    std::fs::rename(complete, rows).map_err(io(rows))
}

fn remove_folder(folder: &Path) -> Result<(), AddDatasetFault> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(folder)(error)),
        _ => Ok(()),
    }
}

/// A reader sees all of the file or nothing.
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
