//! The engine: the stores of rows and artifacts, the memory of queries, and how a plan becomes a stream.

use std::panic::AssertUnwindSafe;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::config::TableParquetOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{FutureExt, StreamExt};
use insightgate_identity::scope::TenantScope;
use insightgate_query::datasets::catalog::Dataset;
use insightgate_query::plan::Plan;
use insightgate_query::timespan::Window;
use object_store::ObjectStore;
use prometheus_client::registry::Registry;
use uuid::Uuid;

use crate::balanced::{optimizer_rules, physical_optimizer_rules};
use crate::encode::{Output, Spill};
use crate::error::EngineError;
use crate::functions::codes;
use crate::lower::Lowering;
use crate::rows::blame::{caught, panicked};
use crate::rows::held_texts::{HeldTexts, TextRoom};
use crate::rows::lake::Lake;
use crate::rows::pruning;
use crate::rows::reading::Reading;
use crate::rows::redaction;
use crate::rows::scan;
use crate::rows::snapshot::{FileShape, Snapshot};
use crate::rows::with_access_log::WithAccessLog;
use crate::run::budget::{Budget, Need, Room, Sharing};
use crate::run::how_far::HowFar;
use crate::run::in_order::in_order;
use crate::run::ledger::{Seat, Share};
use crate::run::strategy::{Strategy, Streams};
use crate::run::turns::{Asked, Lane};
use crate::run::workers::Workers;
use crate::storage::flush::{self, Flush};
use crate::storage::free_disk::free;
use crate::storage::store_url::{DataRoot, OpenedStore};
use crate::storage::timed_store::StorageTelemetry;

/// The bytes for all queries together, including what they read of files: enough to read a row group of 200 MiB. Together with what the process needs
/// anyway, queries stay under 512 MiB, and an export of usual row groups under 256.
pub const DEFAULT_MEMORY_LIMIT: usize = 256 << 20;

/// The bytes of disk that one query may use for what does not fit into its memory. As many queries can do so at once as the memory has shares.
pub const DEFAULT_SPILL_LIMIT: u64 = 20 << 30;

/// The bytes of cached footers. They are few beside the data, and are not part of the queries' budget.
const FOOTER_CACHE: usize = 16 << 20;

/// The bytes of the queries' memory for each batch that is encoded in parallel.
const STREAM_MEMORY: usize = 40 << 20;

/// What running queries hold, and how many wait for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The bytes of all queries together.
    pub limit: usize,
    /// The bytes that queries have reserved.
    pub held: usize,
    /// The queries that wait for their turn.
    pub waiting: usize,
}

#[derive(Debug, Clone)]
pub struct EngineSettings {
    pub data_root: DataRoot,
    pub artifact_root: DataRoot,
    /// The bytes that all running queries may hold together, including what they read; beyond them queries wait, or spill to disk.
    pub memory_limit: usize,
    pub spill_dir: PathBuf,
    /// The bytes that one query may write there; a query never uses more than the disk has to spare.
    pub spill_limit: u64,
    /// The number of streams into which a query is split if its answer does not depend on the order of rows.
    pub partitions: usize,
}

/// Cheap to clone: all clones share memory, caches and stores.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) lake: Lake,
    /// The folder of the rows, if they are on this machine.
    pub(crate) data_folder: Option<PathBuf>,
    pub(crate) artifacts: OpenedStore,
    /// The folder of the artifacts, if they are stored in a folder of this machine.
    pub(crate) artifact_folder: Option<PathBuf>,
    /// What a finished artifact in that folder is flushed with. Tests count the calls.
    pub(crate) flush: Flush,
    spill_dir: PathBuf,
    spill_limit: u64,
    pub(crate) budget: Budget,
    pub(crate) workers: Workers,
    telemetry: StorageTelemetry,
    /// The number of row groups that are read in parallel if there is memory for them.
    partitions: usize,
    /// The number of batches that are encoded in parallel.
    pub(crate) streams: usize,
    /// The session for plans that need rows in order.
    pub(crate) ordered: SessionState,
    pub(crate) parallel: SessionState,
    /// The session for plans whose sorts keep few rows: each stream then has its own sort.
    few: SessionState,
    /// The last two sessions with fewer streams, for files whose row groups are large: each has half as many streams as the one before.
    narrower: Vec<Narrower>,
}

struct Narrower {
    streams: usize,
    parallel: SessionState,
    few: SessionState,
}

/// A query that is planned down to what is read of each file.
pub(crate) struct Prepared {
    pub(crate) strategy: Strategy,
    pub(crate) physical: Arc<dyn ExecutionPlan>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) snapshot: Snapshot,
    /// The shapes of the snapshot's files, with the dataset's names.
    pub(crate) shapes: Vec<Arc<FileShape>>,
    pub(crate) reading: Reading,
}

/// A running query: its stream, how the stream's columns form the answer, and the files that it reads.
pub(crate) struct Running {
    pub(crate) stream: SendableRecordBatchStream,
    pub(crate) outputs: Vec<Output>,
    pub(crate) snapshot: Snapshot,
    /// Has to be kept until the stream has ended.
    pub(crate) share: Share,
}

/// A query in a scope that is [within](TenantScope::within) its dataset. It returns at most `at_most` rows, or fewer if the plan's own limit is smaller.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) scope: &'a TenantScope,
    pub(crate) plan: &'a Plan,
    pub(crate) window: Window,
    pub(crate) at_most: Option<usize>,
}

impl Question<'_> {
    /// The most rows of the answer.
    fn limit(&self) -> Option<u64> {
        let at_most = self.at_most.map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
        self.plan.limit.into_iter().chain(at_most).min()
    }
}

impl Engine {
    /// Opens the engine, and creates folders that do not exist.
    ///
    /// # Errors
    ///
    /// Fails if a store or a folder cannot be opened.
    pub fn new(settings: EngineSettings) -> Result<Engine, EngineError> {
        Engine::shared(settings, Sharing::default())
    }

    /// Like [`Engine::new`], with other rules for how tenants share the engine.
    ///
    /// # Errors
    ///
    /// Fails if a store or a folder cannot be opened.
    pub fn shared(settings: EngineSettings, sharing: Sharing) -> Result<Engine, EngineError> {
        let data = settings.data_root.open()?.store;
        Engine::over(data, settings, sharing)
    }

    /// Reads data from the given store, whatever the data root in the settings is.
    pub(crate) fn over(data: Arc<dyn ObjectStore>, settings: EngineSettings, sharing: Sharing) -> Result<Engine, EngineError> {
        let telemetry = StorageTelemetry::default();
        let data = telemetry.around("rows", data);
        let artifacts = settings.artifact_root.open()?.passing_over(settings.artifact_root.folder()).timed(&telemetry, "artifacts");
        // Where the data lie nothing may be written; the access log lies beside the artifacts.
        let data = Arc::new(WithAccessLog { rows: data, log: Arc::clone(&artifacts.store) });
        make_folder(&settings.spill_dir)?;
        let budget = Budget::new(settings.memory_limit, sharing);
        let query = |error: DataFusionError| EngineError::from_query(error, budget.share);
        let spill = spill(&settings.spill_dir, settings.spill_limit);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(budget.share)))
            .with_disk_manager_builder(spill)
            .with_metadata_cache_limit(FOOTER_CACHE)
            .build_arc()
            .map_err(query)?;
        let lake = Lake::new(data, &runtime).map_err(query)?;
        let cache = budget.cache();
        let session = |partitions: usize, few: bool| session(&runtime, partitions, few, cache);
        let partitions = settings.partitions.max(1);
        let halves = std::iter::successors(Some(partitions / 2), |streams| Some(streams / 2)).take_while(|streams| *streams > 0);
        let narrower = |streams| Narrower { streams, parallel: session(streams, false), few: session(streams, true) };
        let inner = Inner {
            ordered: session(1, false),
            parallel: session(partitions, false),
            few: session(partitions, true),
            narrower: halves.map(narrower).collect(),
            lake,
            data_folder: settings.data_root.folder().map(FilePath::to_owned),
            artifacts,
            artifact_folder: settings.artifact_root.folder().map(FilePath::to_owned),
            flush: flush::to_disk,
            spill_dir: settings.spill_dir,
            spill_limit: settings.spill_limit,
            budget,
            workers: Workers::new(partitions),
            telemetry,
            partitions,
            streams: settings.partitions.clamp(1, (settings.memory_limit / STREAM_MEMORY).max(1)),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }

    /// The memory of queries at this moment.
    pub fn memory(&self) -> Memory {
        let ledger = &self.inner.budget.ledger;
        Memory { limit: ledger.limit(), held: ledger.held(), waiting: ledger.waiting() }
    }

    /// Adds how long the stores take to what a process tells about itself.
    pub fn register(&self, registry: &mut Registry) {
        self.inner.telemetry.register(registry);
    }

    /// Pins the files of a dataset that a query with this scope would read now.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn snapshot(&self, scope: &TenantScope, dataset: &Dataset) -> Result<Snapshot, EngineError> {
        self.inner.lake.snapshot(scope, dataset).await
    }

    /// Plans a query that is read in at most `width` streams; [`crate::run::strategy`] describes the steps.
    pub(crate) async fn prepare(&self, question: Question<'_>, texts: HeldTexts, width: usize) -> Result<Prepared, EngineError> {
        let Question { scope, plan, window, .. } = question;
        let (inner, limit) = (&self.inner, question.limit());
        let snapshot = self.snapshot(scope, &plan.dataset).await?;
        let shapes = inner.lake.named_shapes(&plan.dataset, &snapshot).await?;
        let redacted = redaction::applies(scope, &plan.dataset);
        let lowering = Lowering::new(plan, redacted)?;
        let strategy = Strategy::of(plan, limit, lowering.order_matters(), texts, width);
        let scanned = scan::tenant_rows(scope, &plan.dataset, &snapshot, &shapes, &inner.lake.url, strategy.rows())?;
        let room = TextRoom { shapes: &shapes, share: inner.budget.share, held: strategy.texts() };
        let planned_limit = limit.filter(|_| !strategy.is_side_by_side());
        let lowered = lowering.onto(scanned, window, strategy.rows(), planned_limit, &room)?;
        let strategy = strategy.holding(lowered.held);
        let physical = self.session(strategy).create_physical_plan(&lowered.plan).await.map_err(|error| self.query_error(error))?;
        let physical =
            if strategy.streams().is_none() { scan::kept_in_order(physical).map_err(|error| self.query_error(error))? } else { physical };
        let pruned = pruning::pruned(&inner.lake, physical, plan, redacted, &snapshot, strategy.ends_early(), strategy.handed());
        // The library panics on some damaged files.
        let physical = match AssertUnwindSafe(pruned).catch_unwind().await.unwrap_or_else(|_| Err(panicked())) {
            Ok(physical) => physical,
            Err(error) => return Err(self.named(self.query_error(error), &plan.dataset, &snapshot).await),
        };
        let reading = self.reading(&physical, &plan.dataset, &snapshot).await?;
        Ok(Prepared { strategy, physical, outputs: lowered.outputs, snapshot, shapes, reading })
    }

    /// The memory that the plan's scans hold while they read.
    pub(crate) async fn reading(
        &self,
        physical: &Arc<dyn ExecutionPlan>,
        dataset: &Dataset,
        snapshot: &Snapshot,
    ) -> Result<Reading, EngineError> {
        let inner = &self.inner;
        let footers = inner.lake.footers(snapshot).await.map_err(|error| self.query_error(error))?;
        Ok(Reading::of(physical, dataset, snapshot, &footers, inner.budget.cache()))
    }

    /// The most streams that a plan may have.
    pub(crate) fn widest(&self) -> usize {
        self.inner.partitions
    }

    fn session(&self, strategy: Strategy) -> &SessionState {
        strategy.streams().map_or(&self.inner.ordered, |streams| self.session_of(streams))
    }

    pub(crate) fn session_of(&self, Streams { width, few }: Streams) -> &SessionState {
        let inner = &self.inner;
        match inner.narrower.iter().find(|narrower| width < inner.partitions && narrower.streams <= width) {
            Some(narrower) if few => &narrower.few,
            Some(narrower) => &narrower.parallel,
            None if few => &inner.few,
            None => &inner.parallel,
        }
    }

    /// Plans a query so that it fits into the memory, and returns what it needs.
    pub(crate) async fn sized(&self, question: Question<'_>, room: Room) -> Result<(Prepared, Need), EngineError> {
        let budget = &self.inner.budget;
        let mut prepared = self.prepare(question, HeldTexts::Guessed, self.widest()).await?;
        while let Some(width) = prepared.strategy.narrower()
            && prepared.reading.bytes(usize::MAX) > budget.for_reading(prepared.strategy.holds_rows())
        {
            prepared = self.prepare(question, HeldTexts::Guessed, width).await?;
        }
        let at_most = prepared.strategy.is_side_by_side().then(|| self.widest());
        let need = budget.need(&prepared.reading, prepared.strategy.holds_rows(), room, at_most)?;
        Ok((prepared, need))
    }

    /// Takes a seat for a preview or an explanation, which is kept until it is answered.
    ///
    /// # Errors
    ///
    /// [`EngineError::Crowded`] if the tenant has as many seats as it may, or if all are taken.
    pub fn seat(&self, tenant: Uuid) -> Result<Seat, EngineError> {
        self.inner.budget.ledger.seat(tenant)
    }

    /// Waits for the turn of a query. A caller waits for a preview, so that its wait is limited.
    pub(crate) async fn turn(&self, asked: Asked) -> Result<Share, EngineError> {
        let Budget { ledger, longest_wait, .. } = &self.inner.budget;
        match asked.lane {
            Lane::Export => ledger.take(asked).await,
            Lane::Preview => match tokio::time::timeout(*longest_wait, ledger.take(asked)).await {
                Ok(share) => share,
                Err(_) => Err(EngineError::Crowded { by_own: ledger.holds(asked.tenant) }),
            },
        }
    }

    /// Plans a query and waits for its turn to take the memory that it needs.
    async fn admitted(&self, question: Question<'_>, lane: Lane, room: Room) -> Result<(Prepared, Need, Share), EngineError> {
        let ledger = &self.inner.budget.ledger;
        let (prepared, need) = self.sized(question, room).await?;
        let mut asked = Asked { tenant: question.scope.tenant(), lane, bytes: need.bytes };
        if let Some(share) = ledger.take_now(asked) {
            return Ok((prepared, need, share));
        }
        // A waiting query keeps no plan, which is large if there are many files, and reads the files that are there when its turn comes.
        drop(prepared);
        loop {
            let share = self.turn(asked).await?;
            let (prepared, need) = self.sized(question, room).await?;
            if need.bytes <= share.bytes() {
                return Ok((prepared, need, share));
            }
            asked.bytes = need.bytes;
        }
    }

    /// Starts a query once its turn has come.
    pub(crate) async fn start(&self, question: Question<'_>, lane: Lane, room: Room, how_far: &HowFar) -> Result<Running, EngineError> {
        let scope = &question.scope.within(&question.plan.dataset.name)?;
        let question = Question { scope, ..question };
        let (prepared, need, share) = self.admitted(question, lane, room).await?;
        how_far.reads(&prepared.physical, prepared.reading.groups);
        let mut stream = self.stream(&prepared, need)?;
        if prepared.strategy.guesses() {
            // Groups are only returned once all rows have been read.
            let first = stream.next().await;
            if matches!(&first, Some(Err(error)) if codes::are_too_many(error)) {
                drop(stream);
                let width = prepared.strategy.streams().map_or(1, |streams| streams.width);
                let prepared = self.prepare(question, HeldTexts::Proven, width).await?;
                how_far.reads(&prepared.physical, prepared.reading.groups);
                let stream = self.stream(&prepared, need)?;
                return Ok(Running { stream, outputs: prepared.outputs, snapshot: prepared.snapshot, share });
            }
            stream = Box::pin(RecordBatchStreamAdapter::new(stream.schema(), futures::stream::iter(first).chain(stream)));
        }
        Ok(Running { stream, outputs: prepared.outputs, snapshot: prepared.snapshot, share })
    }

    fn stream(&self, Prepared { strategy, physical, .. }: &Prepared, need: Need) -> Result<SendableRecordBatchStream, EngineError> {
        let session = self.session(*strategy);
        let context = if strategy.holds_rows() {
            self.with_own_disk(Budget::context(session, strategy.groups(), need.pool))?
        } else {
            session.task_ctx()
        };
        let physical = Arc::clone(physical);
        let stream = match *strategy {
            Strategy::SideBySide { limit } => in_order(physical, context, limit, need.at_once),
            _ => execute_stream(physical, context).map_err(|error| self.query_error(error))?,
        };
        Ok(caught(stream))
    }

    /// Gives each query its own limit on disk, so that one query's intermediate results take no room from another's.
    fn with_own_disk(&self, context: Arc<TaskContext>) -> Result<Arc<TaskContext>, EngineError> {
        let Some(context) = Arc::into_inner(context) else {
            return Err(EngineError::Plan("a query's context is another's too".to_owned()));
        };
        let Spill { folder, limit } = self.spill_room();
        let disk = spill(&folder, limit).build().map_err(|error| self.query_error(error))?;
        let mut runtime = RuntimeEnv::clone(&context.runtime_env());
        runtime.disk_manager = Arc::new(disk);
        Ok(Arc::new(context.with_runtime(Arc::new(runtime))))
    }

    /// Where a query may write what does not fit into its memory, and how much of it now.
    pub(crate) fn spill_room(&self) -> Spill {
        let Inner { spill_dir, spill_limit, .. } = self.inner.as_ref();
        Spill { folder: spill_dir.clone(), limit: free(spill_dir).min(*spill_limit) }
    }

    /// Adds the place to the error if a stream failed because a file cannot be read.
    pub(crate) async fn named(&self, error: EngineError, dataset: &Dataset, snapshot: &Snapshot) -> EngineError {
        self.inner.lake.named(error, dataset, snapshot, &self.inner.ordered).await
    }

    pub(crate) fn query_error(&self, error: DataFusionError) -> EngineError {
        EngineError::from_query(error, self.inner.budget.share)
    }
}

fn session(runtime: &Arc<RuntimeEnv>, partitions: usize, few: bool, cache: usize) -> SessionState {
    let parallel = partitions > 1;
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_repartition_file_scans(parallel)
        .with_round_robin_repartition(parallel);
    let options = config.options_mut();
    // Sorts that run in parallel would take from each other the memory that each one has reserved for its merge.
    options.optimizer.repartition_sorts = few;
    // Statistics of files could answer a query without reading rows; the tenant's filter makes that impossible.
    options.execution.collect_statistics = false;
    options.execution.parquet.schema_force_view_types = false;
    // Columns that are only shown are read only where the conditions hold.
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.max_predicate_cache_size = Some(cache);
    // A dynamic filter narrows while rows are read; it would gain nothing below a node that numbers rows, and must not reach it.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    // This optimization reserves memory for as many groups as LIMIT says, outside of any budget.
    options.optimizer.enable_topk_aggregation = false;
    // A wrong value must make the query fail, not vanish.
    options.execution.parquet.coerce_int96 = Some("us".to_owned());
    let mut parquet = TableParquetOptions::default();
    parquet.global = options.execution.parquet.clone();
    let state = SessionStateBuilder::new().with_config(config).with_runtime_env(Arc::clone(runtime)).with_default_features();
    let state = state.with_optimizer_rules(optimizer_rules()).with_physical_optimizer_rules(physical_optimizer_rules());
    let mut state = state.build();
    state.table_options_mut().parquet = parquet;
    state
}

/// Spills to the folder, at most `limit` bytes.
fn spill(folder: &FilePath, limit: u64) -> DiskManagerBuilder {
    let folders = DiskManagerMode::Directories(vec![folder.to_owned()]);
    DiskManagerBuilder::default().with_mode(folders).with_max_temp_directory_size(limit)
}

fn make_folder(path: &FilePath) -> Result<(), EngineError> {
    std::fs::create_dir_all(path).map_err(EngineError::io(path.display().to_string()))
}
