//! LIKE: `%` matches any text, `_` any one character, and `\` takes the next character literally.
//!
//! A pattern is split at its `%`. Each part is searched for as far left as possible, which suffices: a later part never needs characters that an
//! earlier part could have left to it.

use memchr::memmem::Finder;

/// A pattern that is applied to folded texts.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// The part at the start of the text; empty if the pattern starts with `%`.
    first: Stretch,
    /// The parts between two `%`.
    middle: Vec<Stretch>,
    /// The part at the end of the text; `None` if the pattern has no `%`.
    last: Option<Stretch>,
}

#[derive(Debug, Clone)]
enum Stretch {
    Text(Box<Finder<'static>>, String),
    /// `None` stands for any one character.
    Holes(Vec<Option<char>>),
}

impl Pattern {
    pub(super) fn new(pattern: &str) -> Pattern {
        let mut stretches: Vec<Vec<Option<char>>> = vec![Vec::new()];
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            let item = match character {
                '%' => {
                    stretches.push(Vec::new());
                    continue;
                }
                '_' => None,
                // A trailing backslash is refused when the query is checked.
                '\\' => Some(characters.next().unwrap_or('\\')),
                other => Some(other),
            };
            if let Some(stretch) = stretches.last_mut() {
                stretch.push(item);
            }
        }
        let mut stretches = stretches.into_iter().map(Stretch::new);
        let first = stretches.next().unwrap_or_else(|| Stretch::new(Vec::new()));
        let mut middle: Vec<Stretch> = stretches.collect();
        let last = middle.pop();
        middle.retain(|stretch| !stretch.is_empty());
        Pattern { first, middle, last }
    }

    #[inline]
    pub(super) fn matches(&self, text: &str) -> bool {
        let Some(rest) = self.first.at_start(text) else { return false };
        let Some(last) = &self.last else { return rest.is_empty() };
        let mut rest = rest;
        for stretch in &self.middle {
            match stretch.after(rest) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        last.at_end(rest)
    }

    /// The whole text, if the pattern has no wildcard.
    pub(super) fn exact(&self) -> Option<&str> {
        match (&self.first, &self.last) {
            (Stretch::Text(_, text), None) => Some(text),
            _ => None,
        }
    }

    /// The beginning of every matching text.
    pub(super) fn prefix(&self) -> String {
        match &self.first {
            Stretch::Text(_, text) => text.clone(),
            Stretch::Holes(items) => items.iter().map_while(|item| *item).collect(),
        }
    }

    /// The text in a pattern `text%`.
    #[inline]
    pub(super) fn only_prefix(&self) -> Option<&str> {
        match (&self.first, self.middle.as_slice(), &self.last) {
            (Stretch::Text(_, text), [], Some(last)) if last.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The text in a pattern `%text%`.
    pub(super) fn substring(&self) -> Option<&str> {
        match (&self.first, self.middle.as_slice(), &self.last) {
            (first, [Stretch::Text(_, text)], Some(last)) if first.is_empty() && last.is_empty() => Some(text),
            _ => None,
        }
    }
}

impl Stretch {
    fn new(items: Vec<Option<char>>) -> Stretch {
        match items.iter().copied().collect::<Option<String>>() {
            Some(text) => Stretch::Text(Box::new(Finder::new(&text).into_owned()), text),
            None => Stretch::Holes(items),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Stretch::Text(_, text) if text.is_empty())
    }

    /// The rest of a text that starts with this stretch.
    fn at_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Stretch::Text(_, wanted) => text.strip_prefix(wanted.as_str()),
            Stretch::Holes(items) => {
                let mut characters = text.chars();
                let fits = items.iter().all(|item| characters.next().is_some_and(|found| item.is_none_or(|wanted| wanted == found)));
                fits.then_some(characters.as_str())
            }
        }
    }

    /// The rest after the first place where this stretch occurs.
    fn after<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Stretch::Text(finder, wanted) => text.get(finder.find(text.as_bytes())? + wanted.len()..),
            Stretch::Holes(_) => text.char_indices().find_map(|(start, _)| self.at_start(text.get(start..)?)),
        }
    }

    fn at_end(&self, text: &str) -> bool {
        match self {
            Stretch::Text(_, wanted) => text.ends_with(wanted.as_str()),
            Stretch::Holes(items) => {
                let mut characters = text.chars().rev();
                items.iter().rev().all(|item| characters.next().is_some_and(|found| item.is_none_or(|wanted| wanted == found)))
            }
        }
    }
}
