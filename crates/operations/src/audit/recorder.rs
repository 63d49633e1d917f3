//! Limits the rate of audit events: events that come too fast, and refusals of unauthenticated callers, are counted in one event a minute.
//!
//! The counts are kept in memory and written every few seconds, so that a flood does not cost a write for each request. A process that is killed loses
//! the counts of the last seconds, but never a single event. Grants and removals are not counted: their events are written with the change.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use insightgate_store::AuditEvent;
use tokio::time::Instant;
use uuid::Uuid;

/// A rate limit: how many events may come at once, and how long it takes until one more may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) burst: u32,
    pub(crate) each: Duration,
}

impl Pace {
    /// If one more event may come now, returns the instant at which the full burst is available again.
    pub(crate) fn taken(self, free: Option<Instant>, now: Instant) -> Option<Instant> {
        let free = free.unwrap_or(now).max(now) + self.each;
        (free <= now + self.each * self.burst).then_some(free)
    }
}

/// The limit for one actor and one action.
const OF_ACTOR: Pace = Pace { burst: 60, each: Duration::from_secs(10) };
/// The limit for one tenant and one action.
const OF_TENANT: Pace = Pace { burst: 600, each: Duration::from_secs(1) };
/// The limit for all events together.
const OF_ALL: Pace = Pace { burst: 6_000, each: Duration::from_millis(100) };
/// The limit for changes by the administrators of one tenant.
const OF_CHANGES: Pace = Pace { burst: 1_000, each: Duration::from_secs(1) };
/// The most actors and tenants whose rate is tracked. The events of others are counted.
const PACES: usize = 10_000;

/// The most counts of one minute that are kept apart by source. Beyond them, events of all further sources are counted together.
const APART: usize = 250;
/// The same, once a day has had `APART_A_DAY` separate counts.
const APART_THEN: usize = 10;
const APART_A_DAY: usize = 20_000;
/// The most counts of earlier minutes that wait while the database is away. Beyond them, the oldest are lost.
const WAITING: usize = 10_000;
/// A lasting fault of one kind is logged once in this time.
const TOLD: Duration = Duration::from_secs(60);

const OTHERS: &str = "others";

#[derive(Debug, Default)]
pub struct Recorder {
    state: Mutex<State>,
    /// Locked while counts are written, so that an older number cannot overwrite a newer one.
    pub(crate) writing: tokio::sync::Mutex<()>,
}

/// Tenant, actor and action.
type Whose = (Option<Uuid>, String, String);

#[derive(Debug, Default)]
struct State {
    /// For each limit, the instant at which its full burst is available again.
    paces: HashMap<Whose, Instant>,
    /// The same for changes, by tenant.
    changes: HashMap<Uuid, Instant>,
    /// The current minute by the product's clock.
    minute: i64,
    counted: HashMap<Key, Counted>,
    day: i64,
    apart_today: usize,
    /// Counts of earlier minutes that are not written yet.
    waiting: Vec<AuditEvent>,
    told: HashMap<String, (Instant, u64)>,
}

/// The key of what is counted together within a minute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub tenant: Option<Uuid>,
    pub action: String,
    /// One of a small number of reasons, such as the number of a refusal.
    pub reason: String,
    /// An address's network, or an actor.
    pub source: String,
}

#[derive(Debug)]
struct Counted {
    event: AuditEvent,
    /// The number that was last written to the database.
    written: u64,
}

impl Recorder {
    /// Whether the event may be written by itself. If so, it counts towards the limits.
    pub(crate) fn may_stand_alone(&self, tenant: Option<Uuid>, actor: &str, action: &str, now: Instant) -> bool {
        let paces = [
            ((tenant, actor.to_owned(), action.to_owned()), OF_ACTOR),
            ((tenant, String::new(), action.to_owned()), OF_TENANT),
            ((None, String::new(), String::new()), OF_ALL),
        ];
        let mut state = self.lock();
        if state.paces.len() + paces.len() > PACES {
            state.paces.retain(|_, free| *free > now);
        }
        let full = state.paces.len() + paces.len() > PACES;
        let mut taken = Vec::with_capacity(paces.len());
        for (whose, pace) in paces {
            let known = state.paces.get(&whose).copied();
            match pace.taken(known, now).filter(|_| known.is_some() || !full) {
                Some(free) => taken.push((whose, free)),
                None => return false,
            }
        }
        state.paces.extend(taken);
        true
    }

    /// Whether the tenant's administrators may change something now. The limit is needed since each change writes an event of its own. If so, the change
    /// counts towards the limit.
    pub(crate) fn may_change(&self, tenant: Uuid, now: Instant) -> bool {
        let mut state = self.lock();
        let taken = OF_CHANGES.taken(state.changes.get(&tenant).copied(), now);
        state.changes.extend(taken.map(|free| (tenant, free)));
        taken.is_some()
    }

    /// Adds the event to the count of such events in this minute. The count takes the event's details; a new count also takes its time and id.
    pub(crate) fn count(&self, mut key: Key, mut event: AuditEvent) {
        let (minute, day) = (event.at.timestamp().div_euclid(60), event.at.timestamp().div_euclid(86_400));
        let mut state = self.lock();
        if state.minute != minute {
            state.end_minute();
            state.minute = minute;
        }
        if state.day != day {
            (state.day, state.apart_today) = (day, 0);
        }
        let most = if state.apart_today < APART_A_DAY { APART } else { APART_THEN };
        if !state.counted.contains_key(&key) && state.counted.len() >= most {
            key.source = OTHERS.to_owned();
            OTHERS.clone_into(&mut event.actor);
            event.address = None;
        }
        if !state.counted.contains_key(&key) && state.counted.len() >= 2 * most {
            (key.tenant, event.tenant) = (None, None);
            event.subject.clear();
        }
        if let Some(known) = state.counted.get_mut(&key) {
            known.event.occurrences = known.event.occurrences.saturating_add(1);
            (known.event.detail, known.event.correlation) = (event.detail, event.correlation);
            if known.event.actor != OTHERS {
                known.event.actor = event.actor;
            }
            // A name that was tried is more useful than none.
            if !event.subject.is_empty() {
                known.event.subject = event.subject;
            }
            return;
        }
        state.apart_today += 1;
        state.counted.insert(key, Counted { event, written: 0 });
    }

    /// The counts that are not in the database yet.
    pub(crate) fn unwritten(&self) -> Vec<AuditEvent> {
        let state = self.lock();
        let counted = state.counted.values().filter(|counted| counted.written < counted.event.occurrences);
        state.waiting.iter().chain(counted.map(|counted| &counted.event)).cloned().collect()
    }

    pub(crate) fn written(&self, events: &[AuditEvent]) {
        let numbers: HashMap<Uuid, u64> = events.iter().map(|event| (event.id, event.occurrences)).collect();
        let mut state = self.lock();
        state.waiting.retain(|event| numbers.get(&event.id).is_none_or(|written| *written < event.occurrences));
        for counted in state.counted.values_mut() {
            if let Some(number) = numbers.get(&counted.event.id) {
                counted.written = counted.written.max(*number);
            }
        }
    }

    /// Whether a fault of this kind is logged now, and how many were left out since the last one.
    pub(crate) fn tell(&self, kind: &str, now: Instant) -> Option<u64> {
        let mut state = self.lock();
        match state.told.get_mut(kind) {
            Some((told, untold)) if now < *told + TOLD => {
                *untold += 1;
                None
            }
            found => {
                let untold = found.map_or(0, |(_, untold)| *untold);
                state.told.insert(kind.to_owned(), (now, 0));
                Some(untold)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent after each statement, so a poisoned lock can be used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_minute(&mut self) {
        let ended = self.counted.drain().map(|(_, counted)| counted).filter(|counted| counted.written < counted.event.occurrences);
        self.waiting.extend(ended.map(|counted| counted.event));
        let lost = self.waiting.len().saturating_sub(WAITING);
        if lost > 0 {
            tracing::error!(lost, "counts of refusals are lost: the database has been away for too long");
            self.waiting.drain(..lost);
        }
    }
}

/// The network of an address for the audit trail. For IPv6 that is the /64, since one customer has a whole one.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{}/64", Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};

    use super::*;

    fn event(id: u128, minute: i64) -> AuditEvent {
        AuditEvent {
            id: Uuid::from_u128(id),
            at: DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::minutes(minute),
            tenant: Some(Uuid::nil()),
            actor: "client".into(),
            action: "token.refuse".into(),
            subject: String::new(),
            detail: format!("number {id}"),
            correlation: None,
            occurrences: 1,
            address: Some("a".into()),
        }
    }

    fn from(source: &str) -> Key {
        Key { tenant: Some(Uuid::nil()), action: "token.refuse".into(), reason: "50126".into(), source: source.into() }
    }

    #[test]
    fn one_source_is_one_count_a_minute_and_is_written_once() {
        let recorder = Recorder::default();
        for id in 0..5_000 {
            recorder.count(from("203.0.113.7"), event(id, 0));
        }
        let unwritten = recorder.unwritten();
        let [counted] = &unwritten[..] else { panic!("{}", unwritten.len()) };
        assert_eq!((counted.id.as_u128(), counted.occurrences, counted.detail.as_str()), (0, 5_000, "number 4999"));
        recorder.count(from("203.0.113.7"), event(9_000, 0));
        recorder.written(&unwritten);
        assert_eq!(recorder.unwritten()[0].occurrences, 5_001, "what came while it was written is written next");
        recorder.count(from("203.0.113.7"), event(9_001, 1));
        let mut ids: Vec<_> = recorder.unwritten().into_iter().map(|event| (event.id.as_u128(), event.occurrences)).collect();
        ids.sort_unstable();
        assert_eq!(ids, [(0, 5_001), (9_001, 1)]);
        recorder.written(&recorder.unwritten());
        assert!(recorder.unwritten().is_empty() && recorder.lock().waiting.is_empty());
    }

    #[test]
    fn many_sources_share_a_count_and_nothing_is_lost() {
        let recorder = Recorder::default();
        for id in 0..100_000_u128 {
            let key = Key { tenant: Some(Uuid::from_u128(id % 900)), ..from(&id.to_string()) };
            recorder.count(key, event(id, 0));
        }
        let counted = recorder.unwritten();
        assert!(counted.len() <= 2 * APART + 1, "{}", counted.len());
        assert_eq!(counted.iter().map(|event| event.occurrences).sum::<u64>(), 100_000);
        assert!(counted.iter().any(|event| event.actor == OTHERS && event.address.is_none()));
    }

    #[test]
    fn a_day_has_so_many_counts_at_most_and_memory_is_bounded() {
        let recorder = Recorder::default();
        for minute in 0..1440 {
            for id in 0..400_u128 {
                recorder.count(from(&id.to_string()), event(id + 1000 * u128::try_from(minute).unwrap(), minute));
            }
            if minute % 20 == 0 {
                recorder.written(&recorder.unwritten());
            }
        }
        let today = recorder.lock().apart_today;
        assert!(today < APART_A_DAY + 1440 * (APART_THEN + 1) + APART, "{today}");
        for minute in 1440..1600 {
            for id in 0..400_u128 {
                recorder.count(from(&id.to_string()), event(id, minute));
            }
        }
        assert!(recorder.unwritten().len() <= WAITING + APART + 1);
    }

    #[test]
    fn an_actor_in_a_loop_is_slowed_down_and_nobody_else_is() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        let tenant = Some(Uuid::nil());
        let alone =
            |actor: &str, seconds: u64| recorder.may_stand_alone(tenant, actor, "token.issue", begun + Duration::from_secs(seconds));
        assert_eq!((0..1_000).filter(|_| alone("one", 0)).count(), 60);
        assert!(alone("two", 0), "another actor");
        assert!(recorder.may_stand_alone(tenant, "one", "sign_in.end", begun), "another action");
        assert!(!alone("one", 9) && alone("one", 10) && !alone("one", 10));
        // Many actors of one tenant.
        let many = (0..2_000).filter(|actor| alone(&format!("user {actor}"), 20)).count();
        assert!((550..=620).contains(&many), "{many}");
        assert!(recorder.may_stand_alone(Some(Uuid::max()), "other", "token.issue", begun + Duration::from_secs(20)), "another tenant");
    }

    #[test]
    fn a_tenant_changes_a_thousand_things_at_once_and_then_one_a_second() {
        let (recorder, begun, tenant) = (Recorder::default(), Instant::now(), Uuid::nil());
        assert_eq!((0..3_000).filter(|_| recorder.may_change(tenant, begun)).count(), 1_000);
        assert!(recorder.may_change(Uuid::max(), begun), "another tenant");
        let later = begun + Duration::from_secs(5);
        assert_eq!((0..3_000).filter(|_| recorder.may_change(tenant, later)).count(), 5);
    }

    #[test]
    fn paces_are_bounded() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        for number in 0..PACES as u128 * 2 {
            recorder.may_stand_alone(Some(Uuid::from_u128(number)), "actor", "token.issue", begun);
        }
        assert!(recorder.lock().paces.len() <= PACES);
        let later = begun + Duration::from_secs(3_600);
        assert!(recorder.may_stand_alone(Some(Uuid::max()), "new", "token.issue", later), "those who were quiet are forgotten");
    }

    #[test]
    fn a_lasting_fault_is_told_once_a_minute_with_how_many_there_were() {
        let (recorder, begun) = (Recorder::default(), Instant::now());
        assert_eq!(recorder.tell("token.issue", begun), Some(0));
        assert!((0..500).all(|_| recorder.tell("token.issue", begun).is_none()));
        assert_eq!(recorder.tell("sign_in.end", begun), Some(0));
        assert_eq!(recorder.tell("token.issue", begun + TOLD), Some(500));
    }

    #[test]
    fn an_address_of_version_six_is_a_network() {
        for (address, expected) in
            [("203.0.113.7", "203.0.113.7"), ("::ffff:203.0.113.7", "203.0.113.7"), ("2001:db8::1:2:3:4", "2001:db8::/64")]
        {
            assert_eq!(network(address.parse().unwrap()), expected);
        }
    }
}
