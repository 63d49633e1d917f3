//! The fields of a form or of a page's address.

use url::form_urlencoded;

/// The fields in the order in which they were sent. A field may be there several times, as the boxes of a list are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(in crate::console) fn parse(text: &[u8]) -> Form {
        Form(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The value as it was sent; empty if it was not.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The trimmed value. An empty one counts as absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        Some(self.raw(name).trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Every value of the field, trimmed, without empty ones.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    /// The name of a field whose value has U+0000 in it, if there is one.
    pub(in crate::console) fn with_null(&self) -> Option<&str> {
        self.0.iter().find(|(_, value)| value.contains('\0')).map(|(name, _)| name.as_str())
    }

    /// Whether a box was ticked.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        !self.raw(name).is_empty()
    }
}
