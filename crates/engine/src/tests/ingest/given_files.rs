//! Files as people have them: they are recognised by their content and read without loss, or the error says what is wrong.

use std::io::Write as _;

use datafusion::arrow::array::{
    Array as _, ArrayRef, BinaryArray, Date32Array, Decimal256Array, DurationSecondArray, FixedSizeBinaryArray, ListArray, RecordBatch,
    Time64MicrosecondArray, UInt8Array, UInt64Array,
};
use datafusion::arrow::datatypes::{Field as ArrowField, Int32Type, Schema, i256};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::data_type::{Int96, Int96Type};
use datafusion::parquet::file::writer::SerializedFileWriter;
use datafusion::parquet::schema::parser::parse_message_type;
use insightgate_query::metric::{MetricExpression, RowExpression};

use super::{given, kinds};
use crate::tests::*;
use crate::{GivenType, InferOptions, InferredTable, ReadOptions, import, infer};

fn inferred(path: &Path, read: ReadOptions) -> Result<InferredTable, EngineError> {
    infer(path, &InferOptions { read, rows: None })
}

/// Infers a dataset from a file, imports the file's rows into it, and reads them back.
async fn through(world: &World, path: &Path, read: ReadOptions) -> Result<String, EngineError> {
    let table = inferred(path, read.clone())?;
    let name: String = path.file_name().unwrap().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
    let dataset = dataset(&format!("D{name}"), table.columns);
    import(&[path.to_owned()], &dataset, &world.data_folder(&dataset, None), Some(ALICE), &read, &|_| {})?;
    let names: Vec<_> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
    world.csv(&select(&dataset, &names)).await
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

#[tokio::test]
async fn one_table_is_the_same_in_every_form() {
    let world = World::new();
    let expected = "Größe,Preis,Tag\n1,12.50,2026-12-31\n,-0.75,\n";
    let comma = "Größe;Preis;Tag\n1;12,50;2026-12-31\n;-0,75;\n";
    let wide = |make: fn(u16) -> [u8; 2]| -> Vec<u8> { [0xfeff].into_iter().chain(comma.encode_utf16()).flat_map(make).collect() };
    let halves = [gzip(&expected[..20]), gzip(&expected[20..])].concat();
    let json = "{\"Größe\": 1, \"Preis\": 12.50, \"Tag\": \"2026-12-31\"}\n{\"Preis\": -0.75, \"Tag\": null}\n";
    for (name, content) in [
        ("a.csv", expected.as_bytes().to_vec()),
        ("b.csv", comma.as_bytes().to_vec()),
        ("c.txt", format!("sep=;\r\n{}", comma.replace('\n', "\r\n")).into_bytes()),
        ("d.csv", expected.replace(',', "\t").into_bytes()),
        ("e.csv", expected.replace(',', "|").into_bytes()),
        ("f.csv", wide(u16::to_le_bytes)),
        ("g.csv", wide(u16::to_be_bytes)),
        ("h.csv.gz", gzip(expected)),
        ("i.csv", halves),
        ("j.csv.zst", zstd::stream::encode_all(expected.as_bytes(), 1).unwrap()),
        ("k.jsonl", json.as_bytes().to_vec()),
        ("l.csv", gzip(json)),
    ] {
        let path = given(&world, name, &content);
        assert_eq!(through(&world, &path, ReadOptions::default()).await.unwrap(), expected, "{name}");
    }
    let narrow: Vec<u8> = comma.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let path = given(&world, "m.csv", &narrow);
    let refused = inferred(&path, ReadOptions::default()).unwrap_err().to_string();
    assert!(refused.contains("m.csv: line 1 is no UTF-8 text") && refused.contains("--encoding windows-1252"), "{refused}");
    let read = ReadOptions { encoding: Some("windows-1252".parse().unwrap()), ..ReadOptions::default() };
    assert_eq!(through(&world, &path, read).await.unwrap(), expected);
    let path = given(&world, "n.csv", expected.replace(',', "~").as_bytes());
    assert_eq!(through(&world, &path, ReadOptions { delimiter: Some(b'~'), ..ReadOptions::default() }).await.unwrap(), expected);
}

#[tokio::test]
async fn our_own_exports_are_read_without_loss() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.name = "Sales".to_owned();
    let mut rows = vec![with(sale(1, Some("")), AMOUNT, decimal(125, 2)), sale(2, None), sale(3, Some("a,\"b\"\nc;d\te"))];
    rows.push(with(sale(4, Some("007")), AMOUNT, decimal(-5, 2)));
    world.write(&dataset, ALICE, "a.parquet", &rows);
    for columns in [&["Id", "Name", "Amount"][..], &["Name"]] {
        let plan = select(&dataset, columns);
        let before = world.csv(&plan).await.unwrap();
        for format in [Format::Csv, Format::Tsv, Format::CsvGz, Format::TsvZst, Format::Jsonl, Format::Parquet, Format::Arrow] {
            let mut out = Vec::new();
            world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, format, &mut out, &|_| {}).await.unwrap();
            // The file has a name without a known extension.
            let path = given(&world, &format!("{format:?}{}", columns.len()), &out);
            assert_eq!(through(&world, &path, ReadOptions::default()).await.unwrap(), before, "{format:?}");
        }
    }
}

#[test]
fn other_formats_are_named_as_what_they_are() {
    let world = World::new();
    let mut packed_parquet = std::fs::File::create(world.folder.path().join("p.parquet")).unwrap();
    packed_parquet.write_all(&gzip("PAR1 and more")).unwrap();
    for (name, content, expected) in [
        ("a.csv", &b"PK\x03\x04\x14\x00[Content_Types].xml xl/workbook.xml"[..], "Excel workbook (xlsx): save its sheet as CSV"),
        ("b.csv", b"[{\"a\": 1},\n{\"a\": 2}]", "one JSON array"),
        ("c.csv", b"{\"a\": [\n1]}", "line 1: the object does not end in its line"),
        ("d.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel workbook (xls)"),
        ("e.csv", b"<!DOCTYPE html><html>", "a web page"),
        ("f.csv", b"%PDF-1.7", "a PDF"),
        ("g.parquet", b"a,b\n1,2\n", "does not begin as a Parquet file does"),
        ("h.csv", &gzip("PAR1...."), "compressed as a whole"),
        ("i.csv.gz", &gzip("a,b\n1,2\n")[..20], "its end is missing"),
        ("j.csv.gz", b"a,b\n1,\"2\n", "line 2: the quote that opens value 2 never closes"),
        ("k.csv", b"a;b\n1;2\n1;2;3\n", "line 3 has 3 values, and the first line names 2 columns"),
        ("l.csv", b"", "the file is empty"),
        ("o.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "of a format that is not known, and no text"),
        ("m.csv", b",a\n0,1\n", "index=False"),
        ("n.jsonl", b"{\"a\": 1}\n{\"a\": }\n", "line 2: this is no JSON object"),
    ] {
        let path = given(&world, name, content);
        let refused = inferred(&path, ReadOptions::default()).unwrap_err().to_string();
        assert!(refused.contains(expected) && refused.contains(name), "{name}: {refused}");
    }
}

#[tokio::test]
async fn money_adds_up_exactly() {
    let world = World::new();
    let path = given(&world, "money.csv", b"amount,large,code\n0.10,123456789012345678.91,32E0134\n0.20,1,12E0001\n0.30,-0.5,1E5\n");
    let table = inferred(&path, ReadOptions::default()).unwrap();
    let decimal = |precision, scale| ColumnType::Decimal { precision, scale };
    assert_eq!(kinds(&table.columns), [("amount", decimal(18, 2)), ("large", decimal(38, 2)), ("code", ColumnType::String)]);
    let mut dataset = dataset("Money", table.columns);
    import(&[path], &dataset, &world.data_folder(&dataset, None), Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap();
    let rows = world.csv(&select(&dataset, &["amount", "large", "code"])).await.unwrap();
    assert_eq!(rows.lines().nth(1), Some("0.10,123456789012345678.91,32E0134"));
    dataset.metrics.push(metric("Total", MetricExpression::Sum(RowExpression::Column(0))));
    assert_eq!(world.lines(&select(&dataset, &["Total"])).await, ["0.60"]);
}

#[tokio::test]
async fn points_between_thousands_are_not_taken_for_decimals_in_silence() {
    let world = World::new();
    let flags = "--decimal-comma --type 'A=decimal(18,2)'";
    let path = given(&world, "thousands.csv", b"Id;A\n1;1.234\n2;2.500\n");
    let table = inferred(&path, ReadOptions::default()).unwrap();
    assert_eq!(table.notes.iter().map(|note| (note.column.as_str(), note.flags.as_str())).collect::<Vec<_>>(), [("A", flags)]);
    let with_commas = given(&world, "commas.csv", b"Id,A\n1,1.234\n2,2.500\n");
    assert!(inferred(&with_commas, ReadOptions::default()).unwrap().notes.is_empty());
    let typed = || vec!["A=decimal(18,2)".parse().unwrap()];
    let read = ReadOptions { decimal_comma: true, types: typed(), ..ReadOptions::default() };
    assert_eq!(through(&world, &path, read).await.unwrap(), "Id,A\n1,1234.00\n2,2500.00\n");

    // Without one or both of the flags the numbers do not fit, and the error names both.
    let dataset = dataset("Thousands", vec![column("A", ColumnType::Decimal { precision: 18, scale: 2 })]);
    let folder = world.data_folder(&dataset, None);
    let tabs = given(&world, "tabs.tsv", b"Id\tA\n1\t0,10\n");
    for (path, types, number) in [(&path, vec![], "1234"), (&path, typed(), "1234"), (&tabs, typed(), "0.10")] {
        let read = ReadOptions { types, ..ReadOptions::default() };
        let told = import(std::slice::from_ref(path), &dataset, &folder, Some(ALICE), &read, &|_| {}).unwrap_err().to_string();
        assert!(told.contains(&format!("; {flags} would read it as {number}")), "{told}");
    }
}

#[tokio::test]
async fn flags_change_what_stays_text() {
    let world = World::new();
    let path = given(&world, "german.csv", "Tag,Preis,Menge\n31.12.2026,\"$1,234.50\",NA\n1.2.2026,$0.5,7\n".as_bytes());
    let table = inferred(&path, ReadOptions::default()).unwrap();
    let flags: Vec<_> = table.notes.iter().map(|note| (note.column.as_str(), note.flags.as_str())).collect();
    assert_eq!(flags, [("Tag", "--type Tag=date:%d.%m.%Y"), ("Preis", "--type 'Preis=decimal(18,2)'"), ("Menge", "--null NA")]);
    let types: Vec<GivenType> = ["Tag=date:%d.%m.%Y", "Preis=decimal(18,2)"].iter().map(|text| text.parse().unwrap()).collect();
    let read = ReadOptions { types, nulls: vec!["NA".to_owned()], ..ReadOptions::default() };
    let rows = through(&world, &path, read.clone()).await.unwrap();
    assert_eq!(rows, "Tag,Preis,Menge\n2026-12-31,1234.50,\n2026-02-01,0.50,7\n");
    assert!(inferred(&path, read).unwrap().notes.is_empty());

    // Without the flags, the error for a value that does not fit names its place and the flag.
    let dataset =
        dataset("Typed", vec![column("Tag", ColumnType::Date), column("Preis", ColumnType::Float64), column("Menge", ColumnType::Int64)]);
    let refused = |names: &[&str]| {
        let dataset = Dataset {
            columns: dataset.columns.iter().filter(|column| names.contains(&column.name.as_str())).cloned().collect(),
            ..dataset.clone()
        };
        let folder = world.data_folder(&dataset, None);
        import(std::slice::from_ref(&path), &dataset, &folder, Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap_err().to_string()
    };
    for (column, expected) in [
        ("Tag", "'31.12.2026' in row 1, a string (line 2); --type Tag=date:%d.%m.%Y would read it"),
        ("Preis", "'$1,234.50' in row 1, a string (line 2); --type Preis=float64 would read it"),
        ("Menge", "'NA' in row 1, a string (line 2); --null NA would read it"),
    ] {
        let refused = refused(&[column]);
        assert!(refused.contains(expected), "{refused}");
    }
    let other = ReadOptions { types: vec!["Tag=timestamp".parse().unwrap()], ..ReadOptions::default() };
    let folder = world.data_folder(&dataset, None);
    let told = import(std::slice::from_ref(&path), &dataset, &folder, Some(ALICE), &other, &|_| {}).unwrap_err().to_string();
    assert!(told.contains("--type says that 'Tag' is timestamp, and the dataset's definition says date"), "{told}");
    let nowhere = ReadOptions { types: vec!["Day=date".parse().unwrap()], ..ReadOptions::default() };
    assert!(inferred(&path, nowhere).unwrap_err().to_string().contains("'Day', which is not there; there are Tag, Preis, Menge"));
}

#[test]
fn json_without_a_column_for_it_is_left_out_and_named() {
    let world = World::new();
    let path = given(&world, "a.jsonl", b"{\"id\": 1, \"tags\": [1], \"zip\": \"007\", \"n\": \"12\"}\n{\"id\": 2.5, \"ok\": true}\n");
    let table = inferred(&path, ReadOptions::default()).unwrap();
    let decimal = ColumnType::Decimal { precision: 18, scale: 1 };
    assert_eq!(kinds(&table.columns), [("id", decimal), ("zip", ColumnType::String), ("n", ColumnType::String), ("ok", ColumnType::Bool)]);
    assert_eq!(table.skipped, [("tags".to_owned(), "list or object".to_owned())]);
    let dataset = dataset("Tags", vec![column("tags", ColumnType::String)]);
    let folder = world.data_folder(&dataset, None);
    let refused = import(&[path], &dataset, &folder, Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap_err().to_string();
    assert!(refused.contains("column 'tags' should be a string, but is a list or an object in line 1"), "{refused}");
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn unsigned_integers_are_read_exactly() {
    let world = World::new();
    let path = world.folder.path().join("unsigned.parquet");
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(7)]));
    let small: ArrayRef = Arc::new(UInt8Array::from(vec![255, 0, 1]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![1, 2, 3]));
    parquet(&path, vec![("large", Arc::clone(&large)), ("small", Arc::clone(&small)), ("day", Arc::clone(&days))]);
    let rows = through(&world, &path, ReadOptions::default()).await.unwrap();
    assert_eq!(rows, "large,small,day\n18446744073709551615,255,1970-01-02\n,0,1970-01-03\n7,1,1970-01-04\n");

    // Also in the folder itself; conditions compare the values.
    let columns = vec![
        column("large", ColumnType::Decimal { precision: 20, scale: 0 }),
        column("small", ColumnType::Float64),
        column("day", ColumnType::Timestamp),
    ];
    let dataset = dataset("Placed", columns);
    parquet(&world.data_folder(&dataset, Some(ALICE)).join("a.parquet"), vec![("large", large), ("small", small), ("day", days)]);
    let plan = select(&dataset, &["large", "small", "day"]);
    assert_eq!(
        world.lines(&plan).await,
        ["18446744073709551615,255.0,1970-01-02T00:00:00Z", ",0.0,1970-01-03T00:00:00Z", "7,1.0,1970-01-04T00:00:00Z"]
    );
    let least = Predicate::Compare(insightgate_query::column::Comparison::Greater, decimal(i128::from(u64::MAX) - 1, 0));
    assert_eq!(world.lines(&filtered(select(&dataset, &["small"]), "large", least)).await, ["255.0"]);
    let one = Predicate::Compare(insightgate_query::column::Comparison::Equal, decimal(7, 0));
    assert_eq!(world.lines(&filtered(select(&dataset, &["small"]), "large", one)).await, ["1.0"]);
}

#[tokio::test]
async fn types_that_no_dataset_has_are_texts_or_left_out_and_named() {
    let world = World::new();
    let path = world.folder.path().join("types.parquet");
    let decimals =
        |digits| Arc::new(Decimal256Array::from(vec![i256::from_i128(125)]).with_precision_and_scale(digits, 2).unwrap()) as ArrayRef;
    let id = Uuid::from_u128(0x3f1c_0000_0000_4000_8000_0000_0000_0001);
    let ids: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([id.as_bytes().to_vec()].into_iter()).unwrap());
    let fields = [
        ("wide", decimals(38)),
        ("wider", decimals(60)),
        ("time", Arc::new(Time64MicrosecondArray::from(vec![37_800_000_000])) as ArrayRef),
        ("bytes", Arc::new(BinaryArray::from_vec(vec![b"x"]))),
        ("took", Arc::new(DurationSecondArray::from(vec![1]))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]))),
        ("id", Arc::clone(&ids)),
    ];
    let schema: Vec<_> = fields.iter().map(|(name, array)| ArrowField::new(*name, array.data_type().clone(), true)).collect();
    let marked = |field: ArrowField| {
        let metadata = [("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())].into();
        if field.name() == "id" { field.with_metadata(metadata) } else { field }
    };
    let schema = Arc::new(Schema::new(schema.into_iter().map(marked).collect::<Vec<_>>()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), fields.into_iter().map(|(_, array)| array).collect()).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let table = inferred(&path, ReadOptions::default()).unwrap();
    let left_out: Vec<_> = table.skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left_out, ["wider", "bytes", "took", "list"]);
    assert_eq!(through(&world, &path, ReadOptions::default()).await.unwrap(), format!("wide,time,id\n1.25,10:30:00,{id}\n"));
}

/// Days since 1970 as old writers stored them: nanoseconds of the day, and a day of the Julian calendar.
fn int96(days: u32) -> Int96 {
    let mut value = Int96::new();
    value.set_data(0, 0, 2_440_588 + days);
    value
}

#[tokio::test]
async fn times_of_96_bits_reach_beyond_2262() {
    let world = World::new();
    let path = world.folder.path().join("int96.parquet");
    let schema = parse_message_type("message rows { required int96 far; }").unwrap();
    let mut file = SerializedFileWriter::new(std::fs::File::create(&path).unwrap(), Arc::new(schema), Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut values = group.next_column().unwrap().unwrap();
    // The last day that many tables use for "without end".
    values.typed::<Int96Type>().write_batch(&[int96(2_932_896), int96(20_454)], None, None).unwrap();
    values.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
    assert_eq!(through(&world, &path, ReadOptions::default()).await.unwrap(), "far\n9999-12-31T00:00:00Z\n2026-01-01T00:00:00Z\n");
}

#[test]
fn a_file_without_a_column_of_the_dataset_is_refused() {
    let (world, dataset) = (World::new(), sales());
    let path = given(&world, "other.csv", b"city,population\nOslo,1\n");
    let folder = world.data_folder(&dataset, None);
    let refused = import(&[path], &dataset, &folder, Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap_err().to_string();
    assert!(refused.contains("other.csv: none of its columns is one of the dataset's; it has city, population"), "{refused}");
}

#[tokio::test]
async fn integers_of_128_bits_do_not_cost_the_other_columns() {
    // An integer, an integer of 128 bits and a duration as Polars writes them: the library panics on the schema that the file has for the second one.
    const WRITTEN: &str = "UEFSMRUEFRAVIkwVAhUAAAAotS/9IAhBAAABAAAAAAAAABUAFRAVIiwVAhUQFQYVBgAAKLUv/SAIQQAAAgAAAAIBAAMVBBk1AAYQGRgBYRUMFgIWXBaAASZE\
                           JggAFQAVLBU0LBUCFQAVBhUGAAAotS/9IBaNAABYAgAAAAIBABAAAAABAAYwAhUOGSUABhkYBHdpZGUVDBYCFk4WVia6AQAVBBUQFSJMFQIVAAAAKLUv/SAI\
                           QQAAAKST1gAAAAAVABUQFSIsFQIVEBUGFQYAACi1L/0gCEEAAAIAAAACAQADFQQZNQAGEBkYBHRvb2sVDBYCFlwWgAEm/gImwgIAGRwWRBVEFgAAABkcFroB\
                           FVYWAAAAGRwW/gIVRBYAAAAVAhlMSARyb290FQYAFQQlAhgBYQAVDhUgFQIYBHdpZGUAFQQlAhgEdG9vawAWAhkcGTwmxAEcFQQZNQAGEBkYAWEVDBYCFlwW\
                           gAEmRCYIABb+AxUUACaQAhwVDhklAAYZGAR3aWRlFQwWAhZOFlYmugEAFpIEFRYAJv4DHBUEGTUABhAZGAR0b29rFQwWAhZcFoABJv4CJsICABaoBBUWABaG\
                           AhYCJggW1gIUAAAZHBgMQVJST1c6c2NoZW1hGLQCLy8vLy85NEFBQUFFQUFBQTh2Ly8veFFBQUFBRUFBRUFBQUFLQUFzQUNBQUtBQVFBK1AvLy93d0FBQUFJ\
                           QUFnQUFBQUVBQU1BQUFCc0FBQUFPQUFBQUFRQUFBQ00vLy8vSUFBQUFCQUFBQUFJQUFBQUFSSUFBQUFBQUFENi8vLy9BZ0FHQUFZQUJBQUVBQUFBZEc5dmF3\
                           QUFBQUM4Ly8vL0lBQUFBQkFBQUFBSUFBQUFBUUlBQUFBQUFBQzAvLy8vZ0FBQUFBRUFBQUFFQUFBQWQybGtaUUFBQUFEcy8vLy9PQUFBQUNBQUFBQVlBQUFB\
                           QVFJQUFCQUFFZ0FFQUJBQUVRQUlBQUFBREFBQUFBQUE5UC8vLzBBQUFBQUJBQUFBQ0FBSkFBUUFDQUFCQUFBQVlRQT0AGE5Qb2xhcnMgKHB5dGhvbikgdmVy\
                           c2lvbiAyLjEuMCAoYnVpbGQgN2Y5MDJiZDNmZmQyN2ZmODJkMTQyNzhhMDlhMjk1ZmYyZjdhZWQ5MikZPBwAABwAABwAAABSAgAAUEFSMQ==";
    let world = World::new();
    let path = given(&world, "polars.parquet", &base64::Engine::decode(&base64::prelude::BASE64_STANDARD, WRITTEN).unwrap());
    let table = inferred(&path, ReadOptions::default()).unwrap();
    assert_eq!(kinds(&table.columns), [("a", ColumnType::Int64)]);
    let left_out: Vec<_> = table.skipped.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left_out, ["wide", "took"]);
    assert_eq!(through(&world, &path, ReadOptions::default()).await.unwrap(), "a\n1\n");
}
