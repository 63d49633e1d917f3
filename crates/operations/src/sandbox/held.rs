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

/// Callbacks that wait for others.
#[derive(Debug, Default)]
pub(crate) struct HeldCallbacks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By fault: those that came first, of the group that is not complete.
    groups: HashMap<Uuid, Vec<Uuid>>,
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
        gone.into_iter().filter_map(|fault| waiting.groups.remove(&fault)).flatten().collect()
    }

    /// What is sent after this one.
    pub(super) fn next_after(&self, sent: Uuid) -> Option<Uuid> {
        self.waiting().after.remove(&sent)
    }

    /// Whether the callback waits. The last of a group does not: the others follow it, the newest first.
    pub(super) fn waits(&self, fault: Uuid, callback: Uuid, of: u32) -> bool {
        let mut waiting = self.waiting();
        let group = waiting.groups.entry(fault).or_default();
        group.push(callback);
        if group.len() < of as usize {
            return true;
        }
        let group = std::mem::take(group);
        let pairs = group.iter().rev().zip(group.iter().rev().skip(1));
        waiting.after.extend(pairs.map(|(one, next)| (*one, *next)));
        false
    }
}
