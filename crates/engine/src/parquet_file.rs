//! One Parquet file that appears under its name only when it is complete.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::EngineError;

/// Small enough for a reader that holds one row group in memory, large enough for statistics to be worth their place.
const ROW_GROUP_ROWS: usize = 131_072;
/// Of wide rows fewer make a group, so that a query with the default memory reads them: it holds the group, stored and decoded.
const ROW_GROUP_BYTES: usize = 16 << 20;
/// What is written at once: the writer looks at the size of a group between two writes alone.
const WRITTEN_BYTES: usize = 2 << 20;

pub(crate) struct ParquetFile {
    path: PathBuf,
    /// Hidden, so that no scan sees it.
    unfinished: PathBuf,
    writer: Option<ArrowWriter<File>>,
}

impl ParquetFile {
    /// Makes the folder too. An unfinished file that a crash left under this name is replaced.
    pub(crate) fn create(path: &Path, schema: SchemaRef) -> Result<Self, EngineError> {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(name) = name else { return Err(input(path, "is no name of a file".to_owned())) };
        let unfinished = path.with_file_name(format!(".{name}.unfinished"));
        let io_error = |path: &Path| EngineError::io(path.display().to_string());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(io_error(folder))?;
        }
        let file = File::create(&unfinished).map_err(io_error(&unfinished))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| failed(&unfinished, error))?;
        Ok(ParquetFile { path: path.to_owned(), unfinished, writer: Some(writer) })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let Some(writer) = &mut self.writer else { return Err(input(&self.path, "is finished".to_owned())) };
        let pieces = batch.get_array_memory_size().div_ceil(WRITTEN_BYTES).max(1);
        let rows = batch.num_rows().div_ceil(pieces).max(1);
        for start in (0..batch.num_rows()).step_by(rows) {
            let piece = batch.slice(start, rows.min(batch.num_rows() - start));
            writer.write(&piece).map_err(|error| failed(&self.path, error))?;
        }
        Ok(())
    }

    /// The file is on disk, whole, when this returns.
    pub(crate) fn finish(mut self) -> Result<(), EngineError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let finished = writer.into_inner().map_err(|error| failed(&self.path, error)).and_then(|file| {
            file.sync_all()
                .and_then(|()| std::fs::rename(&self.unfinished, &self.path))
                .map_err(EngineError::io(self.path.display().to_string()))
        });
        if finished.is_err() {
            self.discard();
        }
        finished
    }

    fn discard(&self) {
        // What cannot be removed is hidden, and replaced by the next attempt.
        let _ = std::fs::remove_file(&self.unfinished);
    }
}

impl Drop for ParquetFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            self.discard();
        }
    }
}

fn input(path: &Path, detail: String) -> EngineError {
    EngineError::Input { file: path.display().to_string(), detail }
}

/// Keeps a full disk recognisable.
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
