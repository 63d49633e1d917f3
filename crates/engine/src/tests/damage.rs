//! Damages every part of files: a query must fail with an error that names the file, and never panic, read without end or end the process.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use datafusion::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;

use super::*;

/// A file with several pages and row groups, with statistics and both indexes.
fn file(properties: WriterPropertiesBuilder) -> Vec<u8> {
    let rows = 0..3_000_i64;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("Id", Arc::new(Int64Array::from_iter_values(rows.clone()))),
        ("Name", Arc::new(StringArray::from_iter(rows.clone().map(|row| (row % 7 > 0).then(|| format!("name {}", row % 40)))))),
        ("Amount", Arc::new(Decimal128Array::from_iter_values(rows.clone().map(i128::from)).with_precision_and_scale(12, 2).unwrap())),
        ("At", Arc::new(TimestampMicrosecondArray::from_iter_values(rows.clone().map(|row| row * 1_000_000)).with_timezone("UTC"))),
        ("Active", Arc::new(BooleanArray::from_iter(rows.map(|row| Some(row % 3 == 0))))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = properties.set_max_row_group_row_count(Some(2_000)).set_data_page_row_count_limit(500).set_write_batch_size(250);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn forms() -> Vec<(&'static str, Vec<u8>)> {
    let plain = || WriterProperties::builder().set_dictionary_enabled(false);
    let column = |name: &str| ColumnPath::from(name);
    vec![
        ("dictionaries", file(WriterProperties::builder().set_bloom_filter_enabled(true))),
        ("plain", file(plain())),
        ("snappy", file(WriterProperties::builder().set_compression(Compression::SNAPPY))),
        ("zstd", file(plain().set_compression(Compression::ZSTD(ZstdLevel::default())))),
        ("gzip", file(plain().set_compression(Compression::GZIP(GzipLevel::default())))),
        ("lz4", file(plain().set_compression(Compression::LZ4_RAW).set_writer_version(WriterVersion::PARQUET_2_0))),
        (
            "deltas",
            file(
                plain()
                    .set_writer_version(WriterVersion::PARQUET_2_0)
                    .set_column_encoding(column("Id"), Encoding::DELTA_BINARY_PACKED)
                    .set_column_encoding(column("Name"), Encoding::DELTA_BYTE_ARRAY),
            ),
        ),
    ]
}

/// A generator that gives the same numbers each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// Half of all damage is done to the last fifth of the file, where the footer and the indexes are.
fn damaged(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=dice.below(3) {
        let tail = bytes.len() / 5;
        let at = if dice.below(2) == 0 { bytes.len() - 1 - dice.below(tail) } else { dice.below(bytes.len()) };
        match dice.below(8) {
            0 => bytes.truncate(at.max(1)),
            1 => {
                let end = (at + dice.below(200)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => bytes[at..].iter_mut().take(9).for_each(|byte| *byte = 0xff),
            3 => bytes.insert(at, dice.below(256) as u8),
            4 => bytes[at] ^= 1 << dice.below(8),
            _ => bytes[at] = dice.below(256) as u8,
        }
        if bytes.len() < 10 {
            break;
        }
    }
    bytes
}

#[tokio::test]
async fn damage_anywhere_is_an_error_that_names_the_file() {
    let (world, dataset) = (World::new(), sales());
    world.write(&dataset, BOB, "good.parquet", &[sale(7, Some("whole"))]);
    let folder = world.data_folder(&dataset, Some(ALICE));
    std::fs::create_dir_all(&folder).unwrap();
    let all = select(&dataset, &["Id", "Name", "Amount", "At", "Active"]);
    let some =
        filtered(select(&dataset, &["Id"]), "Name", Predicate::Compare(insightgate_query::column::Comparison::Equal, string("name 9")));
    let rounds = std::env::var("DAMAGE_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    let mut dice = Dice(0x5eed_0000_0000_0001);
    let (mut read, mut refused, mut astray) = (0, 0, Vec::new());
    for (form, whole) in forms() {
        for round in 0..rounds {
            let name = format!("{form}-{round}.parquet");
            let path = folder.join(&name);
            std::fs::write(&path, damaged(&whole, &mut dice)).unwrap();
            let outcomes = [world.csv(&all).await.map(drop), world.csv(&some).await.map(drop)];
            let preview = world.preview(&scope(ALICE), &all).await.map(drop);
            for outcome in outcomes.into_iter().chain([preview]) {
                match outcome {
                    Ok(()) => read += 1,
                    Err(EngineError::Corrupt { file, .. } | EngineError::Misfit { file, .. }) if file.ends_with(&name) => refused += 1,
                    Err(other) => astray.push(format!("{name}: {other:?}")),
                }
            }
            std::fs::remove_file(&path).unwrap();
        }
    }
    assert!(astray.is_empty(), "{} of {}:\n{}", astray.len(), read + refused + astray.len(), astray.join("\n"));
    assert!(read > rounds && refused > rounds * 3, "{read} read, {refused} refused");
    assert_eq!(world.csv_of(&scope(BOB), &select(&dataset, &["Id", "Name"]), Window::All).await.unwrap(), "Id,Name\n7,whole\n");
}
