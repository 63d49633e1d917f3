//! The places of this process's executions. One tenant's long executions leave some places to others.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turnstile, MutexGuard as Through};
use uuid::Uuid;

/// How many executions of each tenant run in this process.
#[derive(Debug)]
pub struct Places {
    of_one_tenant: usize,
    running: Mutex<HashMap<Uuid, usize>>,
    /// One runner at a time claims, so that no two take a tenant's last place.
    turnstile: Turnstile<()>,
}

/// The right to claim an execution.
pub(crate) struct Claiming<'a> {
    places: &'a Places,
    _through: Through<'a, ()>,
}

/// Kept while an execution runs.
pub(crate) struct Place<'a> {
    places: &'a Places,
    tenant: Uuid,
}

impl Places {
    /// `of_one_tenant`: the most concurrent executions of a tenant.
    pub fn new(of_one_tenant: usize) -> Places {
        Places { of_one_tenant, running: Mutex::default(), turnstile: Turnstile::default() }
    }

    pub(crate) async fn claiming(&self) -> Claiming<'_> {
        Claiming { _through: self.turnstile.lock().await, places: self }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, usize>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Claiming<'a> {
    /// Tenants that have all of their places taken.
    pub(crate) fn full(&self) -> Vec<Uuid> {
        let running = self.places.lock();
        running.iter().filter(|(_, count)| **count >= self.places.of_one_tenant).map(|(tenant, _)| *tenant).collect()
    }

    pub(crate) fn taken_by(self, tenant: Uuid) -> Place<'a> {
        *self.places.lock().entry(tenant).or_default() += 1;
        Place { places: self.places, tenant }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut running = self.places.lock();
        if let Some(count) = running.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_with_all_of_its_places_is_passed_over_until_a_run_ends() {
        let (places, one, other) = (Places::new(2), Uuid::from_u128(1), Uuid::from_u128(2));
        let first = places.claiming().await.taken_by(one);
        assert!(places.claiming().await.full().is_empty());
        let second = places.claiming().await.taken_by(one);
        let third = places.claiming().await.taken_by(other);
        assert_eq!(places.claiming().await.full(), [one]);
        drop(first);
        assert!(places.claiming().await.full().is_empty());
        drop((second, third));
        assert!(places.lock().is_empty(), "nothing is kept of those that ended");
    }
}
