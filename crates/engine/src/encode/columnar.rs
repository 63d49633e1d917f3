//! Parquet and Arrow files: columns in their own types, under the names that the query uses.
//!
//! Both are written batch after batch, since later parts refer to earlier ones by number. The rows are first cut again into batches of one size, so
//! that the file does not show how the engine had cut them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, PrimitiveBuilder, RecordBatch, RecordBatchOptions,
    StringBuilder, downcast_primitive_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::arrow::ipc::writer::FileWriter as IpcWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use super::{FileWriter, named_once};
use crate::encode::Output;
use crate::error::EngineError;
use crate::types;

/// A row group is held in memory until it is complete, by this writer and by many readers.
const ROW_GROUP_ROWS: usize = 131_072;
/// The bytes of a row group as it is stored.
const ROW_GROUP_BYTES: usize = 16 << 20;

/// The writer that a file names, without a version, so that the same rows always give the same bytes.
const CREATED_BY: &str = "insightgate";

/// The columns of a file and their sources in the stream.
pub(super) struct Table {
    outputs: Vec<Output>,
    pub(super) schema: SchemaRef,
}

impl Table {
    pub(super) fn new(outputs: &[Output]) -> Table {
        let outputs = named_once(outputs);
        let fields: Vec<Field> = outputs.iter().map(|output| Field::new(&output.name, types::arrow(output.kind), true)).collect();
        Table { outputs, schema: Arc::new(Schema::new(fields)) }
    }

    /// The batch of the stream as the file stores it: texts that are dictionaries in memory become plain.
    pub(super) fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch, EngineError> {
        let column = |(output, field): (&Output, &Arc<Field>)| -> Result<ArrayRef, EngineError> {
            let Some(array) = batch.columns().get(output.column) else {
                return Err(EngineError::Plan(format!("the stream has no column {}", output.column)));
            };
            if array.data_type() == field.data_type() { Ok(Arc::clone(array)) } else { cast(array, field.data_type()).map_err(failed) }
        };
        let columns = self.outputs.iter().zip(self.schema.fields()).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(failed)
    }
}

/// The same values in canonical form: without a null bitmap if nothing is null, and with empty values beneath nulls. Both depend on how the engine
/// made the batch, and both writers would write them as they are.
pub(super) fn canonical(batch: &RecordBatch) -> Result<RecordBatch, EngineError> {
    let columns = batch.columns().iter().map(|array| rebuilt(array)).collect();
    RecordBatch::try_new(batch.schema(), columns).map_err(failed)
}

fn rebuilt(array: &ArrayRef) -> ArrayRef {
    // Bits beyond the last row may belong to other rows.
    if let Some(values) = array.as_boolean_opt() {
        return Arc::new(values.iter().collect::<BooleanArray>());
    }
    if array.nulls().is_none() {
        return Arc::clone(array);
    }
    if let Some(texts) = array.as_string_opt::<i32>() {
        let mut builder = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
        texts.iter().for_each(|text| builder.append_option(text));
        return Arc::new(builder.finish());
    }
    fn numbers<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>) -> ArrayRef {
        let mut builder = PrimitiveBuilder::<T>::with_capacity(array.len()).with_data_type(array.data_type().clone());
        array.iter().for_each(|value| builder.append_option(value));
        Arc::new(builder.finish())
    }
    downcast_primitive_array!(
        array => numbers(array),
        _ => Arc::clone(array)
    )
}

pub(super) struct ParquetFile(ArrowWriter<Vec<u8>>);

impl ParquetFile {
    pub(super) fn new(table: &Table) -> Result<ParquetFile, EngineError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(CREATED_BY.to_owned())
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        ArrowWriter::try_new(Vec::new(), Arc::clone(&table.schema), Some(properties)).map(ParquetFile).map_err(failed)
    }
}

impl FileWriter for ParquetFile {
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.0.write(batch).map_err(failed)?;
        out.append(self.0.inner_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.0.finish().map_err(failed)?;
        out.append(self.0.inner_mut());
        Ok(())
    }
}

/// The file is not compressed, so that every reader of the format can read it, also when the file is memory-mapped.
pub(super) struct ArrowFile(IpcWriter<Vec<u8>>);

impl ArrowFile {
    pub(super) fn new(table: &Table) -> Result<ArrowFile, EngineError> {
        IpcWriter::try_new(Vec::new(), &table.schema).map(ArrowFile).map_err(failed)
    }
}

impl FileWriter for ArrowFile {
    fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.0.write(batch).map_err(failed)?;
        out.append(self.0.get_mut());
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), EngineError> {
        self.0.finish().map_err(failed)?;
        out.append(self.0.get_mut());
        Ok(())
    }
}

/// The writers write to memory, so that a failure is never an error of the machine.
fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Plan(format!("the file cannot be written: {error}"))
}
