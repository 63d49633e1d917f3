//! Failed sign-ins of one address, whoever they name: what stops somebody who tries one password on many users.
//!
//! Kept in memory and bounded: forgetting is better than growing, and each user has a lockout of their own.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures before the first wait. An office shares one address.
pub const FREE_FAILURES: u32 = 50;
/// Addresses that are remembered.
const CAPACITY: usize = 10_000;
const FIRST_WAIT_SECONDS: i64 = 60;
const LONGEST_WAIT_SECONDS: i64 = 3600;
/// An address that stays quiet for so long is forgotten.
const MEMORY: TimeDelta = TimeDelta::hours(2);

#[derive(Debug, Default)]
pub struct AddressGuard(Mutex<HashMap<IpAddr, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
}

impl AddressGuard {
    /// Whether the address has to wait. One that is not known never has to.
    pub fn is_shut(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let Some(address) = address.map(network) else { return false };
        self.entries().get(&address).is_some_and(|failures| failures.until.is_some_and(|until| now < until))
    }

    /// Counts a failed sign-in: from the fiftieth on the address waits, twice as long each time, an hour at most.
    pub fn failed(&self, address: Option<IpAddr>, now: DateTime<Utc>) {
        let Some(address) = address.map(network) else { return };
        let mut entries = self.entries();
        if entries.len() >= CAPACITY && !entries.contains_key(&address) {
            entries.retain(|_, failures| now - failures.last < MEMORY);
            let oldest = entries.iter().min_by_key(|(_, failures)| failures.last).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| entries.len() >= CAPACITY) {
                entries.remove(&oldest);
            }
        }
        let known = entries.get(&address).copied().filter(|failures| now - failures.last < MEMORY);
        let count = known.map_or(0, |failures| failures.count).saturating_add(1);
        let until = (count >= FREE_FAILURES).then(|| {
            let over = (count - FREE_FAILURES).min(16);
            now + TimeDelta::seconds((FIRST_WAIT_SECONDS << over).min(LONGEST_WAIT_SECONDS))
        });
        entries.insert(address, Failures { count, last: now, until });
    }

    /// Each change leaves the map whole, even when its writer panicked.
    fn entries(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of version 6 one customer has a whole /64 of addresses.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_for_one_address_and_end() {
        let guard = AddressGuard::default();
        let (one, other) = (Some("2001:db8::1".parse().unwrap()), Some("2001:db8:0:1::1".parse().unwrap()));
        let neighbour = Some("2001:db8::2".parse().unwrap());
        let mut now = DateTime::UNIX_EPOCH;
        for _ in 0..FREE_FAILURES - 1 {
            guard.failed(one, now);
            assert!(!guard.is_shut(one, now));
        }
        for wait in [60, 120, 240] {
            guard.failed(neighbour, now);
            assert!(guard.is_shut(one, now) && !guard.is_shut(other, now) && !guard.is_shut(None, now));
            now += TimeDelta::seconds(wait);
            assert!(!guard.is_shut(one, now), "{wait}");
        }
        now += MEMORY;
        guard.failed(one, now);
        assert!(!guard.is_shut(one, now), "forgotten");
    }

    #[test]
    fn memory_is_bounded() {
        let guard = AddressGuard::default();
        let now = DateTime::UNIX_EPOCH;
        for number in 0..u32::try_from(CAPACITY).unwrap() + 10 {
            guard.failed(Some(IpAddr::V4(number.into())), now + TimeDelta::milliseconds(number.into()));
        }
        assert_eq!(guard.entries().len(), CAPACITY);
        assert!(!guard.entries().contains_key(&IpAddr::V4(0.into())), "the oldest went");
    }
}
