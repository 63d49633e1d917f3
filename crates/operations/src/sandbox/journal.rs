//! A bounded list of what happened last, to be looked at by a test.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// Entries that are kept. The oldest makes room.
pub const MOST_ENTRIES: usize = 500;

#[derive(Debug, Default)]
pub struct Journal(Mutex<VecDeque<Value>>);

impl Journal {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Value>> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, entry: Value) {
        let mut entries = self.entries();
        if entries.len() >= MOST_ENTRIES {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// The oldest first.
    pub fn list(&self) -> Vec<Value> {
        self.entries().iter().cloned().collect()
    }

    /// How many there were.
    pub fn clear(&self) -> usize {
        std::mem::take(&mut *self.entries()).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let journal = Journal::default();
        for number in 0..MOST_ENTRIES + 2 {
            journal.add(number.into());
        }
        let kept = journal.list();
        assert_eq!((kept.len(), &kept[0], journal.clear(), journal.list().len()), (MOST_ENTRIES, &Value::from(2), MOST_ENTRIES, 0));
    }
}
