//! The bounds of connections, for all listeners together: a total, and a share for each address. If there is no room, a new connection replaces the
//! one that has waited longest for its client. A connection that the server is working for is never closed for another.
//!
//! It knows only addresses and times, and never touches a socket.

mod activity;
mod service;
mod stream;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// Trusted proxies, behind which many clients share an address: the share does not apply to them.
    pub proxies: Vec<IpNet>,
}

/// How often the log says the same of one address.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// Addresses that are remembered for it.
const WARNED: usize = 256;

/// Shared by all listeners of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    places: Places,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    shares: HashMap<Share, Vec<Arc<Activity>>>,
    total: usize,
    warned: HashMap<Share, Instant>,
    /// When the log last said that all places are taken, and how often it was left out since.
    full: Option<(Instant, u64)>,
}

/// Whose places are counted together.
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

/// Why the log has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crowd {
    /// The address has its share.
    Address,
    /// All places are taken.
    Server,
}

/// A line of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Warning {
    crowd: Crowd,
    /// Whose share is full; where all places are taken, the one that has most.
    client: IpAddr,
    connections: usize,
    left_out: u64,
}

impl Admission {
    pub fn new(places: Places) -> Admission {
        Admission(Arc::new(Shared { places, ledger: Mutex::default() }))
    }

    /// None: there is no room, and no connection that could be closed for it.
    pub fn admit(&self, peer: IpAddr, now: Instant) -> Option<Place> {
        let places = &self.0.places;
        let share = share(peer, &places.proxies);
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
        // Whole between any two statements.
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The index, in the address's own list.
    fn longest_waiting(&self, share: Share, now: Instant) -> Option<usize> {
        self.waiting(share, now).map(|(at, _)| at)
    }

    fn waiting(&self, share: Share, now: Instant) -> Option<(usize, Instant)> {
        let connections = self.shares.get(&share)?;
        let waiting = connections.iter().enumerate().filter_map(|(at, activity)| activity.may_be_closed(now).map(|since| (at, since)));
        waiting.min_by_key(|(_, since)| *since)
    }

    /// Of the address that has the most; of several such, the one that has waited longest.
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

    /// Its place is free at once; the connection itself ends a moment later.
    fn close(&mut self, share: Share, at: usize) -> bool {
        let Some(connections) = self.shares.get_mut(&share).filter(|connections| at < connections.len()) else { return false };
        connections.swap_remove(at).close();
        if connections.is_empty() {
            self.shares.remove(&share);
        }
        self.total = self.total.saturating_sub(1);
        true
    }

    /// Whoever comes when all places are taken is most often not who took them: what is told is who has most.
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
        // One that was closed for another has given its place back already.
        if let Some(at) = connections.and_then(|all| all.iter().position(|activity| Arc::ptr_eq(activity, &self.activity))) {
            ledger.close(self.share, at);
        }
    }
}

fn share(peer: IpAddr, proxies: &[IpNet]) -> Share {
    let peer = peer.to_canonical();
    let is_proxy = proxies.iter().any(|network| network.contains(&peer));
    let network = match peer {
        // The least that a customer of a network is given: within it, addresses cost nothing.
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
