//! Delta tables, written here file by file: which rows they have, and what of them is refused.

use std::io::Cursor;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema};
use datafusion::arrow::json::ReaderBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use insightgate_query::datasets::catalog::TenantKey;
use serde_json::{Value as Json, json};

use crate::DeltaFault;
use crate::tests::*;

/// A table in the folder of a dataset, or of one tenant's part of it.
struct Table {
    folder: PathBuf,
    dataset: Dataset,
}

impl Table {
    fn of(world: &World, dataset: &Dataset, tenant: Option<Uuid>) -> Table {
        Table { folder: world.data_folder(dataset, tenant), dataset: dataset.clone() }
    }

    /// Writes a file of rows, and returns what a commit says of it. `path` has no percent encoding.
    fn file(&self, path: &str, partition: Json, rows: &[Row]) -> Json {
        write_rows(&self.folder.join(path), &self.dataset, rows);
        let size = std::fs::metadata(self.folder.join(path)).unwrap().len();
        let path = path.replace('%', "%25").replace(' ', "%20");
        json!({"add": {"path": path, "partitionValues": partition, "size": size, "modificationTime": 0, "dataChange": true, "stats": "{\"numRecords\":1}"}})
    }

    fn log(&self) -> PathBuf {
        self.folder.join("_delta_log")
    }

    fn write_log(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.log().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn commit(&self, version: u64, actions: &[Json]) {
        self.write_log(&format!("{version:020}.json"), lines(actions));
    }

    /// The first version, with these files.
    fn begin(&self, partitions: &[&str], files: Vec<Json>) {
        self.commit(0, &[beginning(partitions), files].concat());
    }

    fn checkpoint(&self, name: &str, actions: &[Json]) -> u64 {
        self.write_log(name, parquet(actions));
        std::fs::metadata(self.log().join(name)).unwrap().len()
    }
}

fn lines(actions: &[Json]) -> String {
    actions.iter().map(|action| format!("{action}\n")).collect()
}

fn beginning(partitions: &[&str]) -> Vec<Json> {
    vec![
        json!({"commitInfo": {"timestamp": 0, "operation": "CREATE TABLE"}}),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
        json!({"metaData": {"id": "t", "format": {"provider": "parquet", "options": {}}, "schemaString": "{}", "partitionColumns": partitions,
            "configuration": {}, "createdTime": 0}}),
    ]
}

fn removed(added: &Json) -> Json {
    json!({"remove": {"path": added["add"]["path"], "deletionTimestamp": 0, "dataChange": true}})
}

/// A checkpoint as writers make it.
fn parquet(actions: &[Json]) -> Vec<u8> {
    let field = |name: &str, kind: DataType| ArrowField::new(name, kind, true);
    let strings = || DataType::List(Arc::new(ArrowField::new("element", DataType::Utf8, true)));
    let map = || {
        let entry = Fields::from(vec![ArrowField::new("key", DataType::Utf8, false), field("value", DataType::Utf8)]);
        DataType::Map(Arc::new(ArrowField::new("key_value", DataType::Struct(entry), false)), false)
    };
    let group = |fields: Vec<ArrowField>| DataType::Struct(Fields::from(fields));
    let vector =
        group(vec![field("storageType", DataType::Utf8), field("pathOrInlineDv", DataType::Utf8), field("offset", DataType::Int32)]);
    let schema = Arc::new(Schema::new(vec![
        field("txn", group(vec![field("appId", DataType::Utf8)])),
        field(
            "add",
            group(vec![
                field("path", DataType::Utf8),
                field("partitionValues", map()),
                field("size", DataType::Int64),
                field("stats", DataType::Utf8),
                field("deletionVector", vector),
            ]),
        ),
        field("remove", group(vec![field("path", DataType::Utf8)])),
        field(
            "metaData",
            group(vec![
                field("format", group(vec![field("provider", DataType::Utf8)])),
                field("partitionColumns", strings()),
                field("configuration", map()),
            ]),
        ),
        field("protocol", group(vec![field("minReaderVersion", DataType::Int32), field("readerFeatures", strings())])),
        field("sidecar", group(vec![field("path", DataType::Utf8), field("sizeInBytes", DataType::Int64)])),
    ]));
    let mut reader = ReaderBuilder::new(Arc::clone(&schema)).build(Cursor::new(lines(actions))).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
    writer.write(&reader.next().unwrap().unwrap()).unwrap();
    writer.into_inner().unwrap()
}

fn delta() -> Dataset {
    Dataset { format: RowFormat::Delta, ..sales() }
}

/// Every way to the rows fails, and says why; the fault.
async fn refused(world: &World, dataset: &Dataset, table: &Path, expected: &str) -> DeltaFault {
    let plan = select(dataset, &["Id"]);
    let exported = world.csv(&plan).await.map(drop);
    let previewed = world.preview(&scope(ALICE), &plan).await.map(drop);
    let explained = world.engine.explain(&scope(ALICE), &plan, Window::All).await.map(drop);
    let named = table.strip_prefix(world.folder.path().join("data")).unwrap().display().to_string();
    for outcome in [exported, previewed, explained] {
        let failed = outcome.expect_err(expected);
        let text = failed.to_string();
        assert!(text.starts_with(&format!("the Delta table {named} cannot be read: ")) && text.contains(expected), "{expected}: {text}");
        let told = failed.caller_message();
        assert!(told.contains("Delta table") && !told.contains(&ALICE.to_string()) && !told.contains('/'), "{told}");
        assert!(!failed.is_refusal());
    }
    let mut checked = world.engine.check_files(Program::Mpn, dataset).await.unwrap();
    let Some(EngineError::Delta { table, fault }) = checked.faults.pop() else { panic!("{expected}: {checked:?}") };
    assert_eq!((table, checked.faults.len()), (named, 0), "{checked:?}");
    fault
}

async fn version(world: &World, plan: &Plan) -> Option<u64> {
    let summary =
        world.engine.export_to_writer(&scope(ALICE), plan, Window::All, Format::Csv, &mut Vec::<u8>::new(), &|_| {}).await.unwrap();
    assert_eq!(summary.data_as_of.is_some(), !summary.no_files);
    summary.data_version
}

#[tokio::test]
async fn only_what_the_newest_version_names_is_read() {
    let (world, dataset) = (World::new(), delta());
    let table = Table::of(&world, &dataset, Some(ALICE));
    let [a, b, c] = [("a", 1), ("b", 2), ("c", 3)].map(|(name, id)| table.file(&format!("{name}.parquet"), json!({}), &[sale(id, None)]));
    // A file of which the log says nothing, such as one of a writer that failed.
    table.file("stray.parquet", json!({}), &[sale(9, None)]);
    table.begin(&[], vec![a.clone(), b.clone()]);
    Table::of(&world, &dataset, Some(BOB))
        .begin(&[], vec![Table::of(&world, &dataset, Some(BOB)).file("a.parquet", json!({}), &[sale(7, None)])]);
    let plan = select(&dataset, &["Id"]);
    assert_eq!((world.lines(&plan).await, version(&world, &plan).await), (vec!["1".to_owned(), "2".to_owned()], Some(0)));
    table.commit(1, &[removed(&a), c.clone()]);
    assert_eq!((world.lines(&plan).await, version(&world, &plan).await), (vec!["2".to_owned(), "3".to_owned()], Some(1)));
    assert_eq!(world.preview(&scope(ALICE), &plan).await.unwrap(), [r#"{"Id":2}"#, r#"{"Id":3}"#]);
    assert_eq!(world.csv_of(&scope(BOB), &plan, Window::All).await.unwrap(), "Id\n7\n");
    // A file that was removed may come back, and a table may be emptied.
    table.commit(2, &[removed(&b), removed(&c), a.clone()]);
    assert_eq!(world.lines(&plan).await, ["1"]);
    table.commit(3, &[removed(&a)]);
    assert_eq!((world.lines(&plan).await.len(), version(&world, &plan).await), (0, Some(3)));
    let checked = world.engine.check_files(Program::Mpn, &dataset).await.unwrap();
    assert!(checked.files == 1 && checked.faults.is_empty() && checked.ownerless.is_empty(), "{checked:?}");
    // Without its format it is refused, as before.
    assert!(matches!(world.csv(&select(&sales(), &["Id"])).await, Err(EngineError::TableFound { .. })));
}

#[tokio::test]
async fn values_of_partitions_come_from_the_log() {
    let (world, dataset) = (World::new(), delta());
    let table = Table::of(&world, &dataset, Some(ALICE));
    let file =
        |path: &str, id: i64, name: Json, day: Json| table.file(path, json!({"Name": name, "Day": day}), &[sale(id, Some("of the file"))]);
    table.begin(
        &["Name", "Day"],
        vec![
            file("Name=wrong/Day=2020-01-01/a b.parquet", 1, json!("north / east"), json!("2026-11-01")),
            file("Name=50%25/b.parquet", 2, json!("50%"), json!(null)),
            file("c.parquet", 3, json!(null), json!("")),
            file("_odd/.d.parquet", 4, json!(""), json!("2026-11-02")),
        ],
    );
    let plan = ordered(select(&dataset, &["Id", "Name", "Day"]), &["Id"]);
    assert_eq!(world.lines(&plan).await, ["1,north / east,2026-11-01", "2,50%,", "3,,", "4,,2026-11-02"]);
    let equal = |value: Value| Predicate::Compare(insightgate_query::column::Comparison::Equal, value);
    assert_eq!(world.lines(&filtered(select(&dataset, &["Id"]), "Name", equal(string("50%")))).await, ["2"]);
    assert_eq!(world.lines(&filtered(select(&dataset, &["Id"]), "Day", equal(day("2026-11-02")))).await, ["4"]);
    // A partition may not be called as the folder that says whose the rows are.
    table.commit(1, &beginning(&["tenant"])[2..]);
    let other = table.file("e.parquet", json!({"tenant": BOB.to_string()}), &[sale(5, None)]);
    let files: Vec<Json> = ["Name=wrong/Day=2020-01-01/a%20b.parquet", "Name=50%2525/b.parquet", "c.parquet", "_odd/.d.parquet"]
        .map(|path| json!({"remove": {"path": path}}))
        .to_vec();
    table.commit(2, &[files, vec![other]].concat());
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["5"]);
    assert_eq!(world.csv_of(&scope(BOB), &select(&dataset, &["Id"]), Window::All).await.unwrap(), "Id\n");
}

#[tokio::test]
async fn a_table_of_all_tenants_shows_each_its_own_rows() {
    let tenancy = Tenancy::Column { name: "Owner".to_owned(), holds: TenantKey::TenantId };
    let (world, dataset) = (World::new(), Dataset { tenancy, ..delta() });
    let table = Table::of(&world, &dataset, None);
    let file = |name: &str, owner: Json, id: i64| table.file(&format!("Owner={BOB}/{name}"), json!({"Owner": owner}), &[sale(id, None)]);
    let (alice, bob) = (json!(ALICE.to_string()), json!(BOB.to_string()));
    table.begin(&["Owner"], vec![file("a.parquet", alice, 1), file("b.parquet", bob, 2), file("c.parquet", json!(null), 3)]);
    let plan = select(&dataset, &["Id"]);
    assert_eq!(world.lines(&plan).await, ["1"]);
    assert_eq!(world.csv_of(&scope(BOB), &plan, Window::All).await.unwrap(), "Id\n2\n");
    assert_eq!(world.csv_of(&scope(Uuid::from_u128(3)), &plan, Window::All).await.unwrap(), "Id\n");
    let checked = world.engine.check_files(Program::Mpn, &dataset).await.unwrap();
    assert!(checked.files == 3 && checked.faults.is_empty() && checked.ownerless.is_empty(), "{checked:?}");
}

#[tokio::test]
async fn checkpoints_hold_what_commits_said_before() {
    let (world, dataset) = (World::new(), delta());
    let table = Table::of(&world, &dataset, Some(ALICE));
    let files: Vec<Json> =
        (0..5).map(|id| table.file(&format!("{id}.parquet"), json!({"Name": format!("n{id}")}), &[sale(id, None)])).collect();
    let plan = ordered(select(&dataset, &["Id", "Name"]), &["Id"]);
    table.commit(3, &[removed(&files[0]), files[4].clone()]);
    let state = |files: &[Json]| [&beginning(&["Name"])[1..], files].concat();
    let expected = ["1,n1", "2,n2", "4,n4"];
    let at_two = format!("{:020}.checkpoint", 2);
    // One file; then several; then one that names others, as JSON and as Parquet.
    table.checkpoint(&format!("{at_two}.parquet"), &state(&[files[0].clone(), files[1].clone(), files[2].clone(), removed(&files[3])]));
    table.write_log("_last_checkpoint", r#"{"version":2,"size":5}"#);
    assert_eq!((world.lines(&plan).await, version(&world, &plan).await), (expected.map(str::to_owned).to_vec(), Some(3)));
    // A hint that is wrong changes nothing.
    for hint in [r#"{"version":17}"#, r#"{"version":0}"#, "{", ""] {
        table.write_log("_last_checkpoint", hint);
        assert_eq!(world.lines(&plan).await, expected, "{hint}");
    }
    std::fs::remove_file(table.log().join(format!("{at_two}.parquet"))).unwrap();
    let part = |number: u32| format!("{at_two}.{number:010}.{:010}.parquet", 2);
    table.checkpoint(&part(1), &state(&files[..1]));
    table.checkpoint(&part(2), &files[1..3]);
    assert_eq!(world.lines(&plan).await, expected);
    std::fs::remove_file(table.log().join(part(2))).unwrap();
    let fault = refused(&world, &dataset, &table.folder, "its log lacks 00000000000000000000.json").await;
    assert_eq!(fault, DeltaFault::Gap { file: format!("{:020}.json", 0) });
    let size = table.checkpoint("_sidecars/one.parquet", &files[..3]);
    let sidecar = json!({"sidecar": {"path": "one.parquet", "sizeInBytes": size, "modificationTime": 0}});
    let top = [json!({"checkpointMetadata": {"version": 2}}), sidecar.clone()];
    let unique = format!("{at_two}.80a083e8-7026-4e79-81be-64bd76c43a11");
    table.write_log(&format!("{unique}.json"), lines(&[state(&[]).as_slice(), top.as_slice()].concat()));
    assert_eq!(world.lines(&plan).await, expected);
    std::fs::remove_file(table.log().join(format!("{unique}.json"))).unwrap();
    table.checkpoint(&format!("{unique}.parquet"), &[state(&[]), vec![sidecar]].concat());
    assert_eq!(world.lines(&plan).await, expected);
    table.write_log("_sidecars/one.parquet", "PAR1");
    refused(&world, &dataset, &table.folder, "the last checkpoint of its log is damaged: its file \"one.parquet\" has 4 bytes").await;
    std::fs::remove_file(table.log().join("_sidecars/one.parquet")).unwrap();
    refused(&world, &dataset, &table.folder, "its file \"one.parquet\" is gone").await;
}

#[tokio::test]
async fn what_cannot_be_read_rightly_is_refused_by_its_name() {
    let dataset = delta();
    let changed = |kind: &str, key: &str, value: Json| {
        let mut actions = beginning(&[]);
        for action in actions.iter_mut().filter(|action| action[kind].is_object()) {
            action[kind][key] = value.clone();
        }
        actions
    };
    let protocol = |version: i64, features: Json| {
        let mut actions = changed("protocol", "minReaderVersion", json!(version));
        actions[1]["protocol"]["readerFeatures"] = features;
        actions
    };
    let with = |more: Json| [beginning(&[]), vec![more]].concat();
    let vector = json!({"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 40, "cardinality": 2});
    let deleted = json!({"add": {"path": "a.parquet", "partitionValues": {}, "size": 1, "deletionVector": vector}});
    let named = |path: &str| with(json!({"add": {"path": path, "partitionValues": {}, "size": 1}}));
    let twice = json!({"add": {"path": "a.parquet", "partitionValues": {}, "size": 1}});
    let cases: Vec<(Vec<Json>, &str)> = vec![
        (with(deleted), "deletion vectors, which mark deleted rows of 1 of its files"),
        (
            changed("metaData", "configuration", json!({"delta.columnMapping.mode": "name"})),
            "column mapping (delta.columnMapping.mode is \"name\")",
        ),
        (changed("metaData", "configuration", json!({"delta.columnMapping.mode": "id"})), "column mapping"),
        (changed("metaData", "format", json!({"provider": "orc"})), "files of the format \"orc\""),
        (protocol(4, json!(null)), "version 4 of the protocol for readers"),
        (protocol(0, json!(null)), "version 0 of the protocol"),
        (protocol(3, json!(null)), "does not say which features"),
        (protocol(3, json!(["v2Checkpoint", "catalogManaged"])), "the feature \"catalogManaged\""),
        (beginning(&[])[..2].to_vec(), "has a schema"),
        (beginning(&[])[2..].to_vec(), "has a protocol"),
        ([beginning(&[]), beginning(&[])].concat(), "two protocols"),
        (vec![json!([])], "is damaged: line 1: "),
        (vec![], "is damaged: it is empty"),
        (with(json!({"add": {"path": 7}})), "is damaged: line 4: "),
        (named("../tenant=0000/a.parquet"), "is not a path within the table's folder"),
        (named("/etc/a.parquet"), "is not a path within"),
        (named("s3://elsewhere/a.parquet"), "is not a path within"),
        (named("gone.parquet"), "gone.parquet is gone"),
        (named("there.parquet"), "there.parquet has 3 bytes, and 1 by the log"),
        (with(json!({"add": {"path": "there.parquet", "partitionValues": {}, "size": -1}})), "has 3 bytes"),
        ([beginning(&[]), vec![twice.clone(), twice.clone()]].concat(), "more than once"),
        ([beginning(&[]), vec![twice.clone(), removed(&twice)]].concat(), "both adds and removes"),
        ([beginning(&[]), vec![removed(&twice), twice.clone()]].concat(), "more than once"),
        ([beginning(&["Name"]), vec![twice.clone()]].concat(), "no value of the partition column \"Name\""),
    ];
    for (actions, expected) in cases {
        let world = World::new();
        let table = Table::of(&world, &dataset, Some(ALICE));
        table.commit(0, &actions);
        std::fs::write(table.folder.join("there.parquet"), "PAR").unwrap();
        let fault = refused(&world, &dataset, &table.folder, expected).await;
        let error = EngineError::Delta { table: String::new(), fault };
        assert_eq!(error.is_retryable(), expected.contains("is gone"), "{error}");
    }
    // What a table may have as long as no file has it.
    let world = World::new();
    let table = Table::of(&world, &dataset, Some(ALICE));
    let known =
        json!(["columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "variantType", "v2Checkpoint", "vacuumProtocolCheck"]);
    table.commit(0, &protocol(3, known));
    table.commit(1, &[table.file("a.parquet", json!({}), &[sale(1, None)])]);
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["1"]);
    // A file whose deleted rows were rewritten into another one is read no more.
    let mut marked = table.file("b.parquet", json!({}), &[sale(2, None)]);
    marked["add"]["deletionVector"] = json!({"storageType": "p", "pathOrInlineDv": "x", "sizeInBytes": 1, "cardinality": 1});
    table.commit(2, &[marked.clone()]);
    refused(&world, &dataset, &table.folder, "deletion vectors").await;
    let vector = marked["add"]["deletionVector"].clone();
    table.commit(
        3,
        &[json!({"remove": {"path": "b.parquet", "deletionVector": vector}}), table.file("c.parquet", json!({}), &[sale(3, None)])],
    );
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["1", "3"]);
}

#[tokio::test]
async fn a_vacuum_while_it_is_read_fails_the_attempt_and_the_next_reads_the_newest_version() {
    let (world, dataset) = (World::new(), delta());
    let table = Table::of(&world, &dataset, Some(ALICE));
    let [old, new] = [("old", 1), ("new", 2)].map(|(name, id)| table.file(&format!("{name}.parquet"), json!({}), &[sale(id, None)]));
    table.begin(&[], vec![old.clone()]);
    let plan = select(&dataset, &["Id"]);
    let vacuumed = |_| {
        table.commit(1, &[removed(&old), new.clone()]);
        let _ = std::fs::remove_file(table.folder.join("old.parquet"));
    };
    let exported = world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, Format::Csv, &mut Vec::<u8>::new(), &vacuumed).await;
    let failed = exported.unwrap_err();
    assert!(matches!(&failed, EngineError::FilesChanged { file } if file.ends_with("old.parquet")) && failed.is_retryable(), "{failed:?}");
    assert_eq!((world.lines(&plan).await, version(&world, &plan).await), (vec!["2".to_owned()], Some(1)));
}

#[tokio::test]
async fn a_folder_without_a_log_is_no_table() {
    let (world, dataset) = (World::new(), delta());
    let plan = select(&dataset, &["Id"]);
    assert_eq!(world.lines(&plan).await.len(), 0, "a tenant that has nothing yet");
    assert_eq!(version(&world, &plan).await, None);
    let table = Table::of(&world, &dataset, Some(ALICE));
    table.file("a.parquet", json!({}), &[sale(1, None)]);
    assert_eq!(refused(&world, &dataset, &table.folder, "it has no log (_delta_log)").await, DeltaFault::NoLog);
    table.write_log("about.txt", "");
    assert_eq!(refused(&world, &dataset, &table.folder, "it has no log").await, DeltaFault::NoLog);
    // One table whose partitions are the tenants' folders.
    std::fs::remove_dir_all(table.log()).unwrap();
    let shared = Table::of(&world, &dataset, None);
    shared.begin(&["tenant"], Vec::new());
    std::fs::remove_dir_all(&table.folder).unwrap();
    assert_eq!(refused(&world, &dataset, &shared.folder, "one table holds the rows of all tenants").await, DeltaFault::OfAllTenants);
    // Where a column says whose each row is, the dataset's folder has to be a table.
    let tenancy = Tenancy::Column { name: "Name".to_owned(), holds: TenantKey::TenantId };
    let (world, dataset) = (World::new(), Dataset { tenancy, ..delta() });
    let table = Table::of(&world, &dataset, None);
    assert_eq!(refused(&world, &dataset, &table.folder, "it has no log").await, DeltaFault::NoLog);
}

/// A file of the log that is damaged in any place is read or refused; it never ends the process.
#[tokio::test]
async fn damage_of_a_checkpoint_is_survived() {
    let (world, dataset) = (World::new(), delta());
    let table = Table::of(&world, &dataset, Some(ALICE));
    let files: Vec<Json> = (0..3).map(|id| table.file(&format!("{id}.parquet"), json!({"Name": "n"}), &[sale(id, None)])).collect();
    let whole = parquet(&[&beginning(&["Name"])[1..], files.as_slice()].concat());
    let name = format!("{:020}.checkpoint.parquet", 7);
    let plan = select(&dataset, &["Id"]);
    let mut refused = 0;
    for place in (0..whole.len()).step_by(5) {
        for bytes in [[&whole[..place], &[whole[place] ^ 0xff], &whole[place + 1..]].concat(), whole[..place].to_vec()] {
            table.write_log(&name, bytes);
            match world.engine.snapshot(&scope(ALICE), &plan.dataset).await {
                Ok(snapshot) => assert!(snapshot.file_count() <= 3),
                Err(EngineError::Delta { .. }) => refused += 1,
                Err(other) => panic!("{place}: {other:?}"),
            }
        }
    }
    assert!(refused > whole.len() / 5, "each that breaks off is refused");
    table.write_log(&name, &whole);
    assert_eq!(world.lines(&plan).await, ["0", "1", "2"]);
}
