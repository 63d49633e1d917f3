//! An unfinished file beside the one that it will replace. It has a unique name, so that two writers of one path never share it, and it is removed
//! when it is dropped. Files that killed processes left behind are removed when the next one is made in the same folder. It never decides which path
//! is written.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

// The name is short, whatever file it replaces, since a name has at most 255 bytes.
const PREFIX: &str = ".insightgate-";
const SUFFIX: &str = ".unfinished";
/// How often a file is made again because another process took it for a leftover in the moment before it was locked.
const MOST_ATTEMPTS: u32 = 10;

/// Makes a file, which stays locked while it is written. With `owner_alone`, nobody but the owner may read it; otherwise the usual permissions of new
/// files apply.
///
/// # Errors
/// Fails if no file can be made in the folder.
pub fn make(folder: &Path, owner_alone: bool) -> io::Result<NamedTempFile> {
    remove_leftovers(folder);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if owner_alone {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = owner_alone;
    for _ in 0..MOST_ATTEMPTS {
        let made = tempfile::Builder::new().prefix(PREFIX).suffix(SUFFIX).make_in(folder, |path| options.open(path))?;
        match made.as_file().try_lock() {
            // Another writer checks whether the file is a leftover, and removes it.
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !made.path().exists() => {}
            // Where files cannot be locked, no other writer takes it for a leftover either.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(made),
        }
    }
    Err(io::Error::other("other processes remove every file that is made there"))
}

/// Removes what killed processes left in the folder.
pub fn remove_leftovers(folder: &Path) {
    // Removed while it is locked, so that its maker can see that it was taken.
    for (path, _lock) in locked_leftovers(folder) {
        let _ = std::fs::remove_file(path);
    }
}

/// What killed processes left in the folder.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    locked_leftovers(folder).into_iter().map(|(path, _)| path).collect()
}

/// A file that nobody has locked was left by a process that was killed. A file that cannot be opened belongs to another user, and stays.
fn locked_leftovers(folder: &Path) -> Vec<(PathBuf, File)> {
    // The path may have no folder.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let left = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX) && entry.file_type().is_ok_and(|kind| kind.is_file())) {
            return None;
        }
        let path = entry.path();
        // Opened for writing too, so that this does not block on a pipe that has taken the file's place.
        let file = OpenOptions::new().read(true).write(true).open(&path).ok()?;
        file.try_lock().is_ok().then_some((path, file))
    });
    left.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let written = make(folder.path(), true).unwrap();
        let left = folder.path().join(".insightgate-AbCdEf.unfinished");
        let others = [".rows.csv.unfinished", ".insightgate-notes", "rows.csv"].map(|name| folder.path().join(name));
        for path in others.iter().chain([&left]) {
            std::fs::write(path, "text").unwrap();
        }
        assert_eq!(leftovers(folder.path()), std::slice::from_ref(&left));
        let second = make(folder.path(), false).unwrap();
        assert!(written.path().exists() && second.path().exists() && written.path() != second.path());
        assert!(!left.exists());
        assert!(others.iter().all(|path| path.exists()), "it removes what it made alone");
        drop((written, second));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), others.len());
    }
}
