//! Artifacts in every format: the formats' own libraries read them back, and their bytes do not depend on what runs in parallel.

use std::io::Read;

use bytes::Bytes;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use insightgate_query::column::Comparison;
use insightgate_query::metric::MetricExpression;

use super::*;

const ALL_TYPES: [&str; 7] = ["Id", "Name", "Amount", "Ratio", "Day", "At", "Active"];

async fn file(engine: &Engine, plan: &Plan, format: Format) -> (Vec<u8>, u64) {
    let mut out: Vec<u8> = Vec::new();
    let summary = engine.export_to_writer(&scope(ALICE), plan, Window::All, format, &mut out, &|_| {}).await.unwrap();
    assert_eq!(summary.bytes, out.len() as u64);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &out);
    assert_eq!(summary.sha256, digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    (out, summary.rows)
}

fn text(format: Format, bytes: &[u8]) -> String {
    let mut text = String::new();
    match format {
        Format::CsvGz | Format::TsvGz => flate2::read::MultiGzDecoder::new(bytes).read_to_string(&mut text).unwrap(),
        Format::CsvZst | Format::TsvZst => zstd::stream::read::Decoder::new(bytes).unwrap().read_to_string(&mut text).unwrap(),
        _ => return String::from_utf8(bytes.to_vec()).unwrap(),
    };
    text
}

/// All rows of a columnar file, and the number of its row groups or batches.
fn table(format: Format, bytes: &[u8]) -> (RecordBatch, usize) {
    let (schema, batches, parts) = if format == Format::Parquet {
        let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes)).unwrap();
        assert_eq!(builder.metadata().file_metadata().created_by(), Some("insightgate"));
        let (schema, groups) = (Arc::clone(builder.schema()), builder.metadata().num_row_groups());
        (schema, builder.build().unwrap().collect::<Result<Vec<_>, _>>().unwrap(), groups)
    } else {
        let reader = FileReader::try_new(std::io::Cursor::new(bytes), None).unwrap();
        let (schema, count) = (reader.schema(), reader.num_batches());
        (schema, reader.collect::<Result<Vec<_>, _>>().unwrap(), count)
    };
    (concat_batches(&schema, &batches).unwrap(), parts)
}

fn every_type() -> [Row; 3] {
    let full = |id, name: &str| {
        let row = with(with(sale(id, Some(name)), AMOUNT, decimal(-1_230, 2)), RATIO, Value::Float(0.1));
        with(with(with(row, DAY, day("2026-02-28")), AT, at("2026-02-28T13:07:09.25Z")), ACTIVE, Value::Bool(true))
    };
    [full(1, "a \"b\",\tc\nd"), sale(2, None), full(i64::MAX, "")]
}

#[tokio::test]
async fn every_type_reads_back() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, ALICE, "a.parquet", &every_type());
    let plan = select(&dataset, &ALL_TYPES);
    let header = ALL_TYPES.join(",");
    let csv = format!(
        "{header}\n1,\"a \"\"b\"\",\tc\nd\",-12.30,0.1,2026-02-28,2026-02-28T13:07:09.25Z,true\n2,,,,,,\n\
         9223372036854775807,\"\",-12.30,0.1,2026-02-28,2026-02-28T13:07:09.25Z,true\n"
    );
    let tsv = format!(
        "{}\n1\t\"a \"\"b\"\",\tc\nd\"\t-12.30\t0.1\t2026-02-28\t2026-02-28T13:07:09.25Z\ttrue\n2\t\t\t\t\t\t\n\
         9223372036854775807\t\"\"\t-12.30\t0.1\t2026-02-28\t2026-02-28T13:07:09.25Z\ttrue\n",
        header.replace(',', "\t")
    );
    let jsonl = "{\"Id\":1,\"Name\":\"a \\\"b\\\",\\tc\\nd\",\"Amount\":-12.30,\"Ratio\":0.1,\"Day\":\"2026-02-28\",\
                 \"At\":\"2026-02-28T13:07:09.25Z\",\"Active\":true}\n\
                 {\"Id\":2,\"Name\":null,\"Amount\":null,\"Ratio\":null,\"Day\":null,\"At\":null,\"Active\":null}\n\
                 {\"Id\":9223372036854775807,\"Name\":\"\",\"Amount\":-12.30,\"Ratio\":0.1,\"Day\":\"2026-02-28\",\
                 \"At\":\"2026-02-28T13:07:09.25Z\",\"Active\":true}\n";
    let day = day_number();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("Id", Arc::new(Int64Array::from(vec![1, 2, i64::MAX])), true),
        ("Name", Arc::new(StringArray::from(vec![Some("a \"b\",\tc\nd"), None, Some("")])), true),
        ("Amount", Arc::new(Decimal128Array::from(vec![Some(-1_230), None, Some(-1_230)]).with_precision_and_scale(12, 2).unwrap()), true),
        ("Ratio", Arc::new(Float64Array::from(vec![Some(0.1), None, Some(0.1)])), true),
        ("Day", Arc::new(Date32Array::from(vec![Some(day), None, Some(day)])), true),
        (
            "At",
            {
                let at = instant("2026-02-28T13:07:09.25Z").timestamp_micros();
                Arc::new(TimestampMicrosecondArray::from(vec![Some(at), None, Some(at)]).with_timezone("UTC"))
            },
            true,
        ),
        ("Active", Arc::new(BooleanArray::from(vec![Some(true), None, Some(true)])), true),
    ];
    let expected = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    for &format in Format::ALL {
        let (bytes, rows) = file(&world.engine, &plan, format).await;
        assert_eq!(rows, 3, "{format:?}");
        match format {
            Format::Csv | Format::CsvGz | Format::CsvZst => assert_eq!(text(format, &bytes), csv, "{format:?}"),
            Format::Tsv | Format::TsvGz | Format::TsvZst => assert_eq!(text(format, &bytes), tsv, "{format:?}"),
            Format::Jsonl => assert_eq!(text(format, &bytes), jsonl),
            Format::Parquet | Format::Arrow => assert_eq!(table(format, &bytes).0, expected, "{format:?}"),
            Format::CsvExcel => {
                let within_cells = csv.replace("\n", "\r\n").replace("c\r\nd", "c\nd");
                assert_eq!(text(format, &bytes), format!("\u{feff}{within_cells}"));
            }
            // What is in its cells: `sheets.rs`.
            Format::Xlsx => assert_eq!(sheets::rows(&bytes), 1 + 3),
        }
    }
}

fn day_number() -> i32 {
    let days = NaiveDate::from_ymd_opt(2026, 2, 28).unwrap().signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1).unwrap());
    i32::try_from(days.num_days()).unwrap()
}

#[tokio::test]
async fn a_name_that_stands_twice_appears_once_where_columns_are_known_by_name() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    world.write(&dataset, ALICE, "a.parquet", &[sale(1, Some("a")), sale(2, Some("a"))]);
    let plan = select(&dataset, &["Name", "Rows", "Name"]);
    assert_eq!(text(Format::Csv, &file(&world.engine, &plan, Format::Csv).await.0), "Name,Rows,Name\na,2,a\n");
    assert_eq!(text(Format::Jsonl, &file(&world.engine, &plan, Format::Jsonl).await.0), "{\"Name\":\"a\",\"Rows\":2}\n");
    for format in [Format::Parquet, Format::Arrow] {
        let (found, _) = table(format, &file(&world.engine, &plan, format).await.0);
        let names: Vec<_> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["Name", "Rows"]);
        assert_eq!(found.column(1).as_primitive::<datafusion::arrow::datatypes::Int64Type>().values(), &[2]);
    }
}

#[tokio::test]
async fn an_answer_without_rows_is_a_file_all_the_same() {
    let (world, dataset) = (World::new(), sales());
    let none = filtered(select(&dataset, &ALL_TYPES), "Id", Predicate::Compare(Comparison::Equal, Value::Int(-1)));
    // Once without any file of rows, and once with a file that has no matching row.
    for has_file in [false, true] {
        if has_file {
            world.write(&dataset, ALICE, "a.parquet", &every_type());
        }
        for &format in Format::ALL {
            let (bytes, rows) = file(&world.engine, &none, format).await;
            assert_eq!(rows, 0);
            match format {
                Format::Jsonl => assert_eq!(bytes, b""),
                Format::Parquet | Format::Arrow => {
                    let (found, parts) = table(format, &bytes);
                    assert_eq!((found.num_rows(), found.num_columns(), parts), (0, 7, 0));
                    assert!(found.column(2).data_type() == &crate::types::arrow(ColumnType::Decimal { precision: 12, scale: 2 }));
                }
                Format::Xlsx => assert_eq!(sheets::rows(&bytes), 1),
                _ => assert_eq!(text(format, &bytes).lines().count(), 1, "{format:?}"),
            }
        }
    }
}

/// Rows whose texts repeat and are stored in dictionaries, in files of several row groups.
fn many(world: &World, dataset: &Dataset, files: i64, rows: i64) {
    for file in 0..files {
        let row = |number: i64| {
            let id = file * rows + number;
            let name = (id % 7 > 0).then(|| format!("name, {}", id * 7_919 % 5_003));
            with(with(sale(id, name.as_deref()), AMOUNT, decimal((id % 997).into(), 2)), DAY, day("2026-02-28"))
        };
        let rows: Vec<Row> = (0..rows).map(row).collect();
        world.write(dataset, ALICE, &format!("part-{file}.parquet"), &rows);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_the_same_to_the_byte_whatever_runs_at_once() {
    let (world, mut dataset) = (World::new(), sales());
    dataset.metrics = vec![metric("Rows", MetricExpression::CountRows)];
    many(&world, &dataset, 3, 45_000);
    let plain = select(&dataset, &["Id", "Name", "Amount", "Day"]);
    let plans = [
        filtered(plain.clone(), "Amount", Predicate::Compare(Comparison::Greater, decimal(300, 2))),
        ordered(plain.clone(), &["-Name"]),
        Plan { distinct: true, ..select(&dataset, &["Name"]) },
        ordered(select(&dataset, &["Name", "Rows"]), &["-Rows", "Name"]),
        plain,
    ];
    let engine = |partitions| Engine::new(EngineSettings { partitions, ..settings(&world.folder, 256 << 20) }).unwrap();
    let (one, four) = (engine(1), engine(4));
    for (number, plan) in plans.iter().enumerate() {
        let (csv, rows) = file(&one, plan, Format::Csv).await;
        // The formats whose rows the engine cuts in different ways; the others are built on these. Workbooks are slow without optimisation: `sheets.rs`
        // has fewer rows for them.
        let formats: &[Format] = if number == 4 { Format::ALL } else { &[Format::CsvZst, Format::Parquet, Format::Arrow] };
        for format in formats.iter().copied().filter(|format| *format != Format::Xlsx) {
            let (alone, count) = file(&one, plan, format).await;
            let (together, _) = file(&four, plan, format).await;
            assert!(alone == together, "plan {number} as {format:?}: {} and {} bytes", alone.len(), together.len());
            assert_eq!(count, rows);
            match format {
                Format::CsvGz | Format::CsvZst => assert!(text(format, &alone).as_bytes() == csv, "{format:?}"),
                Format::Parquet | Format::Arrow => {
                    let (found, parts) = table(format, &alone);
                    assert_eq!(found.num_rows() as u64, rows);
                    let of_one = if format == Format::Parquet { 131_072 } else { 8_192 };
                    assert_eq!(parts as u64, rows.div_ceil(of_one), "plan {number} as {format:?}");
                    let types = found.schema().fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
                    assert!(types.iter().all(|kind| !matches!(kind, datafusion::arrow::datatypes::DataType::Dictionary(..))), "{types:?}");
                }
                _ => {}
            }
        }
    }
    // There are several members, none of which holds only the beginning of the text, so that they cost little.
    let (csv, _) = file(&one, &plans[4], Format::Csv).await;
    let (gzip, _) = file(&one, &plans[4], Format::CsvGz).await;
    let whole = {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        std::io::Write::write_all(&mut writer, &csv).unwrap();
        writer.finish().unwrap()
    };
    assert!(csv.len() > 2 << 20 && gzip.len() < whole.len() * 101 / 100, "{} of {}", gzip.len(), whole.len());
    let (zst, _) = file(&one, &plans[4], Format::CsvZst).await;
    let whole = zstd::bulk::compress(&csv, 3).unwrap();
    assert!(zst.len() < whole.len() * 105 / 100, "{} of {}", zst.len(), whole.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_fails_ends_every_format() {
    let (world, dataset) = (World::new(), sales());
    many(&world, &dataset, 2, 100_000);
    let path = world.data_folder(&dataset, Some(ALICE)).join("part-1.parquet");
    let whole = std::fs::read(&path).unwrap();
    // Rows in the middle of the second file cannot be read.
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle - 20_000..middle + 20_000].fill(0xa5);
    std::fs::write(&path, &damaged).unwrap();
    for &format in Format::ALL {
        let mut out: Vec<u8> = Vec::new();
        let plan = select(&dataset, &["Id", "Name", "Amount", "Day"]);
        let failed = world.engine.export_to_writer(&scope(ALICE), &plan, Window::All, format, &mut out, &|_| {}).await.unwrap_err();
        assert!(matches!(&failed, EngineError::Corrupt { file, .. } if file.ends_with("part-1.parquet")), "{format:?}: {failed:?}");
    }
}
