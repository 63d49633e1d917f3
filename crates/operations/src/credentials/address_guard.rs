//! Counts the failed sign-ins of one address, under any names. This stops password spraying: trying one password on many users. Sign-ins that succeed
//! lower the count, and users who are known from the address never wait for it. Wrong client secrets are counted in the same way, and apart.
//!
//! The counts are in memory and bounded: the oldest are dropped. Each name has a count of its own beside this one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::guessing::{Counted, FORGIVES_AGAIN, Lockout, WrongPassword};
use uuid::Uuid;

/// The most addresses that are remembered, and the most users who have lowered the count of one.
const CAPACITY: usize = 10_000;
/// When the map is full, addresses without a failure for this long are forgotten.
const MEMORY: TimeDelta = TimeDelta::hours(24);

#[derive(Debug, Default)]
pub struct AddressGuard(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: HashMap<IpAddr, Failures>,
    /// When a user's sign-in last lowered the count of an address.
    forgiven: HashMap<(IpAddr, Uuid), DateTime<Utc>>,
    /// Addresses from which somebody signed in, and when they last did.
    welcome: HashMap<IpAddr, DateTime<Utc>>,
}

#[derive(Debug, Clone, Default)]
struct Failures {
    count: Lockout,
    last: DateTime<Utc>,
}

impl AddressGuard {
    /// When the wait of the address ends, if it has to wait. An unknown address never has to.
    pub fn shut_until(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.state().failures.get(&network_of(address?))?.count.locked(now)
    }

    /// Forgets all addresses.
    pub(crate) fn forget(&self) {
        *self.state() = State::default();
    }

    /// The failures that count against the address now.
    pub fn failures(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> u32 {
        let Some(address) = address.map(network_of) else { return 0 };
        self.state().failures.get(&address).map_or(0, |known| known.count.clone().brought_to(now).failures)
    }

    /// Whether sign-ins from the address failed recently and none succeeded, as far as is known.
    pub fn only_fails(&self, address: Option<IpAddr>, now: DateTime<Utc>) -> bool {
        let Some(network) = address.map(network_of) else { return false };
        self.failures(address, now) > 0 && !self.state().welcome.contains_key(&network)
    }

    /// Counts a failed sign-in; with `wrong`, once for as long as that is remembered. From the fiftieth on, the address has to wait, twice as long each
    /// time, for an hour at most.
    pub fn failed(&self, address: Option<IpAddr>, wrong: Option<WrongPassword>, now: DateTime<Utc>) {
        let Some(address) = address.map(network_of) else { return };
        let mut state = self.state();
        let entries = &mut state.failures;
        if entries.len() >= CAPACITY && !entries.contains_key(&address) {
            entries.retain(|_, known| now - known.last < MEMORY);
            let oldest = entries.iter().min_by_key(|(_, known)| known.last).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| entries.len() >= CAPACITY) {
                entries.remove(&oldest);
            }
        }
        let known = entries.entry(address).or_default();
        known.count = std::mem::take(&mut known.count).after_failure(Counted::Address, wrong, now).0;
        known.last = now;
    }

    /// A user's sign-in lowers the count of its address, at most once an hour. Without that limit, one account would allow any number of guesses at others.
    pub fn succeeded(&self, address: Option<IpAddr>, user: Uuid, now: DateTime<Utc>) {
        let Some(address) = address.map(network_of) else { return };
        let mut state = self.state();
        let State { failures, forgiven, welcome } = &mut *state;
        if welcome.len() >= CAPACITY && !welcome.contains_key(&address) {
            let oldest = welcome.iter().min_by_key(|(_, last)| **last).map(|(address, _)| *address);
            oldest.and_then(|oldest| welcome.remove(&oldest));
        }
        welcome.insert(address, now);
        let Some(known) = failures.get_mut(&address) else { return };
        if forgiven.len() >= CAPACITY {
            forgiven.retain(|_, last| now - *last < FORGIVES_AGAIN);
        }
        let again = forgiven.get(&(address, user)).is_none_or(|last| now - *last >= FORGIVES_AGAIN);
        if again && forgiven.len() < CAPACITY {
            forgiven.insert((address, user), now);
            known.count = std::mem::take(&mut known.count).forgiven(now);
        }
    }

    /// The maps are consistent after each change, so a poisoned lock can be used.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The network of an address. An IPv6 customer has a whole /64 of addresses, which counts as one.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[test]
    fn an_address_waits_longer_with_each_failure() {
        let guard = AddressGuard::default();
        let addresses = ["203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8"].map(|text| Some(text.parse().unwrap()));
        let [one, same, other] = addresses;
        for _ in 1..Counted::Address.free() {
            guard.failed(one, None, NOW);
            guard.failed(None, None, NOW);
        }
        assert_eq!((guard.shut_until(one, NOW), guard.shut_until(None, NOW)), (None, None));
        let mut now = NOW;
        for wait in [60, 120, 240, 480] {
            guard.failed(same, None, now);
            assert!(guard.shut_until(other, now).is_none());
            let until = now + TimeDelta::seconds(wait);
            assert_eq!(guard.shut_until(one, until - TimeDelta::milliseconds(1)), Some(until), "{wait}");
            now = until;
            assert_eq!(guard.shut_until(one, now), None, "{wait}");
        }
        assert_eq!((guard.failures(one, now), guard.failures(other, now)), (52, 0), "a quarter of an hour has forgotten one");
    }

    #[test]
    fn sign_ins_lower_the_count_of_their_address_but_one_user_only_once_an_hour() {
        let guard = AddressGuard::default();
        let [office, elsewhere] = ["203.0.113.7", "2001:db8::7"].map(|text| Some(text.parse().unwrap()));
        for _ in 0..Counted::Address.free() {
            guard.failed(office, None, NOW);
        }
        assert!(guard.shut_until(office, NOW).is_some() && guard.only_fails(office, NOW));
        let [ana, ben] = [1, 2].map(Uuid::from_u128);
        guard.succeeded(elsewhere, ana, NOW);
        assert_eq!(guard.failures(office, NOW), 50);
        for (user, minute, failures) in [(ana, 0, 40), (ana, 1, 40), (ben, 2, 30), (ben, 59, 27), (ana, 60, 16), (ana, 119, 13)] {
            let now = NOW + TimeDelta::minutes(minute);
            guard.succeeded(office, user, now);
            assert_eq!(guard.failures(office, now), failures, "{user} after {minute}");
        }
        assert!(guard.shut_until(office, NOW).is_none() && !guard.only_fails(office, NOW));
        assert!(!guard.only_fails(elsewhere, NOW) && !guard.only_fails(None, NOW));
    }

    #[test]
    fn memory_is_bounded() {
        let guard = AddressGuard::default();
        for number in 0..u32::try_from(CAPACITY).unwrap() + 10 {
            let (address, now) = (Some(IpAddr::V4(number.into())), NOW + TimeDelta::milliseconds(number.into()));
            guard.failed(address, None, now);
            guard.succeeded(address, Uuid::from_u128(number.into()), now);
        }
        let state = guard.state();
        assert_eq!((state.failures.len(), state.forgiven.len(), state.welcome.len()), (CAPACITY, CAPACITY, CAPACITY));
        assert!(!state.failures.contains_key(&IpAddr::V4(0.into())), "the oldest went");
    }
}
