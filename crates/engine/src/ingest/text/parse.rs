//! Converts a column of texts to the type in the definition. A value that is not of the type is an error, and never becomes a null.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use insightgate_query::datasets::catalog::ColumnType;

use super::{number_text, value};
use crate::ingest::guess;
use crate::ingest::infer::kind_of;
use crate::ingest::read_options::GivenType;
use crate::types;

/// How the texts of one column are read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) decimal_comma: bool,
    pub(crate) given: Option<&'a GivenType>,
}

pub(crate) enum ParseFault {
    /// The first value that is not of the type, with its row within the texts, counted from 0.
    Value {
        row: usize,
        text: String,
    },
    Other(String),
}

impl Reading<'_> {
    pub(crate) fn parsed(&self, texts: &ArrayRef, kind: ColumnType) -> Result<ArrayRef, ParseFault> {
        let format = self.given.and_then(|given| given.format.as_deref());
        let strings = texts.as_string::<i32>();
        Ok(match kind {
            ColumnType::String => Arc::clone(texts),
            ColumnType::Int64 => Arc::new(Int64Array::from(self.numbers(strings, value::integer)?)),
            ColumnType::Float64 => Arc::new(Float64Array::from(self.numbers(strings, value::float)?)),
            ColumnType::Bool => Arc::new(BooleanArray::from(values(strings, value::boolean)?)),
            ColumnType::Date => {
                let epoch = chrono::DateTime::UNIX_EPOCH.date_naive();
                let day = |text: &str| format.map_or_else(|| value::date(text), |format| value::date_as(text, format));
                let days = |text: &str| i32::try_from(day(text)?.signed_duration_since(epoch).num_days()).ok();
                Arc::new(Date32Array::from(values(strings, days)?))
            }
            ColumnType::Timestamp => {
                let instant = |text: &str| format.map_or_else(|| value::timestamp(text), |format| value::timestamp_as(text, format));
                let instants = values(strings, |text| instant(text).map(|instant| instant.timestamp_micros()))?;
                Arc::new(TimestampMicrosecondArray::from(instants).with_timezone(types::UTC))
            }
            ColumnType::Decimal { precision, scale } => {
                let limit = 10_i128.checked_pow(precision.into()).unwrap_or(i128::MAX);
                let fits = |value: &i128| value.checked_abs().is_some_and(|value| value < limit);
                let unscaled = self.numbers(strings, |text| value::decimal(text, scale).filter(fits))?;
                let array = Decimal128Array::from(unscaled).with_precision_and_scale(precision, scale);
                Arc::new(array.map_err(|error| ParseFault::Other(error.to_string()))?)
            }
        })
    }

    fn numbers<T>(&self, texts: &StringArray, read: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>, ParseFault> {
        values(texts, |text| match (self.given, self.decimal_comma) {
            (None, false) => read(text),
            (None, true) => read(&number_text::with_point(text)?),
            // A column that was declared to hold numbers may have currencies and separators of groups.
            (Some(_), _) => number_text::plain(text, self.decimal_comma).map_or_else(|| read(text), |plain| read(&plain)),
        })
    }

    /// Describes the value that was found instead, its place, and the flag that would make it readable.
    pub(crate) fn described(&self, column: &str, kind: ColumnType, text: &str, place: &str) -> String {
        let flags = self.given.is_none().then(|| guess::advice(text, column, kind, self.decimal_comma)).flatten();
        let with_comma = || guess::with_comma(text, column, kind, self.decimal_comma);
        let advice = flags.map(|flags| format!("; {flags} would read it"));
        let advice =
            advice.or_else(|| with_comma().map(|(flags, number)| format!("; {flags} would read it as {number}"))).unwrap_or_default();
        let (row, line) = place.split_once(" (").map_or((place, String::new()), |(row, line)| (row, format!(" ({line}")));
        // What a float cannot hold is read as a text, and is no less a number for that.
        let is_beyond = text.contains(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok_and(f64::is_infinite);
        let found = if is_beyond { "a number too large".to_owned() } else { types::spelled(kind_of(text, self.decimal_comma)) };
        format!("'{text}'{row}, {found}{line}{advice}")
    }
}

/// An empty text in quotes is not a value of any of these types.
fn values<T>(texts: &StringArray, read: impl Fn(&str) -> Option<T>) -> Result<Vec<Option<T>>, ParseFault> {
    let mut values = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        values.push(match text.filter(|text| !text.is_empty()) {
            None => None,
            Some(text) => match read(text) {
                Some(value) => Some(value),
                None => return Err(ParseFault::Value { row, text: text.to_owned() }),
            },
        });
    }
    Ok(values)
}
