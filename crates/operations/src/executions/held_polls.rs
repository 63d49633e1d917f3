//! Polls for a first execution that are held back for a moment: how many of each tenant wait. It does not know what they wait for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

/// Polls that may wait at once: each holds a connection, and one tenant's must not take the others' turn.
const HELD_PER_TENANT: usize = 8;

/// How many polls of each tenant wait now.
#[derive(Debug, Default)]
pub struct HeldPolls(Mutex<HashMap<Uuid, usize>>);

/// Keeps a place until it is dropped.
pub(crate) struct HeldPoll<'a> {
    polls: &'a HeldPolls,
    tenant: Uuid,
}

impl HeldPolls {
    /// None where the tenant has as many already.
    pub(crate) fn hold(&self, tenant: Uuid) -> Option<HeldPoll<'_>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(tenant).or_default();
        if *count >= HELD_PER_TENANT {
            return None;
        }
        *count += 1;
        Some(HeldPoll { polls: self, tenant })
    }
}

impl Drop for HeldPoll<'_> {
    fn drop(&mut self) {
        let mut held = self.polls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_holds_a_few_polls_and_gives_them_back() {
        let polls = HeldPolls::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let held: Vec<_> = (0..HELD_PER_TENANT).map(|_| polls.hold(one).unwrap()).collect();
        assert!(polls.hold(one).is_none());
        assert!(polls.hold(other).is_some(), "another tenant's turn");
        drop(held);
        assert!(polls.hold(one).is_some());
        assert!(polls.0.lock().unwrap().is_empty(), "nothing is kept of those that ended");
    }
}
