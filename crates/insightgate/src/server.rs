//! Puts a server together: store, engine, keys, background work, listeners.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use chrono::DateTime;
use futures::FutureExt as _;
use hyper_util::rt::TokioTimer;
use insightgate_api::{ApiState, router};
use insightgate_engine::{DataRoot, Engine, EngineSettings};
use insightgate_operations::address_guard::AddressGuard;
use insightgate_operations::artifact_room::ArtifactRoom;
use insightgate_operations::background::{deliverer, keeper, runner, scheduler, sweeper};
use insightgate_operations::catalogs::Catalogs;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::{Context, Settings, SharedContext, Signals};
use insightgate_operations::directory::Directory;
use insightgate_operations::external_issuers::ExternalIssuers;
use insightgate_operations::link::LinkKeys;
use insightgate_operations::list_executions::HeldPolls;
use insightgate_operations::move_clock::MANUAL_CLOCK;
use insightgate_operations::password::Passwords;
use insightgate_operations::random::Random;
use insightgate_operations::seal_anew::seal_anew;
use insightgate_operations::signing::SigningKeys;
use insightgate_operations::unknown_names::UnknownNames;
use insightgate_outbound::Outbound;
use insightgate_store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::ServerRole;
use crate::command_error::CommandError;
use crate::connections::LimitedAcceptor;
use crate::data_folder::DataFolder;

/// A client must have sent its request's head by then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
const AFTER_PANIC: Duration = Duration::from_secs(1);
/// What is given back when the time to finish is over needs a moment for it.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// How large a query may grow, and how wide.
#[derive(Debug, Clone, Copy)]
pub struct EngineLimits {
    /// Bytes.
    pub memory: usize,
    /// Bytes of disk that one query may use for what does not fit into it.
    pub spill: u64,
    pub partitions: usize,
}

/// Where rows and the files of reports lie.
#[derive(Debug, Clone)]
pub struct Roots {
    pub rows: DataRoot,
    pub artifacts: DataRoot,
}

impl Roots {
    /// The data folder's own.
    pub fn of(folder: &DataFolder) -> Roots {
        Roots { rows: folder.data().into(), artifacts: folder.artifacts().into() }
    }
}

/// Opens what the server works on.
pub async fn open_context(
    folder: &DataFolder,
    roots: Roots,
    database_url: &str,
    settings: Settings,
    issuers: ExternalIssuers,
    limits: EngineLimits,
    manual_clock: bool,
) -> Result<SharedContext, CommandError> {
    let random = Random::default();
    let vault = folder.vault(&random)?;
    let store = Store::open(database_url).await.map_err(|error| CommandError::failed(error.to_string()))?;
    let clock = open_clock(&store, manual_clock).await?;
    let engine = open_engine(folder, roots, limits)?;
    let outbound = Outbound::new(settings.callbacks.addresses.clone(), settings.callbacks.ca_certificate.as_deref());
    let outbound = outbound.map_err(|error| CommandError::failed(format!("callbacks cannot be sent: {error}")))?;
    let failed = |error: String| CommandError::failed(error).hint("the keys belong to the encryption key that they were made with");
    seal_anew(&store, &vault).await.map_err(|error| failed(format!("{error:?}")))?;
    folder.forget_old_key()?;
    let signing = SigningKeys::load(&store, &vault, &clock).await.map_err(|error| failed(error.to_string()))?;
    let links = LinkKeys::load(&store, &vault, &clock, &random).await.map_err(|error| failed(error.to_string()))?;
    Ok(Arc::new(Context {
        directory: Directory::new(store.clone()),
        store,
        engine,
        catalogs: Catalogs::new(folder.definitions()),
        clock,
        random,
        // Half of the cores, so that a flood of sign-ins leaves the other half to everything else.
        passwords: Passwords::new(limits.partitions / 2),
        vault,
        signing,
        links,
        issuers,
        outbound,
        settings,
        signals: Signals::default(),
        held_polls: HeldPolls::default(),
        addresses: AddressGuard::default(),
        unknown_names: UnknownNames::default(),
        artifact_room: ArtifactRoom::default(),
    }))
}

pub fn open_engine(folder: &DataFolder, roots: Roots, limits: EngineLimits) -> Result<Engine, CommandError> {
    let settings = EngineSettings {
        data_root: roots.rows,
        artifact_root: roots.artifacts,
        memory_limit: limits.memory,
        spill_dir: folder.spill(),
        spill_limit: limits.spill,
        partitions: limits.partitions,
    };
    Engine::new(settings).map_err(|error| CommandError::failed(error.to_string()))
}

/// A manual clock goes on where it stood; the first one starts at the system's now.
async fn open_clock(store: &Store, manual: bool) -> Result<Clock, CommandError> {
    if !manual {
        return Ok(Clock::System);
    }
    let failed = |error: insightgate_store::StoreError| CommandError::failed(error.to_string());
    let kept = store.setting(MANUAL_CLOCK).await.map_err(failed)?;
    let now = match kept {
        None => Clock::System.now(),
        // Starting elsewhere could move it back.
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map_err(|error| CommandError::failed(format!("the clock's kept time '{text}' cannot be read: {error}")))?
            .to_utc(),
    };
    store.put_setting(MANUAL_CLOCK, &now.to_rfc3339()).await.map_err(failed)?;
    Ok(Clock::manual(now))
}

/// Takes the port now, so that a port in use shows before anything else is done.
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

/// By which clients on this machine reach a listener.
pub fn base_url(scheme: &str, address: SocketAddr) -> String {
    // An address that means all of them cannot be asked for.
    let address = if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address };
    format!("{scheme}://{address}")
}

/// What runs until it is told to stop.
pub struct Running {
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
    handles: Vec<Handle<SocketAddr>>,
    tasks: JoinSet<()>,
    context: SharedContext,
}

impl Running {
    /// Starts the background work of these roles.
    pub fn start(context: &SharedContext, roles: &[ServerRole], runners: usize) -> Running {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let shared = || (Arc::clone(context), stopped.clone());
        let (keeping, until) = shared();
        tasks.spawn(async move { lasting("the keeper", || keeper::run(&keeping, until.clone())).await });
        if roles.contains(&ServerRole::Scheduler) {
            let (scheduling, until) = shared();
            tasks.spawn(async move { lasting("the scheduler", || scheduler::run(&scheduling, until.clone())).await });
            let (sweeping, until) = shared();
            tasks.spawn(async move { lasting("the sweeper", || sweeper::run(&sweeping, until.clone())).await });
        }
        if roles.contains(&ServerRole::Worker) {
            for _ in 0..runners.max(1) {
                let (running, until) = shared();
                tasks.spawn(async move { lasting("a runner", || runner::run(&running, until.clone())).await });
            }
            let (delivering, until) = shared();
            tasks.spawn(async move { lasting("the deliverer", || deliverer::run(&delivering, until.clone())).await });
        }
        Running { stop, stopped, handles: Vec::new(), tasks, context: Arc::clone(context) }
    }

    /// Runs until the server stops.
    pub fn spawn<F: Future<Output = ()> + Send + 'static>(&mut self, task: impl FnOnce(watch::Receiver<bool>) -> F) {
        self.tasks.spawn(task(self.stopped.clone()));
    }

    /// Serves the API, over TLS when there is a certificate.
    pub fn serve(&mut self, listener: TcpListener, state: ApiState, tls: Option<RustlsConfig>) -> Result<(), CommandError> {
        let handle = Handle::new();
        let app = router(state).into_make_service_with_connect_info::<SocketAddr>();
        let failed = |error: std::io::Error| CommandError::failed(format!("the listener could not be started: {error}"));
        match tls {
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).acceptor(LimitedAcceptor::new());
                let server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(acceptor).handle(handle.clone());
                let mut server = server.first_request_timeout(HEAD_TIMEOUT);
                guard(server.http_builder());
                self.tasks.spawn(async move { report(server.serve(app).await) });
            }
            None => {
                let server = axum_server::from_tcp(listener).map_err(failed)?.acceptor(LimitedAcceptor::new()).handle(handle.clone());
                let mut server = server.first_request_timeout(HEAD_TIMEOUT);
                guard(server.http_builder());
                self.tasks.spawn(async move { report(server.serve(app).await) });
            }
        }
        self.handles.push(handle);
        Ok(())
    }

    /// Lets what runs finish, then closes the database.
    pub async fn stop(mut self) {
        let drain = self.context.settings.drain;
        let _ = self.stop.send(true);
        for handle in &self.handles {
            handle.graceful_shutdown(Some(drain));
        }
        let drained = tokio::time::timeout(drain + GIVING_BACK, async { while self.tasks.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("what still ran was stopped; runs will be taken up again at the next start");
            self.tasks.shutdown().await;
        }
        self.context.store.close().await;
    }
}

/// Begins the work anew where it panicked: what it does for others must not end with one mistake.
async fn lasting<F: Future<Output = ()>>(name: &str, work: impl Fn() -> F) {
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        tracing::error!("{name} panicked, and begins anew");
        tokio::time::sleep(AFTER_PANIC).await;
    }
}

fn guard(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30))).max_concurrent_streams(100);
}

fn report(ended: std::io::Result<()>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a listener ended");
    }
}

/// Until the process is asked to end.
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

/// Cores of this machine.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}
