//! The fields of a JSON body: names without regard to case, unknown ones ignored, a wrong type names the field.
//!
//! Unlike those of the insights API, values are taken as they are sent: no flag as text, no trimming of passwords.

use std::collections::HashMap;

use insightgate_operations::failure::Failure;
use serde_json::Value;

use crate::http::parameters::shortened;

/// Bytes.
pub(crate) const BODY_LIMIT: usize = 256 << 10;

#[derive(Debug, Default)]
pub(crate) struct Object {
    fields: HashMap<String, Value>,
    /// Where it stands in the body, for messages: empty, or `profile.`.
    within: String,
}

impl Object {
    /// An empty body is an empty object: what is missing is named then.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Object, Failure> {
        if bytes.trim_ascii().is_empty() {
            return Ok(Object::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Ok(Object::new(fields, String::new())),
            Ok(other) => Err(Failure::Invalid(format!("The request body should be a JSON object, but is {}.", described(&other)))),
            Err(error) => Err(Failure::Invalid(format!("The request body is not valid JSON: {error}."))),
        }
    }

    fn new(fields: serde_json::Map<String, Value>, within: String) -> Object {
        Object { fields: fields.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(), within }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(&name.to_ascii_lowercase()).filter(|value| !value.is_null())
    }

    fn is_null(&self, name: &str) -> bool {
        self.fields.get(&name.to_ascii_lowercase()).is_some_and(Value::is_null)
    }

    /// Refuses fields of other names.
    pub(crate) fn has_only(&self, names: &[&str]) -> Result<(), Failure> {
        let other = self.fields.keys().find(|sent| !names.iter().any(|name| name.eq_ignore_ascii_case(sent)));
        match other {
            None => Ok(()),
            Some(name) => Err(Failure::Invalid(format!(
                "'{}{}' is no field of this body, which may have {}.",
                self.within,
                shortened(name),
                names.join(", ")
            ))),
        }
    }

    /// Whatever it is; null counts as absent.
    pub(crate) fn value(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or_else(|| self.wrong(name, "a number", value)),
        }
    }

    /// As sent; null counts as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, "a string", other)),
        }
    }

    /// For a change: null takes the value away, which an empty text does too.
    pub(crate) fn change(&self, name: &str) -> Result<Option<String>, Failure> {
        if self.is_null(name) { Ok(Some(String::new())) } else { self.text(name) }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong(name, "true or false", other)),
        }
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| self.wrong(name, "a whole number", value)),
        }
    }

    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let Value::Array(items) = value else { return Err(self.wrong(name, "an array of strings", value)) };
        let texts = items.iter().map(|item| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.wrong(name, "an array of strings", other)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    pub(crate) fn object(&self, name: &str) -> Result<Option<Object>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Object::new(fields.clone(), format!("{}{name}.", self.within)))),
            Some(other) => Err(self.wrong(name, "an object", other)),
        }
    }

    /// For a change: null takes the value away.
    pub(crate) fn object_change(&self, name: &str) -> Result<Option<Option<Object>>, Failure> {
        if self.is_null(name) { Ok(Some(None)) } else { Ok(self.object(name)?.map(Some)) }
    }

    fn wrong(&self, name: &str, expected: &str, found: &Value) -> Failure {
        Failure::Invalid(format!("'{}{name}' should be {expected}, but holds {}.", self.within, described(found)))
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
