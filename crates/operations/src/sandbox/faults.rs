//! The faults that are ordered now: a bounded list, in which the first that meets something happens to it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::failure::Failure;
use crate::sandbox::fault::{CallbackFault, Effect, ExecutionFault, Fault, Matching, Often, RequestFault};

/// Faults at a time.
pub const MOST_FAULTS: usize = 100;

/// A fault in the list.
#[derive(Debug, Clone)]
pub struct Ordered {
    pub id: Uuid,
    pub fault: Fault,
    /// How often it could have happened.
    pub met: u64,
    /// How often it happened.
    pub happened: u64,
}

impl Ordered {
    fn is_over(&self) -> bool {
        matches!(self.fault.often, Often::Times(times) if self.happened >= u64::from(times))
    }

    /// Counts what it meets. Whether it happens to it.
    fn happens(&mut self) -> bool {
        self.met += 1;
        let happens = match self.fault.often {
            Often::Always | Often::Times(_) => true,
            // As many as the share of those that were met so far, rounded to the nearest.
            Often::Share(share) => (self.met as f64 * share).round() > self.happened as f64,
        };
        self.happened += u64::from(happens);
        happens
    }
}

#[derive(Debug, Default)]
pub struct Faults {
    ordered: Mutex<Vec<Ordered>>,
    /// Some were cleared: what waits for one goes on.
    pub(crate) cleared: Notify,
}

impl Faults {
    fn ordered(&self) -> MutexGuard<'_, Vec<Ordered>> {
        // Whole between any two statements.
        self.ordered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last of the list. Of a full list, the oldest that is over makes room, if it can hold nothing back any more.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add(&self, id: Uuid, fault: Fault) -> Result<Ordered, Failure> {
        let mut ordered = self.ordered();
        if ordered.len() >= MOST_FAULTS {
            let is_done = |one: &Ordered| one.is_over() && matches!(one.fault.effect, Effect::Request(_));
            let over = ordered.iter().position(is_done);
            let Some(over) = over else {
                return Err(Failure::Invalid(format!("There are {MOST_FAULTS} faults already, which is the most: clear some.")));
            };
            ordered.remove(over);
        }
        let added = Ordered { id, fault, met: 0, happened: 0 };
        ordered.push(added.clone());
        Ok(added)
    }

    pub fn list(&self) -> Vec<Ordered> {
        self.ordered().clone()
    }

    /// Whether there was one.
    pub fn clear(&self, id: Uuid) -> bool {
        let mut ordered = self.ordered();
        let before = ordered.len();
        ordered.retain(|one| one.id != id);
        let cleared = ordered.len() < before;
        drop(ordered);
        self.cleared.notify_waiters();
        cleared
    }

    /// How many there were.
    pub fn clear_all(&self) -> usize {
        let count = std::mem::take(&mut *self.ordered()).len();
        self.cleared.notify_waiters();
        count
    }

    pub(crate) fn has(&self, id: Uuid) -> bool {
        self.ordered().iter().any(|one| one.id == id)
    }

    /// Whether some fault that is not over is of this kind.
    pub fn any(&self, of_kind: impl Fn(&Effect) -> bool) -> bool {
        self.ordered().iter().any(|one| !one.is_over() && of_kind(&one.fault.effect))
    }

    /// The first fault that happens to what `meets` says, with its id. Those before it that only meet it are counted.
    fn first<T>(&self, meets: impl Fn(&Matching) -> bool, of_kind: impl Fn(&Effect) -> Option<T>) -> Option<(Uuid, T)> {
        let mut ordered = self.ordered();
        ordered.iter_mut().filter(|one| !one.is_over() && meets(&one.fault.matching)).find_map(|one| {
            let kind = of_kind(&one.fault.effect)?;
            one.happens().then_some((one.id, kind))
        })
    }

    /// `suits`: whether it can happen to such a request.
    pub fn of_request(&self, meets: impl Fn(&Matching) -> bool, suits: impl Fn(&RequestFault) -> bool) -> Option<(Uuid, RequestFault)> {
        self.first(meets, |effect| if let Effect::Request(fault) = effect { Some(fault.clone()).filter(&suits) } else { None })
    }

    pub(crate) fn of_execution(
        &self,
        meets: impl Fn(&Matching) -> bool,
        wanted: impl Fn(&ExecutionFault) -> bool,
    ) -> Option<(Uuid, ExecutionFault)> {
        self.first(meets, |effect| if let Effect::Execution(fault) = effect { Some(fault.clone()).filter(&wanted) } else { None })
    }

    pub(crate) fn of_callback(&self, meets: impl Fn(&Matching) -> bool) -> Option<(Uuid, CallbackFault)> {
        self.first(meets, |effect| if let Effect::Callback(fault) = effect { Some(fault.clone()) } else { None })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::fault::OrderedAnswer;

    fn slow(often: Often) -> Fault {
        let answer = RequestFault { delay: Duration::from_secs(1), answer: OrderedAnswer::Own };
        Fault { matching: Matching::default(), often, effect: Effect::Request(answer) }
    }

    fn happened(faults: &Faults, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| faults.of_request(|_| true, |_| true).is_some()).collect()
    }

    #[test]
    fn a_fault_happens_as_often_as_ordered() {
        let faults = Faults::default();
        faults.add(Uuid::from_u128(1), slow(Often::Times(2))).unwrap();
        assert_eq!(happened(&faults, 3), [true, true, false]);
        faults.clear_all();
        faults.add(Uuid::from_u128(2), slow(Often::Share(0.25))).unwrap();
        let of_a_hundred = happened(&faults, 100);
        assert_eq!(of_a_hundred.iter().filter(|happened| **happened).count(), 25);
        assert!(of_a_hundred.chunks(4).all(|four| four.iter().filter(|happened| **happened).count() == 1), "spread evenly");
        let listed = faults.list();
        assert_eq!((listed[0].met, listed[0].happened), (100, 25));
        faults.add(Uuid::from_u128(3), slow(Often::Always)).unwrap();
        assert_eq!(happened(&faults, 8), [true; 8], "what the first lets pass meets the second");
        assert!(faults.clear(Uuid::from_u128(3)) && !faults.clear(Uuid::from_u128(3)));
    }

    #[test]
    fn the_list_is_bounded_and_what_is_over_makes_room() {
        let faults = Faults::default();
        for number in 0..MOST_FAULTS as u128 {
            faults.add(Uuid::from_u128(number), slow(Often::Times(1))).unwrap();
        }
        assert!(matches!(faults.add(Uuid::from_u128(1000), slow(Often::Always)), Err(Failure::Invalid(_))));
        assert_eq!(happened(&faults, 1), [true]);
        faults.add(Uuid::from_u128(1000), slow(Often::Always)).unwrap();
        assert!(faults.list().len() == MOST_FAULTS && !faults.has(Uuid::from_u128(0)));
    }
}
