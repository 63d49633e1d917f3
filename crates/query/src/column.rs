//! The columns of datasets, the values that they hold, and how values are compared.
//!
//! Plain values that everything above speaks in: the syntax, the metrics, the catalog and the plan.

use chrono::{DateTime, NaiveDate, Utc};

use crate::fold::fold;

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The dataset's own spelling. Files and previews have the name that a query wrote, see [`crate::plan::Selected`].
    pub name: String,
    /// Other spellings that queries may use.
    pub aliases: Vec<String>,
    pub kind: ColumnType,
    pub nullable: bool,
    pub sensitive: bool,
    /// False for the hidden input of a metric: it can be read by metrics, but not named in a query.
    pub selectable: bool,
    pub description: String,
    /// Values as text: `allowed` is a closed list when it is not empty, `examples` only illustrate.
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
    /// Days (Arrow Date32).
    Date,
    /// UTC, microseconds (Arrow Timestamp(Microsecond, "UTC")).
    Timestamp,
    Bool,
}

impl Column {
    pub fn is_called(&self, name: &str) -> bool {
        same_name(&self.name, name) || self.aliases.iter().any(|alias| same_name(alias, name))
    }
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
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Names of datasets, columns and metrics ignore case.
pub fn same_name(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || (!(one.is_ascii() && other.is_ascii()) && fold(one) == fold(other))
}
