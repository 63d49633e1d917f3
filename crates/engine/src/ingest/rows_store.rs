//! Places rows of datasets in an object store for the commands. A file appears as a whole or not at all, and no part of it is visible before.
//!
//! It does not read rows; all reads go through the scan.

use std::io::Read as _;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use insightgate_identity::program::Program;
use insightgate_query::datasets::catalog::Dataset;
use object_store::ObjectStore;
use object_store::path::Path;
use uuid::Uuid;

use crate::error::EngineError;
use crate::ingest::ConvertedRows;
use crate::rows::{layout, snapshot};
use crate::storage::store_url::DataRoot;
use crate::storage::upload::Upload;

/// The bytes that are read from the disk at once.
const BLOCK: usize = 1 << 20;

pub struct RowsStore {
    store: Arc<dyn ObjectStore>,
}

impl RowsStore {
    /// # Errors
    ///
    /// Fails if the settings of the store are invalid.
    pub fn open(root: &DataRoot) -> Result<RowsStore, EngineError> {
        Ok(RowsStore { store: root.open()?.store })
    }

    /// Returns the paths of the data files of a dataset, or of one tenant's part of it, in order.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn files(&self, program: Program, dataset: &str, tenant: Option<Uuid>) -> Result<Vec<String>, EngineError> {
        let folder = layout::dataset_folder(program, dataset);
        let listed = place(program, dataset, tenant);
        let files = snapshot::list(self.store.as_ref(), &folder, &listed).await?;
        Ok(files.into_iter().map(|file| file.meta.location.to_string()).collect())
    }

    /// Puts the rows into the store as the file `name`, replaces a file that exists there, and returns its path.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store; the existing file is then unchanged.
    pub async fn place(
        &self,
        program: Program,
        dataset: &Dataset,
        tenant: Option<Uuid>,
        name: &str,
        rows: &ConvertedRows,
    ) -> Result<String, EngineError> {
        let path = place(program, &dataset.name, tenant).join(name);
        let mut upload = Upload::new(Arc::clone(&self.store), path.clone(), Some("application/vnd.apache.parquet"));
        let shown = || EngineError::io(rows.file.path().display().to_string());
        let mut file = rows.file.reopen().map_err(shown())?;
        let mut block = vec![0; BLOCK];
        loop {
            let sent = match file.read(&mut block) {
                Ok(0) => break,
                Ok(count) => upload.write(block.get(..count).unwrap_or_default()).await,
                Err(error) => Err(shown()(error)),
            };
            if let Err(error) = sent {
                upload.abort().await;
                return Err(error);
            }
        }
        upload.finish().await?;
        Ok(path.to_string())
    }

    /// # Errors
    ///
    /// Fails with the error of the store; some of the files may then be removed already.
    pub async fn remove(&self, paths: &[String]) -> Result<(), EngineError> {
        let paths: Vec<_> = paths.iter().map(|path| Ok(Path::from(path.as_str()))).collect();
        let removed = self.store.delete_stream(futures::stream::iter(paths).boxed());
        Ok(removed.try_for_each(|_| std::future::ready(Ok(()))).await?)
    }
}

fn place(program: Program, dataset: &str, tenant: Option<Uuid>) -> Path {
    let folder = layout::dataset_folder(program, dataset);
    tenant.map_or_else(|| folder.clone(), |tenant| layout::tenant_folder(&folder, tenant))
}
