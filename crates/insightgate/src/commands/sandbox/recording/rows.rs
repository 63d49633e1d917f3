//! Data rows by their shape: which columns there are, and which kinds of values each has. Nothing of a value is left.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The columns of a table, and the rows of it, that are looked at.
const MOST_COLUMNS: usize = 1_000;
const MOST_ROWS: usize = 1_000;
/// The bytes of a name: what is longer is none.
const LONGEST_NAME: usize = 256;

/// A column of a file, and the kinds of its values that are not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Column {
    pub name: String,
    pub kinds: BTreeSet<String>,
}

/// The rows of a preview, each value replaced by its kind. Of an answer without the envelope everything is a row.
pub(super) fn without_values(answer: Value) -> Value {
    let Value::Object(fields) = answer else { return shape(&answer) };
    let of_rows = |name: &str| name.eq_ignore_ascii_case("value");
    Value::Object(fields.into_iter().map(|(name, value)| if of_rows(&name) { (name, shape(&value)) } else { (name, value) }).collect())
}

/// What kind of value stands there, in a form that has this kind again.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect::<Map<_, _>>()),
        Value::Array(items) => Value::Array(items.iter().map(shape).collect()),
        Value::Number(number) => {
            if number.is_f64() {
                json!(0.5)
            } else {
                json!(0)
            }
        }
        Value::String(text) => match kind_of_text(text) {
            "time" => "2000-01-01T00:00:00Z".into(),
            "date" => "2000-01-01".into(),
            "number" => "0".into(),
            "" => "".into(),
            _ => "text".into(),
        },
        other => other.clone(),
    }
}

/// The kind of a value in JSON, as it is compared; None for one that says nothing.
pub(in super::super) fn kind(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Number(_) => Some("number"),
        Value::String(text) => Some(kind_of_text(text)).filter(|kind| !kind.is_empty()).map(|kind| match kind {
            "number" => "number in a text",
            other => other,
        }),
        Value::Array(_) => Some("list"),
        Value::Object(_) => Some("object"),
    }
}

/// Of a value that is written as text; empty if there is none.
fn kind_of_text(text: &str) -> &'static str {
    let form: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    match form.as_str() {
        "" => "",
        "true" | "false" | "True" | "False" => "boolean",
        "9999-99-99" => "date",
        _ if form.starts_with("9999-99-99T") || form.starts_with("9999-99-99 ") => "time",
        _ if text.parse::<f64>().is_ok_and(f64::is_finite) => "number",
        _ => "text",
    }
}

/// The columns of a table as text, from its first bytes. None for a file of another kind. `path`: of its link, which says what a store does not.
pub(super) fn columns(head: &[u8], content_type: &str, path: &str) -> Option<Vec<Column>> {
    let (content_type, path) = (content_type.to_ascii_lowercase(), path.to_ascii_lowercase());
    let said = |kinds: [&str; 2], ends: [&str; 2]| {
        kinds.iter().any(|kind| content_type.contains(kind)) || ends.iter().any(|end| path.ends_with(end))
    };
    let separator = match () {
        () if said(["tab-separated", "/tsv"], [".tsv", ".tsv.gz"]) => '\t',
        () if said(["text/csv", "/csv"], [".csv", ".csv.gz"]) => ',',
        () => return None,
    };
    // The last character may have been cut.
    let text = String::from_utf8_lossy(super::without_mark(head));
    if text.chars().take(512).any(|c| c.is_control() && !matches!(c, '\t' | '\r' | '\n')) {
        return None;
    }
    let mut records = Records { rest: text.chars(), separator };
    let names = records.next().filter(|names| names.iter().all(|name| name.len() <= LONGEST_NAME))?;
    let mut columns: Vec<Column> = names.into_iter().take(MOST_COLUMNS).map(|name| Column { name, kinds: BTreeSet::new() }).collect();
    let mut pending = None;
    for record in records.take(MOST_ROWS) {
        if let Some(whole) = pending.replace(record) {
            count(&mut columns, &whole);
        }
    }
    // The last record may have been cut, unless the text has an end there.
    if let Some(last) = pending.filter(|_| text.ends_with('\n')) {
        count(&mut columns, &last);
    }
    Some(columns)
}

fn count(columns: &mut [Column], record: &[String]) {
    for (column, value) in columns.iter_mut().zip(record) {
        let kind = kind_of_text(value);
        if !kind.is_empty() {
            column.kinds.insert(kind.to_owned());
        }
    }
}

/// The records of RFC 4180.
struct Records<'a> {
    rest: std::str::Chars<'a>,
    separator: char,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        let (mut record, mut field, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
        while let Some(character) = self.rest.next() {
            any = true;
            match character {
                '"' if quoted => {
                    let mut ahead = self.rest.clone();
                    if ahead.next() == Some('"') {
                        self.rest = ahead;
                        field.push('"');
                    } else {
                        quoted = false;
                    }
                }
                '"' if field.is_empty() => quoted = true,
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    record.push(field);
                    return Some(record);
                }
                c if c == self.separator && !quoted => record.push(std::mem::take(&mut field)),
                c => field.push(c),
            }
        }
        any.then(|| {
            record.push(field);
            record
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, content_type: &str, path: &str) -> Option<Vec<(String, Vec<String>)>> {
        let columns = columns(text.as_bytes(), content_type, path)?;
        Some(columns.into_iter().map(|column| (column.name, column.kinds.into_iter().collect())).collect())
    }

    #[test]
    fn columns_have_names_and_kinds() {
        let text = "Name,\"Month, first\",Units,Day\n\"A \"\"b\"\", c\",2026-01-01,3,2026-01-01T00:00:00Z\nB\nD,,,\nCut,20";
        let expected = |name: &str, kinds: &[&str]| (name.to_owned(), kinds.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
        let found = kinds(text, "text/csv; charset=utf-8", "/x").unwrap();
        assert_eq!(
            found,
            [expected("Name", &["text"]), expected("Month, first", &["date"]), expected("Units", &["number"]), expected("Day", &["time"])]
        );
        let kind = |text: &str, content_type: &str, path: &str| kinds(text, content_type, path).map(|columns| columns.len());
        assert_eq!(kind("A\tB\n1\tx\n", "text/tab-separated-values", "/x"), Some(2));
        assert_eq!(kind("A,B\n", "application/octet-stream", "/f.CSV"), Some(2));
        for (text, content_type, path) in [
            ("A,B\n", "application/octet-stream", "/f.bin"),
            ("PAR1\u{0}\u{1}", "text/csv", "/f"),
            ("{}", "application/json", "/f"),
            ("", "text/csv", "/f"),
            (&"x".repeat(300), "text/csv", "/f"),
        ] {
            assert_eq!(kind(text, content_type, path), None, "{content_type} {path}");
        }
    }

    #[test]
    fn rows_keep_their_kinds_and_nothing_else() {
        let answer = json!({"Value": [{"Name": "Contoso", "Units": 12, "Share": 1.25, "Day": "2026-03-04T05:06:07Z", "No": null, "On": true}], "totalCount": 1});
        let blank = without_values(answer.clone());
        assert_eq!(
            blank,
            json!({"Value": [{"Name": "text", "Units": 0, "Share": 0.5, "Day": "2000-01-01T00:00:00Z", "No": null, "On": true}], "totalCount": 1})
        );
        for name in ["Name", "Units", "Share", "Day", "No", "On"] {
            assert_eq!(kind(&answer["Value"][0][name]), kind(&blank["Value"][0][name]), "{name}");
        }
        assert_eq!(without_values(json!(["Contoso"])), json!(["text"]));
        assert_eq!(without_values(json!({"value": {"Name": "Contoso"}})), json!({"value": {"Name": "text"}}));
    }
}
