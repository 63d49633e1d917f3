//! Parquet and Arrow files, whose columns have types. Some types that no dataset has are read as texts, without loss.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc;
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::basic::{LogicalType, Type as PhysicalType};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use datafusion::parquet::schema::types::SchemaDescriptor;
use uuid::Uuid;

use super::batch::{Batch, Form, Source, bad};
use crate::error::EngineError;

const BATCH_ROWS: usize = 8192;

pub(super) fn parquet(path: &Path, file: File) -> Result<Source, EngineError> {
    let options = ArrowReaderOptions::new();
    let metadata = guarded(path, || {
        let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
        let names = durations_beside_wide_integers(&footer);
        let options = options.with_skip_arrow_metadata(names.is_some());
        Ok((ArrowReaderMetadata::try_new(Arc::new(footer), options)?, names.unwrap_or_default()))
    });
    let (metadata, durations) = metadata?;
    let uuids: Vec<String> = root_leaves(metadata.parquet_schema(), |leaf| leaf.logical_type_ref() == Some(&LogicalType::Uuid));
    let metadata = match far_times(metadata.schema(), metadata.parquet_schema()) {
        None => metadata,
        Some(schema) => ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), ArrowReaderOptions::new().with_schema(schema))
            .map_err(|error| bad(path, error))?,
    };
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let schema = Arc::clone(builder.schema());
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| bad(path, error))?;
    let mut source = source(path, &schema, &uuids, reader);
    let told = |field: &Arc<Field>| {
        let is_duration = durations.contains(field.name());
        if is_duration {
            Arc::new(field.as_ref().clone().with_data_type(DataType::Duration(TimeUnit::Nanosecond)))
        } else {
            Arc::clone(field)
        }
    };
    source.schema = Arc::new(Schema::new(source.schema.fields().iter().map(told).collect::<Vec<_>>()));
    Ok(source)
}

pub(super) fn arrow(path: &Path, file: File) -> Result<Source, EngineError> {
    let reader = guarded(path, || Ok(FileReader::try_new_buffered(file, None)?))?;
    let schema = reader.schema();
    Ok(source(path, &schema, &[], reader))
}

/// Turns a panic into an error: the library panics on some schemas that it does not know.
fn guarded<T>(path: &Path, open: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, EngineError> {
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(open));
    let unknown = || bad(path, "the file is damaged, or has a column of a type that is not known: leave such a column out of it");
    opened.map_err(|_| unknown())?.map_err(|error| bad(path, error))
}

/// The Arrow schema that a writer such as Polars embeds cannot be read by the library if it has integers of 128 bits. It is then skipped, and the
/// durations are returned, which would be taken for integers without it. `None` if the library can read the schema.
fn durations_beside_wide_integers(footer: &ParquetMetaData) -> Option<Vec<String>> {
    let notes = footer.file_metadata().key_value_metadata()?;
    let note = notes.iter().find(|note| note.key == "ARROW:schema")?.value.as_deref()?;
    let bytes = BASE64_STANDARD.decode(note).ok()?;
    // All but old files begin with a marker and a length.
    let message = if bytes.starts_with(&[0xff; 4]) { bytes.get(8..)? } else { &bytes };
    let fields = ipc::root_as_message(message).ok()?.header_as_schema()?.fields()?;
    let is_wide = |field: ipc::Field<'_>| field.type_as_int().is_some_and(|integer| integer.bitWidth() > 64);
    if !fields.iter().any(is_wide) {
        return None;
    }
    let durations = fields.iter().filter(|field| field.type_as_duration().is_some());
    Some(durations.filter_map(|field| field.name().map(str::to_owned)).collect())
}

/// The names of the top-level columns of primitive type for which `is` holds.
fn root_leaves(descriptor: &SchemaDescriptor, is: impl Fn(&datafusion::parquet::schema::types::ColumnDescriptor) -> bool) -> Vec<String> {
    let leaves = descriptor.columns().iter().filter(|leaf| leaf.path().parts().len() == 1 && is(leaf));
    leaves.map(|leaf| leaf.name().to_owned()).collect()
}

/// Reads old timestamps of 96 bits as microseconds, since as nanoseconds the library would let those after 2262 wrap around. `None` if there are none.
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

/// How the values of a column are converted.
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
    let schema = Arc::new(Schema::new(fields));
    Source { schema, form: Form::Columnar, decimal_comma: false, semicolons: false, batches: Box::new(batches) }
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
