//! Finds the file, and the column in it, that made a query fail, since errors of the Parquet library name neither.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::parquet::errors::ParquetError;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{FutureExt, StreamExt, TryStreamExt};
use insightgate_query::datasets::catalog::Dataset;

use crate::error::EngineError;
use crate::guard::GuardedReaders;
use crate::reach;
use crate::rows::lake::Lake;
use crate::rows::snapshot::{PinnedFile, Snapshot};
use crate::rows::spelling;
use crate::types;

impl Lake {
    /// Adds the place to the error if a stream failed because a file cannot be read. Reads again what the query had read, and the broken file column
    /// by column, with the settings of `session`, which keeps rows in order.
    pub(crate) async fn named(&self, error: EngineError, dataset: &Dataset, snapshot: &Snapshot, session: &SessionState) -> EngineError {
        let is_named = matches!(error, EngineError::Corrupt { .. });
        let is_of_values = matches!(error, EngineError::OutOfRange(_));
        if !is_named && !is_of_values && !error.is_parquet() {
            return error;
        }
        // A file that was replaced while it was read looks damaged.
        if let Err(changed) = self.recheck(snapshot).await {
            return changed;
        }
        if is_named {
            return error;
        }
        let shapes = match self.shapes(snapshot).await {
            Ok(shapes) => shapes,
            Err(named) => return named,
        };
        let nothing = |_: &RecordBatch| Ok(());
        for (pinned, shape) in snapshot.files.iter().zip(&shapes) {
            let schema = &shape.schema;
            if is_of_values {
                if let Some(misfit) = self.misfit(pinned, schema, dataset, session).await {
                    return misfit;
                }
                continue;
            }
            let all = (0..schema.fields().len()).collect();
            let Err(cause) = self.read_columns(pinned, schema, all, session, nothing).await else { continue };
            for (index, field) in schema.fields().iter().enumerate() {
                if let Err(cause) = self.read_columns(pinned, schema, vec![index], session, nothing).await {
                    return corrupt(pinned, Some(field.name()), cause);
                }
            }
            return corrupt(pinned, None, cause);
        }
        // The damage shows only when parts of a file are skipped.
        match snapshot.files.as_slice() {
            [only] if !is_of_values => corrupt(only, None, panicked()),
            _ => error,
        }
    }

    /// The first column with a value that its type in the definition cannot hold, such as a time in seconds so far away that it has no microseconds.
    /// `None` if all values fit.
    async fn misfit(&self, pinned: &PinnedFile, schema: &SchemaRef, dataset: &Dataset, session: &SessionState) -> Option<EngineError> {
        for known in &dataset.columns {
            let Some(index) = spelling::place_of(known, schema) else { continue };
            let field = schema.field(index);
            let wanted = types::arrow(known.kind);
            let options = CastOptions { safe: false, ..CastOptions::default() };
            let fits = |batch: &RecordBatch| {
                batch.columns().iter().try_for_each(|values| Ok(cast_with_options(values, &wanted, &options).map(drop)?))
            };
            if *field.data_type() != wanted && self.read_columns(pinned, schema, vec![index], session, fits).await.is_err() {
                return Some(EngineError::Misfit {
                    file: pinned.meta.location.to_string(),
                    column: known.name.clone(),
                    expected: types::spelled(known.kind),
                    found: format!("{} with values beyond its range", field.data_type()),
                });
            }
        }
        None
    }

    /// Reads a file to its end, passes each batch to `check` and keeps nothing.
    async fn read_columns(
        &self,
        pinned: &PinnedFile,
        schema: &SchemaRef,
        columns: Vec<usize>,
        session: &SessionState,
        check: impl Fn(&RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let readers = GuardedReaders(CachedParquetFileReaderFactory::new(Arc::clone(&self.store), Arc::clone(&self.footers)));
        let options = session.table_options().parquet.clone();
        let source = ParquetSource::new(Arc::clone(schema)).with_table_parquet_options(options);
        let source = Arc::new(source.with_parquet_file_reader_factory(reach::part(readers)));
        let file = PartitionedFile::new_from_meta(pinned.meta.clone());
        let scan = FileScanConfigBuilder::new(self.url.clone(), source).with_file(file);
        let scan = DataSourceExec::from_data_source(scan.with_projection_indices(Some(columns))?.build());
        let read = async {
            let mut rows = execute_stream(scan, session.task_ctx())?;
            while let Some(batch) = rows.try_next().await? {
                check(&batch)?;
            }
            Ok(())
        };
        AssertUnwindSafe(read).catch_unwind().await.unwrap_or_else(|_| Err(panicked()))
    }
}

/// The same rows; if the Parquet library panics on a damaged file, they end with an error.
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
