//! The events of the access log before they are in the database. How many one tenant can cause is bounded: what comes too fast is counted.
//!
//! A process that is killed loses the events of the last seconds, and the counts of the current minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::event::{Access, Event, Noted, Status};
use crate::pace::Pace;

/// The limit for one tenant and one kind of event: at most 19,280 rows a day.
const OF_TENANT: Pace = Pace { burst: 2_000, each: Duration::from_secs(5) };
/// The most events that wait for the database. Beyond them, events are counted.
const WAITING: usize = 20_000;
/// The most counts of one tenant and minute that are kept apart by who and what. Beyond them, events of one kind are counted together.
const APART: usize = 10;
/// The most counts of all tenants in one minute. Beyond them, events are lost, and the log says how many.
const COUNTED: usize = 5_000;
/// The most tenants whose rate is tracked. Those whose full burst is available are forgotten first.
const PACES: usize = 20_000;

#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<State>,
    /// Locked while events are written, so that each is written once.
    pub(super) writing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Noted>,
    /// The current minute by the product's clock.
    minute: i64,
    counted: HashMap<Key, Noted>,
    /// How many counts each tenant has in this minute.
    apart: HashMap<Uuid, usize>,
    /// For each limit, the instant at which its full burst is available again.
    paces: HashMap<(Uuid, Event), Instant>,
    lost: u64,
}

/// What is counted together within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: Uuid,
    event: Event,
    /// Who, what and how it ended; `None` for all that are not kept apart.
    details: Option<[Option<String>; 4]>,
    status: Status,
}

impl Recorder {
    /// Adds an event by itself, or to a count if the tenant has too many of its kind.
    pub(super) fn add(&self, noted: Noted, now: Instant) {
        let mut state = self.lock();
        state.reach(minute(&noted));
        if state.waiting.len() < WAITING && state.may_stand_alone(noted.tenant, noted.access.event, now) {
            state.waiting.push(noted);
        } else {
            state.count(noted);
        }
    }

    /// The first events to write, at most `most`. Counts of the minute before `minute` are among them; those of the current one too at the `end`.
    pub(super) fn first(&self, most: usize, minute: i64, end: bool) -> Vec<Noted> {
        let mut state = self.lock();
        state.reach(minute);
        if end {
            state.end_minute();
        }
        state.waiting.iter().take(most).cloned().collect()
    }

    /// The events that are not written yet, without counts.
    pub fn waiting(&self) -> Vec<Noted> {
        self.lock().waiting.clone()
    }

    /// Forgets the first `count` events, which are written.
    pub(super) fn written(&self, count: usize) {
        let mut state = self.lock();
        let count = count.min(state.waiting.len());
        state.waiting.drain(..count);
    }

    /// Forgets what is not written yet.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.waiting.clear();
        state.counted.clear();
        state.apart.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each statement, so a poisoned lock can be used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_stand_alone(&mut self, tenant: Uuid, event: Event, now: Instant) -> bool {
        let known = self.paces.get(&(tenant, event)).copied();
        if known.is_none() && self.paces.len() >= PACES {
            self.paces.retain(|_, free| *free > now);
            if self.paces.len() >= PACES {
                return false;
            }
        }
        let taken = OF_TENANT.taken(known, now);
        self.paces.extend(taken.map(|free| ((tenant, event), free)));
        taken.is_some()
    }

    fn count(&mut self, mut noted: Noted) {
        let Access { event, status, user_id, application_id, dataset, execution_id, .. } = &noted.access;
        let details = [user_id, application_id, dataset, execution_id].map(Clone::clone);
        let mut key = Key { tenant: noted.tenant, event: *event, status: *status, details: Some(details) };
        let apart = self.apart.get(&key.tenant).copied().unwrap_or_default();
        if !self.counted.contains_key(&key) && apart >= APART {
            key.details = None;
            let Access { event, status, program, rows, bytes, occurrences, .. } = noted.access;
            let detail = Some("many at once".to_owned());
            noted.access = Access { event, status, program, rows, bytes, occurrences, detail, ..Access::nothing(event) };
        }
        if let Some(known) = self.counted.get_mut(&key) {
            known.access.merge(noted.access);
        } else if self.counted.len() < COUNTED {
            *self.apart.entry(key.tenant).or_default() += 1;
            self.counted.insert(key, noted);
        } else {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Ends the minute before this one.
    fn reach(&mut self, minute: i64) {
        if self.minute != minute {
            self.end_minute();
            self.minute = minute;
        }
    }

    fn end_minute(&mut self) {
        self.apart.clear();
        let room = (WAITING + COUNTED).saturating_sub(self.waiting.len());
        let lost: u64 = self.counted.values().skip(room).map(|noted| noted.access.occurrences).sum();
        self.waiting.extend(self.counted.drain().map(|(_, noted)| noted).take(room));
        let lost = lost.saturating_add(std::mem::take(&mut self.lost));
        if lost > 0 {
            tracing::error!(lost, "events of the access log are lost: there are more than can be written");
        }
    }
}

fn minute(noted: &Noted) -> i64 {
    noted.at.timestamp().div_euclid(60)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use insightgate_identity::program::Program;

    use super::*;

    fn download(tenant: u128, execution: u128, second: i64) -> Noted {
        let access = Access {
            execution_id: Some(execution.to_string()),
            bytes: Some(10),
            address: Some("203.0.113.7".to_owned()),
            ..Access::new(Event::Download, Program::Mpn)
        };
        Noted { id: Uuid::nil(), tenant: Uuid::from_u128(tenant), at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second), access }
    }

    fn all(recorder: &Recorder, minute: i64, end: bool) -> Vec<Noted> {
        let all = recorder.first(usize::MAX, minute, end);
        recorder.written(all.len());
        all
    }

    fn occurrences(all: &[Noted]) -> u64 {
        all.iter().map(|noted| noted.access.occurrences).sum()
    }

    #[test]
    fn what_comes_too_fast_is_counted_and_nothing_is_lost() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        for _ in 0..5_000 {
            recorder.add(download(1, 7, 0), begun);
        }
        recorder.add(download(2, 7, 0), begun);
        let alone = all(&recorder, 0, false);
        assert_eq!((alone.len(), occurrences(&alone)), (2_001, 2_001), "another tenant is not slowed down");
        let counted = all(&recorder, 1, false);
        assert_eq!((counted.len(), occurrences(&counted)), (1, 3_000));
        let Access { bytes, address, execution_id, .. } = &counted[0].access;
        assert_eq!((*bytes, address.as_deref(), execution_id.as_deref()), (Some(30_000), Some("203.0.113.7"), Some("7")));
        recorder.add(download(1, 7, 70), begun + Duration::from_secs(5));
        assert_eq!(all(&recorder, 1, false).len(), 1, "later they are rows of their own again");
    }

    #[test]
    fn counts_of_a_tenant_and_minute_are_few() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        for execution in 0..10_000 {
            recorder.add(download(1, execution, 0), begun);
        }
        all(&recorder, 0, false);
        let counted = all(&recorder, 0, true);
        assert!(counted.len() <= APART + 1, "{}", counted.len());
        assert_eq!(occurrences(&counted), 8_000);
        let others = counted.iter().find(|noted| noted.access.execution_id.is_none()).unwrap();
        assert_eq!((others.access.address.as_deref(), others.access.bytes), (None, Some(others.access.occurrences * 10)));
    }

    #[test]
    fn memory_is_bounded_while_the_database_is_away() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        for minute in 0..20 {
            for tenant in 0..3_000 {
                recorder.add(download(tenant, 1, 60 * minute), begun);
                recorder.add(download(tenant, 2, 60 * minute), begun);
            }
        }
        let state = recorder.lock();
        assert!(state.waiting.len() <= WAITING + COUNTED && state.counted.len() <= COUNTED && state.paces.len() <= PACES);
    }

    #[test]
    fn what_is_not_written_stays() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        for execution in 0..5 {
            recorder.add(download(1, execution, 0), begun);
        }
        assert_eq!(recorder.first(3, 0, false).len(), 3);
        assert_eq!(recorder.first(9, 0, false).len(), 5, "nothing was said to be written");
        recorder.written(3);
        assert_eq!(recorder.first(9, 0, false)[0].access.execution_id.as_deref(), Some("3"));
    }
}
