//! Collects rows of texts into batches of string columns, whose size is bounded whatever the rows contain.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayBuilder, ArrayRef, StringBuilder};
use datafusion::arrow::datatypes::SchemaRef;

use super::delimited::{Delimited, ReadError, Record};
use super::json_lines::{Cell, JsonLines};
use crate::error::EngineError;
use crate::ingest::batch::{Batch, failed};

/// A batch is full once it reaches this many rows or bytes of text, so that it exceeds the bytes by at most one row.
const ROWS: usize = 8192;
const BYTES: usize = 16 << 20;

/// The batch that is being filled.
struct Filling {
    columns: Vec<StringBuilder>,
    bytes: usize,
    lines: Vec<u64>,
    words: Vec<bool>,
    nested: Vec<Option<u64>>,
}

impl Filling {
    fn new(columns: usize) -> Filling {
        let strings = (0..columns).map(|_| StringBuilder::new()).collect();
        Filling { columns: strings, bytes: 0, lines: Vec::new(), words: vec![false; columns], nested: vec![None; columns] }
    }

    fn is_full(&self) -> bool {
        self.lines.len() >= ROWS || self.bytes >= BYTES
    }

    /// `None` if there are no rows.
    fn batch(mut self) -> Option<Batch> {
        let columns: Vec<ArrayRef> = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let rows = self.lines.len();
        (rows > 0).then_some(Batch { columns, rows, lines: self.lines, words: self.words, nested: self.nested })
    }
}

/// The batch as it is returned to the caller. After the last batch or an error nothing more is read.
fn handed_out<R>(filled: Result<Option<Batch>, ReadError>, reader: &mut Option<R>, path: &Path) -> Option<Result<Batch, EngineError>> {
    if !matches!(filled, Ok(Some(_))) {
        *reader = None;
    }
    filled.map_err(|error| failed(path, error)).transpose()
}

pub(crate) struct DelimitedBatches<R> {
    path: PathBuf,
    /// `None` once it has ended or failed.
    reader: Option<Delimited<R>>,
    columns: usize,
    nulls: Vec<String>,
    record: Record,
}

impl<R: BufRead> DelimitedBatches<R> {
    pub(crate) fn new(path: PathBuf, reader: Delimited<R>, schema: SchemaRef, nulls: Vec<String>) -> Self {
        DelimitedBatches { path, reader: Some(reader), columns: schema.fields().len(), nulls, record: Record::default() }
    }

    fn fill(&mut self) -> Result<Option<Batch>, ReadError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut filling = Filling::new(self.columns);
        while !filling.is_full() && reader.read(&mut self.record)? {
            let record = &self.record;
            if record.len() != self.columns {
                let (values, line) = (counted(record.len(), "value"), record.line);
                let names = counted(self.columns, "column");
                let hint = if self.columns == 1 { "; --delimiter says what stands between values" } else { "" };
                return Err(ReadError::Wrong(format!("line {line} has {values}, and the first line names {names}{hint}")));
            }
            filling.lines.push(record.line);
            for ((value, quoted), column) in record.values().zip(&mut filling.columns) {
                let text = std::str::from_utf8(value).map_err(|_| ReadError::Wrong(format!("line {} is no UTF-8 text", record.line)))?;
                if (text.is_empty() && !quoted) || self.nulls.iter().any(|null| null == text) {
                    column.append_null();
                } else {
                    column.append_value(text);
                    filling.bytes += text.len();
                }
            }
        }
        Ok(filling.batch())
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

impl<R: BufRead> Iterator for DelimitedBatches<R> {
    type Item = Result<Batch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let filled = self.fill();
        handed_out(filled, &mut self.reader, &self.path)
    }
}

pub(crate) struct JsonBatches<R> {
    path: PathBuf,
    /// `None` once it has ended or failed.
    reader: Option<JsonLines<R>>,
    places: HashMap<String, usize>,
    nulls: Vec<String>,
}

impl<R: BufRead> JsonBatches<R> {
    pub(crate) fn new(path: PathBuf, input: R, schema: SchemaRef, nulls: Vec<String>) -> Self {
        let places = schema.fields().iter().enumerate().map(|(place, field)| (field.name().clone(), place)).collect();
        JsonBatches { path, reader: Some(JsonLines::new(input)), places, nulls }
    }

    fn fill(&mut self) -> Result<Option<Batch>, ReadError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut filling = Filling::new(self.places.len());
        while !filling.is_full() {
            let rows = filling.lines.len();
            let mut nested = Vec::new();
            let is_there = reader.read(|key, cell| {
                // A file that is still growing may have keys that were not there at the first reading.
                let Some(place) = self.places.get(key) else { return Err(format!("the key '{key}' was not there before")) };
                let Some(column) = filling.columns.get_mut(*place) else { return Ok(()) };
                if ArrayBuilder::len(column) > rows {
                    return Err(format!("the key '{key}' stands twice"));
                }
                let is_null = |text: &str| self.nulls.iter().any(|null| null == text);
                match cell {
                    Cell::Plain(text) if !is_null(text) => {
                        column.append_value(text);
                        filling.bytes += text.len();
                    }
                    Cell::Word(text) if !is_null(&text) => {
                        column.append_value(&text);
                        filling.bytes += text.len();
                        if let Some(words) = filling.words.get_mut(*place) {
                            *words = true;
                        }
                    }
                    Cell::Nested => {
                        column.append_null();
                        nested.push(*place);
                    }
                    _ => column.append_null(),
                }
                Ok(())
            })?;
            if !is_there {
                break;
            }
            filling.lines.push(reader.line);
            for place in nested {
                if let Some(first) = filling.nested.get_mut(place) {
                    first.get_or_insert(reader.line);
                }
            }
            // Keys that this object does not have.
            for column in &mut filling.columns {
                if ArrayBuilder::len(column) == rows {
                    column.append_null();
                }
            }
        }
        Ok(filling.batch())
    }
}

impl<R: BufRead> Iterator for JsonBatches<R> {
    type Item = Result<Batch, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let filled = self.fill();
        handed_out(filled, &mut self.reader, &self.path)
    }
}
