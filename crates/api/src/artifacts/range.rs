//! `Range` and `x-ms-range`: a single range of bytes. Several ranges are answered with the whole artifact, which the standard allows.

use std::ops::Range;

use axum::http::{HeaderMap, HeaderName, header};

use super::conditions::only;

const MS_RANGE: HeaderName = HeaderName::from_static("x-ms-range");

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// A range within the artifact that is not empty.
    Part(Range<u64>),
    Unsatisfiable,
}

/// The range that is requested. If both headers are sent, `x-ms-range` counts, as in the store that the links are modelled on: it is for clients whose
/// library sets `Range`. A header that is sent twice is ignored.
pub(super) fn wanted(headers: &HeaderMap, size: u64) -> Wanted {
    let name = if headers.contains_key(MS_RANGE) { MS_RANGE } else { header::RANGE };
    only(headers, name).map_or(Wanted::All, |text| stretch(text, size))
}

/// Parses a range. A value that is not a range in bytes is ignored (RFC 9110, 14.2).
fn stretch(text: &str, size: u64) -> Wanted {
    let Some((unit, list)) = text.split_once('=') else { return Wanted::All };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    // A list may have empty parts.
    let mut parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    let (Some(range), None) = (parts.next(), parts.next()) else { return Wanted::All };
    let Some((first, last)) = range.split_once('-') else { return Wanted::All };
    let number = |text: &str| -> Option<Option<u64>> {
        if text.is_empty() {
            return Some(None);
        }
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
    };
    let (start, end) = match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if first > last => return Wanted::All,
        (Some(Some(first)), Some(last)) => (first, last.map_or(size, |last| last.saturating_add(1)).min(size)),
        (Some(None), Some(Some(0))) => return Wanted::Unsatisfiable,
        (Some(None), Some(Some(count))) => (size.saturating_sub(count), size),
        _ => return Wanted::All,
    };
    if start >= end { Wanted::Unsatisfiable } else { Wanted::Part(start..end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_stretch() {
        let many = format!("bytes={}", "0-1,".repeat(100_000));
        let digits = format!("bytes={}-", "9".repeat(100_000));
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=0-9", Wanted::Part(0..10)),
            ("bytes=9-9", Wanted::Part(9..10)),
            ("bytes=007-008", Wanted::Part(7..9)),
            ("BYTES=1-2", Wanted::Part(1..3)),
            ("bytes= \t1-2 ", Wanted::Part(1..3)),
            ("bytes=,1-2,", Wanted::Part(1..3)),
            ("bytes=5-18446744073709551615", Wanted::Part(5..10)),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..10)),
            ("bytes=-99999999999999999999999", Wanted::Part(0..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=10-10", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=18446744073709551615-", Wanted::Unsatisfiable),
            ("bytes=18446744073709551616-99999999999999999999", Wanted::Unsatisfiable),
            (&digits, Wanted::Unsatisfiable),
            ("bytes=3-2", Wanted::All),
            ("bytes=99999999999999999999-3", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            (&many, Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=", Wanted::All),
            ("bytes=,", Wanted::All),
            ("bytes", Wanted::All),
            ("", Wanted::All),
            ("bytes 0-1", Wanted::All),
            ("bytes =0-1", Wanted::All),
            ("bytes=0 - 1", Wanted::All),
            ("bytes=0-1-2", Wanted::All),
            ("bytes=--1", Wanted::All),
            ("bytes=0x1-2", Wanted::All),
            ("bytes=1.5-2", Wanted::All),
            ("bytes=0-1;2-3", Wanted::All),
            ("rows=1-2", Wanted::All),
            ("bytes=+1-2", Wanted::All),
            ("bytes=\u{0661}-\u{0662}", Wanted::All),
        ] {
            assert_eq!(stretch(text, 10), expected, "{}", text.get(..40).unwrap_or(text));
        }
        for text in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(stretch(text, 0), Wanted::Unsatisfiable, "an empty file has no part");
        }
    }
}
