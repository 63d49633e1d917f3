//! The context that every operation gets. Time, identifiers and randomness come from it.

use std::path::PathBuf;
use std::sync::Arc;

use insightgate_engine::Engine;
use insightgate_outbound::{MailError, Mailer, Outbound};
use insightgate_store::Store;
use thiserror::Error;

use crate::audit::recorder::Recorder;
use crate::background::Background;
use crate::callers::directory::Directory;
use crate::clock::Clock;
use crate::clock::watch::ClockWatch;
use crate::credentials::address_guard::AddressGuard;
use crate::credentials::guess_key::{GuessKey, GuessKeyFault};
use crate::credentials::password::Passwords;
use crate::datasets::catalogs::Catalogs;
use crate::executions::artifact_room::ArtifactRoom;
use crate::executions::downloads::Downloads;
use crate::executions::held_polls::HeldPolls;
use crate::executions::link::{LinkKeyFault, LinkKeys};
use crate::external_issuers::ExternalIssuers;
use crate::issue_token::device_polls::DevicePolls;
use crate::keys::signing::{SigningFault, SigningKeys};
use crate::keys::vault::Vault;
use crate::limits::Limits;
use crate::random::Random;
use crate::readiness::Readiness;
use crate::sandbox::Sandbox;
pub use crate::settings::Settings;
pub use crate::signals::Signals;
use crate::telemetry::Telemetry;
use crate::usage::recorder::Recorder as UsageRecorder;

pub struct Context {
    pub store: Store,
    pub directory: Directory,
    pub engine: Engine,
    pub catalogs: Catalogs,
    pub clock: Clock,
    pub random: Random,
    pub passwords: Passwords,
    pub vault: Vault,
    pub signing: SigningKeys,
    pub links: LinkKeys,
    pub issuers: ExternalIssuers,
    /// The client that sends callbacks, under the rules of the settings.
    pub outbound: Outbound,
    /// None: no mail is sent or written.
    pub mail: Option<Mailer>,
    pub settings: Settings,
    pub signals: Signals,
    pub held_polls: HeldPolls,
    pub addresses: AddressGuard,
    /// The addresses that sent wrong client secrets.
    pub secret_senders: AddressGuard,
    pub downloads: Downloads,
    pub limits: Limits,
    pub readiness: Readiness,
    pub recorder: Recorder,
    /// The events of the access log that are not written yet.
    pub usage: UsageRecorder,
    pub clock_watch: ClockWatch,
    pub guess_key: GuessKey,
    pub device_polls: DevicePolls,
    pub artifact_room: ArtifactRoom,
    pub background: Arc<Background>,
    pub telemetry: Telemetry,
    /// None: no fault can be ordered.
    pub sandbox: Option<Sandbox>,
}

/// Shared by handlers and background work.
pub type SharedContext = Arc<Context>;

/// The parts that a context is made from. Everything else is read from the store or begins empty.
pub struct Parts {
    pub store: Store,
    pub engine: Engine,
    pub vault: Vault,
    pub clock: Clock,
    pub random: Random,
    pub issuers: ExternalIssuers,
    pub outbound: Outbound,
    pub settings: Settings,
    /// The folder of the definitions of datasets.
    pub definitions: PathBuf,
    /// How many passwords are hashed at the same time.
    pub hashes: usize,
    pub sandbox: Option<Sandbox>,
}

#[derive(Debug, Error)]
pub enum ContextFault {
    #[error(transparent)]
    Signing(#[from] SigningFault),
    #[error(transparent)]
    Links(#[from] LinkKeyFault),
    #[error(transparent)]
    Guesses(#[from] GuessKeyFault),
    #[error("mail cannot be sent: {0}")]
    Mail(#[from] MailError),
}

impl Context {
    /// Opens a context and loads its keys. The first start makes them.
    ///
    /// # Errors
    /// When the database does not answer, a key cannot be made or decrypted, or mail cannot be sent as the settings say.
    pub async fn open(parts: Parts) -> Result<Context, ContextFault> {
        let Parts { store, engine, vault, clock, random, issuers, outbound, settings, definitions, hashes, sandbox } = parts;
        Ok(Context {
            signing: SigningKeys::load(&store, &vault, &clock).await?,
            links: LinkKeys::load(&store, &vault, &clock, &random).await?,
            guess_key: GuessKey::load(&store, &vault, &clock, &random).await?,
            directory: Directory::new(store.clone()),
            mail: settings.mail.as_ref().map(Mailer::new).transpose()?,
            telemetry: Telemetry::new(&store, &engine, settings.tenant_telemetry),
            store,
            engine,
            catalogs: Catalogs::new(definitions),
            clock,
            random,
            passwords: Passwords::new(hashes),
            vault,
            issuers,
            outbound,
            settings,
            signals: Signals::default(),
            held_polls: HeldPolls::default(),
            addresses: AddressGuard::default(),
            secret_senders: AddressGuard::default(),
            downloads: Downloads::default(),
            limits: Limits::default(),
            readiness: Readiness::default(),
            recorder: Recorder::default(),
            usage: UsageRecorder::default(),
            clock_watch: ClockWatch::default(),
            device_polls: DevicePolls::default(),
            artifact_room: ArtifactRoom::default(),
            background: Arc::default(),
            sandbox,
        })
    }
}
