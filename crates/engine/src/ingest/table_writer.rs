//! Writes values to a Parquet file of a dataset. The sample data is written with it.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::{Column, ColumnType, Dataset};

use crate::error::EngineError;
use crate::ingest::parquet_file::ParquetFile;
use crate::types;

/// Writes all columns of a dataset, including hidden ones, to one file that appears when it is finished.
pub struct TableWriter {
    columns: Vec<Column>,
    schema: SchemaRef,
    file: ParquetFile,
}

impl TableWriter {
    /// Begins the file for rows of the dataset.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be created.
    pub fn create(path: &Path, dataset: &Dataset) -> Result<Self, EngineError> {
        let schema = stored_schema(dataset);
        Ok(TableWriter { columns: dataset.columns.clone(), file: ParquetFile::create(path, Arc::clone(&schema))?, schema })
    }

    /// Writes one `Vec` for each column of the dataset, all of the same length. Values have their column's type; `None` is null.
    ///
    /// # Errors
    ///
    /// Fails if the columns are not the dataset's or a value is not of its column's type, or if the file cannot be written.
    pub fn write(&mut self, columns: &[Vec<Option<Value>>]) -> Result<(), EngineError> {
        self.file.write(&batch(&self.columns, &self.schema, columns)?)
    }

    /// When this returns, the file is on disk under its name. A writer that is dropped before leaves nothing behind.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written or cannot take its name.
    pub fn finish(self) -> Result<(), EngineError> {
        self.file.finish()
    }
}

fn stored_schema(dataset: &Dataset) -> SchemaRef {
    Arc::new(Schema::new(dataset.columns.iter().map(stored_field).collect::<Vec<_>>()))
}

/// One `Vec` for each column, as for [`TableWriter::write`].
fn batch(columns: &[Column], schema: &SchemaRef, values: &[Vec<Option<Value>>]) -> Result<RecordBatch, EngineError> {
    if values.len() != columns.len() {
        return Err(EngineError::Plan(format!("{} columns were given for {}", values.len(), columns.len())));
    }
    let arrays = columns.iter().zip(values).map(|(column, values)| array(column, values)).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|error| EngineError::Plan(error.to_string()))
}

/// The rows of a dataset, with its columns as they are stored.
pub(crate) fn stored_rows(dataset: &Dataset, values: &[Vec<Option<Value>>]) -> Result<RecordBatch, EngineError> {
    batch(&dataset.columns, &stored_schema(dataset), values)
}

pub(crate) fn stored_field(column: &Column) -> Field {
    Field::new(&column.name, types::arrow(column.kind), column.nullable)
}

fn array(column: &Column, values: &[Option<Value>]) -> Result<ArrayRef, EngineError> {
    let epoch: NaiveDate = DateTime::UNIX_EPOCH.date_naive();
    let wrong = || EngineError::Plan(format!("a value of column '{}' is not {}", column.name, types::spelled(column.kind)));
    macro_rules! collected {
        ($pattern:pat => $value:expr) => {
            values
                .iter()
                .map(|value| match value {
                    None => Ok(None),
                    Some($pattern) => Ok(Some($value)),
                    Some(_) => Err(wrong()),
                })
                .collect::<Result<Vec<Option<_>>, EngineError>>()?
        };
    }
    Ok(match column.kind {
        ColumnType::String => Arc::new(StringArray::from(collected!(Value::String(text) => text.as_str()))),
        ColumnType::Int64 => Arc::new(Int64Array::from(collected!(Value::Int(value) => *value))),
        ColumnType::Float64 => Arc::new(Float64Array::from(collected!(Value::Float(value) => *value))),
        ColumnType::Bool => Arc::new(BooleanArray::from(collected!(Value::Bool(value) => *value))),
        ColumnType::Date => {
            let days = collected!(Value::Date(day) => i32::try_from(day.signed_duration_since(epoch).num_days()).map_err(|_| wrong())?);
            Arc::new(Date32Array::from(days))
        }
        ColumnType::Timestamp => {
            let instants = collected!(Value::Timestamp(instant) => instant.timestamp_micros());
            Arc::new(TimestampMicrosecondArray::from(instants).with_timezone(types::UTC))
        }
        ColumnType::Decimal { precision, scale: wanted } => {
            let unscaled = collected!(Value::Decimal { unscaled, scale } => rescaled(*unscaled, *scale, wanted).ok_or_else(wrong)?);
            let array = Decimal128Array::from(unscaled).with_precision_and_scale(precision, wanted).map_err(|_| wrong())?;
            array.validate_decimal_precision(precision).map_err(|_| wrong())?;
            Arc::new(array)
        }
    })
}

/// Converts to another scale; `None` if digits would be lost.
pub(crate) fn rescaled(unscaled: i128, scale: i8, wanted: i8) -> Option<i128> {
    let shift = i32::from(wanted) - i32::from(scale);
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        return unscaled.checked_mul(power);
    }
    (unscaled % power == 0).then(|| unscaled / power)
}
