//! What every operation works with. Time, identifiers and randomness come from here.

use std::sync::Arc;

use insightgate_engine::Engine;
use insightgate_outbound::Outbound;
use insightgate_store::Store;

use crate::audit::recorder::Recorder;
use crate::background::Background;
use crate::callers::directory::Directory;
use crate::clock::Clock;
use crate::clock::watch::ClockWatch;
use crate::credentials::address_guard::AddressGuard;
use crate::credentials::guess_key::GuessKey;
use crate::credentials::password::Passwords;
use crate::datasets::catalogs::Catalogs;
use crate::executions::artifact_room::ArtifactRoom;
use crate::executions::downloads::Downloads;
use crate::executions::held_polls::HeldPolls;
use crate::executions::link::LinkKeys;
use crate::external_issuers::ExternalIssuers;
use crate::issue_token::device_polls::DevicePolls;
use crate::keys::signing::SigningKeys;
use crate::keys::vault::Vault;
use crate::random::Random;
use crate::readiness::Readiness;
pub use crate::settings::Settings;
pub use crate::signals::Signals;

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
    /// The way of callbacks, under the rules of the settings.
    pub outbound: Outbound,
    pub settings: Settings,
    pub signals: Signals,
    pub held_polls: HeldPolls,
    pub addresses: AddressGuard,
    pub downloads: Downloads,
    pub readiness: Readiness,
    pub recorder: Recorder,
    pub clock_watch: ClockWatch,
    pub guess_key: GuessKey,
    pub device_polls: DevicePolls,
    pub artifact_room: ArtifactRoom,
    pub background: Arc<Background>,
}

/// Shared by handlers and background work.
pub type SharedContext = Arc<Context>;
