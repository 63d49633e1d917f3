#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn test(test: Predicate) -> TextPredicate {
    TextPredicate::new(&test).unwrap()
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn like(pattern: &str, negated: bool) -> TextPredicate {
    test(Predicate::Like { pattern: pattern.to_owned(), negated })
}

fn meets(test: &TextPredicate, text: &str) -> bool {
    test.matches(text, &mut String::from("what an earlier call left"))
}

#[test]
fn equality_ignores_case_and_nothing_else() {
    for (wanted, found, equal) in [
        ("Microsoft", "MICROSOFT", true),
        ("microsoft", "micro\u{17f}oft", true),
        ("Kelvin", "\u{212a}ELVIN", true),
        ("\u{212a}elvin", "kelvin", true),
        ("Größe", "GRÖSSE", false),
        ("größe", "GRÖßE", true),
        ("größe", "GRÖẞE", true),
        ("ΣΑΣ", "σας", true),
        ("i", "İ", false),
        ("i", "ı", false),
        ("", "", true),
        ("", "a", false),
        ("a", "a ", false),
        ("é", "e\u{301}", false),
        ("kk", "\u{212a}", false),
        ("abc", "abd", false),
    ] {
        for (wanted, found) in [(wanted, found), (found, wanted)] {
            assert_eq!(meets(&test(Predicate::Compare(Comparison::Equal, text(wanted))), found), equal, "{wanted:?} = {found:?}");
            assert_eq!(meets(&test(Predicate::Compare(Comparison::NotEqual, text(wanted))), found), !equal, "{wanted:?} != {found:?}");
            let list = |negated| test(Predicate::In { values: vec![text("zzz"), text(wanted)], negated });
            assert_eq!((meets(&list(false), found), meets(&list(true), found)), (equal, !equal), "{found:?} IN ({wanted:?})");
            let long: Vec<Value> = (0..FEW).map(|n| text(&format!("other{n}"))).chain([text(wanted)]).collect();
            let list = |negated| test(Predicate::In { values: long.clone(), negated });
            assert_eq!((meets(&list(false), found), meets(&list(true), found)), (equal, !equal), "{found:?} in a long list");
        }
    }
}

#[test]
fn order_is_that_of_folded_bytes() {
    for (one, comparison, other, holds) in [
        ("a", Comparison::Less, "B", true),
        ("B", Comparison::Less, "a", false),
        ("b", Comparison::GreaterOrEqual, "B", true),
        ("Zebra", Comparison::Greater, "apple", true),
        ("z", Comparison::Less, "é", true),
        ("a", Comparison::LessOrEqual, "A", true),
        ("_", Comparison::Less, "A", true),
    ] {
        assert_eq!(meets(&test(Predicate::Compare(comparison, text(other))), one), holds, "{one} {comparison} {other}");
    }
}

#[test]
fn patterns() {
    for (pattern, found, matches) in [
        ("", "", true),
        ("", "a", false),
        ("%", "", true),
        ("%", "any\ntext", true),
        ("_", "", false),
        ("_", "字", true),
        ("__", "字", false),
        ("a%", "ABC", true),
        ("a%", "bac", false),
        ("%c", "abC", true),
        ("%b%", "aBc", true),
        ("%b%", "ac", false),
        ("a%c", "abbc", true),
        ("a%c", "ac", true),
        ("a%a", "a", false),
        ("a%b%c", "a1b2b3c", true),
        ("%ab%ab%", "abab", true),
        ("%ab%ab%", "aab", false),
        ("%aab%", "aaab", true),
        ("_b_", "abc", true),
        ("_b_", "abcd", false),
        ("%_b", "ab", true),
        ("%_b", "b", false),
        ("%a_c%", "xxabcabc", true),
        ("%a_c%", "xxabbc", false),
        ("a_%", "a", false),
        ("a_%", "ab", true),
        ("%_%_%", "a", false),
        ("%_%_%", "ab", true),
        (r"100\%", "100%", true),
        (r"100\%", "1000", false),
        (r"a\_b", "a_b", true),
        (r"a\_b", "axb", false),
        (r"a\\b", r"a\b", true),
        (r"%\\%", r"c:\dir", true),
        (r"\a", "A", true),
        ("%SS%", "straße", false),
        ("%ſ%", "S", true),
        ("É%", "école", true),
        ("%%a%%", "bab", true),
    ] {
        assert_eq!(meets(&like(pattern, false), found), matches, "{found:?} LIKE {pattern:?}");
        assert_eq!(meets(&like(pattern, true), found), !matches, "{found:?} NOT LIKE {pattern:?}");
    }
}

/// Compares with the simplest possible implementation of patterns, on every short text and pattern of a small alphabet.
#[test]
fn patterns_agree_with_a_naive_reading() {
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|start| naive(rest, &text[start..])),
            Some(('_', rest)) => !text.is_empty() && naive(rest, &text[1..]),
            Some((wanted, rest)) => text.first() == Some(wanted) && naive(rest, &text[1..]),
        }
    }
    fn all(alphabet: &[char], longest: usize) -> Vec<Vec<char>> {
        let mut found = vec![Vec::new()];
        for length in 0..longest {
            let longer: Vec<_> = found.iter().filter(|text| text.len() == length).cloned().collect();
            found.extend(longer.iter().flat_map(|text| alphabet.iter().map(|c| text.iter().chain([c]).copied().collect())));
        }
        found
    }
    let texts = all(&['a', 'b'], 5);
    for pattern in all(&['a', 'b', '%', '_'], 4) {
        let like = like(&pattern.iter().collect::<String>(), false);
        for found in &texts {
            let found_text: String = found.iter().collect();
            assert_eq!(meets(&like, &found_text), naive(&pattern, found), "{found_text} LIKE {pattern:?}");
        }
    }
}

#[test]
fn a_text_that_alone_decides_is_known() {
    let cases = [
        ("%Foo%", Some((Stands::Anywhere, "foo"))),
        ("Foo%", Some((Stands::AtStart, "foo"))),
        ("Foo", Some((Stands::Alone, "foo"))),
        (r"%10\%%", Some((Stands::Anywhere, "10%"))),
        ("%", Some((Stands::AtStart, ""))),
        ("%foo", None),
        ("%f_o%", None),
        ("f_o%", None),
        ("%a%b%", None),
        ("%%", Some((Stands::AtStart, ""))),
    ];
    for (pattern, expected) in cases {
        for negated in [false, true] {
            assert_eq!(like(pattern, negated).only_text(), expected.map(|(stands, text)| (stands, text, negated)), "{pattern}");
        }
    }
    assert_eq!(test(Predicate::Compare(Comparison::NotEqual, text("Foo"))).only_text(), Some((Stands::Alone, "foo", true)));
}

#[test]
fn bounds_hold_all_that_matches() {
    let greatest = |text: &str| Greatest::Inclusive(text.to_owned());
    let bounds = test(Predicate::Compare(Comparison::Equal, text("ask"))).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("ASK", greatest("a\u{17f}\u{212a}")));
    let bounds = test(Predicate::In { values: vec![text("b"), text("A1")], negated: false }).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("A1", greatest("b")));
    let bounds = like("Ab%", false).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("AB", Greatest::Exclusive("ac".to_owned())));
    let bounds = like("a_c%", false).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("A", Greatest::Exclusive("b".to_owned())));
    let bounds = like("ab", false).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("AB", greatest("ab")));
    let bounds = like("\u{10ffff}%", false).bounds().unwrap();
    assert_eq!((bounds.least.as_str(), bounds.greatest), ("\u{10ffff}", Greatest::None));
    for open in [like("%a", false), like("_a", false), like("a%", true), test(Predicate::Compare(Comparison::NotEqual, text("a")))] {
        assert_eq!(open.bounds(), None, "{open:?}");
    }
    assert_eq!(after_prefix("a\u{d7ff}".to_owned()), Some("a\u{e000}".to_owned()));
    assert_eq!(after_prefix("a\u{10ffff}".to_owned()), Some("b".to_owned()));
}

/// Everything that matches lies within the bounds, tested on texts in all spellings that fold alike.
#[test]
fn nothing_that_matches_lies_outside() {
    let spellings = ["ask", "ASK", "aſk", "ASK", "aſK", "Ask me", "asKs", "as", "b", "", "AS%", "z"];
    let tests = [
        test(Predicate::Compare(Comparison::Equal, text("ask"))),
        test(Predicate::In { values: vec![text("AS"), text("b")], negated: false }),
        like("ask%", false),
        like("a_k", false),
        like("AS%", false),
    ];
    let mut matched = 0;
    for test in &tests {
        let Bounds { least, greatest } = test.bounds().unwrap();
        for found in spellings {
            if meets(test, found) {
                matched += 1;
                let below = match &greatest {
                    Greatest::Inclusive(greatest) => found <= greatest.as_str(),
                    Greatest::Exclusive(end) => found < end.as_str(),
                    Greatest::None => true,
                };
                assert!(found >= least.as_str() && below, "{found} {test:?}");
            }
        }
    }
    assert!(matched > 15, "{matched}");
}

/// Compares with all texts of a small alphabet: statistics rule out exactly what no text between them meets.
#[test]
fn statistics_decide_exactly() {
    let alphabet = ['A', 'K', 'a', 'k', '\u{212a}'];
    let mut texts = vec![String::new()];
    for length in 0..3 {
        let longer: Vec<String> = texts.iter().filter(|text| text.chars().count() == length).cloned().collect();
        texts.extend(longer.iter().flat_map(|text| alphabet.iter().map(move |c| format!("{text}{c}"))));
    }
    texts.sort();
    let equal = |wanted: &str| test(Predicate::Compare(Comparison::Equal, text(wanted)));
    let tests =
        [equal("ak"), equal("k"), equal(""), equal("kka"), test(Predicate::In { values: vec![text("aa"), text("kk")], negated: false })];
    let (mut ruled_out, mut left) = (0, 0);
    for test in tests {
        let met: Vec<bool> = texts.iter().map(|text| meets(&test, text)).collect();
        for low in 0..texts.len() {
            for high in low..texts.len() {
                let expected = met[low..=high].contains(&true);
                assert_eq!(test.may_match(&texts[low], &texts[high]), expected, "{test:?} {:?} {:?}", texts[low], texts[high]);
                if expected { left += 1 } else { ruled_out += 1 }
            }
        }
    }
    assert!(ruled_out > 1000 && left > 1000);
}

#[test]
fn statistics_of_long_texts_decide_by_their_common_beginning() {
    for (test, least, greatest, may) in [
        (like("name 0027%", false), "NAME 000000", "Name 001999", true),
        (like("name 0027%", false), "NAME 000000", "NAME 001999", false),
        (like("name 0027%", false), "NAME 002600", "Name 002799", true),
        (like("name 0027%", false), "Name 002600", "Name 002699", false),
        (like("name 0027%", false), "Name 0027", "Name 0027", true),
        (like("%name", false), "a", "b", true),
        (like("a%", true), "a", "b", true),
        (test(Predicate::Compare(Comparison::Equal, text("name 002700"))), "Name 002500", "Name 002699", false),
        (test(Predicate::Compare(Comparison::Equal, text("name 002700"))), "Name 002500", "Name 002700", true),
        (test(Predicate::Compare(Comparison::Equal, text("ab"))), "abc", "abd", false),
        (test(Predicate::Compare(Comparison::Equal, text("abc"))), "a", "ab", true),
        (test(Predicate::Compare(Comparison::Less, text("a"))), "x", "z", true),
    ] {
        assert_eq!(test.may_match(least, greatest), may, "{test:?} {least} {greatest}");
    }
}
