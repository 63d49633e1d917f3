//! A dataset definition: the TOML text that describes a dataset, read and written.
//!
//! A text and the name of its origin go in; a definition, or all problems of the text, come out. Files are never touched.

mod document;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use crate::datasets::catalog::{ColumnType, Dataset, Grain};
use crate::timespan::TimeSpan;

pub use read::{column_type, read};
pub use write::write;

/// A dataset and the program that offers it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// `mpn` or `cmp`.
    pub program: String,
    pub dataset: Dataset,
}

/// Everything that is wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionErrors {
    /// The origin of the text: a file name or URL.
    pub origin: String,
    /// The first problems; never empty.
    pub problems: Vec<Problem>,
    /// The number of further problems.
    pub more: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in characters.
    pub column: u32,
    /// The key that is wrong, such as `columns.type`; `None` if the problem is about the whole text.
    pub key: Option<String>,
    /// What is wrong and what to do about it.
    pub message: String,
}

/// The hours between two executions of a report if the definition does not say: the least that the API allows.
pub const DEFAULT_INTERVAL_HOURS: u32 = 4;

/// The time spans of a dataset whose definition does not list them. Source: the documented examples have month grain; a dataset of day grain can
/// answer all spans.
pub fn default_date_ranges(grain: Grain) -> Vec<TimeSpan> {
    match grain {
        Grain::Day => TimeSpan::ALL.to_vec(),
        Grain::Month => {
            vec![TimeSpan::LastMonth, TimeSpan::Last3Months, TimeSpan::Last6Months, TimeSpan::Last1Year, TimeSpan::Lifetime]
        }
        Grain::None => Vec::new(),
    }
}

/// A type as definitions spell it: `string`, `int64`, `float64`, `decimal(18,2)`, `date`, `timestamp`, `bool`.
pub fn type_name(kind: ColumnType) -> String {
    match kind {
        ColumnType::String => "string".to_owned(),
        ColumnType::Int64 => "int64".to_owned(),
        ColumnType::Float64 => "float64".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Timestamp => "timestamp".to_owned(),
        ColumnType::Bool => "bool".to_owned(),
    }
}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{}:{problem}", self.origin)?;
        }
        if self.more > 0 {
            write!(f, "\n{}: and {} more", self.origin, self.more)?;
        }
        Ok(())
    }
}

/// `line:column key: message`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)?;
        if let Some(key) = &self.key {
            write!(f, " {key}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for DefinitionErrors {}
