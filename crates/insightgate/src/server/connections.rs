//! Limits connections for all listeners together: a total, and a share for each address. If there is no room, a new connection replaces the one that
//! has waited longest for its client. A connection for which the server is working is never closed for another one.
//!
//! This module knows only addresses and times, and never touches a socket.

mod activity;
mod service;
mod stream;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ipnet::IpNet;
use tokio::time::Instant;

pub use activity::{Activity, Timing, Verdict};
pub use service::Watched;
pub use stream::WatchedStream;

/// Places that connections may take.
#[derive(Debug, Clone)]
pub struct Places {
    /// The total of all addresses.
    pub total: usize,
    /// The share of one IPv4 address, or of one IPv6 network (/64).
    pub per_address: usize,
    /// Trusted proxies, behind which many clients share an address, so that the share does not apply to them.
    pub proxies: Vec<IpNet>,
}

/// How often the log repeats a warning about one address.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// The number of addresses that are remembered for these warnings.
const WARNED: usize = 256;

/// Shared by all listeners of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Places,
    /// Those of the places at first; they may change while the process runs.
    proxies: RwLock<Vec<IpNet>>,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    shares: HashMap<Share, Vec<Arc<Activity>>>,
    total: usize,
    warned: HashMap<Share, Instant>,
    /// When the log last said that all places are taken, and how many warnings were left out since.
    full: Option<(Instant, u64)>,
}

/// The clients whose places are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Share {
    network: IpAddr,
    is_proxy: bool,
}

/// A place, which is freed when it is dropped.
#[derive(Debug)]
pub struct Place {
    admission: Admission,
    share: Share,
    pub activity: Arc<Activity>,
}

/// The reason for a warning in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crowd {
    /// The address has used up its share.
    Address,
    /// All places are taken.
    Server,
}

/// A warning in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Warning {
    crowd: Crowd,
    /// The client whose share is full; if all places are taken, the one that has most of them.
    client: IpAddr,
    connections: usize,
    left_out: u64,
}

impl Admission {
    pub fn new(places: Places) -> Admission {
        let proxies = RwLock::new(places.proxies.clone());
        Admission(Arc::new(Shared { places, proxies, ledger: Mutex::default() }))
    }

    /// From now on these are the trusted proxies. Connections that are there keep their places as they are.
    pub fn trust(&self, proxies: Vec<IpNet>) {
        *self.0.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies;
    }

    /// Returns `None` if there is no room, and no connection that could be closed to make some.
    pub fn admit(&self, peer: IpAddr, now: Instant) -> Option<Place> {
        let places = &self.0.places;
        let share = share(peer, &self.0.proxies.read().unwrap_or_else(PoisonError::into_inner));
        let mut ledger = self.ledger();
        let own = ledger.shares.get(&share).map_or(0, Vec::len);
        let crowd = match () {
            () if !share.is_proxy && own >= places.per_address => Some(Crowd::Address),
            () if ledger.total >= places.total => Some(Crowd::Server),
            () => None,
        };
        let closed = match crowd {
            None => None,
            Some(Crowd::Address) => ledger.longest_waiting(share, now).map(|at| (share, at)),
            Some(Crowd::Server) => ledger.of_the_most(now),
        };
        let warning = crowd.and_then(|crowd| ledger.warning(crowd, share, now));
        let has_room = match closed {
            Some((from, at)) => ledger.close(from, at),
            None => crowd.is_none(),
        };
        let place = has_room.then(|| {
            let activity = Arc::new(Activity::new(now));
            ledger.total += 1;
            ledger.shares.entry(share).or_default().push(Arc::clone(&activity));
            Place { admission: self.clone(), share, activity }
        });
        drop(ledger);
        if let Some(warning) = warning {
            warn(warning, has_room);
        }
        place
    }

    /// Closes a connection that waits for its client, of the address with the most connections, since the process has no open files left.
    pub fn make_room(&self, now: Instant) {
        let mut ledger = self.ledger();
        if let Some((from, at)) = ledger.of_the_most(now) {
            ledger.close(from, at);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // The ledger is consistent after each statement, so that a panic leaves nothing half changed.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The index of the connection in the address's own list.
    fn longest_waiting(&self, share: Share, now: Instant) -> Option<usize> {
        self.waiting(share, now).map(|(at, _)| at)
    }

    fn waiting(&self, share: Share, now: Instant) -> Option<(usize, Instant)> {
        let connections = self.shares.get(&share)?;
        let waiting = connections.iter().enumerate().filter_map(|(at, activity)| activity.may_be_closed(now).map(|since| (at, since)));
        waiting.min_by_key(|(_, since)| *since)
    }

    /// A waiting connection of the address that has the most; of several such addresses, the connection that has waited longest.
    fn of_the_most(&self, now: Instant) -> Option<(Share, usize)> {
        let mut found: Option<(usize, Instant, Share, usize)> = None;
        for (share, connections) in &self.shares {
            let count = connections.len();
            if found.is_some_and(|(most, ..)| count < most) {
                continue;
            }
            if let Some((at, since)) = self.waiting(*share, now)
                && found.is_none_or(|(most, longest, ..)| count > most || since < longest)
            {
                found = Some((count, since, *share, at));
            }
        }
        found.map(|(_, _, share, at)| (share, at))
    }

    /// The place is free at once; the connection itself ends a moment later.
    fn close(&mut self, share: Share, at: usize) -> bool {
        let Some(connections) = self.shares.get_mut(&share).filter(|connections| at < connections.len()) else { return false };
        connections.swap_remove(at).close();
        if connections.is_empty() {
            self.shares.remove(&share);
        }
        self.total = self.total.saturating_sub(1);
        true
    }

    /// A client that comes when all places are taken is rarely the one that took them, so that the warning names the client with the most.
    fn warning(&mut self, crowd: Crowd, share: Share, now: Instant) -> Option<Warning> {
        let mut warning = Warning { crowd, client: share.network, connections: self.shares.get(&share).map_or(0, Vec::len), left_out: 0 };
        if crowd == Crowd::Address {
            return self.may_warn(share, now).then_some(warning);
        }
        match &mut self.full {
            Some((told, left_out)) if now.duration_since(*told) < WARN_EVERY => {
                *left_out += 1;
                return None;
            }
            full => warning.left_out = full.replace((now, 0)).map_or(0, |(_, left_out)| left_out),
        }
        if let Some((most, connections)) = self.shares.iter().max_by_key(|(_, connections)| connections.len()) {
            (warning.client, warning.connections) = (most.network, connections.len());
        }
        Some(warning)
    }

    fn may_warn(&mut self, share: Share, now: Instant) -> bool {
        let is_fresh = |at: &Instant| now.duration_since(*at) < WARN_EVERY;
        if self.warned.get(&share).is_some_and(is_fresh) {
            return false;
        }
        if self.warned.len() >= WARNED {
            self.warned.retain(|_, at| is_fresh(at));
        }
        if self.warned.len() >= WARNED {
            return false;
        }
        self.warned.insert(share, now);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut ledger = self.admission.ledger();
        let connections = ledger.shares.get(&self.share);
        // A connection that was closed for another has already given its place back.
        if let Some(at) = connections.and_then(|all| all.iter().position(|activity| Arc::ptr_eq(activity, &self.activity))) {
            ledger.close(self.share, at);
        }
    }
}

fn share(peer: IpAddr, proxies: &[IpNet]) -> Share {
    let peer = peer.to_canonical();
    let is_proxy = proxies.iter().any(|network| network.contains(&peer));
    let network = match peer {
        // The smallest network that a customer gets from a provider: within it, addresses cost nothing.
        IpAddr::V6(address) if !is_proxy => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        whole => whole,
    };
    Share { network, is_proxy }
}

fn warn(Warning { crowd, client, connections, left_out }: Warning, made_room: bool) {
    let instead = if made_room { "one that waited for its client was closed for it" } else { "it was refused" };
    match crowd {
        Crowd::Address => {
            tracing::warn!(%client, connections, "a connection of an address that has its share (server.connections_per_address): {instead}")
        }
        Crowd::Server => tracing::warn!(
            most = %client,
            connections,
            left_out,
            "a connection when all places are taken (server.connections): {instead}; the named client has most of them"
        ),
    }
}

#[cfg(test)]
mod tests;
