mod given_files;

use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use insightgate_query::datasets::catalog::{Tenancy, TenantKey};

use super::*;
use crate::{InferOptions, ReadOptions, import, infer};

const TABLE: &str = "id,zip,price,when,day,ok,who,empty,Größe\n\
    1,007,1.5,2024-01-01 10:00,2024-01-01,true,\"Smith, J\",,5\n\
    2,123,2,2024-01-02T00:00:00Z,2024-01-02,FALSE,\"say \"\"hi\"\"\",,-6\n\
    3,,,,,,,,\n";

pub(super) fn kinds(columns: &[Column]) -> Vec<(&str, ColumnType)> {
    columns.iter().map(|column| (column.name.as_str(), column.kind)).collect()
}

pub(super) fn given(world: &World, name: &str, content: &[u8]) -> PathBuf {
    let path = world.folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

#[tokio::test]
async fn a_text_becomes_a_dataset() {
    let world = World::new();
    for (name, content) in [
        ("t.csv", TABLE.to_owned()),
        ("bom.csv", format!("\u{feff}{}", TABLE.replace('\n', "\r\n"))),
        ("t.tsv", TABLE.replace("Smith, J", "Smith; J").replace(',', "\t").replace("Smith; J", "Smith, J")),
    ] {
        let path = given(&world, name, content.as_bytes());
        let table = infer(&path, &InferOptions::default()).unwrap();
        assert_eq!(table.rows, 3);
        let expected = [
            ("id", ColumnType::Int64),
            ("zip", ColumnType::String),
            ("price", ColumnType::Decimal { precision: 18, scale: 1 }),
            ("when", ColumnType::Timestamp),
            ("day", ColumnType::Date),
            ("ok", ColumnType::Bool),
            ("who", ColumnType::String),
            ("empty", ColumnType::String),
            ("Größe", ColumnType::Int64),
        ];
        assert_eq!(kinds(&table.columns), expected, "{name}");
        let dataset = dataset(&name.replace('.', "_"), table.columns);
        let heard = AtomicU64::new(0);
        let summary = import(&[path], &dataset, &world.data_folder(&dataset, None), Some(ALICE), &ReadOptions::default(), &|rows| {
            heard.store(rows, Ordering::Relaxed)
        })
        .unwrap();
        assert_eq!((summary.rows, summary.files.len(), heard.into_inner()), (3, 1, 3));
        let names: Vec<_> = dataset.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(
            world.csv(&select(&dataset, &names)).await.unwrap(),
            "id,zip,price,when,day,ok,who,empty,Größe\n\
             1,007,1.5,2024-01-01T10:00:00Z,2024-01-01,true,\"Smith, J\",,5\n\
             2,123,2.0,2024-01-02T00:00:00Z,2024-01-02,false,\"say \"\"hi\"\"\",,-6\n\
             3,,,,,,,,\n",
            "{name}"
        );
    }
}

#[test]
fn wide_rows_are_kept_in_groups_that_a_query_can_hold() {
    let world = World::new();
    let header: Vec<String> = (0..400).map(|column| format!("C{column}")).collect();
    let row = |row: u64| -> String {
        let texts: Vec<String> =
            (0..400).map(|column| format!("{:016x}", (row * 400 + column).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        texts.join(",") + "\n"
    };
    let content = header.join(",") + "\n" + &(0..4_000).map(row).collect::<String>();
    let path = given(&world, "wide.csv", content.as_bytes());
    let dataset = dataset("Wide", infer(&path, &InferOptions::default()).unwrap().columns);
    let summary = import(&[path], &dataset, &world.data_folder(&dataset, None), Some(ALICE), &ReadOptions::default(), &|_| ()).unwrap();
    let file = std::fs::File::open(&summary.files[0]).unwrap();
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
    let largest = footer.row_groups().iter().map(|group| group.total_byte_size()).max().unwrap();
    assert!(footer.num_row_groups() > 1 && largest <= 18 << 20, "{} groups, the largest of {largest} bytes", footer.num_row_groups());
    assert_eq!(footer.file_metadata().num_rows(), 4_000);
}

#[test]
fn types_widen_over_the_whole_file() {
    let world = World::new();
    let mut content = "n,d,b\n".to_owned();
    for number in 0..20_000 {
        content += &format!("{number},2024-01-01,true\n");
    }
    content += "0.5,2024-01-01T00:00:01Z,no\n";
    let path = given(&world, "long.csv", content.as_bytes());
    let whole = infer(&path, &InferOptions::default()).unwrap();
    assert_eq!(
        kinds(&whole.columns),
        [("n", ColumnType::Decimal { precision: 18, scale: 1 }), ("d", ColumnType::Timestamp), ("b", ColumnType::String)]
    );
    let start = infer(&path, &InferOptions { rows: Some(10_000), ..InferOptions::default() }).unwrap();
    assert_eq!(kinds(&start.columns), [("n", ColumnType::Int64), ("d", ColumnType::Date), ("b", ColumnType::Bool)]);
    assert_eq!(start.rows, 10_000);

    // The types that were guessed from the first rows are wrong: the error names the row and the column, and nothing is left behind.
    let dataset = dataset("Long", start.columns);
    let folder = world.data_folder(&dataset, None);
    let failed = import(&[path], &dataset, &folder, Some(ALICE), &ReadOptions::default(), &|_| {}).unwrap_err();
    let message = failed.caller_message();
    assert!(message.contains("column 'n'") && message.contains("row 20001") && message.contains("'0.5'"), "{message}");
    assert_eq!(std::fs::read_dir(folder.join(format!("tenant={ALICE}"))).unwrap().count(), 0);
}

#[test]
fn bad_texts_say_what_is_wrong() {
    let world = World::new();
    for (content, expected) in [
        ("", "empty"),
        ("a,a\n1,2\n", "twice"),
        ("a,\n1,2\n", "column 2 has no name"),
        ("a,b\n1,2\n1,2,3\n", "3"),
        ("a,b\n\u{0}\u{fffd}", "line 2 holds a zero byte"),
    ] {
        let path = given(&world, "bad.csv", content.as_bytes());
        let failed = infer(&path, &InferOptions::default()).unwrap_err();
        assert!(failed.to_string().contains(expected) && failed.to_string().contains("bad.csv"), "{failed}");
        assert!(!failed.caller_message().contains("bad.csv"));
    }
    let path = given(&world, "latin.csv", b"a,b\n\xe4,1\n");
    assert!(infer(&path, &InferOptions::default()).unwrap_err().to_string().contains("latin.csv"));
    assert!(matches!(infer(&world.folder.path().join("none.csv"), &InferOptions::default()), Err(EngineError::Io { .. })));
    let path = given(&world, "bad.parquet", b"no parquet");
    assert!(infer(&path, &InferOptions::default()).unwrap_err().to_string().contains("bad.parquet"));
}

#[tokio::test]
async fn parquet_is_inferred_and_imported_for_many_tenants() {
    let world = World::new();
    let mut stored = sales();
    stored.columns.push(column("owner", ColumnType::String));
    let owned = |id, tenant: Uuid| {
        let mut row = with(sale(id, Some("x")), AMOUNT, decimal(125, 2));
        row.push(Some(string(&tenant.to_string())));
        row
    };
    let path = world.folder.path().join("given.parquet");
    write_rows(&path, &stored, &[owned(1, ALICE), owned(2, BOB), owned(3, ALICE)]);
    let table = infer(&path, &InferOptions::default()).unwrap();
    assert_eq!(kinds(&table.columns), kinds(&stored.columns));
    assert!(table.skipped.is_empty());

    let mut dataset = dataset("Mine", table.columns.into_iter().filter(|column| column.name != "owner").collect());
    let folder = world.data_folder(&dataset, None);
    assert!(matches!(
        import(std::slice::from_ref(&path), &dataset, &folder, None, &ReadOptions::default(), &|_| {}),
        Err(EngineError::Input { .. })
    ));
    dataset.tenancy = Tenancy::Column { name: "Owner".to_owned(), holds: TenantKey::TenantId };
    let summary = import(&[path.clone(), path], &dataset, &folder, None, &ReadOptions::default(), &|_| {}).unwrap();
    assert_eq!((summary.rows, summary.files.len()), (6, 2));
    assert_eq!(world.lines(&select(&dataset, &["Id", "Amount"])).await, ["1,1.25", "3,1.25", "1,1.25", "3,1.25"]);
    dataset.tenancy = Tenancy::Column { name: "nowhere".to_owned(), holds: TenantKey::TenantId };
    assert!(matches!(import(&summary.files, &dataset, &folder, None, &ReadOptions::default(), &|_| {}), Err(EngineError::Input { .. })));
}
