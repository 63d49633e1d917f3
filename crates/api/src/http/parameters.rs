//! The parameters of query strings and forms. Names are matched without regard to case, and unknown ones are ignored.

use std::collections::HashMap;

use insightgate_operations::failure::Failure;
use url::form_urlencoded;

/// The parameters of a query string or a form, by lower-case name. Of several with the same name, the first counts.
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

    /// The value as it was sent, empty or not.
    pub(crate) fn sent(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value as it was sent. An empty one counts as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_ascii_lowercase()).filter(|value| !value.is_empty()).cloned()
    }

    /// The trimmed value. An empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_ascii_lowercase()).and_then(|value| present(value))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let wrong = || Failure::Invalid(format!("{name} should be true or false, but is '{}'.", shortened(&text)));
        parse_flag(&text).map(Some).ok_or_else(wrong)
    }

    /// The parts of the value between semicolons.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(|text| list(&text)).unwrap_or_default()
    }
}

pub(crate) fn list(text: &str) -> Vec<String> {
    text.split(';').filter_map(present).collect()
}

pub(super) fn present(text: &str) -> Option<String> {
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

pub(super) fn parse_flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

/// As much of an address as an answer repeats.
pub(crate) fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}
