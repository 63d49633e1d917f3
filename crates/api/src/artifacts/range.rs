//! `Range` and `x-ms-range`: one stretch of bytes. Several stretches are answered with the whole file, which the standard allows.

use std::ops::Range;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// Not empty, within the file.
    Part(Range<u64>),
    Unsatisfiable,
}

/// What is not a range in bytes is ignored (RFC 9110, 14.2).
pub(super) fn wanted(text: &str, size: u64) -> Wanted {
    let Some((first, last)) = text.trim().strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Wanted::All;
    };
    let number = |text: &str| -> Option<Option<u64>> {
        if text.is_empty() {
            return Some(None);
        }
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| Some(text.parse().unwrap_or(u64::MAX)))
    };
    let (start, end) = match (number(first.trim()), number(last.trim())) {
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
        for (text, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=3-2", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("bytes=-", Wanted::All),
            ("rows=1-2", Wanted::All),
            ("bytes=+1-2", Wanted::All),
        ] {
            assert_eq!(wanted(text, 10), expected, "{text}");
        }
    }
}
