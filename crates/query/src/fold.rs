//! Case in comparisons: Unicode simple case folding, which never depends on a locale and never changes the number of characters.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The text with every character replaced by its simple folding. Borrowed if nothing changes.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().map(fold_quickly).collect())
}

/// Like [`fold`], with a buffer that many calls share.
#[inline]
pub fn fold_into<'a>(text: &'a str, scratch: &'a mut String) -> &'a str {
    scratch.clear();
    if text.is_ascii() {
        scratch.push_str(text);
        scratch.make_ascii_lowercase();
    } else {
        scratch.extend(text.chars().map(fold_quickly));
    }
    scratch
}

/// Whether the text begins with a folded text, ignoring case. Reads no further than that.
#[inline]
pub(crate) fn starts_with(text: &str, folded: &str) -> bool {
    let mut characters = text.chars();
    folded.chars().all(|wanted| characters.next().is_some_and(|found| found == wanted || fold_quickly(found) == wanted))
}

/// [`fold_char`] from a table.
#[inline]
fn fold_quickly(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    let number = u32::from(character);
    let block = BLOCKS.get((number >> 8) as usize).and_then(Option::as_ref);
    block.and_then(|block| block.get((number & 255) as usize)).copied().unwrap_or(character)
}

/// What the characters of each block of 256 fold to; `None` for a block without case.
static BLOCKS: LazyLock<Vec<Option<Box<[char]>>>> = LazyLock::new(|| {
    let blocks = 0..=u32::from(LAST_WITH_CASE) >> 8;
    let block = |block: u32| {
        // Surrogates are not characters, and are never looked up.
        let characters = (block << 8..(block + 1) << 8).map(|number| char::from_u32(number).unwrap_or_default());
        let folded: Box<[char]> = characters.clone().map(fold_char).collect();
        characters.zip(&folded).any(|(character, folded)| character != *folded).then_some(folded)
    };
    blocks.map(block).collect()
});

/// The other characters that fold to this one, in ascending order.
pub(crate) fn alike(folded: char) -> &'static [char] {
    ALIKE.get(&folded).map_or(&[], Vec::as_slice)
}

/// No character with case lies beyond this one; a test checks all characters.
const LAST_WITH_CASE: char = '\u{1ffff}';

static ALIKE: LazyLock<HashMap<char, Vec<char>>> = LazyLock::new(|| {
    let mut alike: HashMap<char, Vec<char>> = HashMap::new();
    for character in '\0'..=LAST_WITH_CASE {
        let folded = fold_char(character);
        if folded != character {
            alike.entry(folded).or_default().push(character);
        }
    }
    alike
});

/// The character that stands for all that fold alike: the lowercase of its uppercase, if both are single characters. Texts are ordered by it.
fn fold_char(character: char) -> char {
    match character {
        // Dotless i has no simple folding, although its uppercase is I.
        'ı' => return character,
        // These look alike and fold alike, although their uppercase is more than one character.
        '\u{1fd3}' => return '\u{390}',
        '\u{1fe3}' => return '\u{3b0}',
        '\u{fb05}' => return '\u{fb06}',
        _ => {}
    }
    let upper = single(character.to_uppercase()).unwrap_or(character);
    // Cherokee letters fold to their capitals, since Unicode had only these for a long time.
    if ('\u{13a0}'..='\u{13f5}').contains(&upper) {
        return upper;
    }
    single(upper.to_lowercase()).unwrap_or(character)
}

fn single(mut characters: impl Iterator<Item = char>) -> Option<char> {
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
