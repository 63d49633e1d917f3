//! A JSON body, read into the type of what an endpoint takes: names without regard to case, unknown ones ignored or refused, a wrong type names the
//! field. The sandbox reads its faults by it too.
//!
//! Unlike those of the Insights API, values are taken as they are sent: no flag as text, no trimming of passwords.

use insightgate_operations::failure::Failure;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};

use crate::http::fields::ReadFault;
use crate::http::parameters::shortened;

/// Bytes.
pub(crate) const BODY_LIMIT: usize = 256 << 10;

/// The fields of a body, as they were sent.
#[derive(Debug, Default)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    /// An empty body is an empty object: what is missing is named then.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Object, Failure> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Object::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Object(fields)),
            Ok(other) => Err(Failure::Invalid(format!("The request body should be a JSON object, but is {}.", described(&other)))),
            Err(error) => Err(Failure::Invalid(format!("The request body is not valid JSON: {error}."))),
        }
    }

    /// Reads them, in the order in which the type declares them.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, Failure> {
        self.taken(Others::Ignored)
    }

    /// The same, where a name that the type does not have is refused: a misspelt one would silently do something else.
    pub(crate) fn read_all<T: DeserializeOwned>(self) -> Result<T, Failure> {
        self.taken(Others::Refused)
    }

    fn taken<T: DeserializeOwned>(self, others: Others) -> Result<T, Failure> {
        let whole = Place { name: String::new(), expected: None, others, value: Value::Object(self.0) };
        T::deserialize(whole).map_err(|ReadFault(message)| Failure::Invalid(message))
    }
}

/// What becomes of fields that the type does not have.
#[derive(Clone, Copy, PartialEq)]
enum Others {
    Ignored,
    Refused,
}

/// A value, and where it stands in the body: `profile.city`.
struct Place {
    name: String,
    /// What the field should be, for an item of it.
    expected: Option<&'static str>,
    others: Others,
    value: Value,
}

impl Place {
    fn is_not(&self, expected: &str) -> ReadFault {
        let expected = self.expected.unwrap_or(expected);
        ReadFault(format!("'{}' should be {expected}, but holds {}.", self.name, described(&self.value)))
    }

    fn field(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }
}

impl<'de> IntoDeserializer<'de, ReadFault> for Place {
    type Deserializer = Place;

    fn into_deserializer(self) -> Place {
        self
    }
}

impl<'de> Deserializer<'de> for Place {
    type Error = ReadFault;

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        match self.value {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(self.is_not("a string")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_bool(self.value.as_bool().ok_or_else(|| self.is_not("true or false"))?)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_i64(self.value.as_i64().ok_or_else(|| self.is_not("a whole number"))?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        const EXPECTED: &str = "an array of strings";
        match self.value {
            Value::Array(items) => {
                let item = |value| Place { name: self.name.clone(), expected: Some(EXPECTED), others: self.others, value };
                visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(item)))
            }
            _ => Err(self.is_not(EXPECTED)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadFault> {
        let Value::Object(sent) = &self.value else { return Err(self.is_not("an object")) };
        let unknown = sent.keys().find(|sent| !names.iter().any(|name| name.eq_ignore_ascii_case(sent)));
        if let (Some(unknown), Others::Refused) = (unknown, self.others) {
            let (unknown, known) = (self.field(&shortened(unknown)), names.join(", "));
            return Err(ReadFault(format!("'{unknown}' is no field here; there are {known}.")));
        }
        let fields = names.iter().filter_map(|name| {
            // Of several with one name the last counts.
            let (_, value) = sent.iter().rfind(|(known, _)| known.eq_ignore_ascii_case(name))?;
            Some((*name, Place { name: self.field(name), expected: None, others: self.others, value: value.clone() }))
        });
        visitor.visit_map(MapDeserializer::new(fields))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        visitor.visit_f64(self.value.as_f64().ok_or_else(|| self.is_not("a number"))?)
    }

    /// Whatever was sent, for a field that takes any value.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadFault> {
        self.value.deserialize_any(visitor).map_err(ReadFault::custom)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char str bytes byte_buf unit unit_struct tuple tuple_struct map enum identifier ignored_any
    }
}

/// Not the value: it may be a password.
fn described(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use insightgate_wire::Secret;
    use insightgate_wire::bodies::{NewClientSecret, NewPassword, NewRoleAssignment, NewTenant, RegistrationChange, TenantChange};

    use super::*;

    fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
        Object::parse(text.as_bytes()).and_then(Object::read).map_err(|failure| failure.to_string())
    }

    #[test]
    fn names_are_folded_and_unknown_ones_ignored() {
        let new: NewTenant =
            read(r#"{"DOMAIN": "a.example", "Profile": {"CITY": "Oslo", "more": [1]}, "registrationid": 5, "more": {}}"#).unwrap();
        assert_eq!(new.domain.as_deref(), Some("a.example"));
        assert_eq!(new.profile.unwrap().city.as_deref(), Some("Oslo"));
        let password: NewPassword = read(r#"{"password": "  as sent  ", "MUSTCHANGE": true}"#).unwrap();
        assert_eq!(password, NewPassword { password: Some(Secret("  as sent  ".to_owned())), must_change: true });
        assert_eq!(read::<NewTenant>("").unwrap(), NewTenant::default());
    }

    #[test]
    fn null_is_absent_and_in_a_change_takes_a_text_away() {
        let nothing: NewPassword = read(r#"{"password": null, "mustChange": null}"#).unwrap();
        assert_eq!(nothing, NewPassword::default());
        let change: TenantChange =
            read(r#"{"name": null, "globalAccountId": null, "profile": {"city": null, "registrationId": null}}"#).unwrap();
        assert_eq!((change.name, change.global_account_id.as_deref()), (None, Some("")));
        let profile = change.profile.unwrap();
        assert_eq!((profile.city.as_deref(), profile.address_line2, profile.registration_id), (Some(""), None, Some(None)));
        let change: TenantChange = read(r#"{"profile": {"registrationId": {"number": "1"}}}"#).unwrap();
        let sent = RegistrationChange { kind: None, number: Some("1".to_owned()) };
        assert_eq!((change.global_account_id, change.profile.unwrap().registration_id), (None, Some(Some(sent))));
    }

    #[test]
    fn a_wrong_type_names_the_field_and_not_the_value() {
        let tenant = |text| read::<NewTenant>(text).unwrap_err();
        assert_eq!(tenant(r#"{"Domain": 5}"#), "'domain' should be a string, but holds a number.");
        assert_eq!(tenant(r#"{"profile": []}"#), "'profile' should be an object, but holds an array.");
        assert_eq!(
            tenant(r#"{"profile": {"REGISTRATIONID": {"number": true}}}"#),
            "'profile.registrationId.number' should be a string, but holds a truth value."
        );
        assert_eq!(
            read::<NewPassword>(r#"{"mustChange": "yes"}"#).unwrap_err(),
            "'mustChange' should be true or false, but holds a string."
        );
        for days in ["1.5", "\"9\"", "99999999999999999999"] {
            let refused = read::<NewClientSecret>(&format!(r#"{{"days": {days}}}"#)).unwrap_err();
            assert!(refused.starts_with("'days' should be a whole number, but holds a "), "{refused}");
        }
        for (locations, found) in [(r#""1""#, "a string"), ("[1]", "a number"), (r#"["1", null]"#, "null"), ("{}", "an object")] {
            let refused = read::<NewRoleAssignment>(&format!(r#"{{"locations": {locations}}}"#)).unwrap_err();
            assert_eq!(refused, format!("'locations' should be an array of strings, but holds {found}."));
        }
        assert_eq!(tenant("[]"), "The request body should be a JSON object, but is an array.");
    }
}
