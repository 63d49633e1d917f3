//! Tests on texts: LIKE against the plainest reading of a pattern, the comparisons against folded texts, and no match beyond the bounds.

#![no_main]

use insightgate_query::column::{Comparison, Value};
use insightgate_query::fold::fold;
use insightgate_query::matching::{Greatest, Stands, TextPredicate};
use insightgate_query::plan::Predicate;
use libfuzzer_sys::fuzz_target;

/// Which of the places of a text a pattern can have come to, character by character.
fn like(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut reached: Vec<bool> = (0..=text.len()).map(|place| place == 0).collect();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let wanted = if character == '\\' { Some(characters.next().unwrap_or('\\')) } else { Some(character).filter(|c| *c != '_') };
        if character == '%' {
            let from = reached.iter().position(|place| *place).unwrap_or(reached.len());
            reached.iter_mut().skip(from).for_each(|place| *place = true);
            continue;
        }
        let passed = reached.iter().zip(&text).map(|(place, found)| *place && wanted.is_none_or(|wanted| wanted == *found));
        reached = std::iter::once(false).chain(passed).collect();
    }
    reached.last().copied().unwrap_or_default()
}

// The first byte says which test; the first line is what it wants, the rest the text that is put to it.
fuzz_target!(|input: (u8, &str)| {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let (chosen, both) = input;
    let (wanted, text) = both.split_once('\n').unwrap_or((both, ""));
    let (folded, folded_text) = (fold(wanted), fold(text));
    let value = Value::String(wanted.to_owned());
    let compare = |comparison| Predicate::Compare(comparison, value.clone());
    let (test, expected) = match chosen % 8 {
        0 => (compare(Equal), folded_text == folded),
        1 => (compare(NotEqual), folded_text != folded),
        2 => (compare(Less), folded_text < folded),
        3 => (compare(LessOrEqual), folded_text <= folded),
        4 => (compare(Greater), folded_text > folded),
        5 => (compare(GreaterOrEqual), folded_text >= folded),
        6 => {
            // Words in a list, short or long.
            let values: Vec<Value> = wanted.split(' ').map(|word| Value::String(word.to_owned())).collect();
            (Predicate::In { values, negated: false }, wanted.split(' ').any(|word| fold(word) == folded_text))
        }
        _ => (Predicate::Like { pattern: wanted.to_owned(), negated: false }, like(&folded, &folded_text)),
    };
    let Some(test) = TextPredicate::new(&test) else { unreachable!("a test on texts is one") };
    let mut scratch = String::from("what an earlier call left");
    assert_eq!(test.matches(text, &mut scratch), expected);
    if let Some((stands, part, negated)) = test.only_text() {
        let meets = match stands {
            Stands::Alone => folded_text == part,
            Stands::AtStart => folded_text.starts_with(part),
            Stands::Anywhere => folded_text.contains(part),
        };
        assert_eq!(meets != negated, expected);
    }
    // Statistics that hold a match may not rule it out, those of long texts cut off after some character among them.
    // No text that starts so is greater than one that goes on with as many of the last character as are left.
    for end in text.char_indices().map(|(start, _)| start).take(8).chain([text.len()]) {
        let (least, rest) = text.split_at(end);
        let greatest = format!("{least}{}", "\u{10ffff}".repeat(rest.chars().count().max(1)));
        assert!(!expected || test.may_match(least, &greatest), "a match is ruled out between {least:?} and what starts with it");
    }
    assert!(!expected || test.may_match(text, text), "a match is ruled out by itself");
    if let (true, Some(bounds)) = (expected, test.bounds()) {
        assert!(bounds.least.as_str() <= text, "a match lies below {bounds:?}");
        assert!(
            match &bounds.greatest {
                Greatest::Inclusive(greatest) => text <= greatest.as_str(),
                Greatest::Exclusive(end) => text < end.as_str(),
                Greatest::None => true,
            },
            "a match lies above {bounds:?}"
        );
    }
});
