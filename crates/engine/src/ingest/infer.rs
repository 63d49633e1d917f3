//! The columns of a file and their types.

use std::path::Path;

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Schema};
use insightgate_query::datasets::catalog::{Column, ColumnType, same_name};

use super::batch::{Form, Source, bad};
use super::guess::{Guess, Note};
use super::read_options::ReadOptions;
use super::source;
use crate::error::EngineError;
use crate::types;

#[derive(Debug, Clone, Default)]
pub struct InferOptions {
    /// How the file is read.
    pub read: ReadOptions,
    /// The number of rows of a text that decide the types; `None` reads all rows.
    pub rows: Option<u64>,
}

#[derive(Debug, Clone)]
pub struct InferredTable {
    /// The columns, with names spelled as in the file.
    pub columns: Vec<Column>,
    /// The name and type of each column that is left out because no dataset can have its type, such as a list.
    pub skipped: Vec<(String, String)>,
    /// Notes on columns that stay text but look like something else, and on columns with ambiguous numbers.
    pub notes: Vec<Note>,
    /// Columns of a text file that have no value at all, so that any type fits them.
    pub empty: Vec<String>,
    /// The number of rows that were read.
    pub rows: u64,
    /// Whether the file is a text (CSV, TSV, JSON Lines), so that a column can be a string whatever its values look like.
    pub is_text: bool,
}

/// Reads the schema of a Parquet or Arrow file, or the values of a text file. Blocks; memory does not grow with the file.
///
/// # Errors
///
/// If the file is of another kind, or if it has an error, which is named with its line.
pub fn infer(path: &Path, options: &InferOptions) -> Result<InferredTable, EngineError> {
    let Source { schema, form, decimal_comma, semicolons, batches } = source::open(path, &options.read)?;
    check_given(path, &options.read, &schema)?;
    let is_text = form != Form::Columnar;
    let mut table = InferredTable { columns: Vec::new(), skipped: Vec::new(), notes: Vec::new(), empty: Vec::new(), rows: 0, is_text };
    if !is_text {
        for field in schema.fields() {
            let found = options.read.given(field.name()).map(|given| given.kind);
            match found.or_else(|| of_arrow(field.data_type())) {
                Some(kind) => table.columns.push(column(field.name(), kind, field.is_nullable())),
                None => table.skipped.push((field.name().clone(), field.data_type().to_string())),
            }
        }
        return Ok(table);
    }
    let mut guesses = vec![Guess::new(decimal_comma, form == Form::Json); schema.fields().len()];
    let mut nested = vec![false; guesses.len()];
    for batch in batches {
        let batch = batch?;
        let rows = match options.rows {
            Some(rows) => usize::try_from(rows - table.rows).unwrap_or(usize::MAX).min(batch.rows),
            None => batch.rows,
        };
        for ((guess, field), (place, values)) in guesses.iter_mut().zip(schema.fields()).zip(batch.columns.iter().enumerate()) {
            if let Some(nested) = nested.get_mut(place) {
                *nested |= batch.nested.get(place).is_some_and(Option::is_some);
            }
            if options.read.given(field.name()).is_some() {
                continue;
            }
            if batch.words.get(place) == Some(&true) {
                guess.no_number();
            }
            let values = values.slice(0, rows);
            values.as_string::<i32>().iter().flatten().for_each(|text| guess.see(text));
        }
        table.rows += rows as u64;
        if options.rows.is_some_and(|rows| table.rows >= rows) {
            break;
        }
    }
    for ((field, guess), nested) in schema.fields().iter().zip(guesses).zip(nested) {
        if nested {
            table.skipped.push((field.name().clone(), "list or object".to_owned()));
            continue;
        }
        let given = options.read.given(field.name()).map(|given| given.kind);
        if given.is_none() && guess.is_empty() {
            table.empty.push(field.name().clone());
        }
        table.columns.push(column(field.name(), given.unwrap_or_else(|| guess.kind()), true));
        let note = guess.note(field.name()).or_else(|| guess.thousands(field.name()).filter(|_| semicolons));
        table.notes.extend(note.filter(|_| given.is_none()));
    }
    Ok(table)
}

/// Refuses a declared type for a column that does not exist.
pub(super) fn check_given(path: &Path, options: &ReadOptions, schema: &Schema) -> Result<(), EngineError> {
    for given in &options.types {
        if !schema.fields().iter().any(|field| same_name(field.name(), &given.column)) {
            let known: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
            return Err(bad(
                path,
                format!("--type names the column '{}', which is not there; there are {}", given.column, known.join(", ")),
            ));
        }
    }
    Ok(())
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

/// The type of a dataset that holds all values of an Arrow type.
fn of_arrow(found: &DataType) -> Option<ColumnType> {
    Some(match found {
        DataType::Dictionary(_, values) => return of_arrow(values),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => ColumnType::String,
        DataType::UInt64 => ColumnType::Decimal { precision: 20, scale: 0 },
        found if found.is_integer() => ColumnType::Int64,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnType::Float64,
        found if types::decimal(found).is_some() => return of_decimal(types::decimal(found)?),
        DataType::Date32 | DataType::Date64 => ColumnType::Date,
        DataType::Timestamp(_, _) => ColumnType::Timestamp,
        DataType::Boolean => ColumnType::Bool,
        _ => return None,
    })
}

/// `None` if a decimal of a dataset cannot have that many digits. A decimal of negative scale counts tens, thousands and so on and has no fraction.
fn of_decimal((precision, scale): (u8, i8)) -> Option<ColumnType> {
    let whole = i16::from(precision) - i16::from(scale);
    let (precision, scale) = (u8::try_from(whole.max(i16::from(precision))).ok()?, scale.max(0));
    (precision <= DECIMAL128_MAX_PRECISION).then_some(ColumnType::Decimal { precision, scale })
}

/// The narrowest type that holds the value, for messages, which do not name a number of digits.
pub(super) fn kind_of(text: &str, decimal_comma: bool) -> ColumnType {
    let mut guess = Guess::new(decimal_comma, false);
    guess.see(text);
    match guess.kind() {
        ColumnType::Decimal { .. } => ColumnType::Float64,
        kind => kind,
    }
}
