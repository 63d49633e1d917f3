//! Which columns' texts are held in memory while rows are grouped, so that rows are told apart by numbers in their place.
//!
//! The dictionaries of the files tell before a row is read: few bytes of them are few texts, and many may still be few that come again and again.

use std::sync::Arc;

use crate::rows::dictionary;
use crate::rows::snapshot::FileShape;

/// Stored bytes of a column's dictionaries up to which the texts in them are few enough to be held, whatever they are.
const FEW_TEXTS: u64 = 1 << 20;

/// The part of a query's memory that is given to the texts of a column that are guessed to be few: one over this.
const PART_FOR_TEXTS: usize = 8;

/// How often a text is guessed to come again in the dictionaries of other row groups.
const COMES_AGAIN: u64 = 8;

/// Which columns' texts are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeldTexts {
    /// Those that files say are few.
    Proven,
    /// Besides, those that are likely to be. Where they are not, the query fails, and has to be made again with the proven ones.
    Guessed,
}

/// The room for the texts of a query's columns.
pub(crate) struct TextRoom<'a> {
    pub(crate) shapes: &'a [Arc<FileShape>],
    /// Bytes of the query.
    pub(crate) share: usize,
    pub(crate) held: HeldTexts,
}

impl TextRoom<'_> {
    /// How many bytes the different texts of a column may take, and whether that they fit is a guess. None for a column whose texts are not held.
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
