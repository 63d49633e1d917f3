//! Reads JSON Lines as rows of texts. Each line is an object whose keys are the columns. Numbers keep all of their digits.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;

use insightgate_query::datasets::catalog::same_name;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::delimited::ReadError;

/// The most bytes of one line.
const MAX_LINE_BYTES: usize = 64 << 20;
/// The most columns of a text of either kind.
pub(crate) const MAX_COLUMNS: usize = 10_000;

/// One value of a table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cell<'a> {
    Null,
    /// A number, true or false, as the file writes it.
    Plain(&'a str),
    Word(Cow<'a, str>),
    /// A list or an object, which no column can hold.
    Nested,
}

pub(crate) struct JsonLines<R> {
    input: R,
    text: Vec<u8>,
    /// The number of the line that was read last, counted from 1.
    pub(crate) line: u64,
}

/// The keys of an object and their values, in the object's order.
struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<R: BufRead> JsonLines<R> {
    pub(crate) fn new(input: R) -> JsonLines<R> {
        JsonLines { input, text: Vec::new(), line: 0 }
    }

    /// Passes the next object's keys and values to `take`; returns false at the end.
    pub(crate) fn read(&mut self, mut take: impl FnMut(&str, Cell<'_>) -> Result<(), String>) -> Result<bool, ReadError> {
        loop {
            self.text.clear();
            let mut limited = std::io::Read::take(&mut self.input, MAX_LINE_BYTES as u64 + 1);
            if limited.read_until(b'\n', &mut self.text)? == 0 {
                return Ok(false);
            }
            self.line += 1;
            if self.text.len() > MAX_LINE_BYTES {
                return Err(ReadError::Wrong(format!("line {} has more than {} MiB", self.line, MAX_LINE_BYTES >> 20)));
            }
            if !self.text.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.line;
        let at = |detail: String| ReadError::Wrong(format!("line {line}: {detail}"));
        let object: Object<'_> = serde_json::from_slice(&self.text).map_err(|error| {
            at(if error.is_eof() {
                "the object does not end in its line: each line should hold a whole one (jq -c writes them so)".to_owned()
            } else {
                format!("this is no JSON object; {}", without_line(&error))
            })
        })?;
        for (key, value) in &object.0 {
            take(key, cell(value.get()).map_err(at)?).map_err(at)?;
        }
        Ok(true)
    }
}

/// Removes the line from the message: the library counts lines within its input, which is always a single line.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    format!("{what} at column {}", error.column())
}

fn cell(raw: &str) -> Result<Cell<'_>, String> {
    Ok(match raw.as_bytes().first() {
        Some(b'{' | b'[') => Cell::Nested,
        Some(b'"') => match serde_json::from_str::<Cow<'_, str>>(raw) {
            Ok(text) => Cell::Word(text),
            Err(error) => return Err(error.to_string()),
        },
        Some(b'n') => Cell::Null,
        _ => Cell::Plain(raw),
    })
}

/// All keys of all lines, in the order of their first occurrence.
pub(crate) fn keys<R: BufRead>(input: R) -> Result<Vec<String>, ReadError> {
    let mut reader = JsonLines::new(input);
    let (mut names, mut known): (Vec<String>, HashSet<String>) = (Vec::new(), HashSet::new());
    while reader.read(|key, _| {
        if known.contains(key) {
            return Ok(());
        }
        if key.trim().is_empty() {
            return Err("a key has no name".to_owned());
        }
        if let Some(other) = names.iter().find(|name| same_name(name, key)) {
            return Err(format!("the key '{key}' differs from '{other}' by letter case alone: names of columns ignore it"));
        }
        if names.len() == MAX_COLUMNS {
            return Err(format!("there are more than {MAX_COLUMNS} different keys"));
        }
        known.insert(key.to_owned());
        names.push(key.to_owned());
        Ok(())
    })? {}
    Ok(names)
}

impl<'de> serde::Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut pairs: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    pairs.push((key, map.next_value()?));
                }
                Ok(Object(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Borrowed if it contains no escape.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rows(text: &str) -> Result<Vec<String>, String> {
        let mut reader = JsonLines::new(text.as_bytes());
        let mut rows = Vec::new();
        loop {
            let mut row = String::new();
            match reader.read(|key, cell| {
                row += &format!("{key}={cell:?} ");
                Ok(())
            }) {
                Ok(true) => rows.push(format!("{}: {}", reader.line, row.trim_end())),
                Ok(false) => return Ok(rows),
                Err(ReadError::Wrong(detail)) => return Err(detail),
                Err(ReadError::Io(error)) => return Err(error.to_string()),
            }
        }
    }

    #[test]
    fn values_keep_their_digits_and_their_kind() {
        let text = "{\"a\": 1.50, \"b\": \"x\\\"y\"}\r\n\n{\"c\\u0041\": 12345678901234567890.12, \"a\": null, \"d\": [1], \"e\": true}";
        let found = rows(text).unwrap();
        assert_eq!(
            found,
            ["1: a=Plain(\"1.50\") b=Word(\"x\\\"y\")", "3: cA=Plain(\"12345678901234567890.12\") a=Null d=Nested e=Plain(\"true\")"]
        );
        assert_eq!(keys(text.as_bytes()).unwrap_or_default(), ["a", "b", "cA", "d", "e"]);
        assert_eq!(rows("").unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn what_is_no_line_of_json_is_named_with_its_line() {
        for (text, why) in [
            ("{\"a\": 1}\n{\n  \"a\": 2\n}\n", "line 2: the object does not end in its line"),
            ("{\"a\": 1}\n[1]\n", "line 2: this is no JSON object"),
            ("{\"a\": 1}\n{\"a\": 1} {\"a\": 2}\n", "line 2: this is no JSON object"),
            ("{\"a\": nan}\n", "line 1: this is no JSON object"),
        ] {
            let refused = rows(text).unwrap_err();
            assert!(refused.starts_with(why), "{text}: {refused}");
        }
        let twice = keys("{\"a\": 1}\n{\"A\": 1}\n".as_bytes());
        assert!(matches!(twice, Err(ReadError::Wrong(detail)) if detail.contains("line 2: the key 'A' differs from 'a'")));
    }
}
