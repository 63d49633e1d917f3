//! Columns with several names: the names that answers use, and the names that files may use.

use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use insightgate_query::column::Comparison;

use super::*;
use crate::{Parts, ReadOptions, import};

/// `sales` with other names for a text and for the date.
fn aliased() -> Dataset {
    let mut dataset = sales();
    dataset.columns[NAME].aliases = vec!["Title".to_owned(), "Caption".to_owned()];
    dataset.columns[DAY].aliases = vec!["SoldOn".to_owned()];
    dataset.columns[MPN_ID].aliases = vec!["PartnerID".to_owned()];
    dataset
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn days(values: &[i32]) -> ArrayRef {
    Arc::new(Date32Array::from(values.to_vec()))
}

fn write_file(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Four files: one with an alias, one with the name, one with both, and one with an alias whose values have another type.
fn several(world: &World, dataset: &Dataset) {
    let folder = world.data_folder(dataset, Some(ALICE));
    let write = |name: &str, columns| write_file(&folder.join(name), columns);
    write("a.parquet", vec![("Id", numbers(&[1, 2])), ("title", texts(&["North", "south"])), ("SoldOn", days(&[0, 31]))]);
    write("b.parquet", vec![("Id", numbers(&[3])), ("Name", texts(&["South"])), ("Day", days(&[31]))]);
    write("c.parquet", vec![("Id", numbers(&[4])), ("Caption", texts(&["never"])), ("NAME", texts(&["East"])), ("Day", days(&[59]))]);
    write("d.parquet", vec![("Id", numbers(&[5])), ("Title", numbers(&[7])), ("SoldOn", days(&[59]))]);
}

fn is(text: &str) -> Predicate {
    Predicate::Compare(Comparison::Equal, string(text))
}

#[tokio::test]
async fn every_format_has_the_name_that_was_written() {
    let (world, dataset) = (World::new(), aliased());
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some("x")), sale(2, Some("y"))]);
    // The same column under two names, and one name twice.
    let plan = select(&dataset, &["Title", "Id", "Name", "Title"]);
    assert_eq!(world.csv(&plan).await.unwrap(), "Title,Id,Name,Title\nx,1,x,x\ny,2,y,y\n");
    let rows = [r#"{"Title":"x","Id":1,"Name":"x"}"#, r#"{"Title":"y","Id":2,"Name":"y"}"#];
    assert_eq!(world.preview(&scope(ALICE), &plan).await.unwrap(), rows);
    let file = async |format| {
        let mut out: Vec<u8> = Vec::new();
        world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, format, &mut out, &|_| {}).await.unwrap();
        out
    };
    assert_eq!(String::from_utf8(file(Format::Jsonl).await).unwrap(), format!("{}\n{}\n", rows[0], rows[1]));
    assert!(file(Format::Tsv).await.starts_with(b"Title\tId\tName\tTitle\n"));
    let parquet = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file(Format::Parquet).await)).unwrap();
    let arrow = FileReader::try_new(std::io::Cursor::new(file(Format::Arrow).await), None).unwrap();
    for schema in [parquet.schema(), &arrow.schema()] {
        let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["Title", "Id", "Name"]);
    }
}

#[tokio::test]
async fn grouped_and_distinct_rows_have_it_too() {
    let (world, mut dataset) = (World::new(), aliased());
    let mut counted = metric("Count", insightgate_query::metric::MetricExpression::CountRows);
    counted.aliases = vec!["Number".to_owned()];
    dataset.metrics = vec![counted];
    several(&world, &dataset);
    let grouped = ordered(select(&dataset, &["Caption", "Number"]), &["Title"]);
    assert_eq!(world.csv(&grouped).await.unwrap(), "Caption,Number\nEast,1\nNorth,1\nSouth,1\nsouth,1\n,1\n");
    let distinct = Plan { distinct: true, ..ordered(select(&dataset, &["Title", "Name"]), &["-Caption"]) };
    assert_eq!(world.csv(&distinct).await.unwrap(), "Title,Name\nsouth,south\nSouth,South\nNorth,North\nEast,East\n,\n");
}

#[tokio::test]
async fn a_column_of_a_file_may_be_called_by_an_alias() {
    let (world, dataset) = (World::new(), aliased());
    several(&world, &dataset);
    let all = select(&dataset, &["Id", "Name", "Day"]);
    assert_eq!(
        world.lines(&all).await,
        ["1,North,1970-01-01", "2,south,1970-02-01", "3,South,1970-02-01", "4,East,1970-03-01", "5,,1970-03-01"]
    );
    let ids = || select(&dataset, &["Id"]);
    assert_eq!(world.lines(&filtered(ids(), "Title", is("SOUTH"))).await, ["2", "3"]);
    assert_eq!(world.lines(&filtered(ids(), "Name", is("never"))).await, Vec::<String>::new());
    assert_eq!(world.lines(&filtered(ids(), "Name", Predicate::NotNull)).await, ["1", "2", "3", "4"]);
    assert_eq!(world.lines(&ordered(ids(), &["Name"])).await, ["4", "1", "3", "2", "5"]);
    let window = Window::Between { start: Some(instant("1970-02-01T00:00:00Z")), end: instant("1970-03-01T00:00:00Z") };
    assert_eq!(world.csv_of(&scope(ALICE), &ids(), window).await.unwrap(), "Id\n2\n3\n");
    // An explanation counts such columns too, and their statistics prune as those of other columns do.
    let explained = world.engine.explain(&scope(ALICE), &filtered(ids(), "Name", is("north")), Window::All).await.unwrap();
    assert_eq!((explained.columns, explained.files), (vec!["Id".to_owned(), "Name".to_owned()], Parts { read: 1, skipped: 3 }));
    let checked = world.engine.check_files(Program::Mpn, &dataset).await.unwrap();
    assert!(checked.files == 4 && checked.faults.is_empty(), "{:?}", checked.faults);
}

/// The filter on locations reads the same column.
#[tokio::test]
async fn locations_hold_under_an_alias() {
    let (world, dataset) = (World::new(), aliased());
    let folder = world.data_folder(&dataset, Some(ALICE));
    write_file(&folder.join("a.parquet"), vec![("Id", numbers(&[1, 2])), ("partnerid", texts(&["10", "20"]))]);
    write_file(
        &folder.join("b.parquet"),
        vec![("Id", numbers(&[3, 4])), ("MPNId", texts(&["10", "20"])), ("PartnerID", texts(&["20", "10"]))],
    );
    let plan = select(&dataset, &["Id", "PartnerID"]);
    assert_eq!(world.csv_of(&scope_of(ALICE, &["20"]), &plan, Window::All).await.unwrap(), "Id,PartnerID\n2,20\n4,20\n");
}

#[tokio::test]
async fn folders_may_be_called_by_an_alias() {
    let (world, dataset) = (World::new(), aliased());
    let folder = world.data_folder(&dataset, Some(ALICE));
    for (path, id) in [("SoldOn=2024-01-02/Title=North%20Sea", 1), ("SoldOn=2024-01-01/Title=__HIVE_DEFAULT_PARTITION__", 2)] {
        write_file(&folder.join(path).join("a.parquet"), vec![("Id", numbers(&[id]))]);
    }
    assert_eq!(world.lines(&select(&dataset, &["Id", "Day", "Name"])).await, ["2,2024-01-01,", "1,2024-01-02,North Sea"]);
    assert!(world.engine.check_files(Program::Mpn, &dataset).await.unwrap().faults.is_empty());
    // Files that have the column itself are still read by it.
    let other = dataset_called("Other");
    let folder = world.data_folder(&other, Some(ALICE));
    write_file(&folder.join("Title=folder/a.parquet"), vec![("Id", numbers(&[1])), ("Name", texts(&["file"]))]);
    assert_eq!(world.lines(&select(&other, &["Id", "Name"])).await, ["1,file"]);
}

fn dataset_called(name: &str) -> Dataset {
    Dataset { name: name.to_owned(), ..aliased() }
}

#[tokio::test]
async fn imported_files_may_call_columns_by_an_alias() {
    let (world, dataset) = (World::new(), aliased());
    let path = world.folder.path().join("rows.csv");
    std::fs::write(&path, "id,soldon,CAPTION\n1,2024-01-02,North\n").unwrap();
    import(&[path], &dataset, &world.data_folder(&dataset, None), Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap();
    assert_eq!(world.lines(&select(&dataset, &["Id", "Day", "Name"])).await, ["1,2024-01-02,North"]);
}
