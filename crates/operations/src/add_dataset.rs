//! Takes a person's own files in: infers a definition, copies the rows under the data root, and writes the definition last, so that a
//! dataset can be asked for only when its rows are there.
//!
//! Needs no server: a running one finds the definition by itself.

use std::path::{Path, PathBuf};

use insightgate_engine::{EngineError, InferOptions, import, infer, local_folder};
use insightgate_identity::program::Program;
use insightgate_query::catalog::{Column, ColumnType, Dataset, Grain, Tenancy, TenantKey, same_name};
use insightgate_query::definition::{self, DEFAULT_INTERVAL_HOURS, Definition, default_date_ranges};
use thiserror::Error;
use uuid::Uuid;

use crate::catalogs::Catalogs;

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
    /// Takes the place of a dataset of that name.
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
    #[error("a dataset named '{0}' is there already")]
    Exists(String),
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
pub fn add_dataset(
    data_root: &Path,
    definitions: &Path,
    new: &NewDataset,
    progress: &dyn Fn(u64),
) -> Result<AddedDataset, AddDatasetFault> {
    let definition_file = Catalogs::definition_file(definitions, new.program, &new.name);
    let known = Catalogs::new(definitions.to_owned()).of(new.program);
    let known = known.find(&new.name).map(|dataset| dataset.name.clone());
    if let Some(known) = known
        && !new.replace
    {
        return Err(AddDatasetFault::Exists(known));
    }
    let CommonColumns { columns, skipped } = columns_of(&new.files)?;
    let first = new.files.first().map(|file| file.display().to_string()).unwrap_or_default();
    let position = |name: &str| -> Result<usize, AddDatasetFault> {
        columns.iter().position(|column| column.is_called(name)).ok_or_else(|| AddDatasetFault::NoSuchColumn {
            file: first.clone(),
            column: name.to_owned(),
            known: columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    };
    let of_kind = |name: &Option<String>, role: &'static str, fits: fn(ColumnType) -> bool| -> Result<Option<usize>, AddDatasetFault> {
        let Some(index) = name.as_deref().map(position).transpose()? else { return Ok(None) };
        match columns.get(index) {
            Some(column) if !fits(column.kind) => {
                let kind = definition::type_name(column.kind);
                Err(AddDatasetFault::WrongKind { column: column.name.clone(), kind, role })
            }
            _ => Ok(Some(index)),
        }
    };
    let is_date = |kind| matches!(kind, ColumnType::Date | ColumnType::Timestamp);
    let date_column = of_kind(&new.date_column, "date", is_date)?;
    let location_column = of_kind(&new.location_column, "location", |kind| kind == ColumnType::String)?;
    let (tenancy, tenant) = match &new.owner {
        DatasetOwner::Tenant(tenant) => (Tenancy::Folder, Some(*tenant)),
        DatasetOwner::Column { name, holds } => {
            of_kind(&Some(name.clone()), "tenant", |kind| kind == ColumnType::String)?;
            let spelled =
                position(name).ok().and_then(|index| columns.get(index)).map_or_else(|| name.clone(), |column| column.name.clone());
            (Tenancy::Column { name: spelled, holds: *holds }, None)
        }
    };
    let grain = if date_column.is_some() { Grain::Day } else { Grain::None };
    let date_candidates = match date_column {
        Some(_) => Vec::new(),
        None => columns.iter().filter(|column| is_date(column.kind)).map(|column| column.name.clone()).collect(),
    };
    let dataset = Dataset {
        name: new.name.clone(),
        aliases: Vec::new(),
        title: new.name.clone(),
        columns,
        metrics: Vec::new(),
        date_column,
        grain,
        date_ranges: default_date_ranges(grain),
        minimum_interval_hours: DEFAULT_INTERVAL_HOURS,
        location_column,
        tenancy,
    };
    let definition = Definition { program: new.program.name().to_owned(), dataset };
    let text = definition::write(&definition);
    // What is written must be readable: a name or a column that no definition can have shows here, before anything is copied.
    definition::read(&text, &definition_file.display().to_string()).map_err(|errors| AddDatasetFault::Definition(errors.to_string()))?;
    let folder = local_folder(data_root, new.program, &new.name, None);
    if new.replace && folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(io(&folder))?;
    }
    let imported = import(&new.files, &definition.dataset, &folder, tenant, None, progress)?;
    write_whole(&definition_file, &text)?;
    Ok(AddedDataset { definition, definition_file, rows: imported.rows, skipped, date_candidates })
}

/// What files have in common.
#[derive(Default)]
struct CommonColumns {
    columns: Vec<Column>,
    skipped: Vec<(String, String)>,
}

/// The columns of the first file, which the others must have too.
fn columns_of(files: &[PathBuf]) -> Result<CommonColumns, AddDatasetFault> {
    let mut common = CommonColumns::default();
    for (index, file) in files.iter().enumerate() {
        let inferred = infer(file, InferOptions::default())?;
        if index == 0 {
            common = CommonColumns { columns: inferred.columns, skipped: inferred.skipped };
            continue;
        }
        let different = |difference| AddDatasetFault::DifferentColumns {
            first: files.first().map(|first| first.display().to_string()).unwrap_or_default(),
            file: file.display().to_string(),
            difference,
        };
        if inferred.columns.len() != common.columns.len() {
            return Err(different(format!("{} columns instead of {}", inferred.columns.len(), common.columns.len())));
        }
        for (column, other) in common.columns.iter_mut().zip(&inferred.columns) {
            if !same_name(&column.name, &other.name) {
                return Err(different(format!("'{}' instead of '{}'", other.name, column.name)));
            }
            let (one, two) = (definition::type_name(column.kind), definition::type_name(other.kind));
            column.kind = wider(column.kind, other.kind).ok_or_else(|| different(format!("'{}' is {two}, not {one}", column.name)))?;
            column.nullable |= other.nullable;
        }
    }
    Ok(common)
}

/// The type that holds the values of both.
fn wider(one: ColumnType, other: ColumnType) -> Option<ColumnType> {
    match (one, other) {
        (one, other) if one == other => Some(one),
        (ColumnType::Int64, ColumnType::Float64) | (ColumnType::Float64, ColumnType::Int64) => Some(ColumnType::Float64),
        (ColumnType::Date, ColumnType::Timestamp) | (ColumnType::Timestamp, ColumnType::Date) => Some(ColumnType::Timestamp),
        _ => None,
    }
}

/// A reader sees all of the file or nothing.
fn write_whole(path: &Path, text: &str) -> Result<(), AddDatasetFault> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io(folder))?;
    }
    let unfinished = path.with_extension("toml.unfinished");
    std::fs::write(&unfinished, text).map_err(io(&unfinished))?;
    std::fs::rename(&unfinished, path).map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> AddDatasetFault {
    let what = path.display().to_string();
    move |source| AddDatasetFault::Io { what, source }
}
