//! Remembers the results of functions for recent dictionaries: the dictionary of a row group comes again with each of its batches.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, StringArray};

/// This suffices for a few streams that read a row group each.
const REMEMBERED: usize = 8;

/// A result for each value of each remembered dictionary. The dictionary itself is kept, so that its memory cannot be reused for another one.
pub(super) struct Remembered<T>(Mutex<Vec<(StringArray, Arc<[T]>)>>);

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered(Mutex::default())
    }
}

impl<T> Remembered<T> {
    pub(super) fn find(&self, values: &StringArray) -> Option<Arc<[T]>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(known, _)| is_same(known, values)).map(|(_, made)| Arc::clone(made))
    }

    pub(super) fn keep(&self, values: &StringArray, made: Arc<[T]>) -> Arc<[T]> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push((values.clone(), Arc::clone(&made)));
        made
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Whether two arrays share the same memory.
fn is_same(one: &StringArray, other: &StringArray) -> bool {
    one.len() == other.len()
        && one.value_offsets().as_ptr() == other.value_offsets().as_ptr()
        && one.value_data().as_ptr() == other.value_data().as_ptr()
}
