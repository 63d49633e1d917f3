//! Finished files, by keys that hold nothing but identifiers.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use uuid::Uuid;

use crate::encode::Format;
use crate::engine::Engine;
use crate::error::EngineError;

/// `<tenant>/<report>/<execution>-<epoch>.<ext>`: no name that a client chose is ever part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ArtifactKey {
    pub tenant: Uuid,
    pub report: Uuid,
    pub execution: Uuid,
    /// The attempt's epoch: a late attempt cannot write over a newer one's file.
    pub epoch: u64,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactMeta {
    /// Bytes.
    pub size: u64,
    pub etag: Option<String>,
    pub last_modified: DateTime<Utc>,
}

/// A file that lies in the store, whether a run still knows of it or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArtifact {
    pub key: ArtifactKey,
    /// By the store's own clock.
    pub last_modified: DateTime<Utc>,
    /// Bytes.
    pub size: u64,
}

/// The text is no key of an artifact.
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
        write!(f, "{tenant}/{report}/{execution}-{epoch}.{}", format.extension())
    }
}

impl FromStr for ArtifactKey {
    type Err = BadArtifactKey;

    /// Reads what `Display` writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, BadArtifactKey> {
        let parse = || {
            let (folders, file) = text.rsplit_once('/')?;
            let (tenant, report) = folders.split_once('/')?;
            let (stem, extension) = file.split_once('.')?;
            let (execution, epoch) = stem.rsplit_once('-')?;
            Some(ArtifactKey {
                tenant: tenant.parse().ok()?,
                report: report.parse().ok()?,
                execution: execution.parse().ok()?,
                epoch: epoch.parse().ok()?,
                format: Format::from_extension(extension)?,
            })
        };
        parse().filter(|key| key.to_string() == text).ok_or_else(|| BadArtifactKey(text.to_owned()))
    }
}

impl Engine {
    pub async fn open(&self, key: &ArtifactKey) -> Result<ArtifactMeta, EngineError> {
        let meta = self.inner.artifacts.store.head(&key.path()).await.map_err(missing)?;
        Ok(ArtifactMeta { size: meta.size, etag: meta.e_tag, last_modified: meta.last_modified })
    }

    /// The bytes of the range (half-open), as they are read. Ends at the artifact's end if the range does not. A tenant may read
    /// [some at once](crate::readers::MOST_PER_TENANT).
    pub async fn read(&self, key: &ArtifactKey, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, EngineError>>, EngineError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let reader = self.inner.readers.admit(key.tenant).ok_or(EngineError::Busy)?;
        let size = self.open(key).await?.size;
        if range.start >= size {
            return Err(EngineError::BadRange);
        }
        let options = GetOptions { range: Some(GetRange::Bounded(range.start..range.end.min(size))), ..GetOptions::default() };
        let found = self.inner.artifacts.store.get_opts(&key.path(), options).await.map_err(missing)?;
        let read = match found.payload {
            GetResultPayload::File(file, path) => blocks(file, path, found.range),
            GetResultPayload::Stream(stream) => stream.map_err(EngineError::from).boxed(),
        };
        // The place goes with the stream.
        Ok(read.inspect(move |_| _ = &reader).boxed())
    }

    /// An address of the store's own that opens the artifact to whoever has it, for so long; None where artifacts lie in a folder. It cannot be
    /// taken back, and nobody looks whether the artifact is there.
    pub async fn signed_address(&self, key: &ArtifactKey, lifetime: Duration) -> Result<Option<String>, EngineError> {
        match &self.inner.artifacts.signing {
            Some(signing) => signing.address(&key.path(), lifetime).await.map(Some),
            None => Ok(None),
        }
    }

    /// Every artifact in the store, page by page as it is asked for: those of runs that nobody knows of any more too. Whatever else lies there is
    /// passed over.
    pub fn list_artifacts(&self) -> BoxStream<'static, Result<ListedArtifact, EngineError>> {
        let listed = self.inner.artifacts.store.list(None).filter_map(async |found| match found {
            Ok(ObjectMeta { location, last_modified, size, .. }) => {
                location.as_ref().parse().ok().map(|key| Ok(ListedArtifact { key, last_modified, size }))
            }
            Err(error) => Some(Err(error.into())),
        });
        listed.boxed()
    }

    /// Deletes whatever lies under the report's prefix, whichever runs wrote it. One that stays does not keep the others.
    pub async fn delete_report_files(&self, tenant: Uuid, report: Uuid) -> Result<(), EngineError> {
        let prefix = Path::from(format!("{tenant}/{report}"));
        let found: Vec<_> = self.inner.artifacts.store.list(Some(&prefix)).try_collect().await?;
        let mut outcome = Ok(());
        for file in found {
            match self.inner.artifacts.store.delete(&file.location).await {
                Err(object_store::Error::NotFound { .. }) | Ok(()) => {}
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }

    /// Deleting what is not there is no error.
    pub async fn delete(&self, key: &ArtifactKey) -> Result<(), EngineError> {
        match self.inner.artifacts.store.delete(&key.path()).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// What a reader of a local file holds of it at once. The store's own stream has blocks of 8 KiB, each of which is a way to another thread and back.
pub(crate) const BLOCK: u64 = 256 << 10;

fn blocks(file: File, path: PathBuf, range: Range<u64>) -> BoxStream<'static, Result<Bytes, EngineError>> {
    let blocks = futures::stream::try_unfold((file, range), |(file, left)| async {
        if left.is_empty() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || {
            let (block, next) = (read_block(&file, &left)?, left.start.saturating_add(BLOCK).min(left.end));
            Ok(Some((block, (file, next..left.end))))
        });
        read.await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
    });
    blocks.map_err(move |source| EngineError::Io { what: path.display().to_string(), source }).boxed()
}

fn read_block(mut file: &File, left: &Range<u64>) -> io::Result<Bytes> {
    let wanted = (left.end - left.start).min(BLOCK);
    let mut block = Vec::with_capacity(usize::try_from(wanted).map_err(io::Error::other)?);
    file.seek(SeekFrom::Start(left.start))?;
    file.take(wanted).read_to_end(&mut block)?;
    match block.len() as u64 == wanted {
        true => Ok(block.into()),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn missing(error: object_store::Error) -> EngineError {
    match error {
        object_store::Error::NotFound { .. } => EngineError::NoSuchArtifact,
        other => other.into(),
    }
}
