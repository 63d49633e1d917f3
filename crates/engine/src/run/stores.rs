//! What the engine does with its stores beside queries: artifacts are opened, listed and deleted, and both stores are checked.

use std::time::Duration;

use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use insightgate_identity::program::Program;
use insightgate_query::datasets::catalog::Dataset;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt as _};
use uuid::Uuid;

use crate::error::EngineError;
use crate::rows::check_files::FileCheck;
use crate::run::engine::Engine;
use crate::storage::artifact::{ArtifactKey, ArtifactMeta, ArtifactReader, ListedArtifact, missing};
use crate::storage::reachable;

impl Engine {
    /// How long an artifact is, and when it was written.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchArtifact`] when it is not there; what the store answered.
    pub async fn open(&self, key: &ArtifactKey) -> Result<ArtifactMeta, EngineError> {
        let meta = self.inner.artifacts.store.head(&key.path()).await.map_err(missing)?;
        Ok(ArtifactMeta { size: meta.size, etag: meta.e_tag, last_modified: meta.last_modified })
    }

    /// Opens an artifact for reading. Nothing of it is read yet.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchArtifact`] when it is not there; what the store answered.
    pub async fn open_reader(&self, key: &ArtifactKey) -> Result<ArtifactReader, EngineError> {
        ArtifactReader::open(&self.inner.artifacts, key).await
    }

    /// An address of the store's own that opens the artifact to whoever has it, for so long; None where artifacts lie in a folder. It cannot be
    /// taken back, and nobody looks whether the artifact is there.
    ///
    /// # Errors
    ///
    /// The store's credentials do not sign.
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
    ///
    /// # Errors
    ///
    /// What the store answered, to the last file that stays.
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
    ///
    /// # Errors
    ///
    /// What the store answered.
    pub async fn delete(&self, key: &ArtifactKey) -> Result<(), EngineError> {
        match self.inner.artifacts.store.delete(&key.path()).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether files of reports can be written and read. `write`: one of a few bytes is written, which is always done in a folder.
    ///
    /// # Errors
    ///
    /// What the store answered.
    pub async fn check_artifacts(&self, write: bool) -> Result<(), EngineError> {
        reachable::artifacts(&self.inner.artifacts, write).await
    }

    /// Whether rows can be read.
    ///
    /// # Errors
    ///
    /// What the store answered.
    pub async fn check_rows(&self) -> Result<(), EngineError> {
        reachable::look(self.inner.lake.store.as_ref()).await
    }

    /// Whether the files of a dataset fit its definition, whoever's they are. Footers are read; rows are not.
    ///
    /// # Errors
    ///
    /// What the store answered when the files were listed. What is wrong with a file is no error, but a fault of the [`FileCheck`].
    pub async fn check_files(&self, program: Program, dataset: &Dataset) -> Result<FileCheck, EngineError> {
        self.inner.lake.check_files(program, dataset).await
    }
}
