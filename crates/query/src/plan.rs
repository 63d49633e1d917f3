//! A checked query: what the engine runs. Every name is resolved, every literal converted, every rule of the language met.
//!
//! A plan holds no tenant and no time: the scope and the window are given when it runs, so that one stored query serves every run.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use crate::catalog::{Dataset, Field};
use crate::timespan::{TimeSpan, Window};

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub dataset: Arc<Dataset>,
    /// In SELECT's order; the same field may stand twice.
    pub outputs: Vec<Field>,
    /// False when grouped: groups differ already.
    pub distinct: bool,
    /// True when a metric is used anywhere: rows are grouped by the columns in `outputs`.
    pub grouped: bool,
    /// Conditions on columns, all of which a row must meet.
    pub row_conditions: Vec<Condition>,
    /// Conditions on metrics, all of which a group must meet.
    pub group_conditions: Vec<Condition>,
    pub order: Vec<OrderKey>,
    pub limit: Option<u64>,
    /// None when the query has no TIMESPAN.
    pub span: Option<TimeSpan>,
    /// What the caller should know though it is no error, such as a literal that does not convert to its column's type.
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub field: Field,
    pub test: Test,
}

/// SQL's three-valued logic: a null field meets no test.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Compare(Comparison, Value),
    /// `values` is not empty.
    In {
        values: Vec<Value>,
        negated: bool,
    },
    /// `%` any text, `_` any one character, `\` takes the next character as it is. Folds case. A field of another type than String is
    /// compared as CSV writes its value.
    Like {
        pattern: String,
        negated: bool,
    },
    /// What is left when no literal converts to the field's type: nothing matches.
    Nothing,
    /// The same with `!=` or NOT IN: every value that is not null matches.
    NotNull,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A literal, converted to the type of the field it is compared with. Strings compare folded (see [`crate::fold`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    String(String),
    Int(i64),
    Float(f64),
    /// `unscaled` × 10^-`scale`. A literal between two neighbouring values of an Int64 or Decimal field is the middle between them, with one
    /// digit more than the field has: it compares as the literal does. In lists and with `=` and `!=` it does not occur.
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
    Bool(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderKey {
    pub field: Field,
    /// Nulls come last either way.
    pub descending: bool,
}

impl Plan {
    /// The stretch of the date column that a run reads.
    ///
    /// `anchor` is the slot's instant of a scheduled run, else the creation. An explicit `start` or `end` (exclusive) overrides TIMESPAN:
    /// a start alone reaches to the anchor, an end alone from the beginning. Without any of them: LAST_6_MONTHS; all of a dataset without dates.
    pub fn window(&self, anchor: DateTime<Utc>, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Window {
        if self.dataset.date_column.is_none() {
            return Window::All;
        }
        match (start, end) {
            (None, None) => self.span.unwrap_or(TimeSpan::Last6Months).window(anchor),
            (start, end) => Window::Between { start, end: end.unwrap_or(anchor) },
        }
    }
}

#[cfg(test)]
mod tests;
