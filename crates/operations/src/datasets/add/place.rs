//! Where the rows of a new dataset go: into a folder, by renaming a complete one, or into an object store, as one file that appears at once.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_engine::{DataRoot, RowsStore, import, import_as_one, local_folder};
use insightgate_query::datasets::catalog::Dataset;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::{AddDatasetFault, NewDataset, io};

/// The name of the one file that `dataset add` puts into a store.
const FILE: &str = "part-00000.parquet";

pub(super) enum Place {
    Folder {
        tenant: Option<Uuid>,
        /// The folder of the dataset.
        folder: PathBuf,
        /// The folder of the rows: the tenant's, or the whole dataset's.
        rows: PathBuf,
    },
    Store {
        tenant: Option<Uuid>,
        store: RowsStore,
        /// The existing files that are replaced. `others` is the number of the dataset's other files.
        rows: Vec<String>,
        others: usize,
    },
}

impl Place {
    pub(super) fn of(root: &DataRoot, new: &NewDataset, tenant: Option<Uuid>) -> Result<Place, AddDatasetFault> {
        if let DataRoot::Folder(root) = root {
            let folder = followed(local_folder(root, new.program, &new.name, None));
            let rows = followed(local_folder(root, new.program, &new.name, tenant));
            return Ok(Place::Folder { tenant, folder, rows });
        }
        let store = RowsStore::open(root)?;
        let runtime = Handle::current();
        let rows = runtime.block_on(store.files(new.program, &new.name, tenant))?;
        let all = if tenant.is_some() { runtime.block_on(store.files(new.program, &new.name, None))?.len() } else { rows.len() };
        Ok(Place::Store { tenant, store, others: all - rows.len(), rows })
    }

    pub(super) fn has_rows(&self) -> bool {
        match self {
            Place::Folder { rows, .. } => rows.exists(),
            Place::Store { rows, .. } => !rows.is_empty(),
        }
    }

    /// Whether the dataset has rows beside those that are replaced.
    pub(super) fn others_have_rows(&self) -> bool {
        match self {
            Place::Folder { folder, rows, .. } => {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                folder != rows && entries.into_iter().any(|entry| followed(entry.path()) != *rows)
            }
            Place::Store { others, .. } => *others > 0,
        }
    }

    /// Converts the files, and replaces the existing rows with theirs. Returns the number of rows.
    pub(super) fn put(&self, new: &NewDataset, dataset: &Dataset, staging: &Path, progress: &dyn Fn(u64)) -> Result<u64, AddDatasetFault> {
        match self {
            Place::Folder { tenant, folder, rows } => put_in_folder(new, dataset, *tenant, folder, rows, progress),
            Place::Store { tenant, store, rows, .. } => {
                let converted = import_as_one(&new.files, dataset, staging, &new.read, progress)?;
                let runtime = Handle::current();
                let placed = runtime.block_on(store.place(new.program, dataset, *tenant, FILE, &converted))?;
                let old: Vec<String> = rows.iter().filter(|path| **path != placed).cloned().collect();
                runtime.block_on(store.remove(&old)).map_err(|error| AddDatasetFault::OldRowsStay { files: old.join(", "), error })?;
                Ok(converted.rows)
            }
        }
    }
}

fn put_in_folder(
    new: &NewDataset,
    dataset: &Dataset,
    tenant: Option<Uuid>,
    folder: &Path,
    rows: &Path,
    progress: &dyn Fn(u64),
) -> Result<u64, AddDatasetFault> {
    // Beside the dataset's folder, or beside the tenant's if that is a link to elsewhere. No scan looks there, and the rename stays on one file system.
    let moved = if rows.starts_with(folder) { folder } else { rows };
    let beside = |prefix: &str| moved.with_file_name(format!(".{prefix}-{}", new.name));
    let (incoming, outgoing) = (beside("incoming"), beside("outgoing"));
    remove_folder(&incoming)?;
    let imported = match import(&new.files, dataset, &incoming, tenant, &new.read, progress) {
        Ok(imported) => imported,
        Err(error) => {
            // What was written so far may have filled the disk.
            remove_folder(&incoming)?;
            return Err(error.into());
        }
    };
    let complete = imported.files.first().and_then(|file| file.parent()).unwrap_or(&incoming);
    swap(complete, rows, &outgoing)?;
    remove_folder(&outgoing)?;
    remove_folder(&incoming)?;
    Ok(imported.rows)
}

/// Waits until no other command adds a dataset to the root, and blocks others until the lock is dropped. `None` if folders cannot be locked.
pub(in crate::datasets) fn turn(root: &Path) -> Result<Option<File>, AddDatasetFault> {
    std::fs::create_dir_all(root).map_err(io(root))?;
    let Ok(folder) = File::open(root) else { return Ok(None) };
    Ok(folder.lock().is_ok().then_some(folder))
}

/// The target of a link to a folder, so that the rename replaces the target and not the link.
fn followed(folder: PathBuf) -> PathBuf {
    if folder.is_symlink() { folder.canonicalize().unwrap_or(folder) } else { folder }
}

/// Moves the complete rows into place, after the old ones have been moved out. Between the two renames there are no rows.
fn swap(complete: &Path, rows: &Path, outgoing: &Path) -> Result<(), AddDatasetFault> {
    remove_folder(outgoing)?;
    if rows.exists() {
        std::fs::rename(rows, outgoing).map_err(io(rows))?;
    }
    if let Some(parent) = rows.parent() {
        std::fs::create_dir_all(parent).map_err(io(parent))?;
    }
    std::fs::rename(complete, rows).map_err(io(rows))
}

fn remove_folder(folder: &Path) -> Result<(), AddDatasetFault> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(folder)(error)),
        _ => Ok(()),
    }
}
