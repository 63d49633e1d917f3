//! Converts a person's files to Parquet files of a dataset, streamed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use insightgate_query::datasets::catalog::{ColumnType, Dataset, Tenancy, same_name};
use insightgate_query::datasets::definition;
use tempfile::NamedTempFile;
use uuid::Uuid;

use super::batch::{Form, Source, bad};
use super::infer::check_given;
use super::read_options::ReadOptions;
use super::source;
use super::text::parse::{ParseFault, Reading};
use crate::error::EngineError;
use crate::ingest::parquet_file::ParquetFile;
use crate::ingest::table_writer;
use crate::rows::layout;
use crate::types;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    pub rows: u64,
    /// One for each file that was given, in the same order.
    pub files: Vec<PathBuf>,
}

/// Writes each file's rows as `part-….parquet` to the dataset's folder (see [`crate::local_folder`]), or to the tenant's folder in it. `progress`
/// receives the number of rows so far. Blocks; memory does not grow with the files. If the columns of any file do not fit, nothing is written. If a
/// value does not fit, its file leaves nothing behind, and the files before it stay.
///
/// # Errors
///
/// Names what does not fit and its place, or the file that cannot be read or written.
pub fn import(
    files: &[PathBuf],
    dataset: &Dataset,
    destination: &Path,
    tenant: Option<Uuid>,
    options: &ReadOptions,
    progress: &dyn Fn(u64),
) -> Result<ImportSummary, EngineError> {
    if dataset.tenancy == Tenancy::Folder && tenant.is_none() {
        return Err(bad(destination, "the dataset keeps each tenant's rows in a folder of their own: say whose these are"));
    }
    let folder = tenant.map_or_else(|| destination.to_owned(), |tenant| destination.join(format!("{}={tenant}", layout::TENANT_KEY)));
    check(files, dataset, options)?;
    let mut summary = ImportSummary { rows: 0, files: Vec::with_capacity(files.len()) };
    for file in files {
        let target = free_name(&folder);
        let mut written = ParquetFile::create(&target, stored_schema(dataset))?;
        summary.rows += write_rows(file, dataset, &mut written, options, summary.rows, progress)?;
        written.finish()?;
        summary.files.push(target);
    }
    Ok(summary)
}

/// Converted rows that are not placed yet. Dropping them removes their file.
#[derive(Debug)]
pub struct ConvertedRows {
    pub rows: u64,
    pub(crate) file: NamedTempFile,
}

impl ConvertedRows {
    /// Returns letters and digits that are unique among the files that are converted at the same time in the same folder.
    pub fn mark(&self) -> String {
        let name = self.file.path().file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.rsplit('-').next().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect()
    }
}

/// Like [`import`], but writes the rows of all files to one file in `folder`, which [`RowsStore::place`](crate::RowsStore::place) then places.
///
/// # Errors
///
/// Names what does not fit and its place. No file is left then.
pub fn import_as_one(
    files: &[PathBuf],
    dataset: &Dataset,
    folder: &Path,
    options: &ReadOptions,
    progress: &dyn Fn(u64),
) -> Result<ConvertedRows, EngineError> {
    check(files, dataset, options)?;
    let mut written = ParquetFile::create_unnamed(folder, stored_schema(dataset))?;
    let mut rows = 0;
    for file in files {
        rows += write_rows(file, dataset, &mut written, options, rows, progress)?;
    }
    Ok(ConvertedRows { rows, file: written.finish_unnamed()? })
}

/// Checks that the columns of the files fit, as far as their schemas tell.
fn check(files: &[PathBuf], dataset: &Dataset, options: &ReadOptions) -> Result<(), EngineError> {
    for file in files {
        let Source { schema, form, .. } = source::open(file, options)?;
        check_given(file, options, &schema)?;
        wanted_columns(file, dataset, &schema, form, options)?;
    }
    Ok(())
}

/// The dataset's columns, and the tenant's column if it is not one of them.
fn stored_schema(dataset: &Dataset) -> SchemaRef {
    let columns = dataset.columns.iter().map(table_writer::stored_field);
    Arc::new(Schema::new(columns.chain(foreign_tenant(dataset)).collect::<Vec<_>>()))
}

fn foreign_tenant(dataset: &Dataset) -> Option<Field> {
    match &dataset.tenancy {
        Tenancy::Column { name, .. } if !dataset.columns.iter().any(|column| same_name(&column.name, name)) => {
            Some(Field::new(name, DataType::Utf8, true))
        }
        _ => None,
    }
}

fn free_name(folder: &Path) -> PathBuf {
    let names = (0_u32..).map(|number| folder.join(format!("part-{number:05}.parquet")));
    let mut free = names.skip_while(|path| path.exists());
    free.next().unwrap_or_else(|| folder.join("part.parquet"))
}

/// A column to write, and its position in the source.
struct Wanted {
    field: Field,
    kind: ColumnType,
    source: Option<usize>,
}

/// Returns the number of rows.
fn write_rows(
    path: &Path,
    dataset: &Dataset,
    file: &mut ParquetFile,
    options: &ReadOptions,
    before: u64,
    progress: &dyn Fn(u64),
) -> Result<u64, EngineError> {
    let Source { schema, form, decimal_comma, batches, .. } = source::open(path, options)?;
    let wanted = wanted_columns(path, dataset, &schema, form, options)?;
    let schema = stored_schema(dataset);
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        let place = Place { rows, lines: &batch.lines };
        let column = |wanted: &Wanted| {
            let name = wanted.field.name();
            let Some((index, source)) = wanted.source.and_then(|index| Some((index, batch.columns.get(index)?))) else {
                return Ok(new_null_array(wanted.field.data_type(), batch.rows));
            };
            if let Some(Some(line)) = batch.nested.get(index) {
                return Err(misfit(path, wanted, format!("a list or an object in line {line}")));
            }
            let given = options.given(name);
            let array = if form == Form::Columnar && (given.is_none() || !types::is_text(source.data_type())) {
                cast(source, wanted.field.data_type()).map_err(|detail| bad(path, format!("column '{name}': {detail}")))?
            } else {
                let texts = cast(source, &DataType::Utf8).map_err(|detail| bad(path, format!("column '{name}': {detail}")))?;
                let reading = Reading { decimal_comma, given };
                reading.parsed(&texts, wanted.kind).map_err(|fault| match fault {
                    ParseFault::Value { row, text } => misfit(path, wanted, reading.described(name, wanted.kind, &text, &place.of(row))),
                    ParseFault::Other(detail) => bad(path, format!("column '{name}': {detail}")),
                })?
            };
            match (0..array.len()).find(|row| !wanted.field.is_nullable() && array.is_null(*row)) {
                Some(row) => Err(misfit(path, wanted, format!("missing{}", place.of(row)))),
                None => Ok(array),
            }
        };
        let columns = wanted.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let rows_of_batch = RecordBatchOptions::new().with_row_count(Some(batch.rows));
        let converted =
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &rows_of_batch).map_err(|error| bad(path, error))?;
        file.write(&converted)?;
        rows += batch.rows as u64;
        progress(before + rows);
    }
    Ok(rows)
}

/// Where the rows of a batch stand in the file.
struct Place<'a> {
    /// The number of rows before the batch.
    rows: u64,
    /// For a text, the line on which each row begins.
    lines: &'a [u64],
}

impl Place<'_> {
    /// Describes the place of a row of the batch in words.
    fn of(&self, row: usize) -> String {
        let line = self.lines.get(row).map(|line| format!(" (line {line})")).unwrap_or_default();
        format!(" in row {}{line}", self.rows + row as u64 + 1)
    }
}

fn misfit(path: &Path, wanted: &Wanted, found: String) -> EngineError {
    EngineError::Misfit {
        file: path.display().to_string(),
        column: wanted.field.name().clone(),
        expected: types::spelled(wanted.kind),
        found,
    }
}

/// A Parquet file must have the columns in fitting types; the values of a text are checked one by one.
fn wanted_columns(path: &Path, dataset: &Dataset, schema: &Schema, form: Form, options: &ReadOptions) -> Result<Vec<Wanted>, EngineError> {
    let position = |name: &str| schema.fields().iter().position(|field| same_name(field.name(), name));
    let mut wanted = Vec::with_capacity(dataset.columns.len() + 1);
    for column in &dataset.columns {
        let fitting =
            |index: &usize| form != Form::Columnar || schema.fields().get(*index).is_some_and(|field| fits(field, column.kind, options));
        let by_alias = || column.aliases.iter().filter_map(|alias| position(alias)).find(fitting);
        let source = position(&column.name).or_else(by_alias);
        let column = Wanted { field: table_writer::stored_field(column), kind: column.kind, source };
        match source.and_then(|index| schema.fields().get(index)) {
            None if !column.field.is_nullable() => return Err(misfit(path, &column, "missing".to_owned())),
            Some(field) if form == Form::Columnar && !fits(field, column.kind, options) => {
                return Err(misfit(path, &column, field.data_type().to_string()));
            }
            _ => {}
        }
        if let Some(given) = options.given(column.field.name()).filter(|given| given.kind != column.kind) {
            let (given, defined) = (definition::type_name(given.kind), definition::type_name(column.kind));
            let name = column.field.name();
            return Err(bad(path, format!("--type says that '{name}' is {given}, and the dataset's definition says {defined}")));
        }
        wanted.push(column);
    }
    if let Some(field) = foreign_tenant(dataset) {
        let name = field.name();
        let Some(source) = position(name) else { return Err(bad(path, format!("the tenant's column '{name}' is missing"))) };
        wanted.push(Wanted { field, kind: ColumnType::String, source: Some(source) });
    }
    if wanted.iter().all(|column| column.source.is_none()) {
        let known: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        return Err(bad(path, format!("none of its columns is one of the dataset's; it has {}", known.join(", "))));
    }
    Ok(wanted)
}

/// A value that the type cannot hold is an error and never becomes null.
fn cast(source: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(source, wanted, &options).map_err(|error| error.to_string())
}

/// A column of texts whose content is declared is converted value by value.
fn fits(field: &Field, kind: ColumnType, options: &ReadOptions) -> bool {
    types::fits(field.data_type(), kind) || (types::is_text(field.data_type()) && options.given(field.name()).is_some())
}
