//! The memory account of the engine: a query takes bytes before it starts, when its turn comes, and returns them when it ends.
//!
//! It does not know what the bytes are for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::EngineError;
use crate::run::turns::{Asked, Rules, Ticket, Turns};

/// One tenant takes at most the seats divided by this.
const PART_OF_ONE_TENANT: usize = 4;

#[derive(Clone)]
pub(crate) struct Ledger(Arc<Shared>);

struct Shared {
    /// The bytes of all shares together.
    limit: usize,
    /// The most previews and explanations that run or wait.
    seats: usize,
    state: Mutex<State>,
}

struct State {
    turns: Turns,
    waiting: HashMap<Ticket, oneshot::Sender<Share>>,
    seated: HashMap<Uuid, usize>,
    /// The most bytes that were ever held at once.
    most: usize,
}

/// Bytes of the memory, which are returned when the share is dropped.
pub(crate) struct Share {
    ledger: Ledger,
    asked: Asked,
}

/// A seat for a preview or an explanation, which is freed when it is dropped.
pub struct Seat {
    ledger: Ledger,
    tenant: Uuid,
}

/// A query in the queue. It leaves the queue when it is dropped.
struct Waiter<'a> {
    ledger: &'a Ledger,
    ticket: Ticket,
    asked: Asked,
}

impl Ledger {
    pub(crate) fn new(rules: Rules, seats: usize) -> Ledger {
        let limit = rules.limit;
        let state = State { turns: Turns::new(rules), waiting: HashMap::new(), seated: HashMap::new(), most: 0 };
        Ledger(Arc::new(Shared { limit, seats, state: Mutex::new(state) }))
    }

    /// The bytes of all shares together.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }

    /// Fails if the tenant has as many seats as it may, or if all are taken.
    pub(crate) fn seat(&self, tenant: Uuid) -> Result<Seat, EngineError> {
        let mut state = self.lock();
        let all: usize = state.seated.values().sum();
        let own = state.seated.get(&tenant).copied().unwrap_or_default();
        if own >= self.0.seats.div_ceil(PART_OF_ONE_TENANT) {
            return Err(EngineError::Crowded { by_own: true });
        }
        if all >= self.0.seats {
            return Err(EngineError::Crowded { by_own: false });
        }
        *state.seated.entry(tenant).or_default() += 1;
        Ok(Seat { ledger: self.clone(), tenant })
    }

    /// Waits for its turn. Must not ask for more than the limit, since it would wait for ever.
    pub(crate) async fn take(&self, asked: Asked) -> Result<Share, EngineError> {
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = self.lock();
            let ticket = state.turns.enter(asked);
            state.waiting.insert(ticket, sender);
            ticket
        };
        let _waiter = Waiter { ledger: self, ticket, asked };
        self.hand_out();
        receiver.await.map_err(|_| EngineError::Plan("the turn was lost".to_owned()))
    }

    /// Returns `None` if it would have to wait.
    pub(crate) fn take_now(&self, asked: Asked) -> Option<Share> {
        let (own, others) = {
            let mut state = self.lock();
            let ticket = state.turns.enter(asked);
            let (own, others): (Vec<_>, Vec<_>) = state.granted().into_iter().partition(|(granted, _)| *granted == ticket);
            if own.is_empty() {
                state.turns.withdraw(ticket, asked);
            }
            (own, state.with_waiting(others))
        };
        self.deliver(others);
        own.into_iter().next().map(|(_, asked)| Share { ledger: self.clone(), asked })
    }

    /// Whether queries of the tenant hold any memory.
    pub(crate) fn holds(&self, tenant: Uuid) -> bool {
        self.lock().turns.holds(tenant)
    }

    /// Gives shares to the queries whose turn it is.
    fn hand_out(&self) {
        let granted = {
            let mut state = self.lock();
            let granted = state.granted();
            state.with_waiting(granted)
        };
        self.deliver(granted);
    }

    /// Called without the lock: a share whose query has gone away is returned at once.
    fn deliver(&self, granted: Vec<(Option<oneshot::Sender<Share>>, Asked)>) {
        for (waiting, asked) in granted {
            let share = Share { ledger: self.clone(), asked };
            if let Some(waiting) = waiting {
                let _ = waiting.send(share);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes of the shares that are taken.
    pub(crate) fn held(&self) -> usize {
        self.lock().turns.held()
    }

    #[cfg(test)]
    pub(crate) fn most(&self) -> usize {
        self.lock().most
    }

    /// The queries that wait for their turn.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

impl State {
    /// All queries whose turn it is and for which there is room.
    fn granted(&mut self) -> Vec<(Ticket, Asked)> {
        let granted = std::iter::from_fn(|| self.turns.grant()).collect();
        self.most = self.most.max(self.turns.held());
        granted
    }

    fn with_waiting(&mut self, granted: Vec<(Ticket, Asked)>) -> Vec<(Option<oneshot::Sender<Share>>, Asked)> {
        granted.into_iter().map(|(ticket, asked)| (self.waiting.remove(&ticket), asked)).collect()
    }
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.asked.bytes
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.ledger.lock().turns.give_back(self.asked);
        self.ledger.hand_out();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.ledger.lock();
        if let Some(count) = state.seated.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                state.seated.remove(&self.tenant);
            }
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let waited = {
            let mut state = self.ledger.lock();
            let waited = state.waiting.remove(&self.ticket).is_some();
            if waited {
                state.turns.leave(self.ticket, self.asked);
            }
            waited
        };
        if waited {
            // Other queries may have waited behind this one.
            self.ledger.hand_out();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt;

    use super::*;
    use crate::run::turns::Lane;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    fn ledger() -> Ledger {
        Ledger::new(Rules { limit: 100, spare: 40, exports_of_one: 60, small: 10, ..Rules::default() }, 8)
    }

    fn preview(tenant: Uuid, bytes: usize) -> Asked {
        Asked { tenant, lane: Lane::Preview, bytes }
    }

    #[tokio::test]
    async fn shares_are_handed_on_and_the_limit_holds() {
        let ledger = ledger();
        let tasks: Vec<_> = (0..40)
            .map(|number| {
                let (ledger, tenant) = (ledger.clone(), if number % 2 == 0 { A } else { B });
                tokio::spawn(async move {
                    let share = ledger.take(preview(tenant, 30)).await.unwrap();
                    tokio::task::yield_now().await;
                    assert_eq!(share.bytes(), 30);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!((ledger.held(), ledger.waiting(), ledger.most()), (0, 0, 90));
    }

    #[tokio::test]
    async fn who_went_away_is_passed_over() {
        let ledger = ledger();
        let all = ledger.take(preview(A, 100)).await.unwrap();
        let mut gone = Box::pin(ledger.take(preview(A, 100)));
        assert!(gone.as_mut().now_or_never().is_none());
        let mut stays = Box::pin(ledger.take(preview(B, 50)));
        assert!(stays.as_mut().now_or_never().is_none());
        assert_eq!(ledger.waiting(), 2);
        drop(gone);
        assert_eq!(ledger.waiting(), 1);
        drop(all);
        assert_eq!(ledger.held(), 50, "its share waits for it");
        // A share that was granted and never taken is returned.
        drop(stays);
        assert_eq!((ledger.held(), ledger.waiting()), (0, 0));
        assert!(ledger.take_now(preview(A, 100)).is_some());
    }

    #[test]
    fn seats_are_counted_by_tenant_and_in_all() {
        let ledger = ledger();
        let crowded = |tenant| match ledger.seat(tenant) {
            Err(EngineError::Crowded { by_own }) => Some(by_own),
            _ => None,
        };
        let own: Vec<_> = (0..2).map(|_| ledger.seat(A).unwrap()).collect();
        assert_eq!(crowded(A), Some(true));
        let others: Vec<_> = (10..16).map(|id| ledger.seat(Uuid::from_u128(id)).unwrap()).collect();
        assert_eq!(crowded(B), Some(false));
        drop((own, others));
        assert!(ledger.lock().seated.is_empty(), "nothing is kept of those that went");
    }
}
