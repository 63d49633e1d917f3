//! Flushes a finished artifact to disk: its bytes, and the folders that hold its name. An execution is completed only after that, so that no power
//! failure leaves a completed execution with an empty file or without any.
//!
//! Object stores do this by themselves before they answer. The library of object stores does not do it in folders.

use std::fs::File;
use std::io;
use std::path::Path as FilePath;

use object_store::path::Path;

/// Flushes one file or folder.
pub(crate) type Flush = fn(&FilePath) -> io::Result<()>;

/// Flushes the file below `root`, then each folder above it up to `root`: a folder that was made for the file is an entry of the one above it.
pub(crate) fn file_and_folders(root: &FilePath, path: &Path, flush: Flush) -> io::Result<()> {
    let file = root.join(path.as_ref());
    flush(&file)?;
    file.ancestors().skip(1).take_while(|folder| folder.starts_with(root)).try_for_each(flush)
}

/// Returns once the system says that the file or folder is on disk.
pub(crate) fn to_disk(path: &FilePath) -> io::Result<()> {
    // Elsewhere folders cannot be opened as files, and names are kept by the file system's own log.
    if cfg!(unix) || !path.is_dir() { File::open(path)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::RefCell;
    use std::path::PathBuf;

    use super::*;

    thread_local! {
        static FLUSHED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn the_file_comes_first_and_then_every_folder_that_may_be_new() {
        let folder = tempfile::tempdir().unwrap();
        let (root, path) = (folder.path(), Path::from("t/r/e-1.csv"));
        std::fs::create_dir_all(root.join("t/r")).unwrap();
        std::fs::write(root.join("t/r/e-1.csv"), "text").unwrap();
        file_and_folders(root, &path, to_disk).unwrap();
        file_and_folders(root, &path, |path| {
            FLUSHED.with_borrow_mut(|flushed| flushed.push(path.to_owned()));
            Ok(())
        })
        .unwrap();
        let expected = ["t/r/e-1.csv", "t/r", "t", ""].map(|below| root.join(below));
        assert_eq!(FLUSHED.take(), expected);
        assert!(file_and_folders(root, &Path::from("t/r/none.csv"), to_disk).is_err());
    }
}
