//! The engine: where data and artifacts lie, how much memory a query may use, and how a plan becomes a stream.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::config::TableParquetOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{FutureExt, StreamExt};
use insightgate_identity::scope::TenantScope;
use insightgate_query::catalog::Dataset;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use object_store::ObjectStore;

use crate::balanced::{optimizer_rules, physical_optimizer_rules};
use crate::blame::{caught, panicked};
use crate::budget::{Budget, Lane, Share};
use crate::codes;
use crate::dictionary;
use crate::error::EngineError;
use crate::free_disk::free;
use crate::in_order::in_order;
use crate::lower::{self, Lowering, Output};
use crate::pruning::{self, Handed};
use crate::readers::Readers;
use crate::redaction;
use crate::scan::{self, Rows};
use crate::snapshot::{self, FileShape, ShapeCache, Snapshot};
use crate::store_url::{DataRoot, OpenedStore};

/// Bytes for queries, beside what the process needs anyway: together they stay under 256 MiB.
pub const DEFAULT_MEMORY_LIMIT: usize = 80 << 20;

/// Bytes of disk that one query may use for what does not fit into its memory. As many do so at once as the memory has shares.
pub const DEFAULT_SPILL_LIMIT: u64 = 20 << 30;

/// Bytes of stack for each thread that plans or runs queries: what looks at a plan walks down into its expressions. A quarter holds every limit of
/// the query language reached at once, without optimisation too (`tests/limits.rs`).
pub const STACK: usize = 16 << 20;

/// Footers that are kept. They are small beside the data, and not in the budget of queries.
const FOOTER_CACHE: usize = 16 << 20;

/// Bytes of the memory for queries that let one more row group be read beside others: what it takes, of a writer's largest pages, is in no
/// budget.
const STREAM_MEMORY: usize = 40 << 20;

/// Rows that a sort can keep in each of its streams without being felt.
const FEW_ROWS: u64 = 1_000;

/// Stored bytes of a column's dictionaries up to which the texts in them are few enough to be held, whatever they are.
const FEW_TEXTS: u64 = 1 << 20;

/// The part of a query's memory that is given to the texts of a column that are guessed to be few: one over this.
const PART_FOR_TEXTS: usize = 8;

/// How often a text is guessed to come again in the dictionaries of other row groups.
const COMES_AGAIN: u64 = 8;

/// The address under which plans know the data root, wherever it lies.
const DATA_URL: &str = "data://root";

#[derive(Debug, Clone)]
pub struct EngineSettings {
    pub data_root: DataRoot,
    pub artifact_root: DataRoot,
    /// Bytes that all running queries may hold together; beyond them they spill to disk.
    pub memory_limit: usize,
    pub spill_dir: PathBuf,
    /// Bytes that one query may write there; never more than the disk has to spare.
    pub spill_limit: u64,
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
    pub(crate) artifacts: OpenedStore,
    /// Where they lie, if that is a folder of this machine.
    pub(crate) artifact_folder: Option<PathBuf>,
    spill_dir: PathBuf,
    spill_limit: u64,
    pub(crate) readers: Readers,
    pub(crate) data_url: ObjectStoreUrl,
    budget: Budget,
    /// Row groups that are read side by side, and batches that are encoded so.
    pub(crate) streams: usize,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) shapes: ShapeCache,
    /// For plans that need rows in order.
    pub(crate) ordered: SessionState,
    pub(crate) parallel: SessionState,
    /// For plans whose sorts keep few rows: each stream then has its own.
    few: SessionState,
}

/// A query that is planned, down to what is read of each file.
pub(crate) struct Prepared {
    pub(crate) physical: Arc<dyn ExecutionPlan>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) snapshot: Snapshot,
    /// Of the snapshot's files.
    pub(crate) shapes: Vec<Arc<FileShape>>,
    rows: Rows,
    /// It may fail for texts that are too many to be held; then it has to be made again [without](HeldTexts::Proven).
    pub(crate) guesses: bool,
    /// Its partitions are to be run side by side and handed out in order, up to the limit.
    side_by_side: bool,
}

/// Which columns' texts are held in memory, so that rows are grouped by numbers in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldTexts {
    /// Those that files say are few.
    Proven,
    /// Besides, those that are likely to be.
    Guessed,
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
        let data = settings.data_root.open()?.store;
        Engine::over(data, settings)
    }

    /// Reads data from the store, whatever the settings' data root is.
    pub(crate) fn over(data: Arc<dyn ObjectStore>, settings: EngineSettings) -> Result<Engine, EngineError> {
        let artifacts = settings.artifact_root.open()?;
        make_folder(&settings.spill_dir)?;
        let budget = Budget::new(settings.memory_limit);
        let query = |error: DataFusionError| EngineError::from_query(error, budget.share);
        let spill = spill(&settings.spill_dir, settings.spill_limit);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(budget.share)))
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(FOOTER_CACHE)
            .build_arc()
            .map_err(query)?;
        let data_url = ObjectStoreUrl::parse(DATA_URL).map_err(query)?;
        runtime.register_object_store(data_url.as_ref(), Arc::clone(&data));
        let session = |partitions: usize, few: bool| session(&runtime, partitions, few);
        let inner = Inner {
            readers: Readers::default(),
            ordered: session(1, false),
            parallel: session(settings.partitions.max(1), false),
            few: session(settings.partitions.max(1), true),
            data,
            artifacts,
            artifact_folder: settings.artifact_root.folder().map(FilePath::to_owned),
            spill_dir: settings.spill_dir,
            spill_limit: settings.spill_limit,
            data_url,
            budget,
            streams: settings.partitions.clamp(1, (settings.memory_limit / STREAM_MEMORY).max(1)),
            runtime: Arc::clone(&runtime),
            shapes: ShapeCache::default(),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// Pins the files of a dataset that the scope's runs would read now.
    pub async fn snapshot(&self, scope: &TenantScope, dataset: &Dataset) -> Result<Snapshot, EngineError> {
        snapshot::take(self.inner.data.as_ref(), scope, dataset).await
    }

    /// Plans a query for a scope that is [within](TenantScope::within) its dataset.
    pub(crate) async fn prepare(
        &self,
        scope: &TenantScope,
        plan: &Plan,
        window: Window,
        at_most: Option<usize>,
        texts: HeldTexts,
    ) -> Result<Prepared, EngineError> {
        let inner = &self.inner;
        let snapshot = self.snapshot(scope, &plan.dataset).await?;
        let footers = inner.runtime.cache_manager.get_file_metadata_cache();
        let shapes = inner.shapes.shapes(inner.data.as_ref(), &footers, &snapshot).await?;
        let redacted = redaction::applies(scope, &plan.dataset);
        let lowering = Lowering::new(plan, redacted)?;
        let rows = lowering.rows(at_most);
        let scanned = scan::tenant_rows(scope, &plan.dataset, &snapshot, &shapes, &inner.data_url, rows)?;
        // Rows as they are, some of them left out: row groups can be read side by side, and the limit is counted when they are in line.
        let limit = lower::limit(plan, at_most);
        let lowering_is_plain =
            rows == Rows::InOrder && !plan.grouped && !plan.distinct && (!plan.row_conditions.is_empty() || limit.is_none());
        // Groups that are handed out as they are met cannot be taken back.
        let may_guess = texts == HeldTexts::Guessed && rows != Rows::InOrder;
        let (lowered, guesses) = {
            let guesses = Cell::new(false);
            let room = |name: &str| {
                let stored = dictionary::stored(name, &shapes)?;
                let room = inner.budget.share / PART_FOR_TEXTS;
                if stored <= FEW_TEXTS {
                    return Some(usize::MAX);
                }
                let guess = may_guess && stored / COMES_AGAIN <= room as u64;
                guesses.set(guesses.get() || guess);
                guess.then_some(room)
            };
            (lowering.onto(scanned, window, at_most, !lowering_is_plain, room)?, guesses.get())
        };
        let session = self.session(plan, rows, at_most);
        let physical = session.create_physical_plan(&lowered.plan).await.map_err(|error| self.query_error(error))?;
        let physical =
            if rows == Rows::InOrder { scan::kept_in_order(physical).map_err(|error| self.query_error(error))? } else { physical };
        let may_end_early = rows == Rows::InOrder && !plan.grouped && limit.is_some();
        let handed = if lowering_is_plain { Handed::ByRowGroup } else { Handed::Planned };
        let pruned = pruning::pruned(inner.data.as_ref(), physical, plan, redacted, (&footers, &snapshot), may_end_early, handed);
        // The library panics on some damaged files.
        let physical = match AssertUnwindSafe(pruned).catch_unwind().await.unwrap_or_else(|_| Err(panicked())) {
            Ok(physical) => physical,
            Err(error) => return Err(self.named(self.query_error(error), &plan.dataset, &snapshot).await),
        };
        Ok(Prepared { physical, outputs: lowered.outputs, snapshot, shapes, rows, guesses, side_by_side: lowering_is_plain })
    }

    fn session(&self, plan: &Plan, rows: Rows, at_most: Option<usize>) -> &SessionState {
        match rows {
            Rows::InOrder => &self.inner.ordered,
            _ if lower::limit(plan, at_most).is_some_and(|limit| limit <= FEW_ROWS) => &self.inner.few,
            _ => &self.inner.parallel,
        }
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
        let prepared = self.prepare(scope, plan, window, at_most, HeldTexts::Guessed).await?;
        let holds_rows = plan.grouped || plan.distinct || !plan.order.is_empty();
        let share = if holds_rows { Some(inner.budget.take(lane).await?) } else { None };
        let mut stream = self.stream(&prepared, plan, at_most)?;
        if prepared.guesses {
            // Groups come when all rows have been read.
            let first = stream.next().await;
            if matches!(&first, Some(Err(error)) if codes::are_too_many(error)) {
                drop(stream);
                let prepared = self.prepare(scope, plan, window, at_most, HeldTexts::Proven).await?;
                let stream = self.stream(&prepared, plan, at_most)?;
                return Ok(Running { stream, outputs: prepared.outputs, snapshot: prepared.snapshot, share });
            }
            stream = Box::pin(RecordBatchStreamAdapter::new(stream.schema(), futures::stream::iter(first).chain(stream)));
        }
        Ok(Running { stream, outputs: prepared.outputs, snapshot: prepared.snapshot, share })
    }

    fn stream(&self, prepared: &Prepared, plan: &Plan, at_most: Option<usize>) -> Result<SendableRecordBatchStream, EngineError> {
        let Inner { budget, streams, .. } = self.inner.as_ref();
        let session = self.session(plan, prepared.rows, at_most);
        let groups = plan.grouped || plan.distinct;
        let context =
            if groups || !plan.order.is_empty() { self.with_own_disk(budget.context(session, groups))? } else { session.task_ctx() };
        let physical = Arc::clone(&prepared.physical);
        let stream = if prepared.side_by_side {
            in_order(physical, context, lower::limit(plan, at_most), *streams)
        } else {
            execute_stream(physical, context).map_err(|error| self.query_error(error))?
        };
        Ok(caught(stream))
    }

    /// So that one query's intermediate results take no other's room.
    fn with_own_disk(&self, context: Arc<TaskContext>) -> Result<Arc<TaskContext>, EngineError> {
        let Inner { spill_dir, spill_limit, .. } = self.inner.as_ref();
        let Some(context) = Arc::into_inner(context) else {
            return Err(EngineError::Plan("a query's context is another's too".to_owned()));
        };
        let disk = spill(spill_dir, free(spill_dir).min(*spill_limit)).build().map_err(|error| self.query_error(error))?;
        let mut runtime = RuntimeEnv::clone(&context.runtime_env());
        runtime.disk_manager = Arc::new(disk);
        Ok(Arc::new(context.with_runtime(Arc::new(runtime))))
    }

    pub(crate) fn query_error(&self, error: DataFusionError) -> EngineError {
        EngineError::from_query(error, self.inner.budget.share)
    }
}

fn session(runtime: &Arc<RuntimeEnv>, partitions: usize, few: bool) -> SessionState {
    let parallel = partitions > 1;
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_repartition_file_scans(parallel)
        .with_round_robin_repartition(parallel);
    let options = config.options_mut();
    // Sorts side by side would take from each other the memory that each kept back for its merge.
    options.optimizer.repartition_sorts = few;
    // Statistics of files could answer without reading rows; the tenant's filter leaves nothing for them to answer.
    options.execution.collect_statistics = false;
    options.execution.parquet.schema_force_view_types = false;
    // Columns that are only shown are read where the conditions hold.
    options.execution.parquet.pushdown_filters = true;
    // A filter that narrows while rows are read would gain nothing below a numbering of rows, and must not reach it.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    // It reserves memory for as many groups as LIMIT says, beside every budget.
    options.optimizer.enable_topk_aggregation = false;
    // Wrong values must fail a query, not vanish.
    options.execution.parquet.coerce_int96 = Some("us".to_owned());
    let mut parquet = TableParquetOptions::default();
    parquet.global = options.execution.parquet.clone();
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(Arc::clone(runtime)).with_default_features();
    let state = state.with_optimizer_rules(optimizer_rules()).with_physical_optimizer_rules(physical_optimizer_rules());
    let mut state = state.build();
    state.table_options_mut().parquet = parquet;
    state
}

/// In the folder, at most so many bytes.
fn spill(folder: &FilePath, limit: u64) -> DiskManagerBuilder {
    let folders = DiskManagerMode::Directories(vec![folder.to_owned()]);
    DiskManagerBuilder::default().with_mode(folders).with_max_temp_directory_size(limit)
}

fn make_folder(path: &FilePath) -> Result<(), EngineError> {
    std::fs::create_dir_all(path).map_err(EngineError::io(path.display().to_string()))
}
