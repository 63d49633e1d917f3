//! Opens a person's files: Parquet, Arrow, CSV and the like, or JSON Lines, compressed or not, whatever their names. They are read in batches
//! whatever their size.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use flate2::read::MultiGzDecoder;
use insightgate_query::fold::fold;

use super::batch::{Form, Source, bad, failed, unread};
use super::columnar;
use super::file_kind::{FileKind, TextKind};
use super::read_options::ReadOptions;
use super::text::batches::{DelimitedBatches, JsonBatches};
use super::text::decoded::{Decoded, encoding_of};
use super::text::delimited::{Delimited, Record};
use super::text::json_lines;
use super::text::json_lines::MAX_COLUMNS;
use super::text::separator::Separator;
use crate::error::EngineError;

/// The bytes at the beginning of a file from which its kind is detected.
const HEAD: usize = 64 << 10;

/// Opens a file by its first bytes, whatever its name.
pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Source, EngineError> {
    let mut head = Vec::new();
    file(path)?.take(HEAD as u64).read_to_end(&mut head).map_err(|error| unread(path, error))?;
    let kind = FileKind::of(&head).map_err(|what| bad(path, what))?;
    if has_extension(path, &["parquet"]) && kind != FileKind::Parquet {
        return Err(bad(path, "the file does not begin as a Parquet file does: it is called so, and is something else or damaged"));
    }
    match kind {
        FileKind::Parquet => columnar::parquet(path, file(path)?),
        FileKind::Arrow => columnar::arrow(path, file(path)?),
        FileKind::Gzip | FileKind::Zstd | FileKind::Text => of_text(path, kind, options),
    }
}

fn of_text(path: &Path, kind: FileKind, options: &ReadOptions) -> Result<Source, EngineError> {
    let Text { head, rest } = Text::open(path, kind, options)?;
    let beginning = String::from_utf8_lossy(head.get(..1024).unwrap_or(&head)).into_owned();
    let form = TextKind::of(&beginning, path).map_err(|what| bad(path, what))?;
    if form == TextKind::JsonLines {
        let names = json_lines::keys(Cursor::new(head).chain(rest)).map_err(|error| failed(path, error))?;
        if names.is_empty() {
            return Err(bad(path, "the file is empty: it has no object"));
        }
        let Text { head, rest } = Text::open(path, kind, options)?;
        let schema = schema(&names);
        let batches = JsonBatches::new(path.to_owned(), Cursor::new(head).chain(rest), Arc::clone(&schema), options.nulls.clone());
        return Ok(Source { schema, form: Form::Json, decimal_comma: false, semicolons: false, batches: Box::new(batches) });
    }
    let preferred = if is_of_tabs(path) { b'\t' } else { b',' };
    let separator = Separator::find(&head, head.len() < HEAD, options.delimiter, preferred);
    let mut start = Cursor::new(head);
    start.set_position(separator.skipped as u64);
    let mut reader = Delimited::new(start.chain(rest), separator.delimiter, if separator.skipped > 0 { 2 } else { 1 });
    let names = header(path, &mut reader)?;
    reader.takes_blank_lines = names.len() == 1;
    let schema = schema(&names);
    let batches = DelimitedBatches::new(path.to_owned(), reader, Arc::clone(&schema), options.nulls.clone());
    let decimal_comma = options.decimal_comma || separator.decimal_comma;
    let semicolons = separator.delimiter == b';';
    Ok(Source { schema, form: Form::Delimited, decimal_comma, semicolons, batches: Box::new(batches) })
}

type Unpacked = Box<dyn Read>;

/// A decoded text: its beginning, and what follows.
struct Text {
    head: Vec<u8>,
    rest: Decoded<Unpacked>,
}

impl Text {
    fn open(path: &Path, kind: FileKind, options: &ReadOptions) -> Result<Text, EngineError> {
        let packed = BufReader::with_capacity(HEAD, file(path)?);
        let mut unpacked: Unpacked = match kind {
            FileKind::Gzip => Box::new(MultiGzDecoder::new(packed)),
            FileKind::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(packed).map_err(|error| unread(path, error))?),
            _ => Box::new(packed),
        };
        let mut bytes = Vec::new();
        (&mut unpacked).take(HEAD as u64).read_to_end(&mut bytes).map_err(|error| unread(path, error))?;
        match FileKind::of(&bytes) {
            Ok(FileKind::Text) => {}
            Ok(FileKind::Gzip | FileKind::Zstd) => return Err(bad(path, "the file is compressed twice: unpack it once")),
            Ok(FileKind::Parquet | FileKind::Arrow) => {
                return Err(bad(path, "a file of Parquet or Arrow is compressed as a whole: unpack it"));
            }
            Err(what) => return Err(bad(path, what)),
        }
        let encoding = encoding_of(&bytes, options.encoding.map(|named| named.0));
        let whole: Unpacked = Box::new(Cursor::new(bytes).chain(unpacked));
        let mut rest = Decoded::new(whole, encoding);
        let mut head = Vec::new();
        (&mut rest).take(HEAD as u64).read_to_end(&mut head).map_err(|error| unread(path, error))?;
        Ok(Text { head, rest })
    }
}

/// The column names in the first line, without surrounding blanks.
fn header<R: BufRead>(path: &Path, reader: &mut Delimited<R>) -> Result<Vec<String>, EngineError> {
    let mut record = Record::default();
    if !reader.read(&mut record).map_err(|error| failed(path, error))? {
        return Err(bad(path, "the file is empty: its first line should name the columns"));
    }
    if record.len() > MAX_COLUMNS {
        return Err(bad(path, format!("the first line names {} columns; at most {MAX_COLUMNS} are taken", record.len())));
    }
    let mut names: Vec<String> = Vec::with_capacity(record.len());
    let mut known = HashSet::with_capacity(record.len());
    for (value, _) in record.values() {
        let name = String::from_utf8_lossy(value).trim().to_owned();
        if name.is_empty() {
            let hint = if names.is_empty() { "; pandas writes its index so, unless it is told index=False" } else { "" };
            return Err(bad(path, format!("column {} has no name in the first line{hint}", names.len() + 1)));
        }
        if !known.insert(fold(&name).into_owned()) {
            return Err(bad(path, format!("the first line names the column '{name}' twice")));
        }
        names.push(name);
    }
    Ok(names)
}

fn schema(names: &[String]) -> SchemaRef {
    Arc::new(Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>()))
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    path.extension().is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Names such as `a.tsv.gz` count too.
fn is_of_tabs(path: &Path) -> bool {
    has_extension(path, &["tsv", "tab"]) || path.file_stem().is_some_and(|stem| has_extension(Path::new(stem), &["tsv", "tab"]))
}

fn file(path: &Path) -> Result<File, EngineError> {
    File::open(path).map_err(EngineError::io(path.display().to_string()))
}
