//! The free space of the disk below a folder, for artifacts and intermediate results. They never use a certain part of it, which is left to the
//! database and to other programs.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::error::EngineError;

/// The part of a disk that is left free: the disk divided by this, but no more than [`MOST_LEFT`].
const PART_LEFT: u64 = 20;
const MOST_LEFT: u64 = 1 << 30;

/// The bytes that are written between two checks of the disk.
const STEP: u64 = 8 << 20;

/// The bytes that may be written below the folder; the largest number if the free space is unknown.
pub(crate) fn free(folder: &Path) -> u64 {
    #[cfg(unix)]
    if let Ok(disk) = rustix::fs::statvfs(folder) {
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        return bytes(disk.f_bavail).saturating_sub((bytes(disk.f_blocks) / PART_LEFT).min(MOST_LEFT));
    }
    let _ = folder;
    u64::MAX
}

/// Checks the disk repeatedly while a file is written to it.
#[derive(Debug)]
pub(crate) struct Watched {
    /// `None` if the file is not on a disk of this machine.
    folder: Option<PathBuf>,
    looked_at: Option<u64>,
}

impl Watched {
    pub(crate) fn new(folder: Option<PathBuf>) -> Watched {
        Watched { folder, looked_at: None }
    }

    /// Has to be called before the file grows to this number of bytes.
    pub(crate) fn grows_to(&mut self, bytes: u64) -> Result<(), EngineError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let further = bytes - self.looked_at.unwrap_or_default().min(bytes);
        if self.looked_at.is_some() && further < STEP {
            return Ok(());
        }
        self.looked_at = Some(bytes);
        if free(folder) > further {
            return Ok(());
        }
        let full = io::Error::new(ErrorKind::StorageFull, "the rest of the disk is left to the database");
        Err(EngineError::io(folder.display().to_string())(full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_looked_at_now_and_then_and_never_filled() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(folder.path()) < u64::MAX && free(Path::new("/no such folder")) == u64::MAX);
        let mut watched = Watched::new(Some(folder.path().to_owned()));
        watched.grows_to(1).unwrap();
        watched.folder = Some(PathBuf::from("/proc"));
        watched.grows_to(STEP).unwrap();
        let full = watched.grows_to(STEP + 1).unwrap_err();
        assert!(full.is_storage_full() && full.is_retryable(), "/proc has no room at all");
        Watched::new(None).grows_to(u64::MAX).unwrap();
    }
}
