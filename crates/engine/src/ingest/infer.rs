//! What columns a file has, and of which types.

use std::path::Path;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::DataType;
use insightgate_query::catalog::{Column, ColumnType};

use super::source::{Source, bad};
use super::text_value;
use crate::error::EngineError;

#[derive(Debug, Clone, Copy, Default)]
pub struct InferOptions {
    /// Of a text; by the file's extension if none is given.
    pub delimiter: Option<u8>,
    /// So many rows of a text decide the types; all of them if none is given.
    pub rows: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct InferredTable {
    /// With the names as the file spells them.
    pub columns: Vec<Column>,
    /// Columns of types that no dataset can have, such as lists: name and type. They are left out.
    pub skipped: Vec<(String, String)>,
    /// Rows that were looked at.
    pub rows: u64,
    /// The file holds texts (CSV, TSV): a column can be taken for a string, whatever its values look like.
    pub is_text: bool,
}

/// Reads the schema of a Parquet file, or the values of a CSV or TSV file. Blocks; memory does not grow with the file.
pub fn infer(path: &Path, options: InferOptions) -> Result<InferredTable, EngineError> {
    let Source { schema, is_text, batches } = Source::open(path, options.delimiter)?;
    let mut table = InferredTable { columns: Vec::new(), skipped: Vec::new(), rows: 0, is_text };
    if !is_text {
        for field in schema.fields() {
            match of_arrow(field.data_type()) {
                Some(kind) => table.columns.push(column(field.name(), kind, field.is_nullable())),
                None => table.skipped.push((field.name().clone(), field.data_type().to_string())),
            }
        }
        return Ok(table);
    }
    let mut guesses = vec![Guess::default(); schema.fields().len()];
    for batch in batches {
        let batch = batch.map_err(|error| bad(path, error))?;
        let rows = match options.rows {
            Some(rows) => usize::try_from(rows - table.rows).unwrap_or(usize::MAX).min(batch.num_rows()),
            None => batch.num_rows(),
        };
        for (guess, values) in guesses.iter_mut().zip(batch.columns()) {
            let values = values.slice(0, rows);
            values.as_string::<i32>().iter().flatten().for_each(|text| guess.see(text));
        }
        table.rows += rows as u64;
        if options.rows.is_some_and(|rows| table.rows >= rows) {
            break;
        }
    }
    table.columns = schema.fields().iter().zip(guesses).map(|(field, guess)| column(field.name(), guess.kind(), true)).collect();
    Ok(table)
}

fn column(name: &str, kind: ColumnType, nullable: bool) -> Column {
    Column {
        name: name.to_owned(),
        aliases: Vec::new(),
        kind,
        nullable,
        sensitive: false,
        selectable: true,
        description: String::new(),
        allowed: Vec::new(),
        examples: Vec::new(),
    }
}

/// The dataset type that holds all values of an Arrow type.
fn of_arrow(found: &DataType) -> Option<ColumnType> {
    Some(match found {
        DataType::Dictionary(_, values) => return of_arrow(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ColumnType::String,
        DataType::UInt64 => ColumnType::Decimal { precision: 20, scale: 0 },
        found if found.is_integer() => ColumnType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Float64,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) | DataType::Decimal128(precision, scale) => {
            ColumnType::Decimal { precision: *precision, scale: *scale }
        }
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Boolean => ColumnType::Bool,
        _ => return None,
    })
}

/// The narrowest type that holds the value.
pub(super) fn kind_of(text: &str) -> ColumnType {
    let mut guess = Guess::default();
    guess.see(text);
    guess.kind()
}

/// Which types all values so far could be.
#[derive(Debug, Clone)]
struct Guess {
    seen: bool,
    boolean: bool,
    integer: bool,
    float: bool,
    date: bool,
    timestamp: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Guess { seen: false, boolean: true, integer: true, float: true, date: true, timestamp: true }
    }
}

impl Guess {
    fn see(&mut self, text: &str) {
        self.seen = true;
        self.boolean = self.boolean && text_value::boolean(text).is_some();
        if self.float {
            self.float = is_plain_number(text);
            self.integer = self.integer && self.float && text_value::integer(text).is_some();
        }
        self.timestamp = self.timestamp && text_value::timestamp(text).is_some();
        self.date = self.date && self.timestamp && text_value::date(text).is_some();
    }

    fn kind(&self) -> ColumnType {
        match self {
            Guess { seen: false, .. } => ColumnType::String,
            Guess { boolean: true, .. } => ColumnType::Bool,
            Guess { integer: true, float: true, .. } => ColumnType::Int64,
            Guess { float: true, .. } => ColumnType::Float64,
            Guess { date: true, .. } => ColumnType::Date,
            Guess { timestamp: true, .. } => ColumnType::Timestamp,
            _ => ColumnType::String,
        }
    }
}

/// Numbers that a number type gives back: not `007`, `+1` or twenty digits, which are rather codes.
fn is_plain_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if leading_zero || digits.starts_with('+') || (only_digits && text_value::integer(text).is_none()) {
        return false;
    }
    text_value::float(text).is_some()
}
