//! Adds rows to an existing dataset from a person's files, in the types of its definition.
//!
//! The import is atomic: the files are converted beside the dataset's folder, where no scan looks, and their folder is moved in as a whole once all files
//! fit. In an object store, all rows become one file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use insightgate_engine::{DataRoot, EngineError, ReadOptions, RowsStore, import, import_as_one, local_folder};
use insightgate_identity::program::Program;
use insightgate_identity::scope::is_access_log;
use insightgate_query::datasets::catalog::{Dataset, RowFormat, Tenancy};
use thiserror::Error;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::datasets::catalogs::Catalogs;

#[derive(Debug, Clone)]
pub struct NewRows {
    pub files: Vec<PathBuf>,
    /// How the files are read.
    pub read: ReadOptions,
    /// The dataset's name or an alias.
    pub name: String,
    pub program: Program,
    /// The tenant of the rows; `None` if a column says whose each row is.
    pub tenant: Option<Uuid>,
}

#[derive(Debug, Clone)]
pub struct ImportedRows {
    pub dataset: Arc<Dataset>,
    pub rows: u64,
    /// The files that now contain the rows.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Error)]
pub enum ImportFault {
    #[error("{} has no dataset '{name}'", program.name())]
    NoSuchDataset { name: String, program: Program },
    #[error("there is no file {0}")]
    NoSuchFile(String),
    #[error("{dataset} keeps each tenant's rows in a folder of their own: say whose these are")]
    WhoseRows { dataset: String },
    #[error("the column '{column}' of {dataset} says whose each row is: a tenant cannot be named besides")]
    OwnersInColumn { dataset: String, column: String },
    #[error(
        "the rows of {dataset} are a Delta table (format = \"delta\"), to which this command cannot add: only a writer of Delta tables can"
    )]
    DeltaTable { dataset: String },
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
}

/// Imports the rows into `root`. For an object store, they are first written to a file in `staging`. `progress` is called with the number of rows so far.
/// Blocks; for an object store it needs a runtime that may be blocked (`tokio::task::block_in_place`).
///
/// # Errors
///
/// If something does not fit or prevents the change. No row is added then.
pub fn import_rows(
    root: &DataRoot,
    staging: &Path,
    catalogs: &Catalogs,
    new: &NewRows,
    progress: &dyn Fn(u64),
) -> Result<ImportedRows, ImportFault> {
    let catalog = catalogs.of(new.program);
    // The server alone writes its own log.
    let dataset = catalog.find(&new.name).filter(|dataset| !is_access_log(&dataset.name)).cloned();
    let dataset = dataset.ok_or_else(|| ImportFault::NoSuchDataset { name: new.name.clone(), program: new.program })?;
    // A file that the table's log does not name would never be read.
    if dataset.format == RowFormat::Delta {
        return Err(ImportFault::DeltaTable { dataset: dataset.name.clone() });
    }
    match (&dataset.tenancy, new.tenant) {
        (Tenancy::Folder, None) => return Err(ImportFault::WhoseRows { dataset: dataset.name.clone() }),
        (Tenancy::Column { name, .. }, Some(_)) => {
            return Err(ImportFault::OwnersInColumn { dataset: dataset.name.clone(), column: name.clone() });
        }
        _ => {}
    }
    if let Some(missing) = new.files.iter().find(|file| !file.exists()) {
        return Err(ImportFault::NoSuchFile(missing.display().to_string()));
    }
    let (rows, files) = match root {
        DataRoot::Folder(folder) => into_folder(folder, &dataset, new, progress)?,
        DataRoot::Store(_) => into_store(root, staging, &dataset, new, progress)?,
    };
    Ok(ImportedRows { dataset, rows, files })
}

fn into_folder(root: &Path, dataset: &Dataset, new: &NewRows, progress: &dyn Fn(u64)) -> Result<(u64, Vec<PathBuf>), ImportFault> {
    let rows = local_folder(root, new.program, &dataset.name, new.tenant);
    let folder = local_folder(root, new.program, &dataset.name, None);
    let incoming = folder.with_file_name(format!(".import-{}-{}", dataset.name, std::process::id()));
    remove(&incoming)?;
    let moved = import(&new.files, dataset, &incoming, new.tenant, &new.read, progress)
        .map_err(ImportFault::from)
        .and_then(|converted| Ok((converted.rows, move_in(&converted.files, &rows)?)));
    remove(&incoming)?;
    moved
}

/// Imports the rows as one file, since several files would appear in a store one after the other.
fn into_store(
    root: &DataRoot,
    staging: &Path,
    dataset: &Dataset,
    new: &NewRows,
    progress: &dyn Fn(u64),
) -> Result<(u64, Vec<PathBuf>), ImportFault> {
    let converted = import_as_one(&new.files, dataset, staging, &new.read, progress)?;
    let store = RowsStore::open(root)?;
    let runtime = Handle::current();
    let there = runtime.block_on(store.files(new.program, &dataset.name, new.tenant))?;
    // The name sorts after those of the existing imports. The mark keeps the names of two concurrent imports apart.
    let number = |path: &String| path.rsplit_once("/import-")?.1.get(..5)?.parse::<u32>().ok();
    let next = there.iter().filter_map(number).max().map_or(0, |last| last + 1);
    let name = format!("import-{next:05}-{}.parquet", converted.mark());
    let placed = runtime.block_on(store.place(new.program, dataset, new.tenant, &name, &converted))?;
    Ok((converted.rows, vec![PathBuf::from(format!("{root}/{placed}"))]))
}

/// Moves the folder of the files to a free name among the rows. The rename is atomic, so no scan, crash or other import sees only a part of it.
fn move_in(files: &[PathBuf], rows: &Path) -> Result<Vec<PathBuf>, ImportFault> {
    let Some(converted) = files.first().and_then(|file| file.parent()) else { return Ok(Vec::new()) };
    std::fs::create_dir_all(rows).map_err(io(rows))?;
    let mut number = 0_u32;
    loop {
        let target = rows.join(format!("import-{number:05}"));
        // A rename never replaces a folder that has files.
        match std::fs::rename(converted, &target) {
            Ok(()) => return Ok(files.iter().filter_map(|file| Some(target.join(file.file_name()?))).collect()),
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => number += 1,
            Err(error) => return Err(io(&target)(error)),
        }
    }
}

fn remove(folder: &Path) -> Result<(), ImportFault> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(folder)(error)),
        _ => Ok(()),
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> ImportFault {
    let what = path.display().to_string();
    move |source| ImportFault::Io { what, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: Uuid = Uuid::from_u128(0xa11ce);

    struct World {
        folder: tempfile::TempDir,
        catalogs: Catalogs,
    }

    impl World {
        fn new(tenancy: &str) -> World {
            let folder = tempfile::tempdir().unwrap();
            let definitions = folder.path().join("datasets");
            std::fs::create_dir_all(definitions.join("mpn")).unwrap();
            let columns =
                "[[columns]]\nname = \"City\"\ntype = \"string\"\n[[columns]]\nname = \"Amount\"\ntype = \"int64\"\nnullable = false\n";
            let text = format!("name = \"Sales\"\naliases = [\"Turnover\"]\nprogram = \"mpn\"\n{tenancy}\n{columns}");
            std::fs::write(definitions.join("mpn/Sales.toml"), text).unwrap();
            World { catalogs: Catalogs::new(definitions), folder }
        }

        fn import(&self, name: &str, texts: &[&str], tenant: Option<Uuid>) -> Result<ImportedRows, ImportFault> {
            let files = texts.iter().enumerate().map(|(number, text)| {
                let path = self.folder.path().join(format!("{number}.csv"));
                std::fs::write(&path, text).unwrap();
                path
            });
            let new =
                NewRows { files: files.collect(), read: ReadOptions::default(), name: name.to_owned(), program: Program::Mpn, tenant };
            import_rows(&DataRoot::Folder(self.folder.path().join("data")), self.folder.path(), &self.catalogs, &new, &|_| {})
        }

        fn stored(&self) -> Vec<String> {
            fn walk(folder: &Path, found: &mut Vec<String>) {
                for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                    if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path().display().to_string()) }
                }
            }
            let mut found = Vec::new();
            walk(&self.folder.path().join("data"), &mut found);
            found.sort();
            found
        }
    }

    #[test]
    fn rows_join_those_that_are_there() {
        let world = World::new("");
        let first = world.import("turnover", &["city,amount\nOslo,1\n", "Amount,City\n2,\n3,Rome\n"], Some(TENANT)).unwrap();
        assert_eq!((first.rows, first.files.len(), first.dataset.name.as_str()), (3, 2, "Sales"));
        let second = world.import("Sales", &["City,Amount\nBonn,4\n"], Some(TENANT)).unwrap();
        let stored = world.stored();
        assert!(stored.len() == 3 && second.files.iter().all(|file| stored.contains(&file.display().to_string())), "{stored:?}");
        assert!(stored.iter().all(|path| path.contains(&format!("data/mpn/Sales/tenant={TENANT}/import-0000"))), "{stored:?}");
    }

    #[test]
    fn what_does_not_fit_is_named_and_nothing_is_written() {
        let world = World::new("");
        let good = "City,Amount\nOslo,1\n";
        for (text, expected) in [
            ("City,Amount\nOslo,many\n", "column 'Amount' should be an integer, but is 'many' in row 1, a string"),
            ("City,Amount\nOslo,1\nRome,2.5\n", "column 'Amount' should be an integer, but is '2.5' in row 2, a float"),
            ("City\nOslo\n", "column 'Amount' should be an integer, but is missing"),
            ("City,Amount\nOslo,\n", "Amount"),
        ] {
            let failed = world.import("Sales", &[good, text], Some(TENANT)).unwrap_err().to_string();
            assert!(failed.contains(expected) && failed.contains("1.csv"), "{failed}");
            assert_eq!(world.stored(), [] as [&str; 0]);
        }
    }

    #[test]
    fn whose_rows_they_are_must_be_clear() {
        let world = World::new("");
        let good = ["City,Amount\nOslo,1\n"];
        assert!(matches!(world.import("Sales", &good, None), Err(ImportFault::WhoseRows { .. })));
        for name in ["Sails", "AccessLog"] {
            assert!(matches!(world.import(name, &good, Some(TENANT)), Err(ImportFault::NoSuchDataset { .. })), "{name}");
        }
        let world = World::new("tenant_column = \"Owner\"");
        assert!(matches!(world.import("Sales", &good, Some(TENANT)), Err(ImportFault::OwnersInColumn { .. })));
        let failed = world.import("Sales", &good, None).unwrap_err();
        assert!(failed.to_string().contains("'Owner' is missing"), "{failed}");
        let imported = world.import("Sales", &["City,Amount,Owner\nOslo,1,x\n"], None).unwrap();
        assert_eq!((imported.rows, world.stored().len()), (1, 1));
    }

    #[test]
    fn no_file_is_put_beside_those_of_a_table() {
        let world = World::new("format = \"delta\"");
        let refused = world.import("Sales", &["City,Amount\nOslo,1\n"], Some(TENANT)).unwrap_err();
        assert!(matches!(&refused, ImportFault::DeltaTable { dataset } if dataset == "Sales"), "{refused}");
        assert_eq!(world.stored(), [] as [&str; 0]);
    }
}
