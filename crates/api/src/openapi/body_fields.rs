//! The fields that a body's type reads, asked from the type itself: it is read once from a source that hands it a value for each field and writes down what
//! kind was wanted. So the document cannot name another field than the one that is served.

use std::cell::RefCell;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use crate::http::fields::ReadFault;

/// A field of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyField {
    pub(crate) name: &'static str,
    /// As JSON Schema names it.
    pub(crate) kind: &'static str,
}

/// What an endpoint takes as its body.
pub(crate) trait BodyShape {
    /// `None` for an endpoint that takes no body.
    fn fields() -> Option<Vec<BodyField>>;
}

impl BodyShape for () {
    fn fields() -> Option<Vec<BodyField>> {
        None
    }
}

/// A JSON object that is read into a type.
pub(crate) struct Json<T>(std::marker::PhantomData<T>);

impl<T: DeserializeOwned> BodyShape for Json<T> {
    fn fields() -> Option<Vec<BodyField>> {
        Some(read_fields::<T>())
    }
}

fn read_fields<T: DeserializeOwned>() -> Vec<BodyField> {
    let found = RefCell::default();
    // What the type makes of the values does not matter.
    let _ = T::deserialize(Probe(&found));
    found.into_inner()
}

struct Probe<'a>(&'a RefCell<Vec<BodyField>>);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = ReadFault;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        visitor.visit_map(MapDeserializer::new(names.iter().map(|name| (*name, Wanted { name, found: self.0 }))))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadFault> {
        Err(ReadFault::custom("a body is read into a structure"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

struct Wanted<'a> {
    name: &'static str,
    found: &'a RefCell<Vec<BodyField>>,
}

impl Wanted<'_> {
    fn is(&self, kind: &'static str) {
        self.found.borrow_mut().push(BodyField { name: self.name, kind });
    }
}

impl<'de> IntoDeserializer<'de, ReadFault> for Wanted<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The kinds are those that [`crate::http::fields`] reads.
impl<'de> Deserializer<'de> for Wanted<'_> {
    type Error = ReadFault;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_some(self)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.is("string");
        visitor.visit_str("")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.is("boolean");
        visitor.visit_bool(false)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.is("integer");
        visitor.visit_i64(0)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ReadFault> {
        Err(ReadFault::custom("a field is a text, a flag or a whole number"))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map struct enum
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    #[derive(Default)]
    struct Sent {
        first_name: Option<String>,
        flag: Option<bool>,
        #[serde(rename = "amount")]
        count: Option<i64>,
        #[serde(skip)]
        inner: bool,
    }

    #[test]
    fn a_type_says_which_fields_it_reads() {
        let field = |name, kind| BodyField { name, kind };
        assert_eq!(Json::<Sent>::fields(), Some(vec![field("FirstName", "string"), field("Flag", "boolean"), field("amount", "integer")]));
        assert_eq!(<()>::fields(), None);
    }
}
