//! The separator between the values of a text, detected in its first rows.

use super::delimited::{Delimited, Record};
use super::number_text;

/// The possible separators, the likeliest first.
const CANDIDATES: [u8; 4] = [b',', b';', b'\t', b'|'];
/// The number of rows that are examined.
const ROWS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Separator {
    pub(crate) delimiter: u8,
    /// The bytes before the header: a first line such as `sep=;`.
    pub(crate) skipped: usize,
    pub(crate) decimal_comma: bool,
}

/// The result of reading the first rows with a candidate.
struct Seen {
    columns: usize,
    /// Whether all rows have the same number of values.
    is_even: bool,
    decimal_comma: bool,
}

impl Separator {
    /// `head` is the beginning of the text, or all of it if `is_whole`. `preferred` is chosen if no other separator fits better.
    pub(crate) fn find(head: &[u8], is_whole: bool, named: Option<u8>, preferred: u8) -> Separator {
        let (said, skipped) = first_line(head);
        let rows = head.get(skipped..).unwrap_or_default();
        let delimiter = named.or(said).unwrap_or_else(|| {
            let mut best = (preferred, looked_at(rows, is_whole, preferred));
            for candidate in CANDIDATES.into_iter().filter(|candidate| *candidate != preferred) {
                let seen = looked_at(rows, is_whole, candidate);
                if (seen.columns > 1, seen.is_even, seen.columns) > (best.1.columns > 1, best.1.is_even, best.1.columns) {
                    best = (candidate, seen);
                }
            }
            best.0
        });
        let decimal_comma = delimiter == b';' && looked_at(rows, is_whole, delimiter).decimal_comma;
        Separator { delimiter, skipped, decimal_comma }
    }
}

/// The first line that Excel understands: `sep=;`, in quotes or not.
fn first_line(head: &[u8]) -> (Option<u8>, usize) {
    let Some(end) = memchr::memchr2(b'\n', b'\r', head) else { return (None, 0) };
    let (line, behind) = head.split_at(end);
    let quoted = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\""));
    let line = quoted.unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() => {
            let ends = if behind.starts_with(b"\r\n") { 2 } else { 1 };
            (Some(*delimiter), end + ends)
        }
        _ => (None, 0),
    }
}

fn looked_at(rows: &[u8], is_whole: bool, delimiter: u8) -> Seen {
    let mut reader = Delimited::new(rows, delimiter, 1);
    let mut seen = Seen { columns: 0, is_even: true, decimal_comma: false };
    let (mut one, mut next) = (Record::default(), Record::default());
    let mut is_there = matches!(reader.read(&mut one), Ok(true));
    let mut count = 0;
    while is_there && count < ROWS {
        let read = reader.read(&mut next);
        // The last row may be cut, and an error in a later row says nothing against the rows before it.
        let is_last = !matches!(read, Ok(true));
        if is_last && !is_whole && count > 0 {
            break;
        }
        if count == 0 {
            seen.columns = one.len();
        }
        seen.is_even &= one.len() == seen.columns;
        seen.decimal_comma |= one.values().any(|(value, _)| std::str::from_utf8(value).is_ok_and(number_text::has_decimal_comma));
        count += 1;
        std::mem::swap(&mut one, &mut next);
        is_there = !is_last;
    }
    seen
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn separators_are_found() {
        for (text, delimiter, decimal_comma) in [
            ("a,b\n1,2\n", b',', false),
            ("a;b\n1,5;2,5\n", b';', true),
            ("a;b\n1,5;-1.234,50\n", b';', true),
            ("a;b\n1;x,y\n", b';', false),
            ("a\tb\n1\t2,3\n", b'\t', false),
            ("a|b|c\n1|2|3\n", b'|', false),
            ("\"a\";\"b,c\"\n\"1\";\"2,5\"\n", b';', true),
            ("\"a;b\",c\n\"1;2\",3\n", b',', false),
            ("a,b;c\n1,2;3\n4,5;6\n", b',', false),
            ("name,note\nx,a;b\ny,c\n", b',', false),
            ("a\n1\n", b',', false),
            ("", b',', false),
            ("sep=;\r\na;b\r\n1,5;2\r\n", b';', true),
            ("\"sep=|\"\na|b,c,d\n", b'|', false),
        ] {
            let found = Separator::find(text.as_bytes(), true, None, b',');
            assert_eq!((found.delimiter, found.decimal_comma), (delimiter, decimal_comma), "{text:?}");
            assert!(!text.get(found.skipped..).unwrap().contains("sep"));
        }
        // The extension decides where the rows do not; a flag takes precedence over both.
        assert_eq!(Separator::find(b"a\n1\n", true, None, b'\t').delimiter, b'\t');
        assert_eq!(Separator::find(b"a,b\n1,2\n", true, None, b'\t').delimiter, b',');
        assert_eq!(
            Separator::find(b"sep=;\na,b\n", true, Some(b','), b'\t'),
            Separator { delimiter: b',', skipped: 6, decimal_comma: false }
        );
        // A row that is cut is ignored.
        assert_eq!(Separator::find(b"a;b;c\n1;2;3\n4;\"5,1,2,3", false, None, b',').delimiter, b';');
    }
}
