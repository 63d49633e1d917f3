//! A person's files → Parquet files of a dataset, streamed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use insightgate_query::catalog::{ColumnType, Dataset, Tenancy, same_name};
use uuid::Uuid;

use super::source::{Source, bad};
use super::{infer, text_value};
use crate::error::EngineError;
use crate::parquet_file::ParquetFile;
use crate::{layout, table_writer, types};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSummary {
    pub rows: u64,
    /// One for each file that was given, in that order.
    pub files: Vec<PathBuf>,
}

/// Writes each file's rows as `part-….parquet` under the dataset's folder (see [`crate::local_folder`]), or under the tenant's in it.
/// `progress` hears of the rows so far. Blocks; memory does not grow with the files. Nothing is written when a file's columns do not fit; a
/// file with a value that does not leaves nothing, and those before it stay.
pub fn import(
    files: &[PathBuf],
    dataset: &Dataset,
    destination: &Path,
    tenant: Option<Uuid>,
    delimiter: Option<u8>,
    progress: &dyn Fn(u64),
) -> Result<ImportSummary, EngineError> {
    if dataset.tenancy == Tenancy::Folder && tenant.is_none() {
        return Err(bad(destination, "the dataset keeps each tenant's rows in a folder of their own: say whose these are"));
    }
    let folder = tenant.map_or_else(|| destination.to_owned(), |tenant| destination.join(format!("{}={tenant}", layout::TENANT_KEY)));
    for file in files {
        let Source { schema, is_text, .. } = Source::open(file, delimiter)?;
        wanted_columns(file, dataset, &schema, is_text)?;
    }
    let mut summary = ImportSummary { rows: 0, files: Vec::with_capacity(files.len()) };
    for file in files {
        let target = free_name(&folder);
        summary.rows += import_file(file, dataset, &target, delimiter, summary.rows, progress)?;
        summary.files.push(target);
    }
    Ok(summary)
}

fn free_name(folder: &Path) -> PathBuf {
    let names = (0_u32..).map(|number| folder.join(format!("part-{number:05}.parquet")));
    let mut free = names.skip_while(|path| path.exists());
    free.next().unwrap_or_else(|| folder.join("part.parquet"))
}

/// A column to write, and where the source has it.
struct Wanted {
    field: Field,
    kind: ColumnType,
    source: Option<usize>,
}

fn import_file(
    path: &Path,
    dataset: &Dataset,
    target: &Path,
    delimiter: Option<u8>,
    before: u64,
    progress: &dyn Fn(u64),
) -> Result<u64, EngineError> {
    let Source { schema, is_text, batches } = Source::open(path, delimiter)?;
    let wanted = wanted_columns(path, dataset, &schema, is_text)?;
    let schema: SchemaRef = Arc::new(Schema::new(wanted.iter().map(|wanted| wanted.field.clone()).collect::<Vec<_>>()));
    let mut file = ParquetFile::create(target, Arc::clone(&schema))?;
    let mut rows = 0;
    for batch in batches {
        let batch = batch.map_err(|error| bad(path, error))?;
        let column = |wanted: &Wanted| {
            let Some(source) = wanted.source.and_then(|index| batch.columns().get(index)) else {
                return Ok(new_null_array(wanted.field.data_type(), batch.num_rows()));
            };
            if is_text {
                return parsed(source, wanted.kind, rows).map_err(|found| misfit(path, wanted, found));
            }
            cast(source, wanted.field.data_type()).map_err(|detail| bad(path, format!("column '{}': {detail}", wanted.field.name())))
        };
        let columns = wanted.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(|error| bad(path, error))?;
        file.write(&batch)?;
        rows += batch.num_rows() as u64;
        progress(before + rows);
    }
    file.finish()?;
    Ok(rows)
}

fn misfit(path: &Path, wanted: &Wanted, found: String) -> EngineError {
    EngineError::Misfit {
        file: path.display().to_string(),
        column: wanted.field.name().clone(),
        expected: types::spelled(wanted.kind),
        found,
    }
}

/// A file of Parquet must have the columns in types that fit; the values of a text are judged one by one.
fn wanted_columns(path: &Path, dataset: &Dataset, schema: &Schema, is_text: bool) -> Result<Vec<Wanted>, EngineError> {
    let position = |name: &str| schema.fields().iter().position(|field| same_name(field.name(), name));
    let fits = |index: &usize, kind| is_text || schema.fields().get(*index).is_some_and(|field| types::fits(field.data_type(), kind));
    let mut wanted = Vec::with_capacity(dataset.columns.len() + 1);
    for column in &dataset.columns {
        let by_alias = || column.aliases.iter().filter_map(|alias| position(alias)).find(|index| fits(index, column.kind));
        let source = position(&column.name).or_else(by_alias);
        let column = Wanted { field: table_writer::stored_field(column), kind: column.kind, source };
        match source.and_then(|index| schema.fields().get(index)) {
            None if !column.field.is_nullable() => return Err(misfit(path, &column, "missing".to_owned())),
            Some(field) if !is_text && !types::fits(field.data_type(), column.kind) => {
                return Err(misfit(path, &column, field.data_type().to_string()));
            }
            _ => {}
        }
        wanted.push(column);
    }
    if let Tenancy::Column { name, .. } = &dataset.tenancy
        && !dataset.columns.iter().any(|column| same_name(&column.name, name))
    {
        let Some(source) = position(name) else { return Err(bad(path, format!("the tenant's column '{name}' is missing"))) };
        wanted.push(Wanted { field: Field::new(name, DataType::Utf8, true), kind: ColumnType::String, source: Some(source) });
    }
    Ok(wanted)
}

/// Values that the type cannot hold are an error, never a null.
fn cast(source: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, String> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(source, wanted, &options).map_err(|error| error.to_string())
}

/// The first value that is none of the type is described in the error.
fn parsed(source: &ArrayRef, kind: ColumnType, before: u64) -> Result<ArrayRef, String> {
    let texts = source.as_string::<i32>();
    Ok(match kind {
        ColumnType::String => Arc::clone(source),
        ColumnType::Int64 => Arc::new(Int64Array::from(values(texts, before, text_value::integer)?)),
        ColumnType::Float64 => Arc::new(Float64Array::from(values(texts, before, text_value::float)?)),
        ColumnType::Bool => Arc::new(BooleanArray::from(values(texts, before, text_value::boolean)?)),
        ColumnType::Date => {
            let epoch = chrono::DateTime::UNIX_EPOCH.date_naive();
            let days = |text: &str| i32::try_from(text_value::date(text)?.signed_duration_since(epoch).num_days()).ok();
            Arc::new(Date32Array::from(values(texts, before, days)?))
        }
        ColumnType::Timestamp => {
            let instants = values(texts, before, |text| text_value::timestamp(text).map(|instant| instant.timestamp_micros()))?;
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone(types::UTC))
        }
        ColumnType::Decimal { precision, scale } => {
            let limit = 10_i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
            let unscaled =
                |text: &str| text_value::decimal(text, scale).filter(|value| value.checked_abs().is_some_and(|value| value < limit));
            let array = Decimal128Array::from(values(texts, before, unscaled)?);
            Arc::new(array.with_precision_and_scale(precision, scale).map_err(|error| error.to_string())?)
        }
    })
}

fn values<T>(texts: &StringArray, before: u64, read: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>, String> {
    let mut values = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        values.push(match text {
            None => None,
            Some(text) => match read(text) {
                Some(value) => Some(value),
                None => return Err(format!("'{text}' in row {}, {}", before + row as u64 + 1, types::spelled(infer::kind_of(text)))),
            },
        });
    }
    Ok(values)
}
