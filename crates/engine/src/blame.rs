//! Which file, and which of its columns, made a run fail: errors of the Parquet library name neither.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::parquet::errors::ParquetError;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt, TryStreamExt};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::guard::GuardedReaders;
use crate::snapshot::{self, PinnedFile, Snapshot};

impl Engine {
    /// The error with its place, when a stream failed because a file cannot be read. Reads again what the run had read, the broken file column by column.
    pub(crate) async fn named(&self, error: EngineError, snapshot: &Snapshot) -> EngineError {
        let is_named = matches!(error, EngineError::Corrupt { .. });
        if !is_named && !error.is_parquet() {
            return error;
        }
        let inner = &self.inner;
        // What was replaced while it was read looks torn.
        if let Err(changed) = snapshot::recheck(inner.data.as_ref(), snapshot).await {
            return changed;
        }
        if is_named {
            return error;
        }
        let footers = inner.runtime.cache_manager.get_file_metadata_cache();
        let shapes = match inner.shapes.shapes(inner.data.as_ref(), &footers, snapshot).await {
            Ok(shapes) => shapes,
            Err(named) => return named,
        };
        for (pinned, shape) in snapshot.files.iter().zip(&shapes) {
            let schema = &shape.schema;
            let all = (0..schema.fields().len()).collect();
            let Err(cause) = self.read_columns(pinned, schema, all).await else { continue };
            for (index, field) in schema.fields().iter().enumerate() {
                if let Err(cause) = self.read_columns(pinned, schema, vec![index]).await {
                    return corrupt(pinned, Some(field.name()), cause);
                }
            }
            return corrupt(pinned, None, cause);
        }
        // Damage that shows only when parts of a file are passed over.
        match snapshot.files.as_slice() {
            [only] => corrupt(only, None, panicked()),
            _ => error,
        }
    }

    /// Reads a file to its end and keeps nothing.
    async fn read_columns(&self, pinned: &PinnedFile, schema: &SchemaRef, columns: Vec<usize>) -> Result<()> {
        let inner = &self.inner;
        let footers = inner.runtime.cache_manager.get_file_metadata_cache();
        let readers = GuardedReaders(CachedParquetFileReaderFactory::new(Arc::clone(&inner.data), footers));
        let options = inner.ordered.table_options().parquet.clone();
        let source = ParquetSource::new(Arc::clone(schema)).with_table_parquet_options(options);
        let source = Arc::new(source.with_parquet_file_reader_factory(Arc::new(readers)));
        let file = PartitionedFile::new_from_meta(pinned.meta.clone());
        let scan = FileScanConfigBuilder::new(inner.data_url.clone(), source).with_file(file);
        let scan = DataSourceExec::from_data_source(scan.with_projection_indices(Some(columns))?.build());
        let read = async {
            let mut rows = execute_stream(scan, inner.ordered.task_ctx())?;
            while rows.try_next().await?.is_some() {}
            Ok(())
        };
        AssertUnwindSafe(read).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
    }
}

/// The same rows; a panic of the Parquet library on a damaged file ends them with an error.
pub(crate) fn caught(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let schema = rows.schema();
    let caught = AssertUnwindSafe(rows).catch_unwind().map(|next| next.unwrap_or_else(|_| Err(panicked())));
    Box::pin(RecordBatchStreamAdapter::new(schema, caught))
}

pub(crate) fn panicked() -> DataFusionError {
    DataFusionError::ParquetError(Box::new(ParquetError::General("its pages are damaged".to_owned())))
}

fn corrupt(pinned: &PinnedFile, column: Option<&String>, cause: DataFusionError) -> EngineError {
    match EngineError::from_query(cause, 0) {
        EngineError::Query(cause) => {
            EngineError::Corrupt { file: pinned.meta.location.to_string(), column: column.cloned(), detail: cause.to_string(), told: false }
        }
        known => known,
    }
}
