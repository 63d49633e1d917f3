//! Checks whether the stores of rows and artifacts can be used now, before a caller waits for them.
//!
//! The results never say where the stores are, since strangers can read them.

use std::path::PathBuf;

use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::error::EngineError;
use crate::storage::store_fault::FaultKind;
use crate::storage::store_url::OpenedStore;

/// Nothing is stored below this name, so that a listing is short. Checks that write replace the file of this name each time.
const NAME: &str = "readiness-check";

/// Checks whether artifacts can be written and read: see [`Engine::check_artifacts`](crate::Engine::check_artifacts).
pub(crate) async fn artifacts(artifacts: &OpenedStore, write: bool) -> Result<(), EngineError> {
    let path = Path::from(NAME);
    if write || !artifacts.keeps_types() {
        artifacts.store.put(&path, "ok\n".into()).await?;
    }
    if !artifacts.keeps_types() {
        return Ok(artifacts.store.delete(&path).await?);
    }
    look(artifacts.store.as_ref()).await
}

/// Checks whether the folder of a store is there. One that is gone looks empty to its readers, and the next file that is written makes it anew.
pub(crate) async fn there(folder: Option<PathBuf>) -> Result<(), EngineError> {
    let Some(folder) = folder else { return Ok(()) };
    let found = tokio::fs::metadata(&folder).await;
    found.map(drop).map_err(EngineError::io(folder.display().to_string()))
}

/// Checks whether a store can be listed.
pub(crate) async fn look(store: &dyn ObjectStore) -> Result<(), EngineError> {
    store.list(Some(&Path::from(NAME))).try_next().await?;
    Ok(())
}

impl EngineError {
    /// Whether a store is away, full or refuses the credentials, so that the request itself is not at fault.
    pub fn is_outage(&self) -> bool {
        match self {
            EngineError::Store(fault) => {
                matches!(fault.kind(), FaultKind::Unreachable | FaultKind::Refused | FaultKind::Missing | FaultKind::StorageFull)
            }
            _ => self.is_storage_full(),
        }
    }

    /// Whether a store does not answer, so that callers would wait for it.
    pub fn is_away(&self) -> bool {
        matches!(self, EngineError::Store(fault) if fault.kind() == FaultKind::Unreachable)
    }

    /// Whether the bucket or container does not exist.
    pub fn is_without_place(&self) -> bool {
        matches!(self, EngineError::Store(fault) if fault.kind() == FaultKind::Missing)
    }

    /// What is wrong with a store, in words that follow its name.
    pub fn trouble(&self) -> &'static str {
        match self {
            EngineError::Store(fault) => match fault.kind() {
                FaultKind::Unreachable => "does not answer, or answers with an error",
                FaultKind::Refused => "refuses the server's credentials",
                FaultKind::Missing => "has no such bucket or container",
                FaultKind::StorageFull => "is full",
                FaultKind::Unsupported | FaultKind::Other => "cannot be used",
            },
            other if other.is_storage_full() => "is full",
            _ => "cannot be used",
        }
    }
}
