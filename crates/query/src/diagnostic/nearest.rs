//! "Did you mean …?": the known name that is nearest to an unknown one.

use crate::fold::fold;

/// Longer names are not compared, since the cost grows with the square of the length.
const LONGEST: usize = 100;
/// In bytes. Names have at most 256 characters; a definition that is refused can contain longer ones, which no message should repeat.
const LONGEST_CANDIDATE: usize = 1024;

/// The candidate that differs in few characters, or else the one that begins almost like the name; `None` if no candidate is near.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let name: Vec<char> = fold(name).chars().collect();
    if name.len() > LONGEST {
        return None;
    }
    let allowed = (name.len() + 1) / 3;
    let mut best: Option<((usize, usize, usize), &str)> = None;
    for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST_CANDIDATE) {
        let folded: Vec<char> = fold(candidate).chars().take(LONGEST).collect();
        if folded.len() + allowed < name.len() {
            continue;
        }
        let (whole, prefix) = distances(&name, &folded);
        let score = match () {
            () if whole <= allowed.max(1) => (0, whole, prefix),
            // Short beginnings resemble everything.
            () if name.len() >= 4 && prefix <= allowed / 2 => (1, prefix, whole),
            () => continue,
        };
        // Of equally near ones the first in the alphabet, so that the advice does not depend on the order of a definition.
        if best.is_none_or(|known| (score, candidate) < known) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The numbers of edits (insert, remove or replace a character, swap two neighbours) that turn the name into the candidate, and into the most similar
/// beginning of it.
fn distances(name: &[char], candidate: &[char]) -> (usize, usize) {
    // Each character of the candidate makes one row of the usual table; the last cell of a row is the distance to that beginning.
    let mut row: Vec<usize> = (0..=name.len()).collect();
    let mut before: Vec<usize> = Vec::with_capacity(row.len());
    let mut next = Vec::with_capacity(row.len());
    let mut prefix = name.len();
    let mut last_wanted = None;
    for (index, wanted) in candidate.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        next.clear();
        next.push(left);
        let mut last_found = None;
        for (position, (found, above)) in name.iter().zip(row.iter().skip(1)).enumerate() {
            let replaced = diagonal + usize::from(found != wanted);
            left = replaced.min(above + 1).min(left + 1);
            if last_found == Some(wanted)
                && last_wanted == Some(found)
                && let Some(unswapped) = before.get(position.saturating_sub(1))
            {
                left = left.min(unswapped + 1);
            }
            diagonal = *above;
            last_found = Some(found);
            next.push(left);
        }
        prefix = prefix.min(left);
        last_wanted = Some(wanted);
        std::mem::swap(&mut before, &mut row);
        std::mem::swap(&mut row, &mut next);
    }
    (row.last().copied().unwrap_or(candidate.len()), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["CustomerTenantId", "CustomerTpid", "CustomerName", "Month", "MonthlyActiveUsers", "SKU"];
        let cases = [
            ("CustomerNme", Some("CustomerName")),
            ("customer_name", Some("CustomerName")),
            ("Monht", Some("Month")),
            ("Mnoth", Some("Month")),
            ("KSU", Some("SKU")),
            ("Mont", Some("Month")),
            ("MonthlyActive", Some("MonthlyActiveUsers")),
            ("Sko", Some("SKU")),
            ("Revenue", None),
            ("x", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, names), expected, "{name}");
        }
    }

    #[test]
    fn counts_edits() {
        let of = |a: &str, b: &str| distances(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>());
        assert_eq!(of("kitten", "sitting"), (3, 2));
        assert_eq!(of("abc", "abc"), (0, 0));
        assert_eq!(of("FORM", "FROM"), (1, 1));
        assert_eq!(of("abcd", "badc"), (2, 2));
        assert_eq!(of("ab", "bxa"), (3, 1), "what is swapped once is not edited again");
        assert_eq!(of("abc", "abcdef"), (3, 0));
        assert_eq!(of("", "abc"), (3, 0));
        assert_eq!(of("abc", ""), (3, 3));
    }
}
