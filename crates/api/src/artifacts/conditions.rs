//! The conditions of a download: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since and If-Range, in the order and with the meaning of
//! RFC 9110, 13.

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use chrono::{DateTime, SubsecRound as _, Utc};
use insightgate_report::execution::Artifact;

/// The version of an artifact that conditions are compared with.
pub(super) struct Version {
    /// The strong tag, with its quotes.
    pub etag: String,
    /// When the artifact was generated, in whole seconds, as in headers.
    modified: DateTime<Utc>,
}

impl Version {
    pub(super) fn of(artifact: &Artifact) -> Version {
        Version { etag: format!("\"{}\"", artifact.sha256), modified: artifact.generated.trunc_subsecs(0) }
    }

    /// The value of `Last-Modified`.
    pub(super) fn last_modified(&self) -> String {
        self.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// The status of an answer without the artifact, if the conditions call for one. A tag takes precedence over a date.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Option<StatusCode> {
        let failed = match self.is_listed(headers, header::IF_MATCH, false) {
            Some(listed) => !listed,
            None => date(headers, header::IF_UNMODIFIED_SINCE).is_some_and(|since| self.modified > since),
        };
        if failed {
            return Some(StatusCode::PRECONDITION_FAILED);
        }
        let known = match self.is_listed(headers, header::IF_NONE_MATCH, true) {
            Some(listed) => listed,
            None => date(headers, header::IF_MODIFIED_SINCE).is_some_and(|since| self.modified <= since),
        };
        known.then_some(StatusCode::NOT_MODIFIED)
    }

    /// Evaluates If-Range: whether a range would continue what the client has. A range request without the header implies that.
    pub(super) fn is_continued(&self, headers: &HeaderMap) -> bool {
        if !headers.contains_key(header::IF_RANGE) {
            return true;
        }
        match only(headers, header::IF_RANGE) {
            Some(value) if value == self.etag => true,
            // A date cannot tell the artifact from its compressed form, which a client that accepts gzip may have.
            _ => date(headers, header::IF_RANGE) == Some(self.modified) && !mentions_gzip(headers),
        }
    }

    /// Whether the header lists this version; `None` without the header. A weak tag matches only if `weak_counts`, where the same meaning is enough.
    fn is_listed(&self, headers: &HeaderMap, name: HeaderName, weak_counts: bool) -> Option<bool> {
        if !headers.contains_key(&name) {
            return None;
        }
        let is_this = |tag: &[u8]| {
            let tag = tag.trim_ascii();
            let tag = if weak_counts { tag.strip_prefix(b"W/").unwrap_or(tag) } else { tag };
            tag == b"*" || tag == self.etag.as_bytes()
        };
        Some(headers.get_all(name).iter().any(|value| value.as_bytes().split(|byte| *byte == b',').any(is_this)))
    }
}

/// The header's value, if it was sent once and is text.
pub(super) fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::trim),
        _ => None,
    }
}

/// The date of a header, in any of the three forms of HTTP. A value that is not a date is ignored.
fn date(headers: &HeaderMap, name: HeaderName) -> Option<DateTime<Utc>> {
    httpdate::parse_http_date(only(headers, name)?).ok().map(DateTime::from)
}

fn mentions_gzip(headers: &HeaderMap) -> bool {
    let takes = |value: &str| value.contains('*') || value.to_ascii_lowercase().contains("gzip");
    headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| value.to_str().is_ok_and(takes))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SAME: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const BEFORE: &str = "Sun, 22 Nov 2026 11:59:59 GMT";
    const AFTER: &str = "Sunday, 22-Nov-26 12:00:01 GMT";

    fn version() -> Version {
        let modified = insightgate_report::instant::parse("2026-11-22T12:00:00Z").unwrap();
        Version { etag: "\"abc\"".to_owned(), modified }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn conditions_are_met_in_their_order() {
        assert_eq!(version().last_modified(), SAME);
        let (failed, known) = (Some(StatusCode::PRECONDITION_FAILED), Some(StatusCode::NOT_MODIFIED));
        for (lines, expected) in [
            (&[][..], None),
            (&[("if-match", "\"abc\"")], None),
            (&[("if-match", "*")], None),
            (&[("if-match", " \"x\" ,\"abc\",")], None),
            (&[("if-match", "\"x\""), ("if-match", "\"abc\"")], None),
            (&[("if-match", "W/\"abc\"")], failed),
            (&[("if-match", "\"ABC\"")], failed),
            (&[("if-match", "abc")], failed),
            (&[("if-match", "")], failed),
            (&[("if-match", "\"é\"")], failed),
            (&[("if-unmodified-since", SAME)], None),
            (&[("if-unmodified-since", AFTER)], None),
            (&[("if-unmodified-since", BEFORE)], failed),
            (&[("if-unmodified-since", "Sun Nov 22 11:59:59 2026")], failed),
            (&[("if-unmodified-since", "yesterday")], None),
            (&[("if-unmodified-since", BEFORE), ("if-unmodified-since", BEFORE)], None),
            (&[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)], None),
            (&[("if-none-match", "\"abc\"")], known),
            (&[("if-none-match", "W/\"abc\"")], known),
            (&[("if-none-match", "w/\"abc\"")], None),
            (&[("if-none-match", "*")], known),
            (&[("if-none-match", "\"x\", \t\"abc\"")], known),
            (&[("if-none-match", "\"x\""), ("if-none-match", "W/\"abc\"")], known),
            (&[("if-none-match", "\"x\"")], None),
            (&[("if-none-match", "\"é\"")], None),
            (&[("if-modified-since", SAME)], known),
            (&[("if-modified-since", AFTER)], known),
            (&[("if-modified-since", BEFORE)], None),
            (&[("if-modified-since", "22.11.2026")], None),
            (&[("if-none-match", "\"x\""), ("if-modified-since", SAME)], None),
            (&[("if-match", "\"x\""), ("if-none-match", "\"abc\"")], failed),
            (&[("if-match", "\"abc\""), ("if-none-match", "\"abc\"")], known),
            (&[("if-unmodified-since", BEFORE), ("if-modified-since", SAME)], failed),
        ] {
            assert_eq!(version().answer(&headers(lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_stretch_continues_the_same_version_only() {
        for (lines, expected) in [
            (&[][..], true),
            (&[("if-range", "\"abc\"")], true),
            (&[("if-range", "\"abc\""), ("accept-encoding", "gzip")], true),
            (&[("if-range", "W/\"abc\"")], false),
            (&[("if-range", "*")], false),
            (&[("if-range", "\"x\", \"abc\"")], false),
            (&[("if-range", "\"abc\""), ("if-range", "\"abc\"")], false),
            (&[("if-range", "é")], false),
            (&[("if-range", "")], false),
            (&[("if-range", SAME)], true),
            (&[("if-range", SAME), ("accept-encoding", "identity")], true),
            (&[("if-range", SAME), ("accept-encoding", "br, GZIP;q=0.5")], false),
            (&[("if-range", SAME), ("accept-encoding", "*")], false),
            (&[("if-range", BEFORE)], false),
            (&[("if-range", AFTER)], false),
        ] {
            assert_eq!(version().is_continued(&headers(lines)), expected, "{lines:?}");
        }
    }
}
