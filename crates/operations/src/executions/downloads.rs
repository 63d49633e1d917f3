//! The places of downloads. Each keeps an artifact and some of its blocks as long as its reader takes, so their number is limited: in total, for each
//! tenant and for each artifact. A reader that stops reading loses its place (`download/pace.rs`).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::failure::Failure;

/// Seconds after which one that was refused may ask again.
const WAIT_SECONDS: u32 = 5;

/// One in so many places is left to tenants that have [few](FEW).
const LEFT: usize = 4;
const FEW: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DownloadSettings {
    pub at_once: usize,
    pub per_tenant: usize,
    /// Whatever links lead to it.
    pub per_file: usize,
    /// Bytes per second that a reader has to read, averaged over the time that the server waits for it.
    pub least_rate: u64,
    /// The time for the average.
    pub slow: Duration,
    /// A download that takes longer ends.
    pub longest: Duration,
    /// Whether a whole artifact is sent compressed even if the client did not request it.
    pub always_gzip: bool,
}

impl Default for DownloadSettings {
    fn default() -> Self {
        DownloadSettings {
            at_once: 128,
            per_tenant: 64,
            per_file: 16,
            least_rate: 8 << 10,
            slow: Duration::from_secs(60),
            longest: Duration::from_secs(24 * 3600),
            always_gzip: false,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct Downloads(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_tenant: HashMap<Uuid, usize>,
    by_file: HashMap<Uuid, usize>,
}

/// Is kept until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    downloads: Downloads,
    tenant: Uuid,
    file: Uuid,
}

impl Downloads {
    pub(crate) fn admit(&self, settings: &DownloadSettings, tenant: Uuid, file: Uuid) -> Result<Place, Failure> {
        let mut taken = self.lock();
        let of_tenant = taken.by_tenant.get(&tenant).copied().unwrap_or_default();
        let share = |told: &str| Failure::ShareTaken { told: told.to_owned(), wait_seconds: WAIT_SECONDS };
        if of_tenant >= settings.per_tenant {
            return Err(share("The organization has as many downloads under way as it may. Try again shortly."));
        }
        if taken.by_file.get(&file).is_some_and(|count| *count >= settings.per_file) {
            return Err(share("The file has as many downloads under way as it may. Try again shortly."));
        }
        // Some that take all that they may leave room to others.
        let most = if of_tenant < FEW { settings.at_once } else { settings.at_once - settings.at_once / LEFT };
        if taken.all >= most {
            return Err(Failure::Unavailable {
                told: "Too many downloads at once. Try again shortly.".to_owned(),
                wait_seconds: WAIT_SECONDS,
                cause: format!("{} downloads are under way", taken.all),
            });
        }
        taken.all += 1;
        *taken.by_tenant.entry(tenant).or_default() += 1;
        *taken.by_file.entry(file).or_default() += 1;
        Ok(Place { downloads: self.clone(), tenant, file })
    }

    /// The number of current downloads.
    pub fn under_way(&self) -> usize {
        self.lock().all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.downloads.lock();
        taken.all -= 1;
        give_back(&mut taken.by_tenant, &self.tenant);
        give_back(&mut taken.by_file, &self.file);
    }
}

fn give_back<Key: Eq + Hash>(counts: &mut HashMap<Key, usize>, key: &Key) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn id(number: usize) -> Uuid {
        Uuid::from_u128(number as u128)
    }

    #[test]
    fn places_are_shared_out_and_given_back() {
        let settings = DownloadSettings { at_once: 40, per_tenant: 20, per_file: 6, ..DownloadSettings::default() };
        let downloads = Downloads::default();
        let (one, other, newcomer) = (id(1), id(2), id(3));
        let mut held: Vec<_> = (0..6).map(|_| downloads.admit(&settings, one, id(100)).unwrap()).collect();
        let refused = downloads.admit(&settings, one, id(100)).unwrap_err();
        assert!(matches!(refused, Failure::ShareTaken { .. }) && refused.to_string().starts_with("The file "));
        assert_eq!(refused.retry_after(), Some(WAIT_SECONDS));
        held.extend((0..14).map(|file| downloads.admit(&settings, one, id(200 + file)).unwrap()));
        let refused = downloads.admit(&settings, one, id(300)).unwrap_err();
        assert!(matches!(refused, Failure::ShareTaken { .. }) && refused.to_string().starts_with("The organization "));
        // Two that take what they may, and more, leave room to one that comes later.
        let others: Vec<_> = (0..20).map_while(|file| downloads.admit(&settings, other, id(400 + file)).ok()).collect();
        assert_eq!(others.len(), 10);
        let refused = downloads.admit(&settings, other, id(500)).unwrap_err();
        assert!(matches!(refused, Failure::Unavailable { .. }) && refused.retry_after().is_some());
        let few: Vec<_> = (0..20).map_while(|file| downloads.admit(&settings, newcomer, id(600 + file)).ok()).collect();
        assert_eq!(few.len(), FEW);
        held.pop();
        assert_eq!(downloads.under_way(), 33);
        drop((held, others, few));
        let taken = downloads.lock();
        assert!(taken.all == 0 && taken.by_tenant.is_empty() && taken.by_file.is_empty(), "nothing is kept of those that went");
    }
}
