//! Files of Parquet and Arrow: columns in types of their own. Some that no dataset has are read as texts, which lose nothing.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::basic::{LogicalType, Type as PhysicalType};
use datafusion::parquet::schema::types::SchemaDescriptor;
use uuid::Uuid;

use super::source::{Batch, Form, Source, bad};
use crate::error::EngineError;

const BATCH_ROWS: usize = 8192;

pub(super) fn parquet(path: &Path, file: File) -> Result<Source, EngineError> {
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| bad(path, error))?;
    let metadata = match far_times(metadata.schema(), metadata.parquet_schema()) {
        None => metadata,
        Some(schema) => ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), ArrowReaderOptions::new().with_schema(schema))
            .map_err(|error| bad(path, error))?,
    };
    let uuids: Vec<String> = root_leaves(metadata.parquet_schema(), |leaf| leaf.logical_type_ref() == Some(&LogicalType::Uuid));
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let schema = Arc::clone(builder.schema());
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| bad(path, error))?;
    Ok(source(path, &schema, &uuids, reader))
}

pub(super) fn arrow(path: &Path, file: File) -> Result<Source, EngineError> {
    let reader = FileReader::try_new_buffered(file, None).map_err(|error| bad(path, error))?;
    let schema = reader.schema();
    Ok(source(path, &schema, &[], reader))
}

/// Names of the columns that are one leaf of the schema, and of the kind.
fn root_leaves(descriptor: &SchemaDescriptor, is: impl Fn(&datafusion::parquet::schema::types::ColumnDescriptor) -> bool) -> Vec<String> {
    let leaves = descriptor.columns().iter().filter(|leaf| leaf.path().parts().len() == 1 && is(leaf));
    leaves.map(|leaf| leaf.name().to_owned()).collect()
}

/// Old times of 96 bits in microseconds: in nanoseconds the library would let those after 2262 wrap around. None if there are none.
fn far_times(schema: &SchemaRef, descriptor: &SchemaDescriptor) -> Option<SchemaRef> {
    let old = root_leaves(descriptor, |leaf| leaf.physical_type() == PhysicalType::INT96);
    let field = |field: &Arc<Field>| {
        let is_old = old.contains(field.name()) && matches!(field.data_type(), DataType::Timestamp(_, _));
        if is_old {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Timestamp(TimeUnit::Microsecond, None)))
        } else {
            Arc::clone(field)
        }
    };
    (!old.is_empty()).then(|| Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())))
}

/// What becomes of a column's values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    AsIs,
    Uuids,
    TimesOfDay,
}

fn source(
    path: &Path,
    schema: &SchemaRef,
    uuids: &[String],
    reader: impl Iterator<Item = Result<RecordBatch, ArrowError>> + 'static,
) -> Source {
    let read = |field: &Field| match field.data_type() {
        DataType::FixedSizeBinary(16) if uuids.contains(field.name()) || field.extension_type_name() == Some("arrow.uuid") => Read::Uuids,
        DataType::Time32(_) | DataType::Time64(_) => Read::TimesOfDay,
        _ => Read::AsIs,
    };
    let reads: Vec<Read> = schema.fields().iter().map(|field| read(field)).collect();
    let field = |(field, read): (&Arc<Field>, &Read)| match read {
        Read::AsIs => Arc::clone(field),
        _ => Arc::new(Field::new(field.name(), DataType::Utf8, field.is_nullable())),
    };
    let fields: Vec<_> = schema.fields().iter().zip(&reads).map(field).collect();
    let path = path.to_owned();
    let batches = reader.map(move |batch| {
        let batch = batch.map_err(|error| bad(&path, error))?;
        let columns = batch.columns().iter().zip(&reads).map(|(column, read)| converted(column, *read));
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| bad(&path, error))?;
        Ok(Batch { columns, rows: batch.num_rows(), lines: Vec::new(), words: Vec::new(), nested: Vec::new() })
    });
    Source { schema: Arc::new(Schema::new(fields)), form: Form::Columnar, decimal_comma: false, batches: Box::new(batches) }
}

fn converted(column: &ArrayRef, read: Read) -> Result<ArrayRef, ArrowError> {
    match read {
        Read::AsIs => Ok(Arc::clone(column)),
        Read::TimesOfDay => cast_with_options(column, &DataType::Utf8, &CastOptions { safe: false, ..CastOptions::default() }),
        Read::Uuids => {
            let text = |bytes: &[u8]| Uuid::from_slice(bytes).map(|id| id.to_string()).unwrap_or_default();
            let texts: StringArray = column.as_fixed_size_binary().iter().map(|bytes| bytes.map(text)).collect();
            Ok(Arc::new(texts))
        }
    }
}
