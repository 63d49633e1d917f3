//! The actions of a log: lines of JSON, or rows of a Parquet file with the same fields.
//!
//! Bytes go in, actions or what is wrong come out. Fields and actions that no reader needs, such as statistics, are passed over.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use serde::Deserialize;

use crate::error::DeltaFault;
use crate::guard::check_pages;

/// One line of a commit. At most one of the fields is there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub(super) add: Option<Add>,
    pub(super) remove: Option<Remove>,
    pub(super) meta_data: Option<Metadata>,
    pub(super) protocol: Option<Protocol>,
    pub(super) sidecar: Option<Sidecar>,
}

/// A file that belongs to the table from this version on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    /// Relative to the table's folder, with percent encoding.
    pub(super) path: String,
    pub(super) partition_values: Option<HashMap<String, Option<String>>>,
    pub(super) size: i64,
    pub(super) deletion_vector: Option<DeletionVector>,
}

/// A file that no longer belongs to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    pub(super) deletion_vector: Option<DeletionVector>,
}

/// Where the deleted rows of a file are listed. A file with other deleted rows counts as another one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeletionVector {
    storage_type: String,
    path_or_inline_dv: String,
    offset: Option<i64>,
}

impl DeletionVector {
    pub(super) fn id(&self) -> String {
        let DeletionVector { storage_type, path_or_inline_dv, offset } = self;
        format!("{storage_type}{path_or_inline_dv}@{}", offset.unwrap_or_default())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) format: Option<Provider>,
    pub(super) partition_columns: Option<Vec<String>>,
    pub(super) configuration: Option<HashMap<String, Option<String>>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Provider {
    pub(super) provider: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: i64,
    pub(super) reader_features: Option<Vec<String>>,
}

/// A file with a part of a checkpoint's actions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sidecar {
    pub(super) path: String,
    pub(super) size_in_bytes: i64,
}

/// The fields that are read of a Parquet file, which leave out statistics, by far the most of a large one.
const FIELDS: [&str; 10] = [
    "add.path",
    "add.partitionValues",
    "add.size",
    "add.deletionVector",
    "metaData.format.provider",
    "metaData.partitionColumns",
    "metaData.configuration",
    "protocol",
    "sidecar.path",
    "sidecar.sizeInBytes",
];

/// The bytes of these fields once they are decompressed, and the values of one of them, beyond which a checkpoint is not read.
const MOST_UNPACKED: u64 = 512 << 20;
const MOST_VALUES: i64 = 50_000_000;
/// The bytes of one page. Writers make pages of 1 MiB.
const MOST_OF_PAGE: i64 = 16 << 20;
/// Few rows at once, since a page can repeat one long value in each of them.
const BATCH_ROWS: usize = 64;

/// Passes each action of a text to `each`, in their order.
pub(super) fn of_json(file: &str, text: &[u8], each: &mut dyn FnMut(Action) -> Result<(), DeltaFault>) -> Result<(), DeltaFault> {
    let mut lines = (1_u64..).zip(text.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty()).peekable();
    if lines.peek().is_none() {
        return Err(damaged(file, "it is empty"));
    }
    for (number, line) in lines {
        let action = serde_json::from_slice(line).map_err(|error| damaged(file, format!("line {number}: {error}")))?;
        each(action)?;
    }
    Ok(())
}

/// Passes each action of a Parquet file to `each`. `footer` is the file's, with places that lie within it.
pub(super) fn of_parquet(
    file: &str,
    footer: ParquetMetaData,
    bytes: &Bytes,
    each: &mut dyn FnMut(Action) -> Result<(), DeltaFault>,
) -> Result<(), DeltaFault> {
    let leaves = leaves(&footer);
    if leaves.is_empty() {
        return Err(damaged(file, "it has no columns of a checkpoint"));
    }
    check(file, &footer, &leaves, bytes)?;
    let read = || -> Result<Result<(), DeltaFault>, ArrowError> {
        // An Arrow schema that a writer embeds could ask for other types than those of the format.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(footer), options)?;
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), leaves);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata);
        for batch in reader.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
            let mut lines = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
            lines.write(&batch?)?;
            lines.finish()?;
            if let Err(fault) = of_json(file, &lines.into_inner(), each) {
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    };
    // The library panics on some damaged files.
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(damaged(file, error.to_string())),
        Err(_) => Err(damaged(file, "its pages are damaged")),
    }
}

/// The places of the fields among the columns of the file.
fn leaves(footer: &ParquetMetaData) -> Vec<usize> {
    let is_read =
        |name: &str| FIELDS.iter().any(|field| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    let columns = footer.file_metadata().schema_descr().columns().iter().enumerate();
    columns.filter(|(_, column)| is_read(&column.path().string())).map(|(place, _)| place).collect()
}

/// Checks what is read of each row group before anything is decompressed.
fn check(file: &str, footer: &ParquetMetaData, leaves: &[usize], bytes: &[u8]) -> Result<(), DeltaFault> {
    let mut unpacked = 0_u64;
    for group in footer.row_groups() {
        for part in leaves.iter().filter_map(|leaf| group.columns().get(*leaf)) {
            unpacked = unpacked.saturating_add(u64::try_from(part.uncompressed_size()).unwrap_or(u64::MAX));
            if unpacked > MOST_UNPACKED || part.num_values() > MOST_VALUES {
                let most = MOST_UNPACKED >> 20;
                return Err(DeltaFault::TooLarge(format!(
                    "{file} of its log has more than {most} MiB of paths and partition values once it is decompressed"
                )));
            }
            check_part(part, bytes).map_err(|detail| damaged(file, detail.to_string()))?;
        }
    }
    Ok(())
}

fn check_part(part: &ColumnChunkMetaData, bytes: &[u8]) -> Result<(), ParquetError> {
    let place = || {
        let start = usize::try_from(part.dictionary_page_offset().unwrap_or_else(|| part.data_page_offset())).ok()?;
        let end = start.checked_add(usize::try_from(part.compressed_size()).ok()?)?;
        Some((start as u64, bytes.get(start..end)?))
    };
    let (start, bytes) = place().ok_or_else(|| ParquetError::General("its footer places a column outside of the file".to_owned()))?;
    check_pages(part, start, bytes, MOST_OF_PAGE)
}

pub(super) fn damaged(file: &str, detail: impl Into<String>) -> DeltaFault {
    DeltaFault::Damaged { file: file.to_owned(), detail: shortened(&detail.into()) }
}

/// What a log says may be of any length, and a message of it may not.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn any_bytes_are_read_or_refused() {
        let whole = concat!(
            r#"{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}"#,
            "\n",
            r#"{"metaData":{"id":"x","format":{"provider":"parquet","options":{}},"schemaString":"{}","partitionColumns":["a"],"configuration":{}}}"#,
            "\r\n\n",
            r#"{"add":{"path":"a=1/b.parquet","partitionValues":{"a":null},"size":1,"stats":"{}","tags":null,"new":[1]}}"#,
            "\n",
            r#"{"commitInfo":{"operation":"WRITE"}}"#,
        );
        let count = |text: &[u8]| {
            let mut count = 0;
            of_json("x.json", text, &mut |_| {
                count += 1;
                Ok(())
            })
            .map(|()| count)
        };
        assert_eq!(count(whole.as_bytes()), Ok(4));
        for end in 0..whole.len() {
            match count(whole.as_bytes().get(..end).unwrap()) {
                Ok(count) => assert!(count < 4, "{end}"),
                Err(fault) => assert!(matches!(fault, DeltaFault::Damaged { .. }), "{end}"),
            }
        }
        for text in [
            "",
            "\n \n",
            "[]",
            "5",
            "{\"add\":{}}",
            "{\"add\":{\"path\":1,\"size\":1}}",
            "{\"add\":{\"path\":\"a\",\"size\":1.5}}",
            "\u{0}",
        ] {
            assert!(count(text.as_bytes()).is_err(), "{text}");
        }
        assert!(count("[".repeat(100_000).as_bytes()).is_err());
        assert!(count(b"{\"add\":{\"path\":\"\xff\",\"size\":1}}").is_err());
    }
}
