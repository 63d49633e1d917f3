//! What is wrong with a query, and where. The API sends the diagnostics as one message; the command line shows them below the text.
//!
//! The message of a diagnostic says what was found, what is possible there and, for a name, the nearest known one.

pub mod nearest;
mod span;

use std::borrow::Cow;
use std::ops::Deref;

pub use span::Span;

/// The rule that was broken, for callers that treat some rules differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The text does not follow the grammar.
    Syntax,
    UnknownDataset,
    /// The name is neither a column nor a metric of the dataset.
    UnknownName,
    TimeSpanNotAvailable,
    /// The text, or one of its lists, is longer than allowed.
    TooLong,
    /// The names and values are right, but the query has no meaning.
    Rule,
}

/// One error in a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Diagnostic {
    pub code: Code,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1 in characters.
    pub column: u32,
    /// The length in characters; 0 where something is missing.
    pub length: u32,
    /// A sentence that contains the place too, so that it can be shown alone.
    pub message: String,
}

/// The most diagnostics that are reported; further ones are only counted. A reader fixes the first ones and tries again.
pub const MAXIMUM_DIAGNOSTICS: usize = 20;

/// Everything that is wrong with a query: the first diagnostics, to which it dereferences, and the number of further ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics {
    first: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// The number of diagnostics that are not among the first.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether a further diagnostic is only counted, so that it needs no text.
    pub(crate) fn is_full(&self) -> bool {
        self.first.len() >= MAXIMUM_DIAGNOSTICS
    }

    pub(crate) fn add(&mut self, diagnostic: Diagnostic) {
        if self.is_full() { self.count() } else { self.first.push(diagnostic) }
    }

    /// Counts a diagnostic that is not reported.
    pub(crate) fn count(&mut self) {
        self.more += 1;
    }

    /// Joins both, sorted by place.
    pub(crate) fn and(mut self, other: Diagnostics) -> Diagnostics {
        self.first.extend(other.first);
        self.more += other.more;
        self.in_order()
    }

    /// The same diagnostics, sorted by place.
    pub(crate) fn in_order(mut self) -> Diagnostics {
        self.first.sort_by_key(|d| (d.line, d.column));
        self.more += self.first.len().saturating_sub(MAXIMUM_DIAGNOSTICS);
        self.first.truncate(MAXIMUM_DIAGNOSTICS);
        self
    }

    /// A text for the diagnostics that follow the first ones, if there are any.
    pub(crate) fn rest(&self) -> Option<String> {
        (self.more > 0).then(|| format!("and {} more", self.more))
    }
}

impl Deref for Diagnostics {
    type Target = [Diagnostic];

    fn deref(&self) -> &[Diagnostic] {
        &self.first
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    /// Iterates over the first ones.
    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter()
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(first: Vec<Diagnostic>) -> Self {
        Diagnostics { first, more: 0 }.in_order()
    }
}

impl Diagnostic {
    pub(crate) fn at(code: Code, at: Span, message: String) -> Self {
        Diagnostic { code, line: at.line, column: at.column, length: at.length, message }
    }
}

/// A part of a query in quotes, short enough for a sentence.
pub(crate) fn quoted(found: &str) -> String {
    format!("'{}'", shortened(found))
}

/// The same on one line, without quotes.
pub(crate) fn shortened(found: &str) -> Cow<'_, str> {
    const LONGEST: usize = 64;
    match found.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", harmless(found.get(..end).unwrap_or(found)))),
        None => harmless(found),
    }
}

/// The text without characters that begin a line or control a terminal.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    match text.chars().all(|character| harmless_char(character) == character) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.chars().map(harmless_char).collect()),
    }
}

pub(crate) fn harmless_char(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => ' ',
        // These characters are invisible, but change the direction of the text around them.
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
}

/// `a, b or c`.
pub(crate) fn alternatives(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Code {
    /// The documented message of this refusal, if there is one.
    pub(crate) fn documented(self) -> Option<&'static str> {
        match self {
            Code::UnknownDataset => Some("Invalid table name"),
            Code::UnknownName => Some("Incorrect column name"),
            Code::Syntax | Code::TimeSpanNotAvailable | Code::TooLong | Code::Rule => None,
        }
    }
}

/// A heading for all diagnostics: the documented text if there is one.
pub fn headline(diagnostics: &[Diagnostic]) -> &'static str {
    let documented = leading(diagnostics).and_then(Code::documented);
    documented.unwrap_or("the query is not valid")
}

fn leading(diagnostics: &[Diagnostic]) -> Option<Code> {
    [Code::UnknownDataset, Code::UnknownName].into_iter().find(|code| diagnostics.iter().any(|d| d.code == *code))
}

/// All diagnostics as one message of the API, with a line for each. It starts with the documented text if there is one, followed by the details to
/// which that text applies. The last line says how many more there are.
pub fn message(diagnostics: &Diagnostics) -> String {
    let leading = leading(diagnostics);
    let (first, rest): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| Some(d.code) == leading);
    let details = first.into_iter().chain(rest).map(|d| d.message.clone()).chain(diagnostics.rest());
    let details = details.collect::<Vec<_>>().join("\n");
    match leading.and_then(Code::documented) {
        Some(text) => format!("{text}: {details}"),
        None => details,
    }
}
