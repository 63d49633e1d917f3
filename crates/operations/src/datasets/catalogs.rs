//! The datasets that can be queried now: the built-in ones and the operator's, whose folder is read again whenever it has changed.
//!
//! A definition that cannot be used is logged. Its last good version stays in use; if there is none, the dataset does not exist. The others keep working.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use insightgate_identity::program::Program;
use insightgate_identity::scope::{ACCESS_LOG, is_access_log};
use insightgate_query::datasets::catalog::{Catalog, Dataset, same_name};
use insightgate_query::datasets::definition::DefinitionErrors;
use insightgate_query::datasets::{builtin, definition};

/// The catalogs of all programs. Definitions are in `<folder>/<program>/<Dataset>.toml`.
pub struct Catalogs {
    folder: PathBuf,
    state: Mutex<BTreeMap<Program, Loaded>>,
}

struct Loaded {
    builtin: Catalog,
    files: Vec<Stamp>,
    /// The last good definition of each file.
    own: BTreeMap<PathBuf, Arc<Dataset>>,
    catalog: Arc<Catalog>,
}

/// Path, modification time and length of a definition: if one differs, the definition has changed.
type Stamp = (PathBuf, Option<SystemTime>, u64);

/// Why the file of a definition gives no dataset.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionFault {
    #[error("{file}: {source}")]
    Unreadable { file: String, source: std::io::Error },
    #[error("{file}: it is in the folder of program {folder}, but says program = \"{found}\"")]
    OtherProgram { file: String, folder: &'static str, found: String },
    #[error("{file}: it says name = \"{found}\", so the file should be called {found}.toml")]
    OtherName { file: String, found: String },
    #[error(transparent)]
    Wrong(#[from] DefinitionErrors),
}

impl Catalogs {
    pub fn new(folder: PathBuf) -> Catalogs {
        Catalogs { folder, state: Mutex::default() }
    }

    /// The path of an operator's definition of that name, whether it exists or not. A file whose name differs only in letter case is the dataset's.
    pub fn definition_file(folder: &Path, program: Program, dataset: &str) -> PathBuf {
        let folder = folder.join(program.name());
        let files = definition_files(&folder).unwrap_or_default();
        let known = files.into_iter().map(|(path, ..)| path).find(|path| same_name(stem(path), dataset));
        known.unwrap_or_else(|| folder.join(format!("{dataset}.toml")))
    }

    pub fn of(&self, program: Program) -> Arc<Catalog> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = self.folder.join(program.name());
        let files = match (definition_files(&folder), state.get(&program)) {
            (Ok(files), Some(loaded)) if loaded.files == files => return Arc::clone(&loaded.catalog),
            (Ok(files), _) => files,
            (Err(error), Some(loaded)) => {
                tracing::error!(folder = %folder.display(), %error, "the dataset definitions cannot be listed; the last ones are used");
                return Arc::clone(&loaded.catalog);
            }
            (Err(error), None) => {
                tracing::error!(folder = %folder.display(), %error, "the dataset definitions cannot be listed");
                return Arc::default();
            }
        };
        let (builtin, mut earlier) = match state.remove(&program) {
            Some(loaded) => (loaded.builtin, loaded.own),
            None => (offered(program), BTreeMap::new()),
        };
        let mut own = BTreeMap::new();
        let mut unread = Vec::new();
        for (path, ..) in &files {
            if is_access_log(stem(path)) {
                tracing::error!(file = %path.display(), "the definition is not used: {ACCESS_LOG} is the server's own dataset");
                continue;
            }
            let found = read_definition(path, program).map_err(|fault| tracing::error!(%fault, "a dataset definition does not hold"));
            match found.ok().or_else(|| earlier.remove(path)) {
                Some(dataset) => drop(own.insert(path.clone(), dataset)),
                None => unread.push(stem(path).to_owned()),
            }
        }
        // A definition that cannot be used still hides the built-in dataset that it replaces, so that what it hides or narrows does not come back.
        let uncovered = builtin.datasets().iter().filter(|dataset| !unread.iter().any(|name| same_name(name, &dataset.name)));
        let catalog = Arc::new(Catalog::new(uncovered.chain(own.values()).cloned()));
        state.insert(program, Loaded { builtin, files, own, catalog: Arc::clone(&catalog) });
        catalog
    }
}

/// The datasets of a program that need no definition.
fn offered(program: Program) -> Catalog {
    let log = builtin::access_log().map_err(|fault| tracing::error!(%fault, "the access log cannot be queried"));
    Catalog::new(builtin::catalog(program.name()).datasets().iter().cloned().chain(log.ok()))
}

/// An operator's definitions of a program, sorted by name. A missing folder has none.
///
/// # Errors
/// When the folder cannot be read.
pub fn definitions_of(folder: &Path, program: Program) -> std::io::Result<Vec<PathBuf>> {
    Ok(definition_files(&folder.join(program.name()))?.into_iter().map(|(path, ..)| path).collect())
}

/// The definition files of the folder, sorted by name. A missing folder has none.
fn definition_files(folder: &Path) -> std::io::Result<Vec<Stamp>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let metadata = std::fs::metadata(&path)?;
        if metadata.is_file() {
            files.push((path, metadata.modified().ok(), metadata.len()));
        }
    }
    files.sort();
    Ok(files)
}

/// The dataset's name, as the file name spells it.
fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

/// The dataset of a definition file of a program.
///
/// # Errors
/// When the file cannot be read, or its definition is wrong.
pub fn read_definition(path: &Path, program: Program) -> Result<Arc<Dataset>, DefinitionFault> {
    let file = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(source) => return Err(DefinitionFault::Unreadable { file, source }),
    };
    let definition = definition::read(&text, &file)?;
    if definition.program != program.name() {
        return Err(DefinitionFault::OtherProgram { file, folder: program.name(), found: definition.program });
    }
    if !same_name(&definition.dataset.name, stem(path)) {
        return Err(DefinitionFault::OtherName { file, found: definition.dataset.name });
    }
    Ok(Arc::new(definition.dataset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join("mpn")).unwrap();
        std::fs::write(folder.join("mpn").join(name), text).unwrap();
    }

    fn own(name: &str, column: &str) -> String {
        format!("name = \"{name}\"\ntitle = \"{name}\"\nprogram = \"mpn\"\n\n[[columns]]\nname = \"{column}\"\ntype = \"string\"\n")
    }

    fn columns(catalogs: &Catalogs, name: &str) -> Option<Vec<String>> {
        let catalog = catalogs.of(Program::Mpn);
        catalog.find(name).map(|dataset| dataset.columns.iter().map(|column| column.name.clone()).collect())
    }

    #[test]
    fn a_definition_that_breaks_never_uncovers_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let catalogs = Catalogs::new(folder.path().to_owned());
        assert!(columns(&catalogs, "Profile").unwrap().len() > 1);
        write(folder.path(), "Profile.toml", "oops");
        assert_eq!(columns(&catalogs, "Profile"), None, "hidden, not uncovered");
        write(folder.path(), "Profile.toml", &own("Profile", "Only"));
        assert_eq!(columns(&catalogs, "Profile").unwrap(), ["Only"]);
        write(folder.path(), "Profile.toml", &format!("{}oops", own("Profile", "Only")));
        assert_eq!(columns(&catalogs, "Profile").unwrap(), ["Only"], "the last good one");
        assert!(columns(&catalogs, "OfficeUsage").is_some(), "the others keep working");
        std::fs::remove_file(folder.path().join("mpn/Profile.toml")).unwrap();
        assert!(columns(&catalogs, "Profile").unwrap().len() > 1);
    }

    #[test]
    fn the_access_log_is_in_each_program_and_no_file_replaces_it() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "accesslog.toml", &own("AccessLog", "Only"));
        let catalogs = Catalogs::new(folder.path().to_owned());
        for program in Program::ALL {
            let log = catalogs.of(*program).find(ACCESS_LOG).map(|dataset| dataset.columns.len());
            assert!(log.unwrap() > 10, "{program:?}");
        }
    }

    #[test]
    fn a_file_holds_the_dataset_that_it_is_named_after() {
        let folder = tempfile::tempdir().unwrap();
        let catalogs = Catalogs::new(folder.path().to_owned());
        write(folder.path(), "Sales.toml", &own("Profile", "Only"));
        assert!(columns(&catalogs, "Profile").unwrap().len() > 1);
        assert_eq!(columns(&catalogs, "Sales"), None);
        assert!(Catalogs::definition_file(folder.path(), Program::Mpn, "SALES").ends_with("mpn/Sales.toml"));
    }
}
