//! Properties of generated texts and trees. The generator is seeded, so that a failure can be reproduced.

use super::*;
use crate::diagnostic::MAXIMUM_DIAGNOSTICS;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn flip(&mut self) -> bool {
        self.next() & 1 == 1
    }

    fn text(&mut self, shortest: usize) -> String {
        const PIECES: [&str; 26] = [
            "a", "Z", "_", "0", "9", " ", "\t", "\n", "\r", "'", "''", "\"", "]", "[", "ü", "İ", "字", "😀", "\u{0}", "\\", "%", ";", ",",
            "order", "IN", "\u{301}",
        ];
        (0..shortest + self.below(6)).map(|_| self.pick(&PIECES)).collect()
    }

    fn name(&mut self) -> Name {
        let text =
            if self.flip() { self.pick(&["Month", "select", "Order", "x1", "1x", "12", "a.b", "true"]).to_owned() } else { self.text(1) };
        super::name(&text)
    }

    fn literal(&mut self) -> Literal {
        super::literal(match self.below(4) {
            0 => LiteralValue::Number(self.pick(&["0", "-0", "1", "-12.50", "007", "99999999999999999999.5"]).to_owned()),
            1 => LiteralValue::Bool(self.flip()),
            _ => LiteralValue::String(self.text(0)),
        })
    }

    fn condition(&mut self) -> Condition {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let comparison = self.pick(&[Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
        let negated = self.flip();
        let predicate = match self.below(3) {
            0 => Predicate::Compare(comparison, self.literal()),
            1 => Predicate::Like { pattern: self.literal(), negated },
            _ => Predicate::In { values: (0..1 + self.below(3)).map(|_| self.literal()).collect(), negated },
        };
        Condition { name: self.name(), predicate }
    }

    fn select(&mut self) -> Select {
        Select {
            distinct: self.flip(),
            names: (0..1 + self.below(4)).map(|_| self.name()).collect(),
            dataset: self.name(),
            conditions: (0..self.below(4)).map(|_| self.condition()).collect(),
            order: (0..self.below(3)).map(|_| OrderItem { name: self.name(), descending: self.flip() }).collect(),
            limit: self.flip().then(|| 1 + self.next() % 1000),
            span: self.flip().then(|| SpanClause { span: self.pick(TimeSpan::ALL), at: Span::default() }),
        }
    }
}

#[test]
fn a_printed_tree_reads_back_as_itself() {
    let mut random = Random(1);
    for _ in 0..3000 {
        let select = random.select();
        let text = select.to_string();
        assert_eq!(parse(&text), Ok(select), "{text}");
    }
}

#[test]
fn any_text_is_read_or_refused() {
    const WORDS: [&str; 45] = [
        "SELECT ",
        "DISTINCT ",
        "FROM ",
        "WHERE ",
        "AND ",
        "OR ",
        "NOT ",
        "LIKE ",
        "IN ",
        "ORDER ",
        "BY ",
        "ASC ",
        "DESC ",
        "LIMIT ",
        "TIMESPAN ",
        "LAST_MONTH ",
        "a ",
        "b ",
        "x ",
        "1 ",
        "0 ",
        "1.5 ",
        "1e5 ",
        "'s' ",
        "' ",
        "\" ",
        "[ ",
        "] ",
        "( ",
        ") ",
        ", ",
        "; ",
        "= ",
        "!= ",
        "<> ",
        "<= ",
        "- ",
        "* ",
        "é ",
        "\u{0} ",
        "\n",
        "@# ",
        "TRUE ",
        "IS NULL ",
        "SELECT a FROM x ",
    ];
    let mut random = Random(2);
    let mut read = 0;
    for _ in 0..20_000 {
        let start = if random.flip() { "SELECT a FROM x " } else { "" };
        let text: String = std::iter::once(start).chain((0..random.below(14)).map(|_| random.pick(&WORDS))).collect();
        match parse(&text) {
            Ok(select) => {
                read += 1;
                assert_eq!(parse(&select.to_string()), Ok(select), "{text}");
            }
            Err(errors) => {
                assert!((1..=MAXIMUM_DIAGNOSTICS).contains(&errors.len()), "{text}: {errors:?}");
                assert!(errors.iter().all(|e| e.line > 0 && e.column > 0 && !e.message.is_empty()), "{text}: {errors:?}");
                assert!(errors.is_sorted_by_key(|e| (e.line, e.column)), "{text}: {errors:?}");
            }
        }
    }
    assert!(read > 100, "only {read} were queries");
}

#[test]
fn any_bytes_are_refused_without_a_panic() {
    let mut random = Random(3);
    for _ in 0..5000 {
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.next() as u8).collect();
        assert!(parse(&String::from_utf8_lossy(&bytes)).is_err(), "{bytes:?}");
    }
}

/// The longest texts of the kinds that would reveal a step that is not linear, or a recursion.
#[test]
fn the_longest_texts_end() {
    let pieces = [
        "(",
        "a,",
        "a ",
        "'",
        "\"\"",
        "[",
        "NOT ",
        "SELECT ",
        "WHERE ",
        "AND ",
        ",",
        ";",
        "- ",
        "1.",
        "@ ",
        "ORDER BY ",
        "IN (",
        "é",
        "a=1 AND ",
        "\n",
    ];
    for piece in pieces {
        for start in ["", "SELECT ", "SELECT a FROM x WHERE ", "SELECT a FROM x WHERE a IN (", "SELECT a FROM x ORDER BY "] {
            let text = format!("{start}{}", piece.repeat((MAXIMUM_TEXT - start.len()) / piece.len()));
            match parse(&text) {
                Err(errors) => assert!((1..=MAXIMUM_DIAGNOSTICS).contains(&errors.len()), "{start}{piece}"),
                // Doubled quotes and letters form one long name.
                Ok(_) => assert!(start.ends_with("ORDER BY ") && ["\"\"", "é"].contains(&piece), "{start}{piece}"),
            }
        }
    }
}
