//! How many artifacts of each tenant are read at once: each holds an open file and a block, for as long as its reader likes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// One tenant's slow readers leave the files and the memory to others.
pub(crate) const MOST_PER_TENANT: usize = 64;

#[derive(Debug, Clone, Default)]
pub(crate) struct Readers(Arc<Mutex<HashMap<Uuid, usize>>>);

/// Keeps a place until it is dropped.
#[derive(Debug)]
pub(crate) struct Reader {
    readers: Readers,
    tenant: Uuid,
}

impl Readers {
    /// None when the tenant has all of its places taken.
    pub(crate) fn admit(&self, tenant: Uuid) -> Option<Reader> {
        let mut reading = self.lock();
        let count = reading.entry(tenant).or_default();
        if *count >= MOST_PER_TENANT {
            return None;
        }
        *count += 1;
        Some(Reader { readers: self.clone(), tenant })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut reading = self.readers.lock();
        if let Some(count) = reading.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                reading.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tenant_has_some_places_and_gives_them_back() {
        let readers = Readers::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut held: Vec<_> = (0..MOST_PER_TENANT).map(|_| readers.admit(one).unwrap()).collect();
        assert!(readers.admit(one).is_none());
        assert!(readers.admit(other).is_some(), "another tenant's place");
        held.pop();
        held.push(readers.admit(one).unwrap());
        drop(held);
        assert!(readers.lock().is_empty(), "nothing is kept of those that went");
    }
}
