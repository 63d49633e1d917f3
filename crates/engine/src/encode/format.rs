//! The formats of a file, and how its bytes are made.

use std::sync::Arc;

use datafusion::execution::SendableRecordBatchStream;

use super::columnar::{ArrowFile, ParquetFile, Table};
use super::compress::Compression;
use super::json::Lines;
use super::parts::{self, Parts};
use super::separated::Separated;
use crate::encode::Output;
use crate::error::EngineError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    Csv,
    Tsv,
    CsvGz,
    CsvZst,
    TsvGz,
    TsvZst,
    Jsonl,
    Parquet,
    /// Arrow's file format, which has an index of its batches at its end.
    Arrow,
}

impl Format {
    pub const ALL: [Format; 9] = [
        Format::Csv,
        Format::Tsv,
        Format::CsvGz,
        Format::CsvZst,
        Format::TsvGz,
        Format::TsvZst,
        Format::Jsonl,
        Format::Parquet,
        Format::Arrow,
    ];

    pub fn extension(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::CsvGz => "csv.gz",
            Format::CsvZst => "csv.zst",
            Format::TsvGz => "tsv.gz",
            Format::TsvZst => "tsv.zst",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }

    /// The content type of the file as it is: a compressed file is not text for its reader.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8",
            Format::Tsv => "text/tab-separated-values; charset=utf-8",
            Format::CsvGz | Format::TsvGz => "application/gzip",
            Format::CsvZst | Format::TsvZst => "application/zstd",
            Format::Jsonl => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Arrow => "application/vnd.apache.arrow.file",
        }
    }

    pub fn from_extension(text: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(text))
    }

    /// Finds the format by the whole extension, such as `.csv.gz`.
    pub fn from_file_name(name: &str) -> Option<Format> {
        let name = name.to_ascii_lowercase();
        Format::ALL.into_iter().find(|format| name.strip_suffix(format.extension()).is_some_and(|stem| stem.ends_with('.')))
    }

    /// The bytes of the file. `side_by_side` batches are encoded in parallel, if the format allows it.
    pub(crate) fn encode(self, rows: SendableRecordBatchStream, outputs: &[Output], side_by_side: usize) -> Result<Parts, EngineError> {
        let text = |rows, delimiter| parts::side_by_side(rows, Arc::new(Separated::new(delimiter, outputs)), side_by_side);
        let compressed = |rows, delimiter, compression| text(rows, delimiter).compressed(compression, side_by_side);
        Ok(match self {
            Format::Csv => text(rows, b','),
            Format::Tsv => text(rows, b'\t'),
            Format::CsvGz => compressed(rows, b',', Compression::Gzip),
            Format::CsvZst => compressed(rows, b',', Compression::Zstd),
            Format::TsvGz => compressed(rows, b'\t', Compression::Gzip),
            Format::TsvZst => compressed(rows, b'\t', Compression::Zstd),
            Format::Jsonl => parts::side_by_side(rows, Arc::new(Lines::new(outputs)?), side_by_side),
            Format::Parquet => {
                let table = Table::new(outputs);
                let file = ParquetFile::new(&table)?;
                parts::one_by_one(rows, table, file, side_by_side)
            }
            Format::Arrow => {
                let table = Table::new(outputs);
                let file = ArrowFile::new(&table)?;
                parts::one_by_one(rows, table, file, side_by_side)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_tell_their_format() {
        for format in Format::ALL {
            assert_eq!(Format::from_extension(&format.extension().to_ascii_uppercase()), Some(format));
            assert_eq!(Format::from_file_name(&format!("a.b.{}", format.extension())), Some(format));
        }
        for (name, expected) in [
            ("A.CSV.GZ", Some(Format::CsvGz)),
            (".parquet", Some(Format::Parquet)),
            ("csv", None),
            ("notcsv", None),
            ("a.gz", None),
            ("a.csv.bz2", None),
            ("a", None),
        ] {
            assert_eq!(Format::from_file_name(name), expected, "{name}");
        }
    }
}
