//! Where the faults of a text are: for a script in the units that browsers count in, and for those without scripts as the marked text.

use insightgate_query::Diagnostic;
use serde::Serialize;

/// The most characters that are shown before and after what is marked.
const AROUND: usize = 40;
/// The most characters that are marked.
const MARKED: usize = 80;

/// A fault as the editor takes it: the place is counted in UTF-16 units, from 0.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) message: String,
}

/// A fault with the text around it. Its message names the line and the column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) before: String,
    /// Empty where something is missing.
    pub(super) marked: String,
    pub(super) after: String,
    pub(super) message: String,
}

pub(super) fn fault(text: &str, diagnostic: &Diagnostic) -> Fault {
    let (start, end) = place(text, diagnostic);
    let units = |part: Option<&str>| part.unwrap_or_default().encode_utf16().count();
    let from = units(text.get(..start));
    Fault { from, to: from + units(text.get(start..end)), message: diagnostic.message.clone() }
}

pub(super) fn marked(text: &str, diagnostic: &Diagnostic) -> Marked {
    let (start, end) = place(text, diagnostic);
    let before = text.get(..start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let skipped = line.chars().count().saturating_sub(AROUND);
    let kept = line.chars().skip(skipped).collect::<String>();
    let after = text.get(end..).unwrap_or_default().split('\n').next().unwrap_or_default();
    Marked {
        before: if skipped > 0 { format!("…{kept}") } else { kept },
        marked: cut(text.get(start..end).unwrap_or_default(), MARKED),
        after: cut(after, AROUND),
        message: diagnostic.message.clone(),
    }
}

pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The bytes at which the place begins and ends.
fn place(text: &str, diagnostic: &Diagnostic) -> (usize, usize) {
    let lines_before = (diagnostic.line as usize).saturating_sub(1);
    let line = match lines_before.checked_sub(1) {
        None => 0,
        Some(last) => text.match_indices('\n').nth(last).map_or(text.len(), |(at, _)| at + 1),
    };
    let after = |from: usize, characters: usize| {
        let rest = text.get(from..).unwrap_or_default();
        rest.char_indices().nth(characters).map_or(text.len(), |(at, _)| from + at)
    };
    let start = after(line, (diagnostic.column as usize).saturating_sub(1));
    (start, after(start, diagnostic.length as usize))
}

#[cfg(test)]
mod tests {
    use insightgate_query::Code;

    use super::*;

    fn at(line: u32, column: u32, length: u32) -> Diagnostic {
        Diagnostic { code: Code::UnknownName, line, column, length, message: "wrong".into() }
    }

    #[test]
    fn places_are_counted_as_browsers_count_them() {
        // The sign takes two units and four bytes.
        let text = "SELECT '😀'\nFROM Umsätze";
        for (diagnostic, from, to, what) in [
            (at(1, 8, 3), 7, 11, "'😀'"),
            (at(2, 6, 7), 17, 24, "Umsätze"),
            (at(2, 13, 0), 24, 24, ""),
            (at(1, 9, 6), 8, 15, "😀'\nFRO"),
            (at(9, 9, 9), 24, 24, ""),
        ] {
            let found = fault(text, &diagnostic);
            assert_eq!((found.from, found.to), (from, to), "{diagnostic:?}");
            assert_eq!(marked(text, &diagnostic).marked, what);
        }
    }

    #[test]
    fn what_is_marked_stands_in_its_line() {
        let found = marked("SELECT A,\nB FROM Sales\nLIMIT 3", &at(2, 3, 4));
        assert_eq!((found.before.as_str(), found.marked.as_str(), found.after.as_str()), ("B ", "FROM", " Sales"));
        let long = format!("{}x{}", "ä".repeat(100), "ö".repeat(100));
        let found = marked(&long, &at(1, 101, 1));
        assert_eq!(found.before, format!("…{}", "ä".repeat(AROUND)));
        assert_eq!(found.after, format!("{}…", "ö".repeat(AROUND)));
        assert_eq!(marked(&long, &at(1, 1, 201)).marked.chars().count(), MARKED + 1);
    }
}
