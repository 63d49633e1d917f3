//! What the engine does with its stores besides queries: it opens, lists and deletes artifacts, and checks both stores.

use std::sync::Arc;
use std::time::Duration;

use futures::TryFutureExt as _;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use insightgate_identity::program::Program;
use insightgate_query::datasets::catalog::Dataset;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _};
use uuid::Uuid;

use crate::error::EngineError;
use crate::rows::check_files::FileCheck;
use crate::run::engine::Engine;
use crate::storage::artifact::{ArtifactKey, ArtifactMeta, ArtifactReader, ListedArtifact, missing};
use crate::storage::{odd_names, reachable};

impl Engine {
    /// Returns the size of an artifact, and when it was written.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchArtifact`] if the artifact does not exist; otherwise the error of the store.
    pub async fn open(&self, key: &ArtifactKey) -> Result<ArtifactMeta, EngineError> {
        let meta = self.inner.artifacts.store.head(&key.path()).await.map_err(missing)?;
        Ok(ArtifactMeta { size: meta.size, etag: meta.e_tag, last_modified: meta.last_modified })
    }

    /// Opens an artifact for reading. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`EngineError::NoSuchArtifact`] if the artifact does not exist; otherwise the error of the store.
    pub async fn open_reader(&self, key: &ArtifactKey) -> Result<ArtifactReader, EngineError> {
        ArtifactReader::open(&self.inner.artifacts, key).await
    }

    /// Returns a presigned URL of the store, which opens the artifact to whoever has it for the given time; `None` if artifacts are stored in a
    /// folder. The URL cannot be revoked, and whether the artifact exists is not checked.
    ///
    /// # Errors
    ///
    /// Fails if the store's credentials cannot sign.
    pub async fn signed_address(&self, key: &ArtifactKey, lifetime: Duration) -> Result<Option<String>, EngineError> {
        match &self.inner.artifacts.signing {
            Some(signing) => signing.address(&key.path(), lifetime).await.map(Some),
            None => Ok(None),
        }
    }

    /// Lists every artifact in the store, page by page as the stream is read, including those of executions that no longer exist. All other files in
    /// the store are skipped, and so are all folders but those of tenants: a disk has a `lost+found` that the server may not read.
    pub fn list_artifacts(&self) -> BoxStream<'static, Result<ListedArtifact, EngineError>> {
        let artifacts = &self.inner.artifacts;
        let store = Arc::clone(&artifacts.store);
        if artifacts.keeps_types() {
            return listed(store.list(None));
        }
        let of_tenants = async move {
            let found = store.list_with_delimiter(None).await?.common_prefixes;
            let tenants = found.into_iter().filter(|folder| Uuid::try_parse(folder.as_ref()).is_ok());
            let files = futures::stream::iter(tenants).flat_map(move |tenant| listed(store.list(Some(&tenant))));
            Ok::<_, EngineError>(files)
        };
        of_tenants.try_flatten_stream().boxed()
    }

    /// The files in the folders of artifacts and of rows whose names cannot be read, as they can be shown. An artifact of such a name is never opened, and
    /// rows of such a name end the queries of their dataset. It reads the folders on the calling thread.
    ///
    /// # Errors
    ///
    /// Fails if a folder cannot be read.
    pub fn odd_names(&self) -> Result<Vec<String>, EngineError> {
        let mut found = Vec::new();
        for folder in [&self.inner.artifact_folder, &self.inner.data_folder].into_iter().flatten() {
            found.extend(odd_names::find(folder).map_err(EngineError::io(folder.display().to_string()))?);
        }
        Ok(found)
    }

    /// Deletes everything under the report's prefix, whichever executions wrote it. A file that cannot be deleted does not keep the others.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store for the last file that could not be deleted.
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

    /// Deletes an artifact. It is no error if the artifact does not exist.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn delete(&self, key: &ArtifactKey) -> Result<(), EngineError> {
        self.delete_quietly(&key.path()).await
    }

    /// Deletes a file beside the artifacts, if it is there.
    pub(crate) async fn delete_quietly(&self, path: &Path) -> Result<(), EngineError> {
        match self.inner.artifacts.store.delete(path).await {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Checks whether artifacts can be written and read. With `write`, a file of a few bytes is written; in a folder that is always done.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn check_artifacts(&self, write: bool) -> Result<(), EngineError> {
        reachable::there(self.inner.artifact_folder.clone()).await?;
        reachable::artifacts(&self.inner.artifacts, write).await
    }

    /// Checks whether rows can be read.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store.
    pub async fn check_rows(&self) -> Result<(), EngineError> {
        reachable::there(self.inner.data_folder.clone()).await?;
        reachable::look(self.inner.lake.store.as_ref()).await
    }

    /// Checks whether the files of a dataset fit its definition, for all tenants. It reads footers and no rows.
    ///
    /// # Errors
    ///
    /// Fails with the error of the store when the files are listed. A fault of a file is not an error, but part of the [`FileCheck`].
    pub async fn check_files(&self, program: Program, dataset: &Dataset) -> Result<FileCheck, EngineError> {
        self.inner.lake.check_files(program, dataset).await
    }
}

/// The artifacts among these files.
fn listed(files: BoxStream<'static, object_store::Result<ObjectMeta>>) -> BoxStream<'static, Result<ListedArtifact, EngineError>> {
    let artifacts = files.filter_map(async |found| match found {
        Ok(ObjectMeta { location, last_modified, size, .. }) => {
            location.as_ref().parse().ok().map(|key| Ok(ListedArtifact { key, last_modified, size }))
        }
        Err(error) => Some(Err(error.into())),
    });
    artifacts.boxed()
}
