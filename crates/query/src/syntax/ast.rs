//! A query as it was written, before any name is looked up.

use crate::column::Comparison;
use crate::diagnostic::Span;
use crate::timespan::TimeSpan;

/// `SELECT [DISTINCT] names FROM dataset [WHERE conditions] [ORDER BY order] [LIMIT limit] [TIMESPAN span]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    pub distinct: bool,
    pub names: Vec<Name>,
    pub dataset: Name,
    pub conditions: Vec<Condition>,
    pub order: Vec<OrderItem>,
    /// Never zero.
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
    /// The text without its quotes, with `''` already read as one quote.
    String(String),
    /// The number as written: an optional minus, digits, an optional fraction; at most 38 digits.
    Number(String),
    Bool(bool),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    pub name: Name,
    /// False only after ASC, since the documented default is DESC.
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanClause {
    pub span: TimeSpan,
    /// The place of the keyword after TIMESPAN.
    pub at: Span,
}

impl LiteralValue {
    /// The content of the literal, without quotes.
    pub fn text(&self) -> &str {
        match self {
            LiteralValue::String(text) | LiteralValue::Number(text) => text,
            LiteralValue::Bool(true) => "true",
            LiteralValue::Bool(false) => "false",
        }
    }
}
