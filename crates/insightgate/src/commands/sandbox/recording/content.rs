//! A body as it is recorded: JSON and forms field by field, files by their size, their digest and the kinds of their columns, everything else as bounded text.

use insightgate_client::Sample;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Kind;
use super::redaction::Redactor;
use super::rows::{self, Column};

/// The bytes of a text that are kept.
const LONGEST_TEXT: usize = 8 << 10;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) enum Content {
    Json(Value),
    /// Pairs of a form.
    Form(String),
    /// The beginning of something else.
    Text(String),
    File(FileContent),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in super::super) struct FileContent {
    /// As they were sent.
    pub bytes: u64,
    pub sha256: String,
    /// Of a table as text; None for others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub columns: Option<Vec<Column>>,
    /// The first rows, where values are recorded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub head: Option<String>,
}

/// What was asked, as far as it says how an answer is to be read.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct About<'a> {
    pub kind: Kind,
    pub path: &'a str,
    pub status: u16,
    pub content_type: &'a str,
    /// Whether values of rows are kept.
    pub values: bool,
}

/// The body of a request.
pub(in super::super) fn of_request(body: &[u8], content_type: &str, redactor: &mut Redactor) -> Option<Content> {
    if body.is_empty() {
        return None;
    }
    Some(match serde_json::from_slice(without_mark(body)) {
        Ok(value) => Content::Json(redactor.json(value)),
        Err(_) if content_type.contains("x-www-form-urlencoded") => Content::Form(redactor.pairs(&String::from_utf8_lossy(body))),
        // Of what cannot be masked field by field nothing is kept.
        Err(_) => Content::Text(String::new()),
    })
}

/// The body of an answer that is there as a whole.
pub(in super::super) fn of_answer(body: &[u8], about: About<'_>, redactor: &mut Redactor) -> Option<Content> {
    if body.is_empty() {
        return None;
    }
    Some(match serde_json::from_slice::<Value>(without_mark(body)) {
        Ok(value) => {
            let value = if is_preview(about.path) && !about.values { rows::without_values(value) } else { value };
            Content::Json(redactor.json(value))
        }
        Err(_) => text(body, about, redactor),
    })
}

/// The body of an answer that passed in pieces.
pub(in super::super) fn of_sample(sample: &Sample, about: About<'_>, redactor: &mut Redactor) -> Option<Content> {
    if sample.bytes == 0 {
        return None;
    }
    if about.kind == Kind::Link && about.status < 300 {
        let columns = rows::columns(&sample.head, about.content_type);
        let head = about.values.then(|| redactor.text(&beginning(&sample.head)));
        return Some(Content::File(FileContent { bytes: sample.bytes, sha256: sample.sha256.clone(), columns, head }));
    }
    of_answer(&sample.head, about, redactor)
}

/// Whether the rows of a query are in the answer.
pub(in super::super) fn is_preview(path: &str) -> bool {
    path.trim_end_matches('/').to_ascii_lowercase().ends_with("/testqueryresult")
}

/// Pages of the authority have codes and fields of forms in them.
fn text(body: &[u8], about: About<'_>, redactor: &mut Redactor) -> Content {
    if about.kind == Kind::Authority { Content::Text(String::new()) } else { Content::Text(redactor.text(&beginning(body))) }
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..LONGEST_TEXT).unwrap_or(body)).into_owned()
}

/// Without the byte-order mark that some servers write before JSON.
pub(in super::super) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}
