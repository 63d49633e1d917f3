//! Texts that a spreadsheet would take for a formula, and how they are made harmless in a text file that people open with one.
//!
//! Follows OWASP's advice on CSV injection: an apostrophe goes before what begins a cell. Excel shows it, since only a workbook can hide it.

use std::borrow::Cow;

/// Whether a cell that begins with this character is a formula, in Excel or in another spreadsheet. A tab and the ends of lines are left out by some
/// programs, which then look at what follows; the wide forms count where Japanese is written.
fn begins_formula(character: char) -> bool {
    matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

/// Where Excel separates values by semicolons, it takes no notice of quotes within a line of commas, so that these begin a new cell.
fn begins_cell(character: char) -> bool {
    matches!(character, ';' | '\t' | '\r' | '\n')
}

pub(super) fn may_be_formula(text: &str) -> bool {
    text.starts_with(begins_formula)
}

/// The text with an apostrophe wherever a cell could begin with a formula.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !may_be_formula(text) && !text.contains(begins_cell) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    let mut begins = true;
    for character in text.chars() {
        // Several ends of lines in a row need one apostrophe, before what follows them.
        if begins && begins_formula(character) && (safe.is_empty() || !begins_cell(character)) {
            safe.push('\'');
        }
        safe.push(character);
        begins = begins_cell(character);
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_formula_gets_an_apostrophe() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t'=1"),
            ("\r=1", "'\r'=1"),
            ("\n\n=1", "'\n\n'=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("a-b@c", "a-b@c"),
            (" =1", " =1"),
            ("'=1", "'=1"),
            ("a;=1;b", "a;'=1;b"),
            ("a\r\n-1", "a\r\n'-1"),
            ("a\t@b", "a\t'@b"),
            ("a; =1", "a; =1"),
            ("a;b\nc", "a;b\nc"),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
            assert_eq!(may_be_formula(text), text != expected && expected.starts_with('\''), "{text:?}");
        }
    }

    #[test]
    fn texts_without_cells_in_them_are_not_copied() {
        assert!(matches!(harmless("Fabrikam, Inc. (Berlin)"), Cow::Borrowed(_)));
    }
}
