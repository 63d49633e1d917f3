//! Files that a person has: Parquet, or text separated by commas or tabs, read in batches whatever their size.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::{ReaderBuilder, reader::Format};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::EngineError;

const BATCH_ROWS: usize = 8192;

/// An open file. The columns of a text are strings, null where they are empty.
pub(super) struct Source {
    pub(super) schema: SchemaRef,
    pub(super) is_text: bool,
    pub(super) batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>,
}

impl Source {
    /// `delimiter` of a text; None: by the file's extension.
    pub(super) fn open(path: &Path, delimiter: Option<u8>) -> Result<Source, EngineError> {
        if is_parquet(path)? {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file(path)?).map_err(|error| bad(path, error))?;
            let schema = Arc::clone(builder.schema());
            let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| bad(path, error))?;
            return Ok(Source { schema, is_text: false, batches: Box::new(reader) });
        }
        let tabs = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsv") || extension.eq_ignore_ascii_case("tab"));
        let delimiter = delimiter.unwrap_or(if tabs { b'\t' } else { b',' });
        let schema = header(path, delimiter)?;
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(true).with_delimiter(delimiter).with_batch_size(BATCH_ROWS);
        let reader = reader.build_buffered(BufReader::new(file(path)?)).map_err(|error| bad(path, error))?;
        Ok(Source { schema, is_text: true, batches: Box::new(reader) })
    }
}

/// All columns as strings, under the names of the first line.
fn header(path: &Path, delimiter: u8) -> Result<SchemaRef, EngineError> {
    let format = Format::default().with_header(true).with_delimiter(delimiter);
    let (found, _) = format.infer_schema(BufReader::new(file(path)?), Some(0)).map_err(|error| bad(path, error))?;
    let mut fields: Vec<Field> = Vec::with_capacity(found.fields().len());
    for field in found.fields() {
        let name = field.name().trim_start_matches('\u{feff}');
        if name.is_empty() {
            return Err(bad(path, format!("column {} has no name in the first line", fields.len() + 1)));
        }
        if fields.iter().any(|known| insightgate_query::catalog::same_name(known.name(), name)) {
            return Err(bad(path, format!("the first line names the column '{name}' twice")));
        }
        fields.push(Field::new(name, DataType::Utf8, true));
    }
    if fields.is_empty() {
        return Err(bad(path, "the file is empty: its first line should name the columns"));
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn is_parquet(path: &Path) -> Result<bool, EngineError> {
    let mut start = Vec::with_capacity(4);
    file(path)?.take(4).read_to_end(&mut start).map_err(EngineError::io(path.display().to_string()))?;
    Ok(start == b"PAR1" || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")))
}

fn file(path: &Path) -> Result<File, EngineError> {
    File::open(path).map_err(EngineError::io(path.display().to_string()))
}

pub(super) fn bad(path: &Path, detail: impl ToString) -> EngineError {
    EngineError::Input { file: path.display().to_string(), detail: detail.to_string() }
}
