//! The datasets that can be asked for now: the built-in ones and the operator's, whose folder is looked at again whenever it changed.
//!
//! A definition that cannot be used is left out and logged; the others keep working.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use insightgate_identity::program::Program;
use insightgate_query::catalog::Catalog;
use insightgate_query::{builtin, definition};

/// Definitions lie in `<folder>/<program>/<Dataset>.toml`.
pub struct Catalogs {
    folder: PathBuf,
    state: Mutex<BTreeMap<Program, Loaded>>,
}

struct Loaded {
    builtin: Catalog,
    files: Vec<Stamp>,
    catalog: Arc<Catalog>,
}

/// What tells that a definition changed.
type Stamp = (PathBuf, Option<SystemTime>, u64);

impl Catalogs {
    pub fn new(folder: PathBuf) -> Catalogs {
        Catalogs { folder, state: Mutex::default() }
    }

    /// The file of an operator's definition.
    pub fn definition_file(folder: &Path, program: Program, dataset: &str) -> PathBuf {
        folder.join(program.name()).join(format!("{dataset}.toml"))
    }

    pub fn of(&self, program: Program) -> Arc<Catalog> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let files = definition_files(&self.folder.join(program.name()));
        if let Some(loaded) = state.get(&program).filter(|loaded| loaded.files == files) {
            return Arc::clone(&loaded.catalog);
        }
        let builtin = state.remove(&program).map_or_else(|| builtin::catalog(program.name()), |loaded| loaded.builtin);
        let own = files.iter().filter_map(|(path, ..)| read(path, program));
        let catalog = Arc::new(Catalog::new(builtin.datasets().iter().cloned().chain(own)));
        state.insert(program, Loaded { builtin, files, catalog: Arc::clone(&catalog) });
        catalog
    }
}

/// In name order. A folder that is not there holds none.
fn definition_files(folder: &Path) -> Vec<Stamp> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<Stamp> = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((entry.path(), metadata.modified().ok(), metadata.len()))
        })
        .collect();
    files.sort();
    files
}

fn read(path: &Path, program: Program) -> Option<Arc<insightgate_query::catalog::Dataset>> {
    let origin = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(file = %origin, %error, "a dataset definition cannot be read; the dataset is left out");
            return None;
        }
    };
    match definition::read(&text, &origin) {
        Ok(definition) if definition.program == program.name() => Some(Arc::new(definition.dataset)),
        Ok(definition) => {
            tracing::error!(file = %origin, found = definition.program, "the definition is in another program's folder; the dataset is left out");
            None
        }
        Err(errors) => {
            tracing::error!(%errors, "a dataset definition does not hold; the dataset is left out");
            None
        }
    }
}
