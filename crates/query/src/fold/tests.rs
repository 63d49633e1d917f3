#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::*;

/// The characters that simple case folding considers the same letter.
fn published_alike(character: char) -> Vec<char> {
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
    class.try_case_fold_simple().unwrap();
    class.iter().flat_map(|range| range.start()..=range.end()).collect()
}

/// Compares with the published tables: characters fold alike exactly if simple case folding says so.
#[test]
fn agrees_with_simple_case_folding() {
    let mut folded = 0;
    for character in '\0'..=char::MAX {
        let (mine, published) = (fold_char(character), published_alike(character));
        if !published.contains(&mine) {
            // The standard library may know letters that are newer than the tables; these have no case there at all.
            assert_eq!((published.len(), published_alike(mine).len()), (1, 1), "{character:?} folds to {mine:?}, which is another letter");
        }
        for other in published {
            assert_eq!(mine, fold_char(other), "{character:?} and {other:?}");
        }
        folded += usize::from(mine != character);
    }
    assert!(folded > 1000, "only {folded}");
}

/// Which of several characters that fold alike stands for the others, since texts are ordered by it.
#[test]
fn folds_to_the_published_letter() {
    for (character, folded) in [
        ('A', 'a'),
        ('\u{212a}', 'k'),
        ('ẞ', 'ß'),
        ('ς', 'σ'),
        ('ᾼ', 'ᾳ'),
        ('İ', 'İ'),
        ('Ꭰ', 'Ꭰ'),
        ('\u{ab70}', 'Ꭰ'),
        ('\u{13f8}', '\u{13f0}'),
        ('𐐀', '𐐨'),
    ] {
        assert_eq!(fold_char(character), folded, "{character:?}");
    }
}

#[test]
fn the_table_says_the_same() {
    for character in '\0'..=char::MAX {
        assert_eq!(fold_quickly(character), fold_char(character), "{character:?}");
    }
}

#[test]
fn beginnings() {
    for (text, folded, expected) in [
        ("Größe X", "größe", true),
        ("GRÖßE", "größe", true),
        ("\u{212a}elvin", "kel", true),
        ("ab", "abc", false),
        ("", "", true),
        ("abc", "", true),
        ("xbc", "abc", false),
    ] {
        assert_eq!(starts_with(text, folded), expected, "{text:?} {folded:?}");
        assert_eq!(fold(text).starts_with(folded), expected, "{text:?} {folded:?}");
    }
}

#[test]
fn borrows_what_does_not_change() {
    assert!(matches!(fold("abc_1"), Cow::Borrowed(_)));
    assert_eq!(fold("ABC"), "abc");
    assert_eq!(fold("ΣΑΣ ÉCOLE ß K"), "σασ école ß k");
}

#[test]
fn alike_knows_all_characters_that_fold_to_one() {
    let mut expected: HashMap<char, Vec<char>> = HashMap::new();
    for character in ('\0'..=char::MAX).filter(|character| fold_char(*character) != *character) {
        expected.entry(fold_char(character)).or_default().push(character);
    }
    for folded in '\0'..=char::MAX {
        assert_eq!(super::alike(folded), expected.get(&folded).map_or(&[][..], Vec::as_slice), "{folded:?}");
    }
    assert_eq!(super::alike('k'), ['K', '\u{212a}']);
}
