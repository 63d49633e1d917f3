//! What faults hold back: executions until a time, and callbacks until others were sent.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Ids that are kept of executions whose turn to be held back is over.
const MOST_KEPT: usize = 10_000;

/// Executions that are held back.
#[derive(Debug, Default)]
pub(crate) struct HeldExecutions(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Until when by the product's clock, and by which fault.
    held: HashMap<Uuid, (DateTime<Utc>, Uuid)>,
    /// Each is held back once.
    let_go: HashSet<Uuid>,
}

impl HeldExecutions {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self) {
        *self.kept() = Kept::default();
    }

    pub(super) fn hold(&self, id: Uuid, until: DateTime<Utc>, fault: Uuid) {
        self.kept().held.insert(id, (until, fault));
    }

    /// Those whose end or fault makes that they are held no longer, with their ends.
    pub(super) fn over(&self, is_over: impl Fn(DateTime<Utc>, Uuid) -> bool) -> Vec<(Uuid, DateTime<Utc>)> {
        let kept = self.kept();
        kept.held.iter().filter(|(_, (until, fault))| is_over(*until, *fault)).map(|(id, (until, _))| (*id, *until)).collect()
    }

    /// It is not held back again.
    pub(super) fn let_go(&self, id: Uuid) {
        let mut kept = self.kept();
        kept.held.remove(&id);
        if kept.let_go.len() >= MOST_KEPT {
            kept.let_go.clear();
        }
        kept.let_go.insert(id);
    }

    pub(super) fn was_let_go(&self, id: Uuid) -> bool {
        self.kept().let_go.contains(&id)
    }
}

/// A callback, with the time at which it was made.
type Made = (DateTime<Utc>, Uuid);

/// Callbacks that wait for others.
#[derive(Debug, Default)]
pub(crate) struct HeldCallbacks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By fault: those that came first, of the group that is not complete.
    groups: HashMap<Uuid, Vec<Made>>,
    /// What is sent after each.
    after: HashMap<Uuid, Uuid>,
}

impl HeldCallbacks {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn forget(&self) {
        *self.waiting() = Waiting::default();
    }

    /// Those that wait by faults that `is_there` does not know.
    pub(super) fn of_other_faults(&self, is_there: impl Fn(Uuid) -> bool) -> Vec<Uuid> {
        let mut waiting = self.waiting();
        let gone: Vec<Uuid> = waiting.groups.keys().copied().filter(|fault| !is_there(*fault)).collect();
        gone.into_iter().filter_map(|fault| waiting.groups.remove(&fault)).flatten().map(|(_, callback)| callback).collect()
    }

    /// What is sent after this one.
    pub(super) fn next_after(&self, sent: Uuid) -> Option<Uuid> {
        self.waiting().after.remove(&sent)
    }

    /// Adds one to its fault's group. The newest of the group, once it is complete: the others follow it, each after the one that was made next.
    pub(super) fn newest_of_all(&self, fault: Uuid, callback: Made, of: u32) -> Option<Made> {
        let mut waiting = self.waiting();
        let group = waiting.groups.entry(fault).or_default();
        group.push(callback);
        if group.len() < of as usize {
            return None;
        }
        let mut group = std::mem::take(group);
        group.sort_unstable_by(|one, other| other.cmp(one));
        let pairs = group.iter().zip(group.iter().skip(1));
        waiting.after.extend(pairs.map(|((_, one), (_, next))| (*one, *next)));
        group.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_sent_the_newest_first_in_whichever_order_it_was_ready() {
        let held = HeldCallbacks::default();
        let made = |number: u8| (DateTime::from_timestamp_millis(i64::from(number)).unwrap(), Uuid::from_u128(number.into()));
        let fault = Uuid::from_u128(100);
        assert_eq!([2, 3].map(|number| held.newest_of_all(fault, made(number), 3)), [None, None]);
        assert_eq!(held.newest_of_all(Uuid::from_u128(200), made(9), 3), None, "another fault has another group");
        assert_eq!(held.newest_of_all(fault, made(1), 3), Some(made(3)));
        let id = |number| made(number).1;
        assert_eq!([3, 2, 1].map(|sent| held.next_after(id(sent))), [Some(id(2)), Some(id(1)), None]);
        assert_eq!(held.newest_of_all(fault, made(4), 3), None, "a new group begins");
        assert_eq!(held.of_other_faults(|known| known != fault), [id(4)]);
    }
}
