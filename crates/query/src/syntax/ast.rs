//! A query as it was written, before any name is looked up.

use std::fmt;

use crate::plan::Comparison;
use crate::timespan::TimeSpan;

/// The place of something in the text.
///
/// All spans are equal to each other: a place is not part of the content, so two queries that differ only in layout have the same tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters.
    pub length: u32,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl Span {
    /// Whether the other begins where this one ends.
    pub(super) fn touches(self, other: Span) -> bool {
        self.line == other.line && self.column + self.length == other.column
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// `SELECT [DISTINCT] names FROM dataset [WHERE conditions] [ORDER BY order] [LIMIT limit] [TIMESPAN span]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    pub distinct: bool,
    pub names: Vec<Name>,
    pub dataset: Name,
    pub conditions: Vec<Condition>,
    pub order: Vec<OrderItem>,
    /// Not zero.
    pub limit: Option<u64>,
    pub span: Option<SpanClause>,
}

/// A dataset, column or metric, in the writer's spelling and without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub at: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub name: Name,
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    Compare(Comparison, Literal),
    /// `values` is not empty.
    In {
        values: Vec<Literal>,
        negated: bool,
    },
    Like {
        pattern: Literal,
        negated: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    pub value: LiteralValue,
    pub at: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiteralValue {
    /// Without its quotes, `''` already read as one.
    String(String),
    /// As written: optional minus, digits, optional fraction; at most 38 digits.
    Number(String),
    Bool(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    pub name: Name,
    /// False only after ASC: the documented default is DESC.
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanClause {
    pub span: TimeSpan,
    /// The keyword behind TIMESPAN.
    pub at: Span,
}

impl LiteralValue {
    /// What the literal says, without quotes.
    pub fn text(&self) -> &str {
        match self {
            LiteralValue::String(text) | LiteralValue::Number(text) => text,
            LiteralValue::Bool(true) => "true",
            LiteralValue::Bool(false) => "false",
        }
    }
}
