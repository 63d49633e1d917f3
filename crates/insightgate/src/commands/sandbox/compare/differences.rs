//! What differs between a recorded answer and the one here, field by field. What has to differ does not count: ids that stand for each other, times,
//! links, and the values of data rows.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::aligned::{aligned, field};
use super::mapping::{Mapping, is_id};
use crate::commands::sandbox::recording::content::{Content, FileContent};
use crate::commands::sandbox::recording::redaction::{NOBODY, SOMEBODY};
use crate::commands::sandbox::recording::rows::kind;
use insightgate_api::masked::MASK;

/// The differences of one exchange that are told: behind them nothing is looked for.
const MOST: usize = 200;
/// The characters of a field's path, and of one name in it.
const LONGEST_PATH: usize = 1024;
const LONGEST_NAME: usize = 256;
/// Fields of which only it counts that they are there, or are not.
const LINKS: [&str; 3] = ["reportAccessSecureLink", "reportLocation", "nextLink"];
/// Fields that depend on the caller, on the rows, or on what was there before; only the kind of their values counts.
const VOLATILE: [&str; 9] = ["user", "sha256", "rowCount", "byteCount", "dataVersion", "attempts", "used", "remaining", "correlationId"];
/// Fields that a replay leaves out of its requests.
const LEFT_OUT: [&str; 2] = ["callbackUrl", "callbackMethod"];
/// How many items the list of the envelope has.
const TOTAL: &str = "totalCount";
/// Texts for people, in which numbers depend on the moment.
const WORDS: [&str; 3] = ["message", "notes", "error_description"];
/// Headers whose value counts, and those of which only it counts that they are there.
const HEADERS: [&str; 4] = ["content-type", "content-encoding", "accept-ranges", "allow"];
const PRESENT: [&str; 10] = [
    "retry-after",
    "www-authenticate",
    "location",
    "etag",
    "last-modified",
    "content-range",
    "content-disposition",
    "ms-requestid",
    "ms-correlationid",
    "ratelimit",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum What {
    /// Only recorded.
    Missing,
    /// Only here.
    Added,
    Type,
    Value,
    Order,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    /// Such as `value[0].reportName`, `headers.retry-after` or `status`.
    pub field: String,
    pub kind: What,
    pub recorded: Value,
    pub here: Value,
}

/// An answer as it is compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answer<'a> {
    pub status: u16,
    pub headers: &'a BTreeMap<String, String>,
    pub body: Option<&'a Content>,
}

/// How strictly it is compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Strictness {
    /// The values of data rows count too.
    pub values: bool,
    /// What only this server has counts.
    pub added: bool,
    /// Fields that do not count, with `[]` for each item of a list.
    pub ignored: Vec<String>,
}

impl Strictness {
    fn counts(&self, field: &str, kind: What) -> bool {
        let path = normal(field);
        let below = |ignored: &String| {
            path.strip_prefix(normal(ignored).as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        (self.added || kind != What::Added) && !self.ignored.iter().any(below)
    }
}

/// Without the numbers of items.
fn normal(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    let mut within = false;
    for character in path.trim().trim_start_matches("$.").chars() {
        within = (within || character == '[') && character != ']';
        if !within || character == '[' {
            shown.push(character.to_ascii_lowercase());
        }
    }
    shown
}

/// `preview`: whether the rows of a query are in the answer.
pub(super) fn differences(
    recorded: Answer<'_>,
    here: Answer<'_>,
    preview: bool,
    strictness: &Strictness,
    mapping: &mut Mapping,
) -> Vec<Difference> {
    let mut comparing = Comparing { mapping, found: Vec::new(), rows: preview && !strictness.values, strictness };
    if recorded.status != here.status {
        comparing.differs("status", What::Value, &recorded.status.into(), &here.status.into());
    }
    comparing.headers(recorded.headers, here.headers);
    comparing.content(recorded.body, here.body, strictness.values);
    comparing.found
}

struct Comparing<'a> {
    mapping: &'a mut Mapping,
    found: Vec<Difference>,
    /// Whether the list of the envelope consists of data rows, which count by their shape.
    rows: bool,
    strictness: &'a Strictness,
}

impl Comparing<'_> {
    fn differs(&mut self, field: &str, kind: What, recorded: &Value, here: &Value) {
        if self.is_full() || !self.strictness.counts(field, kind) {
            return;
        }
        self.found.push(Difference { field: field.to_owned(), kind, recorded: recorded.clone(), here: here.clone() });
    }

    fn is_full(&self) -> bool {
        self.found.len() >= MOST
    }

    fn missing(&mut self, field: &str, recorded: &Value) {
        self.differs(field, What::Missing, recorded, &Value::Null);
    }

    fn added(&mut self, field: &str, here: &Value) {
        self.differs(field, What::Added, &Value::Null, here);
    }

    fn headers(&mut self, recorded: &BTreeMap<String, String>, here: &BTreeMap<String, String>) {
        let plain = |value: &str| value.to_ascii_lowercase().replace(' ', "");
        for name in HEADERS.iter().chain(&PRESENT) {
            let field = format!("headers.{name}");
            match (recorded.get(*name), here.get(*name)) {
                (Some(recorded), None) => self.missing(&field, &recorded.as_str().into()),
                (None, Some(here)) => self.added(&field, &here.as_str().into()),
                (Some(recorded), Some(here)) if HEADERS.contains(name) && plain(recorded) != plain(here) => {
                    self.differs(&field, What::Value, &recorded.as_str().into(), &here.as_str().into());
                }
                _ => {}
            }
        }
    }

    fn content(&mut self, recorded: Option<&Content>, here: Option<&Content>, values: bool) {
        match (recorded, here) {
            (None, None) => {}
            (Some(recorded), None) => self.missing("body", &word(recorded).into()),
            (None, Some(here)) => self.added("body", &word(here).into()),
            (Some(Content::Json(recorded)), Some(Content::Json(here))) => self.value("", "", recorded, here),
            (Some(Content::File(recorded)), Some(Content::File(here))) => self.file(recorded, here, values),
            (Some(recorded), Some(here)) if word(recorded) != word(here) => {
                self.differs("body", What::Type, &word(recorded).into(), &word(here).into());
            }
            // Of other texts it counts that they are there, and what they say they are.
            _ => {}
        }
    }

    fn file(&mut self, recorded: &FileContent, here: &FileContent, values: bool) {
        let columns = |content: &FileContent| content.columns.clone().unwrap_or_default();
        let table =
            |content: &FileContent| columns(content).into_iter().map(|column| (column.name, column.kinds)).collect::<BTreeMap<_, _>>();
        let names = |content: &FileContent| columns(content).into_iter().map(|column| Value::from(column.name)).collect::<Vec<_>>();
        if recorded.columns.is_some() != here.columns.is_some() {
            self.differs("columns", What::Type, &recorded.columns.is_some().into(), &here.columns.is_some().into());
            return;
        }
        self.items("columns", "columns", &names(recorded), &names(here));
        self.kinds("columns", &table(recorded), &table(here));
        if values && recorded.head != here.head {
            let shown = |content: &FileContent| content.head.clone().map_or(Value::Null, Value::from);
            self.differs("rows", What::Value, &shown(recorded), &shown(here));
        }
    }

    /// Kinds of values of columns that both have: a difference where they have none in common.
    fn kinds(&mut self, field: &str, recorded: &BTreeMap<String, BTreeSet<String>>, here: &BTreeMap<String, BTreeSet<String>>) {
        for (name, kinds) in recorded {
            let Some(others) = here.get(name) else { continue };
            if !kinds.is_empty() && !others.is_empty() && kinds.is_disjoint(others) {
                let said = |kinds: &BTreeSet<String>| Value::from(kinds.iter().cloned().collect::<Vec<_>>().join(", "));
                self.differs(&format!("{field}.{name}"), What::Type, &said(kinds), &said(others));
            }
        }
    }

    fn value(&mut self, path: &str, name: &str, recorded: &Value, here: &Value) {
        if self.is_full() {
            return;
        }
        match (recorded, here) {
            (Value::Object(one), Value::Object(other)) => {
                for (name, recorded) in one {
                    let field = below(path, name);
                    match other.get(name) {
                        Some(here) => self.value(&field, name, recorded, here),
                        None => self.missing(&field, recorded),
                    }
                }
                for (name, here) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                    self.added(&below(path, name), here);
                }
            }
            (Value::Array(one), Value::Array(other)) if self.rows && path.eq_ignore_ascii_case("value") => self.data_rows(path, one, other),
            (Value::Array(one), Value::Array(other)) => self.items(path, name, one, other),
            _ if is(&LEFT_OUT, name) => {}
            // What was masked may be anything but nothing.
            (Value::String(masked), here) if masked == MASK && !here.is_null() => {}
            _ if std::mem::discriminant(recorded) != std::mem::discriminant(here) => self.differs(path, What::Type, recorded, here),
            _ if is(&LINKS, name) || is(&VOLATILE, name) => {}
            (Value::Number(one), Value::Number(other)) if name.eq_ignore_ascii_case(TOTAL) => {
                // It says no more than the list: not how many rows there are, and not that some were added.
                let follows = self.rows || (!self.strictness.added && one.as_u64() < other.as_u64());
                if one != other && !follows {
                    self.differs(path, What::Value, recorded, here);
                }
            }
            (Value::String(one), Value::String(other)) if self.same_text(name, one, other) => {}
            _ if recorded != here => self.differs(path, What::Value, recorded, here),
            _ => {}
        }
    }

    fn items(&mut self, path: &str, name: &str, recorded: &[Value], here: &[Value]) {
        let objects = |items: &[Value]| items.iter().all(Value::is_object);
        if !(objects(recorded) && objects(here)) {
            return self.scalars(path, name, recorded, here);
        }
        let places = aligned(recorded, here, self.mapping);
        for (number, (item, place)) in recorded.iter().zip(&places).enumerate() {
            let field = format!("{path}[{number}]");
            match place.and_then(|place| here.get(place)) {
                Some(other) => self.value(&field, name, item, other),
                None => self.missing(&field, item),
            }
        }
        let found: BTreeSet<usize> = places.iter().flatten().copied().collect();
        for (number, item) in here.iter().enumerate().filter(|(number, _)| !found.contains(number)) {
            self.added(&format!("{path}[{number}]"), item);
        }
        if !places.iter().flatten().is_sorted() {
            let at = |items: &[Value]| items.iter().map(said).collect::<Vec<_>>();
            self.differs(path, What::Order, &at(recorded).into(), &at(here).into());
        }
    }

    fn scalars(&mut self, path: &str, name: &str, recorded: &[Value], here: &[Value]) {
        let places = self.places(name, recorded, here);
        let found: BTreeSet<usize> = places.iter().flatten().copied().collect();
        for (number, (item, _)) in recorded.iter().zip(&places).enumerate().filter(|(_, (_, place))| place.is_none()) {
            self.missing(&format!("{path}[{number}]"), item);
        }
        for (number, item) in here.iter().enumerate().filter(|(number, _)| !found.contains(number)) {
            self.added(&format!("{path}[{number}]"), item);
        }
        if !places.iter().flatten().is_sorted() {
            self.differs(path, What::Order, &recorded.to_vec().into(), &here.to_vec().into());
        }
    }

    /// For each recorded item of a list of texts and numbers the place of one here that says the same. A list may be long, so that each item is looked at
    /// once.
    fn places(&mut self, name: &str, recorded: &[Value], here: &[Value]) -> Vec<Option<usize>> {
        let words = is(&WORDS, name);
        let key = |value: &Value, mapping: Option<&Mapping>| match value {
            Value::String(text) if is_id(text) => mapping.and_then(|mapping| mapping.id(text)).unwrap_or(text).to_ascii_lowercase(),
            Value::String(text) => format!("\"{}", form(&mapping.map_or_else(|| text.clone(), |mapping| mapping.text(text)), words)),
            other => other.to_string(),
        };
        let mut free: HashMap<String, VecDeque<usize>> = HashMap::new();
        for (place, item) in here.iter().enumerate() {
            free.entry(key(item, None)).or_default().push_back(place);
        }
        let mapping = &*self.mapping;
        let mut places: Vec<Option<usize>> =
            recorded.iter().map(|item| free.get_mut(&key(item, Some(mapping))).and_then(VecDeque::pop_front)).collect();
        // Of the others some may stand for anything: what was masked, and ids that were not seen before.
        let mut left: BTreeSet<usize> = free.into_values().flatten().collect();
        let texts = |left: &BTreeSet<usize>, of_ids: bool| {
            let text = |place: &usize| here.get(*place).and_then(Value::as_str).is_some_and(|text| !of_ids || is_id(text));
            left.iter().copied().filter(text).collect::<VecDeque<usize>>()
        };
        let (mut ids, mut any) = (texts(&left, true), texts(&left, false));
        for (item, place) in recorded.iter().zip(&mut places).filter(|(_, place)| place.is_none()) {
            let Some(text) = item.as_str() else { continue };
            let is_new = is_id(text) && self.mapping.id(text).is_none();
            let fitting = if text.contains(MASK) { &mut any } else { &mut ids };
            if !text.contains(MASK) && !is_new {
                continue;
            }
            *place = std::iter::from_fn(|| fitting.pop_front()).find(|place| left.remove(place));
            if let Some(other) = place.and_then(|place| here.get(place)).and_then(Value::as_str).filter(|_| is_new) {
                self.mapping.learn(text, other);
            }
        }
        places
    }

    fn data_rows(&mut self, path: &str, recorded: &[Value], here: &[Value]) {
        if recorded.is_empty() != here.is_empty() {
            let say = |rows: &[Value]| Value::from(if rows.is_empty() { "no row" } else { "rows" });
            return self.differs(path, What::Value, &say(recorded), &say(here));
        }
        let columns = |rows: &[Value]| {
            let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (name, value) in rows.iter().filter_map(Value::as_object).flatten() {
                columns.entry(name.clone()).or_default().extend(kind(value).map(str::to_owned));
            }
            columns
        };
        let (one, other) = (columns(recorded), columns(here));
        let field = format!("{path}[]");
        for name in one.keys().filter(|name| !other.contains_key(*name)) {
            self.missing(&below(&field, name), &"a column".into());
        }
        for name in other.keys().filter(|name| !one.contains_key(*name)) {
            self.added(&below(&field, name), &"a column".into());
        }
        self.kinds(&field, &one, &other);
    }

    /// Ids that were not seen before stand for each other from now on.
    fn same_text(&mut self, name: &str, recorded: &str, here: &str) -> bool {
        if recorded == here || recorded.contains(MASK) {
            return true;
        }
        if is_id(recorded) && is_id(here) {
            return match self.mapping.id(recorded) {
                Some(known) => known.eq_ignore_ascii_case(here),
                None => {
                    self.mapping.learn(recorded, here);
                    true
                }
            };
        }
        let words = is(&WORDS, name);
        form(&self.mapping.text(recorded), words) == form(here, words)
    }
}

fn is(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn below(path: &str, name: &str) -> String {
    if path.len() >= LONGEST_PATH {
        return path.to_owned();
    }
    let name: String = name.chars().take(LONGEST_NAME).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// What a person calls an item.
fn said(item: &Value) -> Value {
    ["datasetName", "name", "reportName", "executionId", "columnName"]
        .iter()
        .find_map(|name| field(item, name))
        .cloned()
        .unwrap_or_else(|| "…".into())
}

fn word(content: &Content) -> &'static str {
    match content {
        Content::Json(_) => "JSON",
        Content::Form(_) => "a form",
        Content::Text(_) => "a text",
        Content::File(_) => "a file",
    }
}

/// A text with the form of times in the place of times, and of ids in the place of ids; in words, of numbers too.
fn form(text: &str, words: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    // Users are numbered as they come, which is another order in a replay.
    let somebody = text.contains(NOBODY);
    for word in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "-:.".contains(c))) {
        let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
        let (bare, rest) = word.split_at(end);
        let digits: String = bare.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        match () {
            () if is_id(bare) => shown.push_str("{id}"),
            () if somebody && bare.starts_with(SOMEBODY) => shown.push_str(SOMEBODY),
            () if digits.starts_with("9999-99-99") => shown.push_str(&digits),
            () if words && !bare.is_empty() && digits.bytes().all(|byte| byte == b'9' || byte == b'.') => shown.push('#'),
            () => shown.push_str(bare),
        }
        shown.push_str(rest);
    }
    shown
}

#[cfg(test)]
mod tests;
