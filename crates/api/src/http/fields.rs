//! Fields of bodies, queries and forms: names without regard to case, unknown ones ignored, a wrong type names the field.

use std::collections::HashMap;
use std::fmt;

use insightgate_operations::failure::Failure;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use url::form_urlencoded;

use crate::http::json_body::{BodyFault, JsonBody};

/// Bytes of a JSON body. The text of a query has 64 KiB, which JSON may write six times as long.
pub(crate) const BODY_LIMIT: usize = 512 << 10;

/// The fields of a JSON object, by lower-case name.
#[derive(Debug, Default)]
pub(crate) struct Fields(HashMap<String, Field>);

/// A value that a field can have. Arrays and objects are in no field that is read: what they hold is passed over, not kept.
#[derive(Debug, PartialEq)]
enum Field {
    Null,
    Flag(bool),
    Number(f64),
    Integer(i64),
    Text(String),
    Array,
    Object,
}

impl Field {
    fn described(&self) -> String {
        match self {
            Field::Null => "null".to_owned(),
            Field::Flag(_) => "a truth value".to_owned(),
            Field::Number(number) => format!("the number {number}"),
            Field::Integer(number) => format!("the number {number}"),
            Field::Text(text) => format!("'{}'", shortened(text)),
            Field::Array => "an array".to_owned(),
            Field::Object => "an object".to_owned(),
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyField;
        impl<'de> Visitor<'de> for AnyField {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Field, E> {
                Ok(Field::Null)
            }

            fn visit_bool<E>(self, flag: bool) -> Result<Field, E> {
                Ok(Field::Flag(flag))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Field, E> {
                Ok(Field::Integer(number))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
                Ok(i64::try_from(number).map_or(Field::Number(number as f64), Field::Integer))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Field, E> {
                Ok(Field::Number(number))
            }

            fn visit_str<E>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Field, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Field::Array)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Field, A::Error> {
                while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Field::Object)
            }
        }
        deserializer.deserialize_any(AnyField)
    }
}

/// Only the names that some request has are kept, however many a body holds.
const KNOWN: [&str; 19] = [
    "name",
    "description",
    "query",
    "reportname",
    "queryid",
    "starttime",
    "endtime",
    "executenow",
    "querystarttime",
    "queryendtime",
    "recurrenceinterval",
    "recurrencecount",
    "format",
    "callbackurl",
    "callbackmethod",
    "callbackonfailure",
    "exportquery",
    "advance",
    "now",
];

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
                let mut fields = HashMap::new();
                while let Some(name) = entries.next_key::<String>()? {
                    let name = name.to_ascii_lowercase();
                    if KNOWN.contains(&name.as_str()) {
                        fields.insert(name, entries.next_value()?);
                    } else {
                        entries.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    /// Reads the body whatever type its content is said to have: clients spell it in many ways.
    pub(crate) async fn read(body: JsonBody) -> Result<Fields, BodyFault> {
        let bytes = body.read(BODY_LIMIT).await?;
        let fields: Fields = serde_json::from_slice(&bytes).map_err(|error| {
            // What is no object is one of the others, or nothing at all.
            let message = match serde_json::from_slice::<Field>(&bytes) {
                Ok(other) if error.is_data() => format!("The request body should be a JSON object, but is {}.", other.described()),
                Ok(_) => format!("The request body is not valid JSON: {error}."),
                Err(error) => format!("The request body is not valid JSON: {error}."),
            };
            BodyFault::Invalid(message)
        })?;
        // No database has to keep it, and Postgres does not.
        let holds_null = |(_, value): &(&String, &Field)| matches!(value, Field::Text(text) if text.contains('\0'));
        match fields.0.iter().find(holds_null) {
            Some((name, _)) => Err(BodyFault::Invalid(format!("'{name}' holds the character U+0000, which no text may have."))),
            None => Ok(fields),
        }
    }

    /// Trimmed; null and empty count as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Field::Text(text)) => Ok(present(text)),
            Some(other) => Err(wrong(name, "a string", other)),
        }
    }

    /// Also from text: clients send both.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Field::Flag(flag)) => Ok(Some(*flag)),
            Some(Field::Text(text)) if text.trim().is_empty() => Ok(None),
            Some(value @ Field::Text(text)) => parse_flag(text).map(Some).ok_or_else(|| wrong(name, "true or false", value)),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// Also from text, and with a fraction of zero: clients send all three.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Field::Integer(number)) => Ok(Some(*number)),
            // Up to here a float holds every whole number.
            Some(Field::Number(number)) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(Some(*number as i64)),
            Some(Field::Text(text)) if text.trim().is_empty() => Ok(None),
            Some(value @ Field::Text(text)) => text.trim().parse().map(Some).map_err(|_| wrong(name, "a whole number", value)),
            Some(other) => Err(wrong(name, "a whole number", other)),
        }
    }

    fn get(&self, name: &str) -> Option<&Field> {
        self.0.get(&name.to_ascii_lowercase()).filter(|value| **value != Field::Null)
    }
}

/// The parameters of a query string or a form, by lower-case name. Of several with one name the first counts.
#[derive(Debug, Default)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(crate) fn parse(text: &[u8]) -> Parameters {
        let mut parameters = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            parameters.entry(name.to_ascii_lowercase()).or_insert_with(|| value.into_owned());
        }
        Parameters(parameters)
    }

    /// As sent, empty or not.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As sent; empty counts as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_ascii_lowercase()).filter(|value| !value.is_empty()).cloned()
    }

    /// Trimmed; empty counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_ascii_lowercase()).and_then(|value| present(value))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Failure::Invalid(format!("{name} should be true or false, but is '{}'.", shortened(&text)));
        parse_flag(&text).map(Some).ok_or_else(wrong)
    }

    /// Parts between semicolons.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(|text| list(&text)).unwrap_or_default()
    }
}

pub(crate) fn list(text: &str) -> Vec<String> {
    text.split(';').filter_map(present).collect()
}

fn present(text: &str) -> Option<String> {
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn wrong(name: &str, expected: &str, found: &Field) -> Failure {
    Failure::Invalid(format!("{name} should be {expected}, but is {}.", found.described()))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
