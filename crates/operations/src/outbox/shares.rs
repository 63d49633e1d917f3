//! Counts concurrent attempts, in all, by tenant and by receiver.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// The most concurrent attempts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) most: usize,
    pub(crate) per_tenant: usize,
    pub(crate) per_receiver: usize,
}

/// The concurrent attempts. Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    bounds: Bounds,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    tenants: HashMap<Uuid, usize>,
    receivers: HashMap<String, usize>,
}

/// Counts for one concurrent attempt. Dropping it releases the share, however the attempt ended.
#[derive(Debug)]
pub(crate) struct Share {
    shares: Shares,
    tenant: Uuid,
    receiver: String,
}

impl Shares {
    pub(crate) fn new(bounds: Bounds) -> Shares {
        Shares { bounds, counts: Arc::default() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are consistent after each statement, so a poisoned lock can be used.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way(&self) -> usize {
        self.counts().tenants.values().sum()
    }

    /// How many more there may be at once.
    pub(crate) fn room(&self) -> usize {
        self.bounds.most.saturating_sub(self.under_way())
    }

    /// Takes a share. `None` if the tenant or the receiver is at its limit.
    pub(crate) fn take(&self, tenant: Uuid, receiver: String) -> Option<Share> {
        let Bounds { per_tenant, per_receiver, .. } = self.bounds;
        let mut counts = self.counts();
        let (of_tenant, of_receiver) = (counts.tenants.get(&tenant), counts.receivers.get(&receiver));
        if of_tenant.is_some_and(|count| *count >= per_tenant) || of_receiver.is_some_and(|count| *count >= per_receiver) {
            return None;
        }
        *counts.tenants.entry(tenant).or_default() += 1;
        *counts.receivers.entry(receiver.clone()).or_default() += 1;
        Some(Share { shares: self.clone(), tenant, receiver })
    }

    pub(crate) fn full_tenants(&self) -> Vec<Uuid> {
        self.counts().tenants.iter().filter(|(_, count)| **count >= self.bounds.per_tenant).map(|(tenant, _)| *tenant).collect()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.counts();
        give_one_back(&mut counts.tenants, &self.tenant);
        give_one_back(&mut counts.receivers, self.receiver.as_str());
    }
}

fn give_one_back<Key, Named>(counts: &mut HashMap<Key, usize>, key: &Named)
where
    Key: Hash + Eq + Borrow<Named>,
    Named: Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { most: 16, per_tenant: 4, per_receiver: 2 };

    #[test]
    fn shares_are_bounded_and_given_back() {
        let shares = Shares::new(BOUNDS);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let take = |tenant, receiver: &str| shares.take(tenant, receiver.to_owned());
        let mut held: Vec<Share> = (0..BOUNDS.per_receiver).map(|_| take(one, "https://a").unwrap()).collect();
        assert!(take(one, "https://a").is_none() && take(other, "https://a").is_none(), "the receiver has its share");
        held.extend(["https://b", "https://c"].map(|receiver| take(one, receiver).unwrap()));
        assert!(take(one, "https://d").is_none() && take(other, "https://d").is_some(), "the tenant has its share");
        assert_eq!((shares.full_tenants(), shares.room()), (vec![one], BOUNDS.most - BOUNDS.per_tenant));
        drop(held);
        assert!(shares.counts().tenants.is_empty() && shares.counts().receivers.is_empty(), "nothing is kept of what ended");
    }
}
