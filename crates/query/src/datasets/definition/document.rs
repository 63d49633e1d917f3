//! TOML with places: typed access to a table's keys, which collects all problems instead of stopping at the first.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::diagnostic::nearest::nearest;
use crate::diagnostic::quoted;

/// The problems of one text.
pub(super) struct Problems<'t> {
    text: &'t str,
    found: RefCell<Vec<(usize, About, String)>>,
    /// The number of problems that are only counted.
    more: Cell<usize>,
}

/// Whether a problem has a key of its own, or is of a table as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Key,
    Table,
}

/// Further problems are not reported, only counted.
const MAXIMUM_PROBLEMS: usize = 50;

impl<'t> Problems<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Problems { text, found: RefCell::default(), more: Cell::default() }
    }

    pub(super) fn add(&self, at: &Range<usize>, message: impl Into<String>) {
        self.note(at, About::Key, message.into());
    }

    fn note(&self, at: &Range<usize>, about: About, message: String) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAXIMUM_PROBLEMS {
            found.push((at.start, about, message));
        } else {
            self.count();
        }
    }

    /// Counts a problem that is not reported.
    pub(super) fn count(&self) {
        self.more.set(self.more.get().saturating_add(1));
    }

    pub(super) fn more(&self) -> usize {
        self.more.get()
    }

    pub(super) fn is_full(&self) -> bool {
        self.found.borrow().len() >= MAXIMUM_PROBLEMS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The problems in the order of the text. `document` is the parsed text, if it could be parsed.
    pub(super) fn into_list(self, document: Option<&DeTable<'_>>) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|(at, ..)| *at);
        let key = |at, about| document.filter(|_| about == About::Key).and_then(|document| key_at(document, at));
        found.into_iter().map(|(at, about, message)| place(self.text, at, key(at, about), message)).collect()
    }
}

/// The keys that lead to the value at this place, joined by dots; `None` for a table itself.
fn key_at(table: &DeTable<'_>, at: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        match value.get_ref() {
            DeValue::Table(below) => key_at(below, at).map(|below| format!("{name}.{below}")),
            DeValue::Array(items) => items.iter().find_map(|item| match item.get_ref() {
                DeValue::Table(below) => key_at(below, at).map(|below| format!("{name}.{below}")),
                _ => (item.span().start == at).then(|| name.to_string()),
            }),
            _ => None,
        }
        .or_else(|| (key.span().start == at || value.span().start == at).then(|| name.to_string()))
    })
}

fn place(text: &str, at: usize, key: Option<String>, message: String) -> Problem {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    let lines = before.bytes().filter(|byte| *byte == b'\n').count();
    Problem { line: lines as u32 + 1, column: line.chars().count() as u32 + 1, key, message }
}

/// A table whose keys are read one by one; `finish` reports the keys that were not read.
pub(super) struct Fields<'d> {
    /// How a message names the table: "the definition", "column 'Month'".
    what: String,
    table: &'d DeTable<'d>,
    at: Range<usize>,
    problems: &'d Problems<'d>,
    known: RefCell<Vec<&'static str>>,
}

/// A value and its place.
pub(super) struct Found<T> {
    pub value: T,
    pub at: Range<usize>,
}

impl<'d> Fields<'d> {
    pub(super) fn new(what: impl Into<String>, table: &'d DeTable<'d>, at: Range<usize>, problems: &'d Problems<'d>) -> Self {
        Fields { what: what.into(), table, at, problems, known: RefCell::default() }
    }

    pub(super) fn problem(&self, message: impl Into<String>) {
        self.problems.note(&self.at, About::Table, message.into());
    }

    /// How later messages name the table.
    pub(super) fn call(&mut self, what: String) {
        self.what = what;
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    fn get(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    fn typed<T>(&self, key: &'static str, wanted: &str, read: impl Fn(&'d DeValue<'d>) -> Option<T>) -> Option<Found<T>> {
        let found = self.get(key)?;
        let value = read(found.get_ref());
        if value.is_none() {
            let message = format!("{key} of {} must be {wanted}, not {}", self.what, described(found.get_ref()));
            self.problems.add(&found.span(), message);
        }
        Some(Found { value: value?, at: found.span() })
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Found<&'d str>> {
        self.typed(key, "a string", |value| value.as_str())
    }

    /// A text that is required and must not be empty.
    pub(super) fn required(&self, key: &'static str) -> Option<Found<&'d str>> {
        let missing = !self.table.contains_key(key);
        let found = self.text(key);
        if missing {
            self.problem(format!("{} has no {key}; add {key} = \"…\"", self.what));
        }
        found.filter(|found| {
            if found.value.trim().is_empty() {
                self.problems.add(&found.at, format!("{key} of {} is empty", self.what));
            }
            !found.value.trim().is_empty()
        })
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        self.typed(key, "true or false", |value| value.as_bool()).map_or(default, |found| found.value)
    }

    pub(super) fn integer(&self, key: &'static str) -> Option<Found<i64>> {
        self.typed(key, "a whole number", |value| {
            let integer = value.as_integer()?;
            i64::from_str_radix(integer.as_str(), integer.radix()).ok()
        })
    }

    pub(super) fn texts(&self, key: &'static str) -> Vec<Found<&'d str>> {
        let Some(array) = self.typed(key, "a list of strings", |value| value.as_array()) else { return Vec::new() };
        let mut texts = Vec::with_capacity(array.value.len());
        for item in array.value.iter() {
            match item.get_ref().as_str() {
                Some(value) => texts.push(Found { value, at: item.span() }),
                None => {
                    let message = format!("{key} of {} holds {}; write all of its values as strings", self.what, described(item.get_ref()));
                    self.problems.add(&item.span(), message);
                }
            }
        }
        texts
    }

    /// `[[key]]` tables, named in messages as `what` and their number.
    pub(super) fn tables(&self, key: &'static str, what: &str) -> Vec<Fields<'d>> {
        let Some(array) = self.typed(key, &format!("a list of tables; write [[{key}]] above each"), |value| value.as_array()) else {
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(array.value.len());
        for (index, item) in array.value.iter().enumerate() {
            let number = index + 1;
            match item.get_ref().as_table() {
                Some(table) => tables.push(Fields::new(format!("{what} {number}"), table, item.span(), self.problems)),
                None => self.problems.add(&item.span(), format!("{what} {number} must be a table, not {}", described(item.get_ref()))),
            }
        }
        tables
    }

    pub(super) fn finish(self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            if self.problems.is_full() {
                self.problems.count();
                continue;
            }
            let advice = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the keys are {}", known.join(", ")),
            };
            self.problems.add(&key.span(), format!("{} is no key of {}; {advice}", quoted(name), self.what));
        }
    }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(_) => "a whole number".to_owned(),
        DeValue::Float(_) => "a number".to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
