//! The query's text with each place marked, for a terminal: the line, a mark under the place, and the message below it.
//!
//! ```text
//! 1 | SELECT Month, Nam FROM OfficeUsage
//!   |               ^~~
//!   = 'Nam' at line 1, column 15 is neither a column nor a metric of OfficeUsage
//! ```
//!
//! The text cannot control the terminal or change the direction of its output. The work is linear in the length of the text for each diagnostic.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{MAXIMUM_TEXT, lexer};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Span, harmless};

/// A line of up to this many terminal columns is shown as a whole; of a longer one, this many columns around the place are shown.
const WIDTH: usize = 100;
/// The columns before the place in a part of a longer line.
const BEFORE: usize = 30;
const TAB: &str = "    ";
const CUT: &str = "…";

/// Returns a few lines for each diagnostic, without a final line feed. Diagnostics in the same line share its text.
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

/// Turns a message that [`message`](crate::diagnostic::message) made back into diagnostics, for a client that only has the message from a server.
/// Lines that name no place in the text are returned unchanged.
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

/// The places of the tokens, and of what could not be read.
fn lengths(text: &str) -> Vec<Span> {
    if text.len() > MAXIMUM_TEXT {
        return Vec::new();
    }
    let (tokens, strange) = lexer::tokens(text);
    let strange = strange.into_iter().map(|d| Span { line: d.line, column: d.column, length: d.length });
    // What could not be read comes first, since its stand-in may be longer than what the message is about.
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

/// The first "at line L, column C" of a sentence, after the quoted text with which it may begin and which may contain such words itself.
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
    // Starts after the quoted text with which a sentence begins.
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
    /// The byte in `shown` at which each character begins; the last entry is the end of the line.
    starts: Vec<usize>,
}

/// The marked part of a line, in characters.
#[derive(Clone, PartialEq)]
struct Place {
    start: usize,
    end: usize,
}

/// The part of a line that is shown, in characters of the line.
#[derive(Clone)]
struct Part {
    text: String,
    start: usize,
    end: usize,
    /// The columns of the sign in front which shows that the beginning was cut off.
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

    /// The place is at least one character long, also after the end of the line, where something is missing.
    fn place(&self, start: usize, length: usize) -> Place {
        let start = start.min(self.count());
        Place { start, end: (start + length).min(self.count()).max(start + 1) }
    }

    fn between(&self, start: usize, end: usize) -> &str {
        let at = |character: usize| self.starts.get(character).copied().unwrap_or(self.shown.len());
        self.shown.get(at(start)..at(end)).unwrap_or_default()
    }

    /// The width in terminal columns.
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
    /// Whether the whole place can be marked in this part. Something that is missing at the end of the line is marked after it.
    fn holds(&self, place: &Place, line: &Line) -> bool {
        let end = if self.end == line.count() { self.end + 1 } else { self.end };
        place.start >= self.start && place.end <= end
    }

    /// The columns before the mark, and the columns of the mark.
    fn mark(&self, line: &Line, place: &Place) -> (usize, usize) {
        let length = line.width(place.start, place.end.min(self.end));
        (self.cut + line.width(self.start, place.start), length.max(1))
    }
}

#[cfg(test)]
mod tests;
