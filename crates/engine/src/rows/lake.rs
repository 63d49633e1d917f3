//! The lake holds all rows: their store, and the caches of its files.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::parquet::file::metadata::ParquetMetaData;
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::Dataset;
use object_store::ObjectStore;

use crate::error::EngineError;
use crate::rows::snapshot;
use crate::rows::snapshot::{FileShape, ShapeCache, Snapshot};
use crate::rows::spelling;

/// The address under which plans know the store, wherever it is.
const URL: &str = "data://root";

pub(crate) struct Lake {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) url: ObjectStoreUrl,
    pub(crate) footers: Arc<FileMetadataCache>,
    shapes: ShapeCache,
}

impl Lake {
    /// Registers the store in `runtime`, so that plans that run in it find its files.
    pub(crate) fn new(store: Arc<dyn ObjectStore>, runtime: &RuntimeEnv) -> Result<Lake, DataFusionError> {
        let url = ObjectStoreUrl::parse(URL)?;
        runtime.register_object_store(url.as_ref(), Arc::clone(&store));
        Ok(Lake { store, url, footers: runtime.cache_manager.get_file_metadata_cache(), shapes: ShapeCache::default() })
    }

    /// Pins the files of a dataset that a query with this scope would read now.
    pub(crate) async fn snapshot(&self, scope: &TenantScope, dataset: &Dataset) -> Result<Snapshot, EngineError> {
        snapshot::take(self.store.as_ref(), scope, dataset).await
    }

    /// Fails if a file of the snapshot has changed.
    pub(crate) async fn recheck(&self, snapshot: &Snapshot) -> Result<(), EngineError> {
        snapshot::recheck(self.store.as_ref(), snapshot).await
    }

    /// The columns of each file in the snapshot's order, named as in the files.
    pub(crate) async fn shapes(&self, snapshot: &Snapshot) -> Result<Vec<Arc<FileShape>>, EngineError> {
        self.shapes.shapes(self.store.as_ref(), &self.footers, snapshot).await
    }

    /// Like [`Lake::shapes`], with columns named as in the dataset.
    pub(crate) async fn named_shapes(&self, dataset: &Dataset, snapshot: &Snapshot) -> Result<Vec<Arc<FileShape>>, EngineError> {
        Ok(spelling::called(dataset, self.shapes(snapshot).await?))
    }

    /// The footer of each file in the snapshot's order.
    pub(crate) async fn footers(&self, snapshot: &Snapshot) -> Result<Vec<Arc<ParquetMetaData>>, DataFusionError> {
        snapshot::footers(self.store.as_ref(), &self.footers, snapshot).await
    }
}
