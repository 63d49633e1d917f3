//! Tries a place of rows or artifacts step by step, as the server uses it, and says what is missing.

use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, RetryConfig};

use crate::error::EngineError;
use crate::storage::advice::{Step, advice};
use crate::storage::store_url::{DataRoot, OpenedStore};

/// Whoever asks waits for the answer: a store that is away is told sooner than to a query.
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 1, retry_timeout: Duration::from_secs(5), ..RetryConfig::default() }
}

/// Longer than what is read of it as a part.
const PROBE: &[u8] = b"insightgate store check: this file may be removed\n";
/// The folder of the file, so that a list of it is short.
const FOLDER: &str = "insightgate-store-check";

/// What the place is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Rows: they are listed and read.
    Reading,
    /// Artifacts: they are written and removed too.
    Writing,
}

/// The outcome of one step.
#[derive(Debug)]
pub struct Tried {
    pub step: Step,
    /// What was seen, or what went wrong.
    pub outcome: Result<String, EngineError>,
    /// What to do about it.
    pub advice: Option<String>,
}

impl DataRoot {
    /// Tries each step that this use needs, until one fails that the others depend on. A probe of this name is written, and removed again in any case.
    pub async fn try_out(&self, purpose: Use, probe: &str) -> Vec<Tried> {
        let mut tried = Vec::new();
        let mut told = |step, outcome: Result<String, EngineError>| {
            let succeeded = outcome.is_ok();
            let advice = outcome.as_ref().err().and_then(|error| self.advice(step, error));
            tried.push(Tried { step, outcome, advice });
            succeeded
        };
        let store = match self.open_existing(retry()) {
            Ok(store) => store,
            Err(error) => {
                told(Step::Open, Err(error));
                return tried;
            }
        };
        told(Step::Open, Ok("the settings are complete".to_owned()));
        match purpose {
            Use::Reading => {
                let listed = first(&store).await;
                let found = listed.as_ref().ok().cloned().flatten();
                if told(Step::List, listed.map(|found| found.map_or("nothing is there yet".to_owned(), |path| format!("{path} and more"))))
                    && let Some(path) = found
                {
                    told(
                        Step::ReadRange,
                        store.store.get_range(&path, 0..1).await.map(|_| format!("a byte of {path}")).map_err(EngineError::from),
                    );
                }
            }
            Use::Writing => {
                let path = Path::from_iter([FOLDER, probe]);
                if !told(
                    Step::Write,
                    store.store.put(&path, PROBE.into()).await.map(|_| format!("{} bytes", PROBE.len())).map_err(EngineError::from),
                ) {
                    told(Step::List, first(&store).await.map(|_| "the place can be listed".to_owned()));
                    return tried;
                }
                told(Step::List, listed(&store, &path).await);
                let read = async { store.store.get(&path).await?.bytes().await };
                told(Step::Read, read.await.map_err(EngineError::from).and_then(|bytes| same(bytes, PROBE)));
                let (_, part) = PROBE.split_at(PROBE.len() / 2);
                let range = (PROBE.len() - part.len()) as u64..PROBE.len() as u64;
                told(
                    Step::ReadRange,
                    store.store.get_range(&path, range).await.map_err(EngineError::from).and_then(|bytes| same(bytes, part)),
                );
                told(Step::Remove, store.store.delete(&path).await.map(|()| "it is gone".to_owned()).map_err(EngineError::from));
            }
        }
        tried
    }

    /// What to do about an error of this store.
    pub fn advice(&self, step: Step, error: &EngineError) -> Option<String> {
        match (self, error) {
            (DataRoot::Store(url), EngineError::Store(fault)) => advice(url.scheme(), url.container(), step, fault),
            (DataRoot::Folder(folder), error) if error.is_storage_full() => {
                Some(format!("free some space on the disk of {}", folder.display()))
            }
            (DataRoot::Folder(folder), _) => {
                Some(format!("{} has to be there, with its disk mounted, and belong to the user that the server runs as", folder.display()))
            }
            _ => None,
        }
    }
}

async fn first(store: &OpenedStore) -> Result<Option<Path>, EngineError> {
    Ok(store.store.list(None).try_next().await?.map(|found| found.location))
}

async fn listed(store: &OpenedStore, path: &Path) -> Result<String, EngineError> {
    let mut found = store.store.list(Some(&Path::from(FOLDER)));
    while let Some(meta) = found.try_next().await? {
        if meta.location == *path {
            return Ok("the file is in the list".to_owned());
        }
    }
    Err(EngineError::Damaged { detail: "the file that was written is not in the list".to_owned() })
}

fn same(bytes: Bytes, expected: &[u8]) -> Result<String, EngineError> {
    if bytes == expected {
        return Ok("the bytes that were written".to_owned());
    }
    Err(EngineError::Damaged { detail: "other bytes than were written".to_owned() })
}
