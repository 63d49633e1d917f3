//! Removes a dataset of one's own: its definition first, so that nobody asks for it any more, then its rows if they need not stay.
//!
//! It needs no server, and a running server notices by itself. Saved queries and reports of the dataset stay, and say that there is no such dataset.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use insightgate_engine::{DataRoot, EngineError, RowsStore, local_folder};
use insightgate_identity::program::Program;
use insightgate_query::datasets::builtin;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::datasets::add::{AddDatasetFault, check_name, turn};
use crate::datasets::catalogs::{Catalogs, read_definition};

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedDataset {
    pub name: String,
    pub definition_file: PathBuf,
    /// Whether a documented dataset of the same name is there again.
    pub documented: bool,
    /// The files or the folder of its rows; empty if they stay.
    pub rows: Vec<String>,
}

#[derive(Debug, Error)]
pub enum RemoveDatasetFault {
    #[error("there is no dataset '{0}' of your own")]
    NotFound(String),
    #[error("'{0}' is a documented dataset, which cannot be removed")]
    Documented(String),
    #[error("the definition is gone, the rows are not: {0} is a link; remove what it leads to yourself")]
    Link(String),
    #[error("the definition is gone, the rows are not: {0}")]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Turn(#[from] AddDatasetFault),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

/// Removes the dataset. `root` is the place of the rows, and `definitions` the folder of the definitions. Blocks, as adding one does.
///
/// # Errors
/// If there is no definition of this name, or a file cannot be removed.
pub fn remove_dataset(
    root: &DataRoot,
    definitions: &Path,
    program: Program,
    name: &str,
    with_rows: bool,
) -> Result<RemovedDataset, RemoveDatasetFault> {
    check_name(name)?;
    let _turn = match root {
        DataRoot::Folder(folder) => turn(folder)?,
        DataRoot::Store(_) => None,
    };
    let is_documented = builtin::catalog(program.name()).find(name).is_some();
    let definition_file = Catalogs::definition_file(definitions, program, name);
    if !definition_file.exists() {
        let name = name.to_owned();
        return Err(if is_documented { RemoveDatasetFault::Documented(name) } else { RemoveDatasetFault::NotFound(name) });
    }
    // Its spelling names the folder of its rows. One that cannot be read has the name that it was called by.
    let name = read_definition(&definition_file, program).map_or_else(|_| name.to_owned(), |dataset| dataset.name.clone());
    std::fs::remove_file(&definition_file).map_err(io(&definition_file))?;
    let rows = if with_rows { remove_rows(root, program, &name)? } else { Vec::new() };
    Ok(RemovedDataset { name, definition_file, documented: is_documented, rows })
}

fn remove_rows(root: &DataRoot, program: Program, name: &str) -> Result<Vec<String>, RemoveDatasetFault> {
    let DataRoot::Folder(root) = root else {
        let store = RowsStore::open(root)?;
        let files = Handle::current().block_on(store.files(program, name, None))?;
        Handle::current().block_on(store.remove(&files))?;
        return Ok(files);
    };
    let folder = local_folder(root, program, name, None);
    if folder.is_symlink() {
        return Err(RemoveDatasetFault::Link(folder.display().to_string()));
    }
    // Away first, so that no scan meets half of it.
    let outgoing = folder.with_file_name(format!(".outgoing-{name}"));
    match std::fs::rename(&folder, &outgoing) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(&folder)(error)),
    }
    std::fs::remove_dir_all(&outgoing).map_err(io(&outgoing))?;
    Ok(vec![folder.display().to_string()])
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> RemoveDatasetFault {
    let what = path.display().to_string();
    move |source| RemoveDatasetFault::Io { what: what.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = "name = \"Cars\"\nprogram = \"mpn\"\n\n[[columns]]\nname = \"Brand\"\ntype = \"string\"\n";

    #[test]
    fn a_dataset_goes_and_its_rows_stay_unless_they_are_to_go() {
        let folder = tempfile::tempdir().unwrap();
        let (root, definitions) = (folder.path().join("data"), folder.path().join("datasets"));
        let rows = local_folder(&root, Program::Mpn, "Cars", None);
        let put = || {
            std::fs::create_dir_all(&rows).unwrap();
            std::fs::write(rows.join("a.parquet"), "rows").unwrap();
            let file = Catalogs::definition_file(&definitions, Program::Mpn, "Cars");
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, DEFINITION).unwrap();
        };
        let remove = |name: &str, with_rows| remove_dataset(&root.clone().into(), &definitions, Program::Mpn, name, with_rows);
        put();
        let removed = remove("Cars", false).unwrap();
        assert!(removed.rows.is_empty() && !removed.documented && rows.join("a.parquet").exists());
        assert!(matches!(remove("Cars", false), Err(RemoveDatasetFault::NotFound(_))));
        put();
        assert_eq!(remove("Cars", true).unwrap().rows, [rows.display().to_string()]);
        assert!(!rows.exists() && std::fs::read_dir(rows.parent().unwrap()).unwrap().next().is_none());
        assert!(matches!(remove("CustomersAndTenants", true), Err(RemoveDatasetFault::Documented(_))));
    }
}
