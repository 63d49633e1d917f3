//! The query's text with each place marked, for a terminal: the line, a mark under the place, and the message below.
//!
//! ```text
//! 1 | SELECT Month, Nam FROM OfficeUsage
//!   |               ^~~
//!   = 'Nam' at line 1, column 15 is neither a column nor a metric of OfficeUsage
//! ```
//!
//! The text cannot control the terminal, nor change the direction of its output. The work is linear in the text for each diagnostic.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{MAXIMUM_TEXT, lexer};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, harmless};

/// Terminal columns of a line that is shown as a whole; of a longer one, so much around the place.
const WIDTH: usize = 100;
/// Columns before the place in a part of a longer line.
const BEFORE: usize = 30;
const TAB: &str = "    ";
const CUT: &str = "…";

/// A few lines for each diagnostic, without a final line feed. Diagnostics in the same line share its text.
pub fn marked(text: &str, diagnostics: &Diagnostics) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let margin = diagnostics.iter().map(|d| d.line).max().unwrap_or(1).to_string().len();
    let mut out: Vec<String> = Vec::new();
    let mut last: Option<(u32, Part)> = None;
    for diagnostic in diagnostics.iter() {
        let line = Line::of(lines.get(index(diagnostic.line)).copied().unwrap_or_default());
        let place = line.place(index(diagnostic.column), diagnostic.length as usize);
        let part = match &last {
            Some((number, part)) if *number == diagnostic.line && part.holds(&place, &line) => part.clone(),
            _ => {
                let part = line.part(&place);
                out.push(format!("{:margin$} | {}", diagnostic.line, part.text));
                part
            }
        };
        let (before, length) = part.mark(&line, &place);
        out.push(format!("{:margin$} | {}^{}", "", " ".repeat(before), "~".repeat(length.saturating_sub(1))));
        out.push(format!("{:margin$} = {}", "", harmless(&diagnostic.message)));
        last = Some((diagnostic.line, part));
    }
    if let Some(rest) = diagnostics.rest() {
        out.push(format!("{:margin$} = {rest}", ""));
    }
    let trimmed: Vec<&str> = out.iter().map(|line| line.trim_end()).collect();
    trimmed.join("\n")
}

/// What a message of [`message`](crate::diagnostic::message) says of the text, as far as it names places in it: for whoever has the message alone, from a server.
/// What names no place comes back as it is.
pub fn placed(text: &str, message: &str) -> (Diagnostics, Vec<String>) {
    let known = lengths(text);
    let (mut diagnostics, mut others) = (Diagnostics::default(), Vec::new());
    for line in message.lines() {
        let (code, detail) = without_documented_text(line);
        match place_in(detail).filter(|(row, column)| is_within(text, *row, *column)) {
            Some((line, column)) => {
                let length = known.iter().find(|at| (at.line, at.column) == (line, column)).map_or(1, |at| at.length);
                diagnostics.add(Diagnostic { code, line, column, length, message: detail.to_owned() });
            }
            None => others.push(line.to_owned()),
        }
    }
    (diagnostics, others)
}

/// Where tokens start, and what makes none.
fn lengths(text: &str) -> Vec<Span> {
    if text.len() > MAXIMUM_TEXT {
        return Vec::new();
    }
    let (tokens, strange) = lexer::tokens(text);
    let strange = strange.into_iter().map(|d| Span { line: d.line, column: d.column, length: d.length });
    // What could not be read comes first: its stand-in may be longer than what the message is about.
    strange.chain(tokens.into_iter().map(|token| token.at)).collect()
}

fn without_documented_text(line: &str) -> (Code, &str) {
    for code in [Code::UnknownDataset, Code::UnknownName] {
        let detail = code.documented().and_then(|text| line.strip_prefix(text)).and_then(|rest| rest.strip_prefix(": "));
        if let Some(detail) = detail {
            return (code, detail);
        }
    }
    (Code::Syntax, line)
}

/// The last "at line L, column C" of a sentence up to its first: what is found stands before the place, and may hold such words itself.
fn place_in(sentence: &str) -> Option<(u32, u32)> {
    const AT: &str = "at line ";
    const COLUMN: &str = ", column ";
    let number = |text: &str| -> Option<u32> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..end)?.parse().ok()
    };
    let place = |at: usize| -> Option<(u32, u32)> {
        let rest = sentence.get(at + AT.len()..)?;
        let line = number(rest)?;
        let column = number(rest.split_once(COLUMN).filter(|(digits, _)| digits.bytes().all(|b| b.is_ascii_digit()))?.1)?;
        (line > 0 && column > 0).then_some((line, column))
    };
    // Behind the quotes in which a sentence begins with what was found.
    let from = if sentence.starts_with('\'') { sentence.rfind("' at line ").unwrap_or(0) } else { 0 };
    let found = sentence.match_indices(AT).filter(|(at, _)| *at >= from).find_map(|(at, _)| place(at));
    found.or_else(|| sentence.match_indices(AT).find_map(|(at, _)| place(at)))
}

fn is_within(text: &str, line: u32, column: u32) -> bool {
    text.split('\n').nth(index(line)).is_some_and(|found| index(column) <= found.chars().count())
}

fn index(number: u32) -> usize {
    (number as usize).saturating_sub(1)
}

/// A line as it is shown.
struct Line {
    shown: String,
    /// Where each character's picture starts in `shown`, in bytes; behind the last one its end.
    starts: Vec<usize>,
}

/// Of a line, in characters: what is marked.
#[derive(Clone, PartialEq)]
struct Place {
    start: usize,
    end: usize,
}

/// What is shown of a line, in characters of the line.
#[derive(Clone)]
struct Part {
    text: String,
    start: usize,
    end: usize,
    /// Columns of the sign in front that says that something was cut off.
    cut: usize,
}

impl Line {
    fn of(text: &str) -> Line {
        let text = text.strip_suffix('\r').unwrap_or(text);
        let mut line = Line { shown: String::with_capacity(text.len()), starts: Vec::with_capacity(text.len() + 1) };
        for character in text.chars() {
            line.starts.push(line.shown.len());
            match character {
                '\t' => line.shown.push_str(TAB),
                _ => line.shown.push(crate::diagnostic::harmless_char(character)),
            }
        }
        line.starts.push(line.shown.len());
        line
    }

    fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// At least one character long, also behind the end of the line, where something is missing.
    fn place(&self, start: usize, length: usize) -> Place {
        let start = start.min(self.count());
        Place { start, end: (start + length).min(self.count()).max(start + 1) }
    }

    fn between(&self, start: usize, end: usize) -> &str {
        let at = |character: usize| self.starts.get(character).copied().unwrap_or(self.shown.len());
        self.shown.get(at(start)..at(end)).unwrap_or_default()
    }

    /// Terminal columns.
    fn width(&self, start: usize, end: usize) -> usize {
        self.between(start, end).width()
    }

    fn part(&self, place: &Place) -> Part {
        if self.shown.width() <= WIDTH {
            return Part { text: self.shown.clone(), start: 0, end: self.count(), cut: 0 };
        }
        let of_one = |character: usize| self.between(character, character + 1).chars().map(|c| c.width().unwrap_or(0)).sum::<usize>();
        let (mut start, mut before) = (place.start, 0);
        while start > 0 && before + of_one(start - 1) <= BEFORE {
            start -= 1;
            before += of_one(start);
        }
        let (mut end, mut width) = (start, 0);
        while end < self.count() && width + of_one(end) <= WIDTH {
            width += of_one(end);
            end += 1;
        }
        let (front, back) = (if start > 0 { CUT } else { "" }, if end < self.count() { CUT } else { "" });
        Part { text: format!("{front}{}{back}", self.between(start, end)), start, end, cut: front.width() }
    }
}

impl Part {
    /// Whether all of the place can be marked here. What is missing at the end of the line stands behind it.
    fn holds(&self, place: &Place, line: &Line) -> bool {
        let end = if self.end == line.count() { self.end + 1 } else { self.end };
        place.start >= self.start && place.end <= end
    }

    /// Columns before the mark, and of it.
    fn mark(&self, line: &Line, place: &Place) -> (usize, usize) {
        let length = line.width(place.start, place.end.min(self.end));
        (self.cut + line.width(self.start, place.start), length.max(1))
    }
}

#[cfg(test)]
mod tests;
