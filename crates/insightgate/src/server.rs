//! Assembles a server: store, engine, keys, background work, listeners.

pub(crate) mod certificates;
pub(crate) mod connections;
pub(crate) mod listener;
pub(crate) mod long_heads;
pub(crate) mod open_files;
pub(crate) mod stalled_writes;
pub(crate) mod tls;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use chrono::DateTime;
use insightgate_api::{ApiState, Intake, router, telemetry_router};
use insightgate_engine::{DEFAULT_MEMORY_LIMIT, DEFAULT_SPILL_LIMIT, DataRoot, Engine, EngineSettings, Sharing};
use insightgate_operations::audit::write_counts;
use insightgate_operations::background::driver::Loop;
use insightgate_operations::background_loops::{self, RunBy};
use insightgate_operations::clock::Clock;
use insightgate_operations::context::{Context, ContextFault, Parts, Settings, SharedContext};
use insightgate_operations::executions::move_clock::MANUAL_CLOCK;
use insightgate_operations::external_issuers::ExternalIssuers;
use insightgate_operations::keys::reseal::{ResealFault, seal_anew};
use insightgate_operations::random::Random;
use insightgate_operations::sandbox::Sandbox;
use insightgate_operations::usage;
use insightgate_outbound::Outbound;
use insightgate_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::ServerRole;
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::files::free_bytes;
use crate::server::connections::{Admission, Places};
use crate::server::listener::Doors;

/// When the time to finish is over, releasing executions may take this much longer.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// The limits of memory, disk and parallelism of queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineLimits {
    /// The memory of all queries together, in bytes.
    pub memory: usize,
    /// Bytes of disk that one query may use for intermediate results that do not fit into memory.
    pub spill: u64,
    /// The executions of a tenant that run at once, and the parts of a query.
    pub partitions: usize,
}

/// The limits of a configuration that does not set them.
impl Default for EngineLimits {
    fn default() -> Self {
        EngineLimits { memory: DEFAULT_MEMORY_LIMIT, spill: DEFAULT_SPILL_LIMIT, partitions: cores() }
    }
}

/// The places of rows and of artifacts.
#[derive(Debug, Clone)]
pub struct Roots {
    pub rows: DataRoot,
    pub artifacts: DataRoot,
}

impl Roots {
    /// The places in the data folder.
    pub fn of(folder: &DataFolder) -> Roots {
        Roots { rows: folder.data().into(), artifacts: folder.artifacts().into() }
    }
}

/// Connections of operators at once. A program that scrapes and one that checks take two.
const TELEMETRY_PLACES: usize = 32;

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Service,
    /// Failures can be ordered.
    Sandbox {
        manual_clock: bool,
    },
}

/// The least free space in bytes: a start has to write a few rows.
const LEAST_ROOM: u64 = 1 << 20;

/// Opens the store and the engine.
pub async fn open_context(
    folder: &DataFolder,
    roots: Roots,
    database_url: &str,
    settings: Settings,
    issuers: ExternalIssuers,
    limits: EngineLimits,
    purpose: Purpose,
) -> Result<SharedContext, CommandError> {
    let opened = open(folder, roots, database_url, settings, issuers, limits, purpose).await;
    opened.map_err(|error| match free_bytes(folder.path()) {
        Some(free) if free < LEAST_ROOM => {
            let full = format!(
                "the disk of {} is full, {free} bytes are free: free some space, or name a folder on another disk",
                folder.path().display()
            );
            error.hint(full)
        }
        _ => error,
    })
}

async fn open(
    folder: &DataFolder,
    roots: Roots,
    database_url: &str,
    settings: Settings,
    issuers: ExternalIssuers,
    limits: EngineLimits,
    purpose: Purpose,
) -> Result<SharedContext, CommandError> {
    let random = Random::default();
    let sealed = Store::keys_before_opening(database_url).await?;
    if database_url == folder.database_url() && folder.has_lost_its_database() {
        tracing::warn!(
            database = %folder.database().display(),
            "files of reports are there already, and the database is new: if one was lost, stop the server and put a backup in its place"
        );
    }
    let vault = folder.vault(&random, &sealed, database_url)?;
    let store = Store::open(database_url).await?;
    let clock = open_clock(&store, purpose == Purpose::Sandbox { manual_clock: true }).await?;
    let engine = shared_engine(folder, roots, limits, settings.sharing.clone())?;
    let outbound = Outbound::new(settings.callbacks.addresses.clone(), settings.callbacks.ca_certificate.as_deref());
    let outbound = outbound.map_err(|error| CommandError::failed(format!("callbacks cannot be sent: {error}")))?;
    let failed = |error: String| CommandError::failed(error).hint("the keys belong to the encryption key that they were made with");
    seal_anew(&store, &vault).await.map_err(|error| match error {
        ResealFault::Store(error) => error.into(),
        fault @ ResealFault::Sealed { .. } => {
            CommandError::failed(fault.to_string()).hint("insightgate verify names every such secret, and says what to do about each")
        }
    })?;
    folder.forget_old_key()?;
    let parts = Parts {
        store,
        engine,
        vault,
        clock,
        random,
        issuers,
        outbound,
        settings,
        definitions: folder.definitions(),
        // Half of the cores, so that a flood of sign-ins leaves the other half to everything else.
        hashes: limits.partitions / 2,
        sandbox: (purpose != Purpose::Service).then(Sandbox::default),
    };
    let opened = Context::open(parts).await.map_err(|error| match error {
        ContextFault::Mail(_) => CommandError::failed(error.to_string()).hint("look at mail.server, mail.from and mail.ca_certificate"),
        error => failed(error.to_string()),
    });
    Ok(Arc::new(opened?))
}

pub fn open_engine(folder: &DataFolder, roots: Roots, limits: EngineLimits) -> Result<Engine, CommandError> {
    shared_engine(folder, roots, limits, Sharing::default())
}

fn shared_engine(folder: &DataFolder, roots: Roots, limits: EngineLimits, sharing: Sharing) -> Result<Engine, CommandError> {
    let places = [("data.root", roots.rows.clone()), ("artifacts.root", roots.artifacts.clone())];
    let settings = EngineSettings {
        data_root: roots.rows,
        artifact_root: roots.artifacts,
        memory_limit: limits.memory,
        spill_dir: folder.spill(),
        spill_limit: limits.spill,
        partitions: limits.partitions,
    };
    Engine::shared(settings, sharing).map_err(|error| {
        // The library's own words say neither which of the places it is nor what helps.
        let faults = places.iter().find_map(|(key, root)| root.fault().map(|(error, advice)| (key, root, error, advice)));
        match faults {
            Some((key, root, error, advice)) => {
                CommandError { hint: advice, ..CommandError::failed(format!("{root} ({key}) cannot be used: {error}")) }
            }
            None => error.into(),
        }
    })
}

/// A manual clock continues where it stopped; a new one starts at the system's time.
async fn open_clock(store: &Store, manual: bool) -> Result<Clock, CommandError> {
    let failed = |error: insightgate_store::StoreError| CommandError::failed(error.to_string());
    if !manual && store.is_shared() {
        let clock = Clock::shared(Clock::of_system);
        clock.follow(store).await.map_err(failed)?;
        if let Some(warning) = clock.warning() {
            tracing::warn!("{warning}");
        }
        return Ok(clock);
    }
    if !manual {
        return Ok(Clock::System);
    }
    let kept = store.setting(MANUAL_CLOCK).await.map_err(failed)?;
    let now = match kept {
        None => Clock::System.now(),
        // Starting at another time could move the clock back.
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map_err(|error| CommandError::failed(format!("the clock's kept time '{text}' cannot be read: {error}")))?
            .to_utc(),
    };
    store.put_setting(MANUAL_CLOCK, &now.to_rfc3339()).await.map_err(failed)?;
    Ok(Clock::manual(now))
}

/// Binds the port now, so that a port in use is reported before anything else is done.
pub fn listen(address: SocketAddr, flag: &str) -> Result<(TcpListener, SocketAddr), CommandError> {
    let failed = |error: std::io::Error| {
        let hint = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("another program serves there, perhaps another insightgate: choose another address with {flag}")
            }
            ErrorKind::PermissionDenied => format!("ports below 1024 are for the system: choose another address with {flag}"),
            _ => format!("choose another address with {flag}"),
        };
        CommandError::failed(format!("cannot listen at {address}: {error}")).hint(hint)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The tasks of a server, which run until they are asked to stop.
pub struct Running {
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    tasks: JoinSet<()>,
    context: SharedContext,
}

impl Running {
    /// Starts the background work of these roles. One tenant has at most this many concurrent executions; there is room for more of other tenants.
    pub fn start(context: &SharedContext, roles: &[ServerRole], of_one_tenant: usize) -> Running {
        let (stop, stopped) = watch::channel(false);
        let mut running = Running { stop, stopped, tasks: JoinSet::new(), context: Arc::clone(context) };
        for (run_by, background_loop) in background_loops::all(context, of_one_tenant) {
            let is_ours = match run_by {
                RunBy::Every => true,
                RunBy::Schedulers => roles.contains(&ServerRole::Scheduler),
                RunBy::Workers => roles.contains(&ServerRole::Worker),
            };
            if is_ours {
                running.start_loop(background_loop);
            }
        }
        running
    }

    /// Runs until the server stops.
    pub fn start_loop(&mut self, background_loop: Loop) {
        background_loop.start(&self.context.background, &self.stopped, &mut self.tasks);
    }

    /// Serves the API, over TLS if there is a certificate. What is sent through the result takes the router's place.
    pub fn serve(
        &mut self,
        listener: TcpListener,
        state: ApiState,
        tls: Option<RustlsConfig>,
        doors: &Doors,
    ) -> Result<watch::Sender<Router>, CommandError> {
        let failed = |error: std::io::Error| CommandError::failed(format!("the listener could not be started: {error}"));
        let listener = listener::prepared(listener).map_err(failed)?;
        let (replace, app) = watch::channel(router(state));
        self.tasks.spawn(listener::serve(listener, app, tls, doors.clone(), self.stopped.clone()));
        Ok(replace)
    }

    /// Serves what operators look at, over HTTP, with places of its own, so that it answers when clients have taken all others.
    pub fn serve_telemetry(&mut self, listener: TcpListener, intake: Arc<Intake>, doors: &Doors) -> Result<(), CommandError> {
        let failed = |error: std::io::Error| CommandError::failed(format!("the listener of telemetry could not be started: {error}"));
        let listener = listener::prepared(listener).map_err(failed)?;
        let places = Places { total: TELEMETRY_PLACES, per_address: TELEMETRY_PLACES, proxies: Vec::new() };
        let doors = Doors { admission: Admission::new(places), ..doors.clone() };
        // Nothing takes this router's place.
        let (_, app) = watch::channel(telemetry_router(Arc::clone(&self.context), intake));
        self.tasks.spawn(listener::serve(listener, app, None, doors, self.stopped.clone()));
        Ok(())
    }

    /// Waits for running work, and then closes the database.
    pub async fn stop(mut self) {
        let drain = self.context.settings.drain;
        let _ = self.stop.send(true);
        let mut drained = ended_within(&mut self.tasks, drain).await;
        // An execution can only be released if the database answers.
        if !drained && self.context.store.lease_time().await.is_ok() {
            drained = ended_within(&mut self.tasks, GIVING_BACK).await;
        }
        if !drained {
            tracing::warn!("what still ran was stopped; executions will be taken up again at the next start");
            self.tasks.shutdown().await;
        }
        // A database that does not answer must not keep the process from ending.
        let counted = tokio::time::timeout(GIVING_BACK, write_counts(&self.context)).await;
        if !matches!(counted, Ok(Ok(()))) {
            tracing::error!("the last counts of refusals could not be written");
        }
        let noted = tokio::time::timeout(GIVING_BACK, usage::files::write_down(&self.context, true)).await;
        if !matches!(noted, Ok(Ok(()))) {
            tracing::error!("the last events of the access log could not be written");
        }
        self.context.store.close().await;
    }
}

async fn ended_within(tasks: &mut JoinSet<()>, limit: Duration) -> bool {
    tokio::time::timeout(limit, async { while tasks.join_next().await.is_some() {} }).await.is_ok()
}

/// Waits until the process is asked to end.
pub async fn until_stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        let terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
        match terminated {
            Ok(mut terminated) => {
                tokio::select! {
                    _ = interrupted => {}
                    _ = terminated.recv() => {}
                }
            }
            Err(_) => {
                let _ = interrupted.await;
            }
        }
    }
    #[cfg(not(unix))]
    {
        let _ = interrupted.await;
    }
}

/// The number of cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
