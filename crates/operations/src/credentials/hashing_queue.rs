//! Decides whose password is hashed next. Hashing is slow on purpose, so a flood of sign-ins always keeps it busy, and the order decides who can sign
//! in at all.
//!
//! Users at addresses where they are known wait in a lane of their own, which strangers cannot fill, and get three of four turns. In both lanes, each
//! further request of a caller who already waits gets a place further back, and so do requests from an address with recent failures. If the lane is full,
//! a request that comes before the last one displaces it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The most requests that wait in a lane: about two seconds of hashing.
const WAITING: usize = 64;
/// While requests wait in both lanes, one of this many turns is a stranger's.
const TURNS: u32 = 4;
/// How many turns a request is moved back for each failure that counts against the stranger's address, and for each request of the caller's that waits.
const TURNS_PER_FAILURE: u64 = 4;
const TURNS_PER_PLACE: u64 = 8;
const MOST_TURNS_BACK: u64 = 64;

/// Who wants a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    lane: Lane,
    /// Requests with the same key are counted together. With `None`, each counts for itself.
    key: Option<String>,
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Known,
    Strangers,
}

impl Asker {
    /// A user at an address where the user is known, or a user who is signed in.
    pub fn known(key: Option<String>) -> Asker {
        Asker { lane: Lane::Known, key, failures: 0 }
    }

    /// Anybody else. `key` is the network, and `failures` are those that count against it.
    pub fn stranger(key: Option<String>, failures: u32) -> Asker {
        Asker { lane: Lane::Strangers, key, failures }
    }
}

/// The lane is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// The right to hash one password. Dropping it gives the turn to the next.
#[derive(Debug)]
pub struct Turn(Arc<HashingQueue>);

#[derive(Debug)]
pub struct HashingQueue {
    threads: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    known: Waiting,
    strangers: Waiting,
    /// The number of turns since the last stranger's.
    turns: u32,
    /// The number of requests so far, which orders those with the same turn.
    came: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By turn, and then by order of arrival.
    places: BTreeMap<(u64, u64), Place>,
    /// The number of places of each key.
    held: HashMap<String, usize>,
    /// The number of turns so far.
    served: u64,
}

#[derive(Debug)]
struct Place {
    key: Option<String>,
    turn: oneshot::Sender<Turn>,
}

/// The place of a caller who waits. Dropping it gives the place back, for example when the caller goes away.
struct Left {
    queue: Arc<HashingQueue>,
    lane: Lane,
    place: (u64, u64),
}

impl Drop for Left {
    fn drop(&mut self) {
        let place = self.queue.lock().lane(self.lane).remove(self.place);
        // Dropped after the lock is released.
        drop(place);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.start();
    }
}

impl State {
    fn lane(&mut self, lane: Lane) -> &mut Waiting {
        match lane {
            Lane::Known => &mut self.known,
            Lane::Strangers => &mut self.strangers,
        }
    }

    fn next(&mut self) -> Option<Place> {
        let strangers = self.known.places.is_empty() || (self.turns + 1 >= TURNS && !self.strangers.places.is_empty());
        self.turns = if strangers { 0 } else { self.turns + 1 };
        let waiting = if strangers { &mut self.strangers } else { &mut self.known };
        let first = *waiting.places.keys().next()?;
        waiting.served += 1;
        waiting.remove(first)
    }
}

impl Waiting {
    /// The turn of a request that arrives now.
    fn turn_of(&self, asker: &Asker) -> u64 {
        let held = asker.key.as_ref().and_then(|key| self.held.get(key)).copied().unwrap_or_default();
        let back = u64::from(asker.failures) * TURNS_PER_FAILURE + u64::try_from(held).unwrap_or_default() * TURNS_PER_PLACE;
        self.served + back.min(MOST_TURNS_BACK)
    }

    fn remove(&mut self, place: (u64, u64)) -> Option<Place> {
        let removed = self.places.remove(&place)?;
        if let Some(key) = &removed.key
            && let Some(held) = self.held.get_mut(key)
        {
            *held -= 1;
            if *held == 0 {
                self.held.remove(key);
            }
        }
        Some(removed)
    }
}

impl HashingQueue {
    pub fn new(threads: usize) -> Arc<HashingQueue> {
        Arc::new(HashingQueue { threads, state: Mutex::default() })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// When there is no place to wait.
    pub async fn enter(self: &Arc<HashingQueue>, asker: &Asker) -> Result<Turn, Busy> {
        let (turn, given) = oneshot::channel();
        // Taken before the wait, so that dropping this future gives the place back even if it is never polled again.
        let _left = self.take_place(asker, turn)?;
        self.start();
        // If the sender was dropped, another request displaced this one.
        given.await.map_err(|_| Busy)
    }

    /// Whether a further request of this caller would find no place now.
    pub fn is_full_for(&self, asker: &Asker) -> bool {
        let mut state = self.lock();
        let waiting = state.lane(asker.lane);
        waiting.places.len() >= WAITING && waiting.places.keys().next_back().is_some_and(|last| waiting.turn_of(asker) >= last.0)
    }

    fn take_place(self: &Arc<HashingQueue>, asker: &Asker, turn: oneshot::Sender<Turn>) -> Result<Left, Busy> {
        let mut state = self.lock();
        state.came += 1;
        let came = state.came;
        let waiting = state.lane(asker.lane);
        let place = (waiting.turn_of(asker), came);
        let mut displaced = None;
        if waiting.places.len() >= WAITING {
            let last = waiting.places.keys().next_back().copied();
            displaced = last.filter(|last| place.0 < last.0).and_then(|last| waiting.remove(last));
            if displaced.is_none() {
                return Err(Busy);
            }
        }
        if let Some(key) = &asker.key {
            *waiting.held.entry(key.clone()).or_default() += 1;
        }
        waiting.places.insert(place, Place { key: asker.key.clone(), turn });
        drop(state);
        // This drops its sender, which tells the displaced caller.
        drop(displaced);
        Ok(Left { queue: Arc::clone(self), lane: asker.lane, place })
    }

    /// Gives turns as long as a thread is free and somebody waits.
    fn start(self: &Arc<HashingQueue>) {
        loop {
            let place = {
                let mut state = self.lock();
                if state.running >= self.threads {
                    return;
                }
                let Some(place) = state.next() else { return };
                state.running += 1;
                place
            };
            // If the caller has gone away, the turn comes back and is dropped here, which starts the next one.
            if place.turn.send(Turn(Arc::clone(self))).is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each change, so a poisoned lock can be used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
