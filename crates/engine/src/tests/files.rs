mod delta;
mod tables;

use std::collections::HashMap;

use datafusion::arrow::array::{
    ArrayRef, Date64Array, Decimal128Array, DictionaryArray, Float32Array, Int16Array, LargeStringArray, RecordBatch, StringArray,
    TimestampMillisecondArray, TimestampSecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::*;

fn write_batch(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn strings(values: &[&str]) -> ArrayRef {
    std::sync::Arc::new(StringArray::from(values.to_vec()))
}

#[tokio::test]
async fn other_types_and_spellings_of_files_are_widened() {
    let (world, dataset) = (World::new(), sales());
    let folder = world.data_folder(&dataset, Some(ALICE));
    write_batch(
        &folder.join("a.parquet"),
        vec![
            ("EXTRA", strings(&["ignored"])),
            ("ID", std::sync::Arc::new(Int16Array::from(vec![1]))),
            ("name", std::sync::Arc::new(LargeStringArray::from(vec!["Large"]))),
            ("amount", std::sync::Arc::new(Decimal128Array::from(vec![15]).with_precision_and_scale(5, 1).unwrap())),
            ("ratio", std::sync::Arc::new(Float32Array::from(vec![0.5]))),
            ("day", std::sync::Arc::new(Date64Array::from(vec![86_400_000]))),
            ("at", std::sync::Arc::new(TimestampMillisecondArray::from(vec![1_500]))),
        ],
    );
    let dictionary: DictionaryArray<Int32Type> = vec!["Dict"].into_iter().collect();
    write_batch(
        &folder.join("b.parquet"),
        vec![
            ("Id", std::sync::Arc::new(UInt64Array::from(vec![2]))),
            ("Name", std::sync::Arc::new(dictionary)),
            ("At", {
                let naive = TimestampMillisecondArray::from(vec![0]).with_timezone("+05:00");
                std::sync::Arc::new(naive)
            }),
        ],
    );
    world.write(&dataset, ALICE, "c.parquet", &[sale(3, Some("plain"))]);
    let plan = select(&dataset, &["Id", "Name", "Amount", "Ratio", "Day", "At", "Active"]);
    assert_eq!(
        world.lines(&plan).await,
        ["1,Large,1.50,0.5,1970-01-02,1970-01-01T00:00:01.5Z,", "2,Dict,,,,1970-01-01T00:00:00Z,", "3,plain,,,,,"]
    );
    let equal = |value: Value| Predicate::Compare(insightgate_query::column::Comparison::Equal, value);
    for (name, value, expected) in
        [("Name", string("large"), "1"), ("Name", string("DICT"), "2"), ("Amount", decimal(150, 2), "1"), ("Id", Value::Int(3), "3")]
    {
        assert_eq!(world.lines(&filtered(select(&dataset, &["Id"]), name, equal(value))).await, [expected]);
    }
    assert_eq!(world.lines(&ordered(select(&dataset, &["Id"]), &["-Name"])).await, ["3", "1", "2"]);
}

#[tokio::test]
async fn a_misfit_names_file_column_and_types() {
    let mut dataset = sales();
    dataset.columns[ID].nullable = false;
    for (name, columns, column, found) in [
        ("text", vec![("id", strings(&["1"]))], "Id", "Utf8"),
        ("missing", vec![("Name", strings(&["1"]))], "Id", "missing"),
        ("twice", vec![("ID", strings(&["1"])), ("iD", strings(&["1"]))], "Id", "there more than once"),
        (
            "scale",
            vec![
                ("Id", std::sync::Arc::new(UInt32Array::from(vec![1])) as ArrayRef),
                ("Amount", std::sync::Arc::new(Decimal128Array::from(vec![1]).with_precision_and_scale(12, 3).unwrap())),
            ],
            "Amount",
            "Decimal128(12, 3)",
        ),
    ] {
        let world = World::new();
        world.write(&dataset, ALICE, "good.parquet", &[sale(1, None)]);
        write_batch(&world.data_folder(&dataset, Some(ALICE)).join(format!("{name}.parquet")), columns);
        let plan = select(&dataset, &["Id"]);
        let failed = world.csv(&plan).await.unwrap_err();
        let EngineError::Misfit { file, column: named, expected, found: what } = &failed else { panic!("{failed:?}") };
        assert!(file.ends_with(&format!("{name}.parquet")), "{file}");
        assert_eq!((named.as_str(), what.as_str()), (column, found));
        assert!(!expected.is_empty() && !failed.is_retryable());
        assert!(
            failed.caller_message().contains(".parquet")
                && !failed.caller_message().contains('/')
                && failed.caller_message().contains(column)
        );
        // The other tenant's files fit, and can still be read.
        world.write(&dataset, BOB, "b.parquet", &[sale(5, None)]);
        assert_eq!(world.csv_of(&scope(BOB), &plan, Window::All).await.unwrap(), "Id\n5\n");
    }
}

#[tokio::test]
async fn a_corrupt_file_is_named() {
    for content in [&b""[..], b"not parquet at all", b"PAR1\0\0\0\0PAR1"] {
        let (world, dataset) = (World::new(), sales());
        world.write(&dataset, ALICE, "good.parquet", &[sale(1, None)]);
        std::fs::write(world.data_folder(&dataset, Some(ALICE)).join("bad.parquet"), content).unwrap();
        let failed = world.csv(&select(&dataset, &["Id"])).await.unwrap_err();
        let EngineError::Corrupt { file, .. } = &failed else { panic!("{failed:?}") };
        assert!(file.ends_with("bad.parquet"));
        assert!(failed.caller_message().contains("bad.parquet") && !failed.caller_message().contains('/'));
    }
}

#[tokio::test]
async fn a_file_that_breaks_off_in_the_middle_is_named() {
    let (world, dataset) = (World::new(), sales());
    let rows: Vec<_> = (0..5_000).map(|id| sale(id, Some(&format!("name {id}")))).collect();
    for file in ["a.parquet", "b.parquet", "c.parquet"] {
        world.write(&dataset, ALICE, file, &rows);
    }
    // The footer and the page headers stay intact, but the compressed pages are damaged.
    let path = world.data_folder(&dataset, Some(ALICE)).join("b.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len() / 2;
    bytes[end - 2_000..end].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let plan = select(&dataset, &["Id", "Name"]);
    for failed in [world.csv(&plan).await.unwrap_err(), world.engine.preview(&scope(ALICE), &plan, Window::All, 20_000).await.unwrap_err()]
    {
        let EngineError::Corrupt { file, .. } = &failed else { panic!("{failed:?}") };
        assert!(file.ends_with("b.parquet") && !failed.is_retryable());
    }
}

#[tokio::test]
async fn values_that_no_type_of_ours_holds_are_named() {
    let timestamps: ArrayRef = std::sync::Arc::new(TimestampSecondArray::from(vec![0, i64::MAX / 1_000]).with_timezone("Europe/Oslo"));
    let numbers: ArrayRef = std::sync::Arc::new(UInt64Array::from(vec![1, u64::MAX]));
    for (column, values) in [("At", timestamps), ("Id", numbers)] {
        let (world, dataset) = (World::new(), sales());
        world.write(&dataset, ALICE, "good.parquet", &[sale(1, None)]);
        world.write(&dataset, BOB, "good.parquet", &[sale(2, None)]);
        write_batch(&world.data_folder(&dataset, Some(ALICE)).join("odd.parquet"), vec![(column, values)]);
        let failed = world.csv(&select(&dataset, &["Id", "At"])).await.expect_err(column);
        let EngineError::Misfit { file, column: named, .. } = &failed else { panic!("{failed:?}") };
        assert!(file.ends_with("odd.parquet") && named == column, "{failed}");
        assert_eq!(world.csv_of(&scope(BOB), &select(&dataset, &["Id"]), Window::All).await.unwrap(), "Id\n2\n");
    }
}

#[tokio::test]
async fn a_text_too_long_to_be_held_is_named() {
    let (world, dataset) = (World::with_memory(256 << 20), sales());
    let path = world.data_folder(&dataset, Some(ALICE)).join("long.parquet");
    let long = "x".repeat(129 << 20);
    let columns: Vec<(&str, ArrayRef)> = vec![("Id", std::sync::Arc::new(Int16Array::from(vec![1]))), ("Name", strings(&[&long]))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let properties =
        WriterProperties::builder().set_compression(Compression::SNAPPY).set_statistics_enabled(EnabledStatistics::None).build();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let failed = world.csv(&select(&dataset, &["Id", "Name"])).await.unwrap_err();
    let EngineError::Corrupt { file, column, .. } = &failed else { panic!("{failed:?}") };
    assert!(file.ends_with("long.parquet") && column.as_deref() == Some("Name"), "{failed}");
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["1"]);
}

#[tokio::test]
async fn folders_are_columns() {
    let (world, dataset) = (World::new(), sales());
    let folder = world.data_folder(&dataset, Some(ALICE));
    for (path, id) in [("Day=2024-01-02/name=North%20Sea", 1), ("Day=2024-01-01/name=__HIVE_DEFAULT_PARTITION__", 2)] {
        write_batch(&folder.join(path).join("a.parquet"), vec![("Id", std::sync::Arc::new(Int16Array::from(vec![id])) as ArrayRef)]);
    }
    assert_eq!(world.lines(&select(&dataset, &["Id", "Day", "Name"])).await, ["2,2024-01-01,", "1,2024-01-02,North Sea"]);
    let window = Window::Between { start: Some(instant("2024-01-02T00:00:00Z")), end: instant("2024-01-03T00:00:00Z") };
    assert_eq!(world.csv_of(&scope(ALICE), &select(&dataset, &["Id"]), window).await.unwrap(), "Id\n1\n");
    write_batch(&folder.join("Day=never/name=x/a.parquet"), vec![("Id", std::sync::Arc::new(Int16Array::from(vec![3])) as ArrayRef)]);
    let failed = world.csv(&select(&dataset, &["Id"])).await.unwrap_err();
    assert!(matches!(&failed, EngineError::Misfit { column, .. } if column == "Day"), "{failed:?}");
}

#[tokio::test]
async fn a_snapshot_pins_files_in_path_order() {
    let (world, dataset) = (World::new(), sales());
    let empty = world.engine.snapshot(&scope(ALICE), &dataset).await.unwrap();
    assert!(empty.is_empty() && empty.data_as_of.is_none());
    for file in ["b.parquet", "B.parquet", "a-1.parquet", "a/1.parquet", ".hidden.parquet", "_temporary/x.parquet", "note.txt"] {
        world.write(&dataset, ALICE, file, &[sale(1, None)]);
    }
    world.write(&dataset, BOB, "other.parquet", &[sale(1, None)]);
    let snapshot = world.engine.snapshot(&scope(ALICE), &dataset).await.unwrap();
    let names: Vec<_> = snapshot.files.iter().map(|file| file.meta.location.as_ref().rsplit_once(&ALICE.to_string()).unwrap().1).collect();
    assert_eq!(names, ["/B.parquet", "/a-1.parquet", "/a/1.parquet", "/b.parquet"]);
    let newest = snapshot.files.iter().map(|file| file.meta.last_modified).max();
    assert!(snapshot.data_as_of == newest && newest.is_some() && snapshot.size() > 0);

    let store = object_store::local::LocalFileSystem::new_with_prefix(world.folder.path().join("data")).unwrap();
    crate::rows::snapshot::recheck(&store, &snapshot).await.unwrap();
    world.write(&dataset, ALICE, "b.parquet", &[sale(2, None), sale(3, None)]);
    let changed = crate::rows::snapshot::recheck(&store, &snapshot).await.unwrap_err();
    assert!(matches!(&changed, EngineError::FilesChanged { file } if file.ends_with("/b.parquet")), "{changed:?}");
    assert!(changed.is_retryable());
    std::fs::remove_file(world.data_folder(&dataset, Some(ALICE)).join("B.parquet")).unwrap();
    let gone = crate::rows::snapshot::recheck(&store, &snapshot).await.unwrap_err();
    assert!(matches!(&gone, EngineError::FilesChanged { file } if file.ends_with("/B.parquet")), "{gone:?}");
}

#[tokio::test]
async fn a_replaced_file_is_read_anew() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some("old"))]);
    let plan = select(&dataset, &["Id", "Name"]);
    assert_eq!(world.lines(&plan).await, ["1,old"]);
    let path = world.data_folder(&dataset, Some(ALICE)).join("a.parquet");
    write_batch(&path, vec![("Id", std::sync::Arc::new(Int16Array::from(vec![2, 3])) as ArrayRef)]);
    assert_eq!(world.lines(&plan).await, ["2,", "3,"]);
    write_batch(&path, vec![("Id", strings(&["x"]))]);
    assert!(matches!(world.csv(&plan).await, Err(EngineError::Misfit { .. })));
}

#[test]
fn a_table_writer_leaves_nothing_unfinished() {
    let (world, dataset) = (World::new(), sales());
    let folder = world.data_folder(&dataset, Some(ALICE));
    let path = folder.join("a.parquet");
    drop(TableWriter::create(&path, &dataset).unwrap());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let mut writer = TableWriter::create(&path, &dataset).unwrap();
    for wrong in [vec![vec![Some(Value::Int(1))]], vec![vec![Some(string("x"))]; 9]] {
        assert!(matches!(writer.write(&wrong), Err(EngineError::Plan(_))));
    }
    let mut too_wide: Vec<Vec<Option<Value>>> = vec![vec![None]; 9];
    too_wide[AMOUNT] = vec![Some(decimal(10_i128.pow(12), 2))];
    assert!(matches!(writer.write(&too_wide), Err(EngineError::Plan(_))));
    writer.finish().unwrap();
    let left: HashMap<_, _> = std::fs::read_dir(&folder).unwrap().map(|entry| (entry.unwrap().file_name(), ())).collect();
    assert_eq!(left.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_that_lead_in_a_circle_are_passed_over() {
    use std::os::unix::fs::symlink;
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some("one"))]);
    let folder = world.data_folder(&dataset, Some(ALICE));
    symlink("self.parquet", folder.join("self.parquet")).unwrap();
    symlink(&folder, folder.join("above")).unwrap();
    let elsewhere = world.folder.path().join("elsewhere.parquet");
    std::fs::copy(folder.join("a.parquet"), &elsewhere).unwrap();
    symlink(&elsewhere, folder.join("z.parquet")).unwrap();
    assert_eq!(world.lines(&select(&dataset, &["Id"])).await, ["1", "1"]);
}
