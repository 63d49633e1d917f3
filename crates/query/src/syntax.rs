//! The report query language: parses a text into a syntax tree, and prints it.
//!
//! `SELECT [DISTINCT] name, … FROM dataset [WHERE cond AND …] [ORDER BY name [ASC|DESC], …] [LIMIT n] [TIMESPAN span] [;]`
//!
//! The work is linear in the length of the text and without recursion. It never panics and never looks up a name.

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
use ast::{Name, Select};

/// The most bytes of a query's text.
pub const MAXIMUM_TEXT: usize = 64 * 1024;

/// Parses a query into a tree.
///
/// # Errors
///
/// [`Diagnostics`] has everything that is wrong with the text.
pub fn parse(text: &str) -> Result<Select, Diagnostics> {
    match read(text) {
        Reading { select: Some(select), diagnostics } if diagnostics.is_empty() => Ok(select),
        Reading { diagnostics, .. } => Err(diagnostics),
    }
}

/// A name as a person writes it: bare where that reads back as this name, and otherwise in double quotes.
pub fn written_name(name: &str) -> String {
    let bare = parse(&format!("SELECT {name} FROM D")).is_ok_and(|select| matches!(&select.names[..], [only] if only.text == name));
    if bare { name.to_owned() } else { Name::quoted(name) }
}

/// The part of a text that could be read.
pub(crate) struct Reading {
    /// What was understood; `None` if that names no dataset.
    pub select: Option<Select>,
    /// Empty only if the whole text was understood.
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
