//! The report query language: text → syntax tree, and back.
//!
//! `SELECT [DISTINCT] name, … FROM dataset [WHERE cond AND …] [ORDER BY name [ASC|DESC], …] [LIMIT n] [TIMESPAN span] [;]`
//!
//! The work is linear in the text and without recursion. It never panics and never looks up a name.

pub mod ast;
pub(crate) mod lexer;
pub(crate) mod literal;
pub mod marked;
mod parser;
mod printer;
#[cfg(test)]
mod tests;
mod unsupported;

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span};
use ast::Select;

/// Bytes of a query's text.
pub const MAXIMUM_TEXT: usize = 64 * 1024;

/// The query as a tree.
///
/// # Errors
///
/// [`Diagnostics`] have all that is wrong with the text.
pub fn parse(text: &str) -> Result<Select, Diagnostics> {
    match read(text) {
        Reading { select: Some(select), diagnostics } if diagnostics.is_empty() => Ok(select),
        Reading { diagnostics, .. } => Err(diagnostics),
    }
}

/// What could be read of a text.
pub(crate) struct Reading {
    /// Contains only what was understood; None if that names no dataset.
    pub select: Option<Select>,
    /// Empty only if all of the text was understood.
    pub diagnostics: Diagnostics,
}

pub(crate) fn read(text: &str) -> Reading {
    if text.len() > MAXIMUM_TEXT {
        let start = Span { line: 1, column: 1, length: 0 };
        let message = format!("the query has {} bytes; at most {MAXIMUM_TEXT} are taken", text.len());
        return Reading { select: None, diagnostics: vec![Diagnostic::at(Code::TooLong, start, message)].into() };
    }
    let (tokens, diagnostics) = lexer::tokens(text);
    let (select, found) = parser::select(tokens);
    Reading { select, diagnostics: diagnostics.and(found) }
}
