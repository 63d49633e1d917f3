//! Adds datasets from real files, in a temporary folder for each test.

use super::*;
use insightgate_engine::local_folder;
use insightgate_query::datasets::catalog::{Catalog, Field};
use std::sync::Arc;

struct Folders {
    root: tempfile::TempDir,
}

impl Folders {
    fn new() -> Folders {
        Folders { root: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn add(&self, new: &NewDataset) -> Result<AddedDataset, AddDatasetFault> {
        add_dataset(&DataRoot::Folder(self.root.path().join("data")), self.root.path(), &self.root.path().join("datasets"), new, &|_| {})
    }

    fn rows_of(&self, tenant: u128) -> PathBuf {
        local_folder(&self.root.path().join("data"), Program::Mpn, "Sales", Some(Uuid::from_u128(tenant)))
    }

    /// Everything in the program's folder under the data root, including hidden folders.
    fn entries(&self) -> Vec<String> {
        let folder = self.root.path().join("data/mpn");
        let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn sales(file: PathBuf, tenant: u128) -> NewDataset {
    NewDataset {
        files: vec![file],
        read: ReadOptions::default(),
        name: "Sales".into(),
        program: Program::Mpn,
        owner: DatasetOwner::Tenant(Uuid::from_u128(tenant)),
        date_column: None,
        location_column: None,
        replace: false,
    }
}

#[test]
fn tenants_join_and_replacing_one_leaves_the_other() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    folders.add(&sales(file.clone(), 1)).unwrap();
    folders.add(&sales(file.clone(), 2)).unwrap();
    assert!(matches!(folders.add(&sales(file.clone(), 2)), Err(AddDatasetFault::Exists(_))));
    let first = std::fs::read(folders.rows_of(1).join("part-00000.parquet")).unwrap();
    let other = folders.file("other.csv", "city,amount\nBergen,2\nBodø,3\n");
    let added = folders.add(&NewDataset { replace: true, ..sales(other, 2) }).unwrap();
    assert_eq!(added.rows, 2);
    assert_eq!(std::fs::read(folders.rows_of(1).join("part-00000.parquet")).unwrap(), first);
    assert_eq!(folders.entries(), ["Sales"], "nothing is left beside it");
}

#[test]
fn what_was_written_into_the_definition_survives_a_replacement() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "day,city,amount\n2026-01-01,Oslo,1\n");
    let added = folders.add(&sales(file.clone(), 1)).unwrap();
    assert_eq!(added.date_candidates, ["day"]);
    let text = std::fs::read_to_string(&added.definition_file).unwrap();
    let text =
        text.replacen("title = \"Sales\"", "title = \"All sales\"", 1) + "\n[[metrics]]\nname = \"Total\"\nexpression = \"SUM(amount)\"\n";
    std::fs::write(&added.definition_file, text).unwrap();
    let dated = NewDataset { replace: true, date_column: Some("DAY".into()), ..sales(file, 1) };
    let dataset = folders.add(&dated).unwrap().definition.dataset;
    assert_eq!((dataset.title.as_str(), dataset.date_column, dataset.grain), ("All sales", Some(0), Grain::Day));
    assert_eq!(Catalog::new([Arc::new(dataset)]).find("sales").unwrap().field("total"), Some(Field::Metric(0)));

    let without = folders.file("fewer.csv", "day,city\n2026-01-01,Oslo\n");
    let refused = folders.add(&NewDataset { replace: true, ..sales(without, 1) }).unwrap_err();
    assert!(matches!(&refused, AddDatasetFault::Definition(text) if text.contains("amount")), "{refused}");
    assert!(folders.rows_of(1).join("part-00000.parquet").exists(), "the rows are still there");
}

#[test]
fn a_failed_replacement_leaves_everything_as_it_was() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    folders.add(&sales(file, 1)).unwrap();
    let before = std::fs::read(folders.rows_of(1).join("part-00000.parquet")).unwrap();
    let broken = folders.file("broken.parquet", "PAR1 no Parquet PAR1");
    assert!(folders.add(&NewDataset { replace: true, ..sales(broken, 1) }).is_err());
    assert_eq!(std::fs::read(folders.rows_of(1).join("part-00000.parquet")).unwrap(), before);
    assert_eq!(folders.entries(), ["Sales"]);
}

#[test]
fn names_and_files_are_checked_first() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city\nOslo\n");
    for name in ["", "a b", "../x", "1a", "é", "a/b", ".a"] {
        let refused = folders.add(&NewDataset { name: name.into(), ..sales(file.clone(), 1) });
        assert!(matches!(refused, Err(AddDatasetFault::Name(_))), "{name}");
    }
    let log = folders.add(&NewDataset { name: "accesslog".into(), ..sales(file.clone(), 1) });
    assert!(matches!(log, Err(AddDatasetFault::AccessLog)));
    let documented = folders.add(&NewDataset { name: "officeusage".into(), ..sales(file.clone(), 1) });
    assert!(matches!(documented, Err(AddDatasetFault::Documented(_))));
    let missing = folders.add(&sales(folders.root.path().join("none.csv"), 1));
    assert!(matches!(missing, Err(AddDatasetFault::NoSuchFile(_))));
    let no_column = NewDataset { owner: DatasetOwner::Column { name: "owner".into(), holds: TenantKey::TenantId }, ..sales(file, 1) };
    assert!(matches!(folders.add(&no_column), Err(AddDatasetFault::NoSuchColumn { .. })));
}

#[test]
fn names_ignore_case_and_keep_their_spelling() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city\nOslo\n");
    folders.add(&sales(file.clone(), 1)).unwrap();
    assert!(matches!(folders.add(&NewDataset { name: "SALES".into(), ..sales(file.clone(), 1) }), Err(AddDatasetFault::Exists(_))));
    let added = folders.add(&NewDataset { name: "SALES".into(), replace: true, ..sales(file, 1) }).unwrap();
    assert_eq!(added.definition.dataset.name, "Sales");
    assert_eq!(folders.entries(), ["Sales"]);
}

#[test]
fn one_owner_cannot_change_the_columns_under_another() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    folders.add(&sales(file.clone(), 1)).unwrap();
    folders.add(&sales(file, 2)).unwrap();
    let others = [("x,y\nOslo,1\n", "'city' is gone"), ("city,amount,z\nOslo,1,1\n", "'z' is new"), ("city,amount\nOslo,a\n", "was int64")];
    for (text, difference) in others {
        let file = folders.file("other.csv", text);
        let refused = folders.add(&NewDataset { replace: true, ..sales(file, 1) }).unwrap_err();
        assert!(matches!(&refused, AddDatasetFault::OthersDoNotFit { .. }) && refused.to_string().contains(difference), "{refused}");
    }
}

#[test]
fn a_delta_table_gets_no_rows_beside_its_log() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    let added = folders.add(&sales(file.clone(), 1)).unwrap();
    let text = std::fs::read_to_string(&added.definition_file).unwrap();
    std::fs::write(&added.definition_file, format!("format = \"delta\"\n{text}")).unwrap();
    for (tenant, replace) in [(1, true), (2, false)] {
        let refused = folders.add(&NewDataset { replace, ..sales(file.clone(), tenant) }).unwrap_err();
        assert!(matches!(refused, AddDatasetFault::DeltaTable(_)), "{refused}");
    }
}

#[test]
fn a_location_column_of_digits_is_a_string() {
    let folders = Folders::new();
    let files = ["city,place,amount\nOslo,0012,1\n", "city,place,amount\nBergen,7,2\n"];
    let files = files.iter().enumerate().map(|(number, text)| folders.file(&format!("{number}.csv"), text)).collect::<Vec<_>>();
    let new = NewDataset { files: files.clone(), location_column: Some("PLACE".into()), ..sales(files[0].clone(), 1) };
    let kind = |added: &AddedDataset, name: &str| added.definition.dataset.columns.iter().find(|column| column.name == name).unwrap().kind;
    let added = folders.add(&new).unwrap();
    assert_eq!((kind(&added, "place"), kind(&added, "amount")), (ColumnType::String, ColumnType::Int64));
    assert_eq!(added.definition.dataset.location_column, Some(1));
    // The definition keeps its location column.
    let replaced = folders.add(&NewDataset { replace: true, location_column: None, ..new }).unwrap();
    assert_eq!((kind(&replaced, "place"), replaced.definition.dataset.location_column), (ColumnType::String, Some(1)));
    let owners = DatasetOwner::Column { name: "place".into(), holds: TenantKey::GlobalAccountId };
    let owned = folders.add(&NewDataset { files, name: "Owned".into(), owner: owners, ..sales(PathBuf::new(), 1) }).unwrap();
    assert_eq!(kind(&owned, "place"), ColumnType::String);
    // A date is not an id, so the column keeps its type and is refused.
    let dates = folders.file("dates.csv", "city,place\nOslo,2026-01-05\n");
    let refused = folders.add(&NewDataset { location_column: Some("place".into()), name: "Dates".into(), ..sales(dates, 1) });
    assert!(matches!(refused, Err(AddDatasetFault::WrongKind { .. })));
}

#[cfg(unix)]
#[test]
fn links_to_rows_and_definitions_stay() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    let added = folders.add(&sales(file.clone(), 1)).unwrap();
    let (rows, elsewhere) = (folders.rows_of(1), folders.root.path().join("elsewhere"));
    std::fs::rename(&rows, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &rows).unwrap();
    let moved = folders.root.path().join("moved.toml");
    std::fs::rename(&added.definition_file, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &added.definition_file).unwrap();
    let before = std::fs::read(elsewhere.join("part-00000.parquet")).unwrap();
    let other = folders.file("other.csv", "city,amount,more\nBergen,2,3\n");
    folders.add(&NewDataset { replace: true, ..sales(other, 1) }).unwrap();
    assert!(rows.is_symlink() && added.definition_file.is_symlink());
    assert_ne!(std::fs::read(elsewhere.join("part-00000.parquet")).unwrap(), before);
    assert!(std::fs::read_to_string(&moved).unwrap().contains("more"));
}

#[test]
fn several_files_have_the_types_that_hold_the_values_of_all() {
    let folders = Folders::new();
    let files = [
        "city,amount,count,empty\nOslo,1,1,\n",
        "city,amount,count,empty\nRome,,2.5,0.1234567\n",
        "city,amount,count,empty\nBern,2.25,,7\n",
    ];
    let files = files.iter().enumerate().map(|(number, text)| folders.file(&format!("{number}.csv"), text)).collect::<Vec<_>>();
    let added = folders.add(&NewDataset { files, ..sales(PathBuf::new(), 1) }).unwrap();
    let kinds: Vec<_> = added.definition.dataset.columns.iter().map(|column| definition::type_name(column.kind)).collect();
    assert_eq!(kinds, ["string", "decimal(38,2)", "decimal(38,1)", "decimal(38,7)"]);
    assert_eq!(added.rows, 3);
}

#[test]
fn two_commands_at_once_come_one_after_the_other() {
    let folders = Folders::new();
    let file = folders.file("sales.csv", "city,amount\nOslo,1\n");
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| folders.add(&sales(file.clone(), 1)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // One command adds the dataset, and the others find it there: none takes the files of another for its own.
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(AddDatasetFault::Exists(_)))), "{outcomes:?}");
    assert_eq!(folders.entries(), ["Sales"]);
}
