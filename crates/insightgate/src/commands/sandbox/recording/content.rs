//! A body as it is recorded: JSON and forms field by field, files by their size, their digest and the kinds of their columns, everything else as bounded text.

use axum::http::{HeaderMap, HeaderValue, header};
use insightgate_client::Sample;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::redaction::Redactor;
use super::rows::{self, Column};
use super::{Kind, without_mark};

/// The bytes of a text that are kept.
const LONGEST_TEXT: usize = 8 << 10;
/// The bytes of an answer in JSON that is kept.
const LONGEST_JSON: usize = 4 << 20;

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
    /// Whether the bytes are packed in a way that is not undone here.
    pub packed: bool,
}

/// Whether an answer's body is packed with something else than gzip.
pub(in super::super) fn is_packed(headers: &HeaderMap) -> bool {
    let plain = |coding: &HeaderValue| ["gzip", "identity"].iter().any(|known| coding.as_bytes().eq_ignore_ascii_case(known.as_bytes()));
    headers.get(header::CONTENT_ENCODING).is_some_and(|coding| !plain(coding))
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
    if body.len() > LONGEST_JSON || about.packed {
        return Some(Content::Text(String::new()));
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
        // The first line of a part may be a row.
        let columns = if about.status == 200 && !about.packed { rows::columns(&sample.head, about.content_type, about.path) } else { None };
        let head = (about.values && !about.packed).then(|| redactor.text(&beginning(&sample.head)));
        return Some(Content::File(FileContent { bytes: sample.bytes, sha256: sample.sha256.clone(), columns, head }));
    }
    of_answer(&sample.head, about, redactor)
}

/// Whether the rows of a query are in the answer.
pub(in super::super) fn is_preview(path: &str) -> bool {
    path.trim_end_matches('/').to_ascii_lowercase().ends_with("/testqueryresult")
}

/// Pages of the authority have codes and fields of forms in them, and what is nearly JSON has fields that cannot be masked by name, or rows.
fn text(body: &[u8], about: About<'_>, redactor: &mut Redactor) -> Content {
    let of_rows = is_preview(about.path) && !about.values;
    let is_json = without_mark(body).trim_ascii_start().starts_with(b"{") || without_mark(body).trim_ascii_start().starts_with(b"[");
    let is_kept = about.kind != Kind::Authority && !of_rows && !is_json;
    Content::Text(if is_kept { redactor.text(&beginning(body)) } else { String::new() })
}

fn beginning(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..LONGEST_TEXT).unwrap_or(body)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, kind: Kind, values: bool, body: &str) -> Option<Content> {
        let sample = Sample { head: body.as_bytes().to_vec(), bytes: body.len() as u64, sha256: "ab".to_owned() };
        let about = About { kind, path: "/artifacts/x.csv", status, content_type: "text/csv", values, packed: false };
        of_sample(&sample, about, &mut Redactor::default())
    }

    #[test]
    fn of_a_file_no_row_is_kept_unless_it_is_wanted() {
        let (text, row) = ("Name,Units\nContoso,3\n", "Contoso,3\n");
        let Some(Content::File(whole)) = of(200, Kind::Link, false, text) else { panic!() };
        assert_eq!((whole.bytes, whole.columns.unwrap().len(), whole.head), (text.len() as u64, 2, None));
        let Some(Content::File(part)) = of(206, Kind::Link, false, row) else { panic!() };
        assert_eq!((part.columns, part.head), (None, None));
        let Some(Content::File(wanted)) = of(200, Kind::Link, true, text) else { panic!() };
        assert_eq!(wanted.head.as_deref(), Some(text));
        assert_eq!(of(204, Kind::Link, false, ""), None);
        assert_eq!(of(403, Kind::Link, false, "<Error/>"), Some(Content::Text("<Error/>".to_owned())));
        assert_eq!(of(200, Kind::Authority, false, "<input value='flow'>"), Some(Content::Text(String::new())));
    }

    #[test]
    fn of_a_preview_that_is_no_json_nothing_is_kept_unless_values_are_wanted() {
        let kept = |path: &str, values: bool, packed: bool, body: &str| {
            let about = About { kind: Kind::Api, path, status: 200, content_type: "text/plain", values, packed };
            of_answer(body.as_bytes(), about, &mut Redactor::default())
        };
        let nothing = Some(Content::Text(String::new()));
        let preview = "/insights/v1/mpn/ScheduledQueries/testQueryResult";
        assert_eq!(kept(preview, false, false, "Contoso,NaN"), nothing);
        assert_eq!(kept(preview, true, false, "Contoso,NaN"), Some(Content::Text("Contoso,NaN".to_owned())));
        for path in [preview, "/insights/v1/mpn/ScheduledReport"] {
            assert_eq!(
                kept(path, true, false, " {\"value\":[{\"Name\":\"Contoso\",\"Share\":NaN,\"link\":\"https://a/?a=1\\u0026sig=abcdefg"),
                nothing
            );
            assert_eq!(kept(path, true, true, "Contoso"), nothing);
        }
    }

    #[test]
    fn a_body_that_cannot_be_masked_is_not_kept() {
        let mut redactor = Redactor::default();
        let mut sent = |body: &str, kind: &str| of_request(body.as_bytes(), kind, &mut redactor);
        assert_eq!(sent("", "application/json"), None);
        assert_eq!(
            sent("a=1&password=long-secret", "application/x-www-form-urlencoded"),
            Some(Content::Form("a=1&password=***".to_owned()))
        );
        assert_eq!(sent("{\"password\": \"long-secret", "application/json"), Some(Content::Text(String::new())));
        assert!(matches!(sent("\u{feff}{\"a\": 1}", "text/plain"), Some(Content::Json(_))));
    }
}
