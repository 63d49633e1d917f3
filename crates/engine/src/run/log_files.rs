//! Places the files of the access log beside the artifacts. It does not read them; all reads go through the scan.
//!
//! A file appears as a whole, and is not changed.

use std::sync::Arc;

use futures::TryStreamExt;
use insightgate_query::column::Value;
use insightgate_query::datasets::catalog::Dataset;
use object_store::path::Path;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::error::EngineError;
use crate::ingest::parquet_file;
use crate::ingest::table_writer::stored_rows;
use crate::rows::layout;
use crate::run::engine::Engine;
use crate::storage::upload::Upload;

impl Engine {
    /// Puts rows of the access log into the tenant's file of this name (without its ending). One `Vec` of `columns` for each column of the dataset.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store, or if a value is not of its column's type.
    pub async fn put_log_file(
        &self,
        tenant: Uuid,
        name: &str,
        dataset: &Arc<Dataset>,
        columns: Vec<Vec<Option<Value>>>,
    ) -> Result<(), EngineError> {
        let dataset = Arc::clone(dataset);
        let encoded = spawn_blocking(move || {
            let rows = stored_rows(&dataset, &columns)?;
            parquet_file::in_memory(&rows).map_err(|error| EngineError::Plan(error.to_string()))
        });
        let bytes = encoded.await.map_err(|error| EngineError::Plan(error.to_string()))??;
        // A folder records no type.
        let kind = self.inner.artifact_folder.is_none().then_some("application/vnd.apache.parquet");
        let mut upload = Upload::new(Arc::clone(&self.inner.artifacts.store), path(tenant, name), kind);
        if let Err(error) = upload.write(&bytes).await {
            upload.abort().await;
            return Err(error);
        }
        upload.finish().await.map(drop)
    }

    /// Deletes the tenant's files whose name begins with `prefix`, except those of the names in `kept`.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn delete_log_files(&self, tenant: Uuid, prefix: &str, kept: &[String]) -> Result<(), EngineError> {
        let kept: Vec<Path> = kept.iter().map(|name| path(tenant, name)).collect();
        let listed: Vec<_> = self.inner.artifacts.store.list(Some(&layout::access_log_folder(tenant))).try_collect().await?;
        for file in listed.into_iter().map(|meta| meta.location) {
            let is_meant = file.filename().is_some_and(|name| name.starts_with(prefix));
            if is_meant && !kept.contains(&file) {
                self.delete_quietly(&file).await?;
            }
        }
        Ok(())
    }
}

fn path(tenant: Uuid, name: &str) -> Path {
    layout::access_log_folder(tenant).join(format!("{name}.parquet"))
}
