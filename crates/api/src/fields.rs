//! Fields of bodies, queries and forms: names without regard to case, unknown ones ignored, a wrong type names the field.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use insightgate_operations::failure::Failure;
use serde_json::Value;
use url::form_urlencoded;

/// Bytes of a JSON body.
pub(crate) const BODY_LIMIT: usize = 4 << 20;

/// A body that could not be taken.
pub(crate) enum BodyFault {
    TooLarge,
    Invalid(String),
}

/// The fields of a JSON object, by lower-case name.
#[derive(Debug, Default)]
pub(crate) struct Fields(HashMap<String, Value>);

impl Fields {
    /// Reads the body whatever its content type says: clients spell it in many ways.
    pub(crate) async fn read(body: Body) -> Result<Fields, BodyFault> {
        let bytes = to_bytes(body, BODY_LIMIT).await.map_err(|error| {
            let too_large = std::error::Error::source(&error).is_some_and(|cause| cause.to_string().contains("length limit"));
            if too_large { BodyFault::TooLarge } else { BodyFault::Invalid(format!("The request body could not be read: {error}")) }
        })?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(Fields(object.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())),
            Ok(other) => Err(BodyFault::Invalid(format!("The request body should be a JSON object, but is {}.", kind(&other)))),
            Err(error) => Err(BodyFault::Invalid(format!("The request body is not valid JSON: {error}."))),
        }
    }

    /// Trimmed; null and empty count as absent.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(present(text)),
            Some(other) => Err(wrong(name, "a string", other)),
        }
    }

    /// Also from text: clients send both.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(value @ Value::String(text)) => parse_flag(text).map(Some).ok_or_else(|| wrong(name, "true or false", value)),
            Some(other) => Err(wrong(name, "true or false", other)),
        }
    }

    /// Also from text: clients send both.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(value @ Value::Number(number)) => number.as_i64().map(Some).ok_or_else(|| wrong(name, "a whole number", value)),
            Some(value @ Value::String(text)) => text.trim().parse().map(Some).map_err(|_| wrong(name, "a whole number", value)),
            Some(other) => Err(wrong(name, "a whole number", other)),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(&name.to_ascii_lowercase()).filter(|value| !value.is_null())
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

fn wrong(name: &str, expected: &str, found: &Value) -> Failure {
    let found = match found {
        Value::String(text) => format!("'{}'", shortened(text)),
        other => kind(other).to_owned(),
    };
    Failure::Invalid(format!("{name} should be {expected}, but is {found}."))
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
