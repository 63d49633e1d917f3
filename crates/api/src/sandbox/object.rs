//! The fields of an order for a fault: names without regard to case, a wrong type or a name that is none is refused with its place.
//!
//! Stricter than the readers of the other APIs, which ignore what they do not know: a mistyped fault would silently do something else.

use std::collections::HashMap;

use insightgate_operations::failure::Failure;
use serde_json::Value;

use crate::http::parameters::shortened;

/// Bytes.
pub(super) const BODY_LIMIT: usize = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct Object {
    fields: HashMap<String, Value>,
    /// Where it stands in the body, for messages: empty, or `match.`.
    within: String,
}

impl Object {
    pub(super) fn parse(bytes: &[u8]) -> Result<Object, Failure> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Object::new(fields, String::new())),
            Ok(_) => Err(Failure::Invalid("The request body should be a JSON object.".to_owned())),
            Err(error) => Err(Failure::Invalid(format!("The request body is not valid JSON: {error}."))),
        }
    }

    fn new(fields: serde_json::Map<String, Value>, within: String) -> Object {
        Object { fields: fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(), within }
    }

    /// Refuses fields of other names.
    pub(super) fn has_only(&self, names: &[&str]) -> Result<(), Failure> {
        match self.fields.keys().find(|sent| !names.iter().any(|name| name.eq_ignore_ascii_case(sent))) {
            None => Ok(()),
            Some(name) => {
                let (within, name, known) = (&self.within, shortened(name), names.join(", "));
                Err(Failure::Invalid(format!("'{within}{name}' is no field here; there are {known}.")))
            }
        }
    }

    /// Whatever it is; null counts as absent.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.fields.get(&name.to_ascii_lowercase()).filter(|value| !value.is_null())
    }

    /// The field as `read` takes it. `expected`: what it should be.
    fn field<T>(&self, name: &str, expected: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, Failure> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| Failure::Invalid(format!("'{}{name}' should be {expected}.", self.within)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        self.field(name, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        self.field(name, "a whole number", Value::as_i64)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Failure> {
        self.field(name, "a number", Value::as_f64)
    }

    /// Empty where it is absent.
    pub(super) fn object(&self, name: &str) -> Result<Object, Failure> {
        let object = self.field(name, "an object", |value| value.as_object().cloned())?;
        Ok(object.map(|fields| Object::new(fields, format!("{}{name}.", self.within))).unwrap_or_default())
    }
}
