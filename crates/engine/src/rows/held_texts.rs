//! Decides which columns' texts are held in memory while rows are grouped, so that rows are compared by numbers.
//!
//! The dictionaries of the files show that before a row is read. Few bytes mean few texts; many bytes may still be few texts that are repeated.

use std::sync::Arc;

use crate::rows::dictionary;
use crate::rows::snapshot::FileShape;

/// If a column's dictionaries have no more stored bytes than this, their texts are few enough to be held, whatever they are.
const FEW_TEXTS: u64 = 1 << 20;

/// The share of a query's memory that the texts of a column get if they are guessed to be few: one over this number.
const PART_FOR_TEXTS: usize = 8;

/// How often a text is guessed to repeat in the dictionaries of other row groups.
const COMES_AGAIN: u64 = 8;

/// Which columns' texts are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldTexts {
    /// The texts that the files prove to be few.
    Proven,
    /// The texts that are likely to be few too. If they are not, the query fails and has to be planned again with the proven ones.
    Guessed,
}

/// The memory for the texts of a query's columns.
pub(crate) struct TextRoom<'a> {
    pub(crate) shapes: &'a [Arc<FileShape>],
    /// The query's memory in bytes.
    pub(crate) share: usize,
    pub(crate) held: HeldTexts,
}

impl TextRoom<'_> {
    /// How many bytes the distinct texts of a column may take, and whether it is a guess that they fit. `None` for a column whose texts are not held.
    pub(crate) fn of(&self, name: &str) -> Option<(usize, HeldTexts)> {
        let stored = dictionary::stored(name, self.shapes)?;
        if stored <= FEW_TEXTS {
            return Some((usize::MAX, HeldTexts::Proven));
        }
        let room = self.share / PART_FOR_TEXTS;
        let guess = self.held == HeldTexts::Guessed && stored / COMES_AGAIN <= room as u64;
        guess.then_some((room, HeldTexts::Guessed))
    }
}
