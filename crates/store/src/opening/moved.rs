//! Notices that the file of a SQLite database is no longer the one that was opened. Connections that have it open go on to work on a file without a name,
//! and all that they write is lost when the process ends. It never opens anything.

use std::path::PathBuf;

use crate::StoreError;

/// A file, and which one it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OpenedFile {
    path: PathBuf,
    /// Its device and its number there.
    identity: (u64, u64),
}

impl OpenedFile {
    /// `None` where files have no such numbers.
    pub(crate) fn at(path: PathBuf) -> Option<OpenedFile> {
        let identity = identity(&path).ok()??;
        Some(OpenedFile { path, identity })
    }

    /// # Errors
    /// When the file is gone, or another one is in its place.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let place = || self.path.display().to_string();
        match identity(&self.path) {
            Ok(Some(found)) if found != self.identity => {
                Err(StoreError::Moved { place: place(), why: "another file lies there".to_owned() })
            }
            Ok(_) => Ok(()),
            Err(error) => Err(StoreError::Moved { place: place(), why: error.to_string() }),
        }
    }
}

#[cfg(unix)]
fn identity(path: &std::path::Path) -> std::io::Result<Option<(u64, u64)>> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).map(|found| Some((found.dev(), found.ino())))
}

#[cfg(not(unix))]
fn identity(_: &std::path::Path) -> std::io::Result<Option<(u64, u64)>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use tempfile::TempDir;

    use crate::{Store, StoreError, sqlite_url};

    #[tokio::test]
    async fn a_file_that_is_moved_or_replaced_is_noticed() {
        let folder = TempDir::new().unwrap();
        let (file, away) = (folder.path().join("a.db"), folder.path().join("b.db"));
        let store = Store::open(&sqlite_url(&file)).await.unwrap();
        store.check_place().await.unwrap();
        std::fs::rename(&file, &away).unwrap();
        let error = store.check_place().await.unwrap_err();
        assert!(matches!(&error, StoreError::Moved { place, .. } if *place == file.display().to_string()), "{error}");
        std::fs::copy(&away, &file).unwrap();
        assert!(store.check_place().await.unwrap_err().to_string().contains("another file"));
        std::fs::rename(&away, &file).unwrap();
        store.check_place().await.unwrap();
    }
}
