//! The record of the turns of one loop, for all of its copies together. It does not depend on what the loop does.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// A lasting failure is logged once in this time.
const LOGGED: Duration = Duration::from_secs(60);

/// The record of a loop. Counts are since the start of the process.
#[derive(Debug, Clone)]
pub struct Record {
    /// Turns that ended, whatever their outcome.
    pub turns: u64,
    /// Turns that failed, took too long or panicked, and tasks of theirs that failed or panicked.
    pub failures: u64,
    /// How many of the failures were panics.
    pub panics: u64,
    /// When the last successful turn ended, by the monotonic clock.
    pub last_success: Option<Instant>,
    /// How long the last turn took.
    pub last_duration: Duration,
    since: Instant,
    /// When the next turn must have succeeded.
    due: Instant,
    /// When each turn in progress must have succeeded, if it has extended its deadline.
    under_way: BTreeMap<u64, Instant>,
    begun: u64,
    logged: Option<Instant>,
    unlogged: u64,
}

impl Record {
    pub(super) fn new(now: Instant) -> Record {
        Record {
            turns: 0,
            failures: 0,
            panics: 0,
            last_success: None,
            last_duration: Duration::ZERO,
            since: now,
            due: now,
            under_way: BTreeMap::new(),
            begun: 0,
            logged: None,
            unlogged: 0,
        }
    }

    /// The loop does not count as stuck before `due`.
    pub(super) fn is_due(&mut self, due: Instant) {
        self.due = self.due.max(due);
    }

    /// Returns the number of a turn that begins.
    pub(super) fn began(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// The loop does not count as stuck before `due` while this turn is in progress.
    pub(super) fn may_take_until(&mut self, turn: u64, due: Instant) {
        self.under_way.insert(turn, due);
    }

    pub(super) fn ended(&mut self, turn: u64, took: Duration) {
        self.under_way.remove(&turn);
        self.turns += 1;
        self.last_duration = took;
    }

    pub(super) fn succeeded(&mut self, now: Instant) {
        self.last_success = Some(now);
    }

    /// Counts a failure. If this one is to be logged, returns how many were not logged since the last one that was.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        if self.logged.is_some_and(|logged| now < logged + LOGGED) {
            self.unlogged += 1;
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// How long ago the last success was, or else the start.
    pub fn since_success(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_success.unwrap_or(self.since))
    }

    /// How long ago the last success was (or else the start), if it is so long that only a fault explains it.
    pub fn stuck(&self, now: Instant) -> Option<Duration> {
        let due = self.under_way.values().copied().max().map_or(self.due, |due| due.max(self.due));
        (now > due).then(|| self.since_success(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A turn's extended deadline does not apply to the turns after it.
    #[test]
    fn a_turn_that_may_take_long_explains_nothing_once_it_has_ended() {
        let (begun, hour) = (Instant::now(), Duration::from_secs(3600));
        let mut record = Record::new(begun);
        let [long, short] = [record.began(), record.began()];
        record.is_due(begun + LOGGED);
        record.may_take_until(long, begun + hour);
        record.may_take_until(short, begun + 2 * LOGGED);
        assert_eq!(record.stuck(begun + hour), None);
        record.ended(long, LOGGED);
        assert_eq!(record.stuck(begun + 2 * LOGGED), None);
        assert_eq!(record.stuck(begun + 3 * LOGGED), Some(3 * LOGGED));
    }

    #[test]
    fn a_lasting_failure_is_logged_once_a_minute_with_how_many_there_were() {
        let begun = Instant::now();
        let mut record = Record::new(begun);
        assert_eq!(record.failed(begun), Some(0));
        assert!((0..500).all(|_| record.failed(begun).is_none()));
        assert_eq!((record.failed(begun + LOGGED), record.failures), (Some(500), 502));
    }
}
