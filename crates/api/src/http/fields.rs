//! Reads the fields of a JSON body into a type. Names are matched without regard to case, unknown fields are ignored, types are accepted as clients send
//! them, and an error about a type names the field.
//!
//! The management API is stricter, and has a reader of its own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

use crate::http::json_body::{BodyFault, JsonBody};
use crate::http::parameters::{parse_flag, shortened};

/// The most bytes of a JSON body. The text of a query may have 64 KiB, which JSON may encode six times as long.
pub(crate) const BODY_LIMIT: usize = 512 << 10;

/// A value of a field. No field that is read can be an array or an object, so their contents are skipped and not kept.
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

/// Reads the fields of a JSON object that have one of these names. Only these are kept, however many the body has. Of several with the same name, the last
/// counts.
struct Known(&'static [&'static str]);

type Fields = HashMap<&'static str, Field>;

impl<'de> DeserializeSeed<'de> for Known {
    type Value = Fields;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Fields, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Known {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::new();
        while let Some(sent) = entries.next_key::<Cow<'de, str>>()? {
            match self.0.iter().find(|name| name.eq_ignore_ascii_case(&sent)) {
                Some(name) => drop(fields.insert(*name, entries.next_value()?)),
                None => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
}

/// Reads the body, whatever its Content-Type says, since clients spell that in many ways. The fields in `skipped` keep their defaults.
///
/// # Errors
/// When the body does not arrive or is not a JSON object, or a field has the wrong type: the first such field in the order in which the type declares them.
pub(crate) async fn read<T: DeserializeOwned>(body: JsonBody, skipped: &[&str]) -> Result<T, BodyFault> {
    let bytes = body.read(BODY_LIMIT).await?;
    T::deserialize(Body { bytes: &bytes, skipped }).map_err(|ReadFault(message)| BodyFault::Invalid(message))
}

fn parsed(bytes: &[u8], names: &'static [&'static str]) -> Result<Fields, ReadFault> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let fields = Known(names).deserialize(&mut json).and_then(|fields| json.end().map(|()| fields)).map_err(|error| {
        // A body that is not an object is another JSON value, or not JSON at all.
        ReadFault(match serde_json::from_slice::<Field>(bytes) {
            Ok(other) if error.is_data() => format!("The request body should be a JSON object, but is {}.", other.described()),
            Ok(_) => format!("The request body is not valid JSON: {error}."),
            Err(error) => format!("The request body is not valid JSON: {error}."),
        })
    })?;
    let holds_null = |name: &&&str| matches!(fields.get(**name), Some(Field::Text(text)) if text.contains('\0'));
    match names.iter().find(holds_null) {
        Some(name) => Err(ReadFault(null_in(name))),
        None => Ok(fields),
    }
}

/// What is told of a field with the character U+0000, which databases need not store, and Postgres does not.
pub(crate) fn null_in(field: &str) -> String {
    format!("'{}' holds the character U+0000, which no text may have.", shortened(&field.to_ascii_lowercase()))
}

/// Why a body cannot be read into a type, in words for the caller.
#[derive(Debug)]
pub(crate) struct ReadFault(pub(crate) String);

impl fmt::Display for ReadFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadFault {}

impl serde::de::Error for ReadFault {
    fn custom<T: fmt::Display>(message: T) -> ReadFault {
        ReadFault(message.to_string())
    }
}

/// A body from which a structure's fields are read.
struct Body<'a> {
    bytes: &'a [u8],
    skipped: &'a [&'a str],
}

impl<'de> Deserializer<'de> for Body<'_> {
    type Error = ReadFault;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        let mut fields = parsed(self.bytes, names)?;
        let sent = names.iter().filter(|name| !self.skipped.contains(name));
        let sent = sent.filter_map(|name| Some((*name, Value { name, field: fields.remove(name)? })));
        visitor.visit_map(MapDeserializer::new(sent))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadFault> {
        Err(ReadFault::custom("a body is read into a structure"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The value of one field.
struct Value {
    name: &'static str,
    field: Field,
}

impl Value {
    fn is_not(&self, expected: &str) -> ReadFault {
        ReadFault(format!("{} should be {expected}, but is {}.", self.name, self.field.described()))
    }
}

impl<'de> IntoDeserializer<'de, ReadFault> for Value {
    type Deserializer = Value;

    fn into_deserializer(self) -> Value {
        self
    }
}

impl<'de> Deserializer<'de> for Value {
    type Error = ReadFault;

    /// Null and an empty text count as absent.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match &self.field {
            Field::Null => visitor.visit_none(),
            Field::Text(text) if text.trim().is_empty() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// Texts are trimmed.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match &self.field {
            Field::Text(text) => visitor.visit_str(text.trim()),
            _ => Err(self.is_not("a string")),
        }
    }

    /// A flag may also be sent as text, since clients send both.
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        let flag = match &self.field {
            Field::Flag(flag) => Some(*flag),
            Field::Text(text) => parse_flag(text),
            _ => None,
        };
        visitor.visit_bool(flag.ok_or_else(|| self.is_not("true or false"))?)
    }

    /// A whole number may also be sent as text, or with a fraction of zero, since clients send all three.
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        let number = match &self.field {
            Field::Integer(number) => Some(*number),
            // Up to this number, a float can represent every whole number.
            Field::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            Field::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        visitor.visit_i64(number.ok_or_else(|| self.is_not("a whole number"))?)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadFault> {
        Err(ReadFault::custom("a field is a text, a flag or a whole number"))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}
