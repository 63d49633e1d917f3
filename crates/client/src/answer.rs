//! The envelope around every answer of the API, and its headers.

use std::fmt;
use std::marker::PhantomData;

use reqwest::Url;
use reqwest::header::HeaderMap;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    pub status: u16,
    pub headers: HeaderMap,
    pub envelope: Envelope<T>,
}

/// `nextLink` and `dataRedacted` are absent from the marketplace's answers. Some of the documents begin the names with a capital.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: DeserializeOwned"))]
pub struct Envelope<T> {
    #[serde(default, alias = "Value", deserialize_with = "null_as_default")]
    pub value: Vec<T>,
    #[serde(default, alias = "NextLink")]
    pub next_link: Option<String>,
    #[serde(default, alias = "TotalCount", deserialize_with = "null_as_default")]
    pub total_count: u64,
    #[serde(default, alias = "Message")]
    pub message: Option<String>,
    #[serde(default, alias = "StatusCode", deserialize_with = "null_as_default")]
    pub status_code: u16,
    #[serde(default, alias = "DataRedacted", deserialize_with = "null_as_default")]
    pub data_redacted: bool,
    /// Added by this server: what the caller should know about the answer besides the message.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A row of a preview: names and values in the order of the query's SELECT.
#[derive(Debug, Clone)]
pub struct PreviewRow(pub Vec<(String, PreviewValue)>);

/// A value as the server wrote it. A number keeps all of its digits, which amounts of money need.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PreviewValue(Box<RawValue>);

impl PreviewValue {
    /// The value for people: a text without its quotes; `None` for null.
    pub fn text(&self) -> Option<String> {
        match self.0.get() {
            "null" => None,
            json => Some(serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())),
        }
    }
}

impl<T> Answer<T> {
    /// The first item, for calls that answer with one object.
    pub fn first(&self) -> Option<&T> {
        self.envelope.value.first()
    }

    /// A header as text, if the answer has it.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// The parameters of a link to a further page.
pub(crate) fn link_parameters(link: &str) -> Vec<(String, String)> {
    let query = link.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let url = Url::parse(&format!("http://localhost/?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

/// For fields that some answers leave out and others send as null.
pub(crate) fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Serialize for PreviewRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

// By hand, because serde_json's own map sorts its keys.
impl<'de> Deserialize<'de> for PreviewRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder(PhantomData<PreviewRow>);
        impl<'de> Visitor<'de> for InOrder {
            type Value = PreviewRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PreviewRow, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(PreviewRow(fields))
            }
        }
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

#[cfg(test)]
#[path = "answer/tests.rs"]
mod tests;
