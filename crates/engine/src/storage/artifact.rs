//! Artifacts: finished files, under keys that contain only identifiers.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use insightgate_query::format::Format;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _};
use uuid::Uuid;

use crate::error::EngineError;
use crate::storage::block_sums::{BLOCK, BlockSum, block_sums};
use crate::storage::store_url::OpenedStore;

/// `<tenant>/<report>/<execution>-<epoch>.<end>`: the key never contains a name that a client chose. Where links lead to the store, files are named after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArtifactKey {
    pub tenant: Uuid,
    pub report: Uuid,
    pub execution: Uuid,
    /// The attempt's epoch, so that a late attempt cannot overwrite the artifact of a newer one.
    pub epoch: u64,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactMeta {
    /// The size in bytes.
    pub size: u64,
    pub etag: Option<String>,
    pub last_modified: DateTime<Utc>,
}

/// An artifact in the store, whether or not an execution refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArtifact {
    pub key: ArtifactKey,
    /// The time of the last change, by the store's own clock.
    pub last_modified: DateTime<Utc>,
    /// The size in bytes.
    pub size: u64,
}

/// The text is not the key of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no key of an artifact")]
pub struct BadArtifactKey(String);

impl ArtifactKey {
    pub(crate) fn path(&self) -> Path {
        Path::from(self.to_string())
    }
}

impl fmt::Display for ArtifactKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ArtifactKey { tenant, report, execution, epoch, format } = self;
        write!(f, "{tenant}/{report}/{execution}-{epoch}.{}", end(*format))
    }
}

/// The end of a key: it is another one for each format, and ends with the format's extension.
fn end(format: Format) -> &'static str {
    match format {
        Format::CsvExcel => "excel.csv",
        other => other.extension(),
    }
}

impl FromStr for ArtifactKey {
    type Err = BadArtifactKey;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, BadArtifactKey> {
        let parse = || {
            let (folders, file) = text.rsplit_once('/')?;
            let (tenant, report) = folders.split_once('/')?;
            let (stem, said) = file.split_once('.')?;
            let (execution, epoch) = stem.rsplit_once('-')?;
            Some(ArtifactKey {
                tenant: tenant.parse().ok()?,
                report: report.parse().ok()?,
                execution: execution.parse().ok()?,
                epoch: epoch.parse().ok()?,
                format: Format::ALL.iter().copied().find(|format| end(*format) == said)?,
            })
        };
        parse().filter(|key| key.to_string() == text).ok_or_else(|| BadArtifactKey(text.to_owned()))
    }
}

/// The bytes of a local file that one read should take: with fewer bytes, more reads have to go to another thread and back.
const OF_FILE: u64 = 2 * BLOCK;
/// The bytes of an object that one read should take: each read is a request of its own, so that no request lasts as long as a slow reader.
const OF_OBJECT: u64 = 4 * BLOCK;

/// An artifact that is read range by range, as slowly as its reader takes it.
pub struct ArtifactReader {
    size: u64,
    place: Place,
}

enum Place {
    /// An open file, which stays readable when it is removed.
    File(Arc<File>, PathBuf),
    Store(Arc<dyn ObjectStore>, Path),
}

impl ArtifactReader {
    pub(crate) async fn open(artifacts: &OpenedStore, key: &ArtifactKey) -> Result<ArtifactReader, EngineError> {
        let path = key.path();
        if !artifacts.is_folder() {
            let size = artifacts.store.head(&path).await.map_err(missing)?.size;
            return Ok(ArtifactReader { size, place: Place::Store(Arc::clone(&artifacts.store), path) });
        }
        let found = artifacts.store.get_opts(&path, GetOptions::default()).await.map_err(missing)?;
        let size = found.meta.size;
        match found.payload {
            GetResultPayload::File(file, path) => Ok(ArtifactReader { size, place: Place::File(Arc::new(file), path) }),
            GetResultPayload::Stream(_) => Ok(ArtifactReader { size, place: Place::Store(Arc::clone(&artifacts.store), path) }),
        }
    }

    /// The bytes that the store has. The size that was written is known to the publisher of the artifact.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The most bytes of one read: a whole number of blocks.
    pub fn most_at_once(&self) -> u64 {
        match self.place {
            Place::File(..) => OF_FILE,
            Place::Store(..) => OF_OBJECT,
        }
    }

    /// Reads all bytes of the range. If there are `sums`, the range must begin and end at a block or at the end of the file.
    ///
    /// # Errors
    ///
    /// [`EngineError::Damaged`] if bytes are missing or do not match `sums`; otherwise the error of the store.
    pub async fn read(&mut self, range: Range<u64>, sums: Option<Vec<BlockSum>>) -> Result<Bytes, EngineError> {
        let (start, wanted) = (range.start, range.end.saturating_sub(range.start));
        let checked = move |bytes: Bytes| {
            let damaged = |detail: String| Err(EngineError::Damaged { detail });
            if bytes.len() as u64 != wanted {
                return damaged(format!("{} of {wanted} bytes from byte {start} on are there", bytes.len()));
            }
            let Some(sums) = sums else { return Ok(bytes) };
            let found = block_sums([bytes.as_ref()]);
            if found == sums {
                return Ok(bytes);
            }
            let first = found.iter().zip(&sums).take_while(|(found, sum)| found == sum).count() as u64;
            damaged(format!("the block at byte {} is not what was written", start + first * BLOCK))
        };
        // Checksums take as long as reading does, and must not run on the threads that serve requests.
        let read = match &self.place {
            Place::File(file, path) => {
                let (file, what) = (Arc::clone(file), path.display().to_string());
                tokio::task::spawn_blocking(move || checked(read_range(&file, start, wanted).map_err(EngineError::io(what))?))
            }
            Place::Store(store, path) => {
                let bytes = store.get_range(path, range).await.map_err(missing)?;
                tokio::task::spawn_blocking(move || checked(bytes))
            }
        };
        read.await.unwrap_or_else(|stopped| Err(EngineError::Plan(format!("a read of an artifact stopped: {stopped}"))))
    }
}

/// Returns fewer bytes than wanted if the file ends before.
fn read_range(mut file: &File, start: u64, wanted: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(wanted).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(start))?;
    file.take(wanted).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

pub(crate) fn missing(error: object_store::Error) -> EngineError {
    match error {
        object_store::Error::NotFound { .. } => EngineError::NoSuchArtifact,
        other => other.into(),
    }
}
