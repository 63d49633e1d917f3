//! The engine: where data and artifacts lie, how much memory a query may use, and how a plan becomes a stream.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::config::TableParquetOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionConfig;
use insightgate_identity::scope::TenantScope;
use insightgate_query::catalog::Dataset;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::blame::caught;
use crate::budget::{Budget, Lane, Share};
use crate::error::EngineError;
use crate::fold::fold_function;
use crate::lower::{Lowering, Output};
use crate::redaction;
use crate::scan;
use crate::snapshot::{self, SchemaCache, Snapshot};
use crate::store_url::DataRoot;

/// Bytes for queries, beside what the process needs anyway: together they stay under 256 MiB.
pub const DEFAULT_MEMORY_LIMIT: usize = 80 << 20;

/// Footers that are kept. They are small beside the data, and not in the budget of queries.
const FOOTER_CACHE: usize = 16 << 20;

/// The address under which plans know the data root, wherever it lies.
const DATA_URL: &str = "data://root";

#[derive(Debug, Clone)]
pub struct EngineSettings {
    pub data_root: DataRoot,
    pub artifact_root: PathBuf,
    /// Bytes that all running queries may hold together; beyond them they spill to disk.
    pub memory_limit: usize,
    pub spill_dir: PathBuf,
    /// How many streams a query whose answer does not depend on the order of rows is split into.
    pub partitions: usize,
}

/// Cheap to clone: all clones share memory, caches and stores.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) data: Arc<dyn ObjectStore>,
    pub(crate) artifacts: Arc<dyn ObjectStore>,
    pub(crate) data_url: ObjectStoreUrl,
    budget: Budget,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) schemas: SchemaCache,
    /// For plans whose answer depends on the order of rows.
    pub(crate) ordered: SessionState,
    parallel: SessionState,
}

/// A query that runs: its stream, how the stream's columns make the answer, and the files it reads.
pub(crate) struct Running {
    pub(crate) stream: SendableRecordBatchStream,
    pub(crate) outputs: Vec<Output>,
    pub(crate) snapshot: Snapshot,
    /// To be kept until the stream has ended.
    pub(crate) share: Option<Share>,
}

impl Engine {
    /// Makes the folders where they are missing.
    pub fn new(settings: EngineSettings) -> Result<Engine, EngineError> {
        let data = settings.data_root.open()?;
        Engine::over(data, settings)
    }

    /// The rows are in a store that is open already.
    pub(crate) fn over(data: Arc<dyn ObjectStore>, settings: EngineSettings) -> Result<Engine, EngineError> {
        let artifacts: Arc<dyn ObjectStore> = Arc::new(local(&settings.artifact_root)?.with_automatic_cleanup(true));
        make_folder(&settings.spill_dir)?;
        let budget = Budget::new(settings.memory_limit);
        let query = |error: DataFusionError| EngineError::from_query(error, budget.share);
        let spill = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![settings.spill_dir]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(budget.share)))
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(FOOTER_CACHE)
            .build_arc()
            .map_err(query)?;
        let data_url = ObjectStoreUrl::parse(DATA_URL).map_err(query)?;
        runtime.register_object_store(data_url.as_ref(), Arc::clone(&data));
        let session = |partitions: usize| session(&runtime, partitions);
        let inner = Inner {
            ordered: session(1),
            parallel: session(settings.partitions.max(1)),
            data,
            artifacts,
            data_url,
            budget,
            runtime: Arc::clone(&runtime),
            schemas: SchemaCache::default(),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Pins the files of a dataset that the scope's runs would read now.
    pub async fn snapshot(&self, scope: &TenantScope, dataset: &Dataset) -> Result<Snapshot, EngineError> {
        snapshot::take(self.inner.data.as_ref(), scope, dataset).await
    }

    /// Starts a query for the scope. `at_most` rows, if that is less than the plan's own limit.
    pub(crate) async fn start(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        lane: Lane,
        at_most: Option<usize>,
    ) -> Result<Running, EngineError> {
        let inner = &self.inner;
        let scope = &scope.within(&plan.dataset.name)?;
        let snapshot = self.snapshot(scope, &plan.dataset).await?;
        let footers = inner.runtime.cache_manager.get_file_metadata_cache();
        let schemas = inner.schemas.schemas(inner.data.as_ref(), &footers, &snapshot).await?;
        let lowering = Lowering::new(plan, redaction::applies(scope, &plan.dataset))?;
        let ordered = lowering.needs_order();
        let rows = scan::tenant_rows(scope, &plan.dataset, &snapshot, &schemas, &inner.data_url, ordered)?;
        let lowered = lowering.onto(rows, window, at_most)?;
        let session = if ordered { &inner.ordered } else { &inner.parallel };
        let physical = session.create_physical_plan(&lowered.plan).await.map_err(|error| self.query_error(error))?;
        let mut context = session.task_ctx();
        let mut share = None;
        if plan.grouped || plan.distinct || !plan.order.is_empty() {
            share = Some(inner.budget.take(lane).await?);
            context = inner.budget.context(session, plan.grouped || plan.distinct);
        }
        let stream = execute_stream(physical, context).map_err(|error| self.query_error(error))?;
        Ok(Running { stream: caught(stream), outputs: lowered.outputs, snapshot, share })
    }

    pub(crate) fn query_error(&self, error: DataFusionError) -> EngineError {
        EngineError::from_query(error, self.inner.budget.share)
    }
}

fn session(runtime: &Arc<RuntimeEnv>, partitions: usize) -> SessionState {
    let parallel = partitions > 1;
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_repartition_file_scans(parallel)
        .with_round_robin_repartition(parallel);
    let options = config.options_mut();
    // Sorts side by side would take from each other the memory that each kept back for its merge.
    options.optimizer.repartition_sorts = false;
    // Statistics of files could answer without reading rows; the tenant's filter leaves nothing for them to answer.
    options.execution.collect_statistics = false;
    options.execution.parquet.schema_force_view_types = false;
    // A filter that narrows while rows are read would gain nothing below a numbering of rows, and must not reach it.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    // Wrong values must fail a query, not vanish.
    options.execution.parquet.coerce_int96 = Some("us".to_owned());
    let mut parquet = TableParquetOptions::default();
    parquet.global = options.execution.parquet.clone();
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features()
        .with_scalar_functions(vec![fold_function()])
        .build();
    state.table_options_mut().parquet = parquet;
    state
}

fn local(root: &FilePath) -> Result<LocalFileSystem, EngineError> {
    make_folder(root)?;
    Ok(LocalFileSystem::new_with_prefix(root)?)
}

fn make_folder(path: &FilePath) -> Result<(), EngineError> {
    std::fs::create_dir_all(path).map_err(EngineError::io(path.display().to_string()))
}
