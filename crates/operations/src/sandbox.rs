//! What only a sandbox has: failures that somebody ordered, and what meets them. A server has none of it, and asks nobody.

pub(crate) mod callbacks;
pub mod executions;
pub mod fault;
pub mod faults;
pub(crate) mod held;
pub mod journal;
pub mod order;
pub mod reset;

use std::sync::OnceLock;

use insightgate_store::Snapshot;
use tokio::sync::Mutex;

use crate::sandbox::faults::Faults;
use crate::sandbox::held::{HeldCallbacks, HeldExecutions};
use crate::sandbox::journal::Journal;

/// In memory: a restart begins without faults.
#[derive(Debug, Default)]
pub struct Sandbox {
    pub faults: Faults,
    /// Held while the demo makes its own calls. A reset and a new fault wait for it, so that these calls meet no fault and are part of no client's test.
    pub walk: Mutex<()>,
    /// Held from the look at the waiting executions until one of them is claimed. A new fault waits for it, so that no claim goes by an older look.
    pub claim: Mutex<()>,
    /// The last requests, secrets masked.
    pub requests: Journal,
    /// What the built-in receiver got.
    pub received: Journal,
    /// What a reset goes back to.
    pub(crate) first_state: OnceLock<Snapshot>,
    pub(crate) executions: HeldExecutions,
    pub(crate) callbacks: HeldCallbacks,
}
