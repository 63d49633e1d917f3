//! Predicates on texts as the language defines them: case is folded, and a null never gets here.
//!
//! A plan's [`Predicate`] goes in. Whether a text meets it comes out, and the bounds between which all texts lie that can meet it, so that a reader
//! of files can skip what statistics rule out.

#[cfg(test)]
pub(crate) mod linear;
mod pattern;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use crate::column::{Comparison, Value};
use crate::fold::{alike, fold, fold_into, starts_with};
use crate::plan::Predicate;
use pattern::Pattern;

/// A compiled predicate, which can test many texts.
#[derive(Debug, Clone)]
pub struct TextPredicate(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Equal { wanted: Wanted, negated: bool },
    Compare { comparison: Comparison, folded: String },
    Few { wanted: Vec<Wanted>, negated: bool },
    Many { folded: HashSet<String>, negated: bool },
    Like { pattern: Box<Pattern>, negated: bool },
}

/// In a list of up to this many texts they are compared one by one, since most values already differ in length.
const FEW: usize = 8;

/// A text for equality, ignoring case.
#[derive(Debug, Clone)]
struct Wanted {
    folded: String,
    is_ascii: bool,
    /// Whether the text has a letter to which characters beyond ASCII fold: `k` (Kelvin sign) or `s` (long s).
    has_distant: bool,
}

/// The least and the greatest text that can match, in the order of their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Inclusive.
    pub least: String,
    pub greatest: Greatest,
}

/// The position of one text in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// It is the whole text.
    Alone,
    AtStart,
    Anywhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greatest {
    Inclusive(String),
    Exclusive(String),
    None,
}

impl TextPredicate {
    /// `None` for a predicate that does not look at text.
    pub fn new(test: &Predicate) -> Option<TextPredicate> {
        let text = |value: &Value| match value {
            Value::String(text) => Some(fold(text).into_owned()),
            _ => None,
        };
        Some(TextPredicate(match test {
            Predicate::Compare(Comparison::Equal, value) => Kind::Equal { wanted: Wanted::new(text(value)?), negated: false },
            Predicate::Compare(Comparison::NotEqual, value) => Kind::Equal { wanted: Wanted::new(text(value)?), negated: true },
            Predicate::Compare(comparison, value) => Kind::Compare { comparison: *comparison, folded: text(value)? },
            Predicate::In { values, negated } => {
                let values: HashSet<String> = values.iter().map(text).collect::<Option<_>>()?;
                if values.len() > FEW {
                    Kind::Many { folded: values, negated: *negated }
                } else {
                    Kind::Few { wanted: values.into_iter().map(Wanted::new).collect(), negated: *negated }
                }
            }
            Predicate::Like { pattern, negated } => Kind::Like { pattern: Box::new(Pattern::new(&fold(pattern))), negated: *negated },
            Predicate::Nothing | Predicate::NotNull => return None,
        }))
    }

    /// `scratch` is a buffer for folding that many calls share.
    #[inline]
    pub fn matches(&self, text: &str, scratch: &mut String) -> bool {
        match &self.0 {
            Kind::Equal { wanted, negated } => wanted.is(text, scratch) != *negated,
            Kind::Few { wanted, negated } => wanted.iter().any(|wanted| wanted.is(text, scratch)) != *negated,
            Kind::Many { folded, negated } => folded.contains(fold_into(text, scratch)) != *negated,
            Kind::Compare { comparison, folded } => comparison.holds(fold_into(text, scratch), folded),
            Kind::Like { pattern, negated } => match pattern.only_prefix() {
                Some(prefix) => starts_with(text, prefix) != *negated,
                None => pattern.matches(fold_into(text, scratch)) != *negated,
            },
        }
    }

    /// The folded text that every matching text contains, if that text and its position alone decide. The flag inverts it: then exactly the texts
    /// without it match (`!=` and NOT LIKE).
    pub fn only_text(&self) -> Option<(Stands, &str, bool)> {
        match &self.0 {
            Kind::Equal { wanted, negated } => Some((Stands::Alone, &wanted.folded, *negated)),
            Kind::Like { pattern, negated } => {
                let alone = pattern.exact().map(|text| (Stands::Alone, text));
                let at_start = || pattern.only_prefix().map(|text| (Stands::AtStart, text));
                let anywhere = || pattern.substring().map(|text| (Stands::Anywhere, text));
                let (stands, text) = alone.or_else(at_start).or_else(anywhere)?;
                Some((stands, text, *negated))
            }
            _ => None,
        }
    }

    /// `None` if matching texts can be anywhere.
    pub fn bounds(&self) -> Option<Bounds> {
        match &self.0 {
            Kind::Equal { wanted, negated: false } => Bounds::of([wanted.folded.as_str()]),
            Kind::Few { wanted, negated: false } => Bounds::of(wanted.iter().map(|wanted| wanted.folded.as_str())),
            Kind::Many { folded, negated: false } => Bounds::of(folded.iter().map(String::as_str)),
            Kind::Like { pattern, negated: false } => match pattern.exact() {
                Some(text) => Bounds::of([text]),
                None => Bounds::of_prefix(&pattern.prefix()),
            },
            _ => None,
        }
    }
}

impl TextPredicate {
    /// Whether a text from `least` to `greatest` (inclusive, in the order of bytes) can match. Exact for equality and for a fixed beginning; always
    /// true for everything else.
    pub fn may_match(&self, least: &str, greatest: &str) -> bool {
        match &self.0 {
            Kind::Equal { wanted, negated: false } => lies_between(&wanted.folded, false, least, greatest),
            Kind::Few { wanted, negated: false } => wanted.iter().any(|wanted| lies_between(&wanted.folded, false, least, greatest)),
            Kind::Many { folded, negated: false } => folded.iter().any(|folded| lies_between(folded, false, least, greatest)),
            Kind::Like { pattern, negated: false } => match pattern.exact() {
                Some(text) => lies_between(text, false, least, greatest),
                None => lies_between(&pattern.prefix(), true, least, greatest),
            },
            _ => true,
        }
    }
}

/// Whether some text between the two folds to `folded`, or, with `open`, to a text that starts with it.
///
/// All spellings are followed at once, character by character: a beginning either still equals the beginning of a bound, or has already left it.
fn lies_between(folded: &str, open: bool, least: &str, greatest: &str) -> bool {
    let (mut least, mut greatest) = (least.chars(), greatest.chars());
    // Each state says whether a spelling exists that still equals the beginning of the least text, and of the greatest text.
    let mut states = vec![(true, true)];
    for wanted in folded.chars() {
        let (low, high) = (least.next(), greatest.next());
        let mut next = Vec::with_capacity(4);
        for (on_low, on_high) in states {
            for spelled in alike(wanted).iter().copied().chain([wanted]) {
                let state = match (low, high) {
                    (Some(low), _) if on_low && spelled < low => continue,
                    // The greatest text has ended: everything longer is greater.
                    (_, None) if on_high => continue,
                    (_, Some(high)) if on_high && spelled > high => continue,
                    _ => (on_low && low == Some(spelled), on_high && high == Some(spelled)),
                };
                if !next.contains(&state) {
                    next.push(state);
                }
            }
        }
        if next.is_empty() {
            return false;
        }
        states = next;
    }
    // A beginning of the least text is less than it, unless it may go on.
    open || states.into_iter().any(|(on_low, _)| !on_low || least.clone().next().is_none())
}

impl Comparison {
    /// Whether `one comparison other` holds.
    #[inline]
    pub fn holds<T: PartialOrd + ?Sized>(self, one: &T, other: &T) -> bool {
        match self {
            Comparison::Equal => one == other,
            Comparison::NotEqual => one != other,
            Comparison::Less => one < other,
            Comparison::LessOrEqual => one <= other,
            Comparison::Greater => one > other,
            Comparison::GreaterOrEqual => one >= other,
        }
    }
}

impl Wanted {
    fn new(folded: String) -> Wanted {
        Wanted { is_ascii: folded.is_ascii(), has_distant: folded.contains(['k', 's']), folded }
    }

    #[inline]
    fn is(&self, text: &str, scratch: &mut String) -> bool {
        if self.is_ascii {
            if text.len() == self.folded.len() {
                return text.eq_ignore_ascii_case(&self.folded);
            }
            // Only letters beyond ASCII can make a longer text fold to this one.
            if text.len() < self.folded.len() || !self.has_distant {
                return false;
            }
        }
        !(text.is_ascii() && self.is_ascii) && fold_into(text, scratch) == self.folded
    }
}

impl Bounds {
    fn of<'t>(folded: impl IntoIterator<Item = &'t str>) -> Option<Bounds> {
        let mut bounds: Option<(String, String)> = None;
        for text in folded {
            let (least, greatest) = extremes(text);
            bounds = Some(match bounds {
                None => (least, greatest),
                Some((known_least, known_greatest)) => (known_least.min(least), known_greatest.max(greatest)),
            });
        }
        bounds.map(|(least, greatest)| Bounds { least, greatest: Greatest::Inclusive(greatest) })
    }

    fn of_prefix(folded: &str) -> Option<Bounds> {
        if folded.is_empty() {
            return None;
        }
        let (least, greatest) = extremes(folded);
        Some(Bounds { least, greatest: after_prefix(greatest).map_or(Greatest::None, Greatest::Exclusive) })
    }
}

/// The least and the greatest text that fold to this one. Folding keeps the number of characters, and bytes are ordered as characters are.
fn extremes(folded: &str) -> (String, String) {
    let extremes = folded.chars().map(|character| {
        let others = alike(character).iter().copied();
        (others.clone().fold(character, char::min), others.fold(character, char::max))
    });
    extremes.unzip()
}

/// The least text that is greater than all that start with `prefix`.
fn after_prefix(mut prefix: String) -> Option<String> {
    while let Some(last) = prefix.pop() {
        // Surrogates are not characters; the iterator steps over them.
        if let Some(next) = (last..=char::MAX).nth(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}
