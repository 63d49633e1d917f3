//! The columns of datasets, the values that they hold, and how values are compared.
//!
//! These are plain values that everything above uses: the syntax, the metrics, the catalog and the plan.

use chrono::{DateTime, NaiveDate, Utc};

use crate::fold::fold;

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The dataset's own spelling. Artifacts and previews use the name that the query wrote, see [`crate::plan::Selected`].
    pub name: String,
    /// Other spellings that queries may use.
    pub aliases: Vec<String>,
    pub kind: ColumnType,
    pub nullable: bool,
    pub sensitive: bool,
    /// False for the hidden input of a metric, which metrics can read but queries cannot name.
    pub selectable: bool,
    pub description: String,
    /// Values as text: `allowed` is a closed list if it is not empty; `examples` only illustrate.
    pub allowed: Vec<String>,
    pub examples: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    String,
    Int64,
    Float64,
    /// Stored as Arrow Decimal128.
    Decimal {
        precision: u8,
        scale: i8,
    },
    /// Stored as days (Arrow Date32).
    Date,
    /// Stored in UTC as microseconds (Arrow Timestamp(Microsecond, "UTC")).
    Timestamp,
    Bool,
}

impl Column {
    pub fn is_called(&self, name: &str) -> bool {
        same_name(&self.name, name) || self.aliases.iter().any(|alias| same_name(alias, name))
    }
}

/// A literal, converted to the type of the field with which it is compared. Strings compare folded (see [`crate::fold`]).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    String(String),
    Int(i64),
    Float(f64),
    /// `unscaled` × 10^-`scale`. A literal between two neighbouring values of an Int64 or Decimal field becomes the middle between them, with one
    /// digit more than the field has, which compares as the literal does. That does not occur in lists or with `=` and `!=`.
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    Date(NaiveDate),
    Timestamp(DateTime<Utc>),
    Bool(bool),
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

/// Whether two names are equal: names of datasets, columns and metrics are case-insensitive.
pub fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!(one.is_ascii() && other.is_ascii()) && fold(one) == fold(other))
}
