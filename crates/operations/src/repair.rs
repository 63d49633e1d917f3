//! Looks through a deployment for what is damaged, lost or left over, and mends what can be mended without a loss.
//!
//! For the operator who has the data folder and the database: there is no caller whose rights could be checked. Nothing is changed unless a
//! [`Provisioner`] is given, and no row of a user's is ever deleted.

pub mod artifacts;
pub mod finding;
pub mod secrets;

use insightgate_engine::{Engine, EngineError};
use insightgate_store::{Store, StoreError};
use thiserror::Error;

use crate::clock::Clock;
use crate::provisioning::Provisioner;
use crate::random::{NoRandomness, Random};

/// What a check works on.
pub struct Repair {
    pub store: Store,
    pub engine: Engine,
    pub clock: Clock,
    pub random: Random,
    /// Whether what can be mended safely is mended.
    pub mending: Option<Provisioner>,
}

/// The check could not be made.
#[derive(Debug, Error)]
pub enum RepairFault {
    #[error(transparent)]
    Database(#[from] StoreError),
    #[error("the artifact store: {0}")]
    Artifacts(#[from] EngineError),
    #[error(transparent)]
    Random(#[from] NoRandomness),
}
