//! Writes a Parquet file that appears under its name only when it is complete.

use std::io;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;
use tempfile::NamedTempFile;

use crate::error::EngineError;
use crate::storage::unfinished_file;

/// Small enough for a reader that holds one row group in memory, and large enough for statistics to be worth their space.
const ROW_GROUP_ROWS: usize = 131_072;
/// A group of wide rows has fewer rows, so that a query with the default memory can read it: the query holds the group both stored and decoded.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// The bytes that are written at once: the writer checks the size of a group only between two writes.
const WRITTEN_BYTES: usize = 2 << 20;

pub(crate) struct ParquetFile {
    path: PathBuf,
    /// A hidden file of a unique name, so that no scan sees it. It is deleted when it is dropped.
    writer: ArrowWriter<NamedTempFile>,
}

impl ParquetFile {
    /// Creates the folder too, and removes unfinished files that a crash has left.
    pub(crate) fn create(path: &Path, schema: SchemaRef) -> Result<Self, EngineError> {
        let io_error = |path: &Path| EngineError::io(path.display().to_string());
        let Some(folder) = path.parent().filter(|_| path.file_name().is_some()) else {
            return Err(input(path, "is no name of a file".to_owned()));
        };
        std::fs::create_dir_all(folder).map_err(io_error(folder))?;
        let unfinished = unfinished_file::make(folder, false).map_err(io_error(folder))?;
        Self::begin(path.to_owned(), unfinished, schema)
    }

    /// Creates a file without a final name, for [`ParquetFile::finish_unnamed`], which only its owner can read.
    pub(crate) fn create_unnamed(folder: &Path, schema: SchemaRef) -> Result<Self, EngineError> {
        let unfinished = unfinished_file::make(folder, true).map_err(EngineError::io(folder.display().to_string()))?;
        Self::begin(unfinished.path().to_owned(), unfinished, schema)
    }

    fn begin(path: PathBuf, unfinished: NamedTempFile, schema: SchemaRef) -> Result<Self, EngineError> {
        let writer = ArrowWriter::try_new(unfinished, schema, Some(properties())).map_err(|error| failed(&path, error))?;
        Ok(ParquetFile { path, writer })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let pieces = batch.get_array_memory_size().div_ceil(WRITTEN_BYTES).max(1);
        let rows = batch.num_rows().div_ceil(pieces).max(1);
        for start in (0..batch.num_rows()).step_by(rows) {
            let piece = batch.slice(start, rows.min(batch.num_rows() - start));
            self.writer.write(&piece).map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }

    /// Returns the complete file, which is deleted when it is dropped.
    pub(crate) fn finish_unnamed(self) -> Result<NamedTempFile, EngineError> {
        self.writer.into_inner().map_err(|error| failed(&self.path, error))
    }

    /// When this returns, the complete file is on disk.
    pub(crate) fn finish(self) -> Result<(), EngineError> {
        let written = self.writer.into_inner().map_err(|error| failed(&self.path, error))?;
        let finished = written.as_file().sync_all().and_then(|()| {
            written.persist(&self.path)?;
            Ok(())
        });
        finished.map_err(EngineError::io(self.path.display().to_string()))
    }
}

fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build()
}

/// The bytes of a file with these rows, which are few.
pub(crate) fn in_memory(rows: &RecordBatch) -> Result<Vec<u8>, ParquetError> {
    let mut writer = ArrowWriter::try_new(Vec::new(), rows.schema(), Some(properties()))?;
    writer.write(rows)?;
    writer.into_inner()
}

fn input(path: &Path, detail: String) -> EngineError {
    EngineError::Input { file: path.display().to_string(), detail }
}

/// Keeps the error of a full disk recognisable.
fn failed(path: &Path, error: ParquetError) -> EngineError {
    let what = path.display().to_string();
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(source) => EngineError::Io { what, source: *source },
            Err(other) => EngineError::Input { file: what, detail: other.to_string() },
        },
        other => EngineError::Input { file: what, detail: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use datafusion::arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn two_writers_of_one_path_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part.parquet");
        let schema = Arc::new(Schema::empty());
        let (one, other) = (ParquetFile::create(&path, Arc::clone(&schema)).unwrap(), ParquetFile::create(&path, schema).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        one.finish().unwrap();
        assert!(path.exists());
        drop(other);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "what is dropped leaves nothing, and takes nothing else with it");
    }
}
