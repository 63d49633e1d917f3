//! The place of something in a text.

use std::fmt;

/// Where something is in the text.
///
/// All spans are equal to each other: a place is not part of what was written there, so that two queries that differ only in their layout have the same tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in characters.
    pub column: u32,
    /// The length in characters.
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
    pub(crate) fn touches(self, other: Span) -> bool {
        self.line == other.line && self.column + self.length == other.column
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}
