//! Letter case in comparisons: Unicode simple case folding, so that a comparison never depends on a locale or on length changes.

use std::borrow::Cow;

/// The text with every character replaced by its simple folding. Borrowed when nothing changes.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().map(fold_char).collect())
}

/// One character stands for all that fold alike: the lowercase of its uppercase, where both are single characters.
fn fold_char(character: char) -> char {
    match character {
        // Dotless i has no simple folding, though its uppercase is I.
        'ı' => return character,
        // Written alike and folded alike, though their uppercase is more than one character.
        '\u{1fd3}' => return '\u{390}',
        '\u{1fe3}' => return '\u{3b0}',
        '\u{fb05}' => return '\u{fb06}',
        _ => {}
    }
    let upper = single(character.to_uppercase()).unwrap_or(character);
    single(upper.to_lowercase()).unwrap_or(character)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
