//! The size of each tenant's artifacts, with what the running executions of this process add to them. No artifact, and no tenant's artifacts together, may exceed
//! what the settings allow.
//!
//! The database knows the published artifacts. It is asked from time to time, and not before each execution. It shows executions of other processes only
//! once they are over.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use insightgate_store::Store;
use uuid::Uuid;

use crate::failure::Failure;
use crate::settings::Settings;

/// Executions of a tenant after which the database is asked anew: other processes publish artifacts, and the sweeper removes some.
const EXECUTIONS_PER_LOOK: u32 = 64;

#[derive(Debug, Default)]
pub struct ArtifactRoom {
    tenants: Mutex<HashMap<Uuid, Held>>,
}

/// Bytes of one tenant's artifacts.
#[derive(Debug, Default, Clone, Copy)]
struct Held {
    published: u64,
    /// By the executions under way.
    writing: u64,
    executions: u32,
}

/// The unfinished artifact of one execution. Dropping it counts it as removed.
#[derive(Debug)]
pub struct Writing<'a> {
    room: &'a ArtifactRoom,
    tenant: Uuid,
    bytes: Mutex<u64>,
    largest: u64,
    of_tenant: u64,
}

impl ArtifactRoom {
    /// `own_gib`: what the operator gave the tenant instead of what every tenant has.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(&self, store: &Store, settings: &Settings, tenant: Uuid, own_gib: Option<u64>) -> Result<Writing<'_>, Failure> {
        let of_tenant = own_gib.map_or(settings.tenant_artifact_bytes, |gib| gib.saturating_mul(1 << 30));
        let known = self.held().get(&tenant).copied();
        // Where there is little room left, what is known must be exact.
        let is_known =
            known.is_some_and(|held| held.executions % EXECUTIONS_PER_LOOK != 0 && held.published + held.writing < of_tenant / 2);
        let published = if is_known { None } else { Some(store.artifact_bytes_of(tenant).await?) };
        let mut tenants = self.held();
        let held = tenants.entry(tenant).or_default();
        held.published = published.unwrap_or(held.published);
        held.executions = held.executions.wrapping_add(1);
        Ok(Writing { room: self, tenant, bytes: Mutex::default(), largest: settings.largest_artifact, of_tenant })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Held>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing<'_> {
    /// Whether the artifact may grow to this number of bytes.
    ///
    /// # Errors
    /// If a limit is exceeded: which one, for the owner.
    pub fn grow_to(&self, bytes: u64) -> Result<(), String> {
        if bytes > self.largest {
            return Err(format!(
                "The file would be larger than {}, which is the most that the file of a report may have (artifacts.largest_mib). Select fewer \
                 columns or a shorter time span.",
                amount(self.largest)
            ));
        }
        let mut own = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tenants = self.room.held();
        let held = tenants.entry(self.tenant).or_default();
        let further = bytes.saturating_sub(*own);
        if held.published.saturating_add(held.writing).saturating_add(further) > self.of_tenant {
            return Err(format!(
                "The files of the organization would have more than {} together, which is the most that they may have (artifacts.tenant_mib). \
                 Delete reports whose files are not needed any more.",
                amount(self.of_tenant)
            ));
        }
        held.writing += further;
        *own += further;
        Ok(())
    }

    /// The artifact is complete, and about to be published.
    pub fn is_whole(self) {
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(held) = self.room.held().get_mut(&self.tenant) {
            held.writing = held.writing.saturating_sub(bytes);
            held.published = held.published.saturating_add(bytes);
        }
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let bytes = *self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = self.room.held().get_mut(&self.tenant) {
            held.writing = held.writing.saturating_sub(bytes);
        }
    }
}

fn amount(bytes: u64) -> String {
    if bytes.is_multiple_of(1 << 30) { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}

/// How much each tenant may keep of a shared budget, so that only the tenants with the most lose something: everybody above this level is reduced to
/// it.
pub(crate) fn level(held: &[u64], budget: u64) -> u64 {
    let mut rising = held.to_vec();
    rising.sort_unstable();
    let (mut left, mut number) = (budget, rising.len() as u64);
    for bytes in rising {
        if bytes > left / number {
            return left / number;
        }
        left -= bytes;
        number -= 1;
    }
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_hold_the_most_are_brought_down() {
        assert_eq!(level(&[], 10), u64::MAX);
        assert_eq!(level(&[3, 4, 2], 9), u64::MAX);
        assert_eq!(level(&[100, 4, 2], 20), 14);
        assert_eq!(level(&[100, 50, 2], 20), 9);
        assert_eq!(level(&[5, 5], 0), 0);
        for budget in 0..200 {
            let held = [90, 3, 17, 0, 40];
            let level = level(&held, budget);
            assert!(held.iter().map(|bytes| bytes.min(&level)).sum::<u64>() <= budget, "budget {budget}");
        }
    }

    #[tokio::test]
    async fn executions_at_the_same_time_share_the_room_of_their_tenant() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", folder.path().join("x.db").display())).await.unwrap();
        let settings = Settings { largest_artifact: 6 << 20, tenant_artifact_bytes: 10 << 20, ..Settings::default() };
        let room = ArtifactRoom::default();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let first = room.begin(&store, &settings, one, None).await.unwrap();
        let second = room.begin(&store, &settings, one, None).await.unwrap();
        let refused = first.grow_to((6 << 20) + 1).unwrap_err();
        assert!(refused.contains("larger than 6 MiB") && refused.contains("artifacts.largest_mib"), "{refused}");
        first.grow_to(6 << 20).unwrap();
        second.grow_to(4 << 20).unwrap();
        let refused = second.grow_to((4 << 20) + 1).unwrap_err();
        assert!(refused.contains("more than 10 MiB together") && refused.contains("artifacts.tenant_mib"), "{refused}");
        room.begin(&store, &settings, other, None).await.unwrap().grow_to(6 << 20).unwrap();
        drop(first);
        second.grow_to(5 << 20).unwrap();
        second.is_whole();
        let held = room.held()[&one];
        assert_eq!((held.published, held.writing), (5 << 20, 0));
        // So near to the limit the database is asked, which knows of no artifact.
        let third = room.begin(&store, &settings, one, None).await.unwrap();
        third.grow_to(6 << 20).unwrap();
    }
}
