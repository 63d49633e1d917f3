//! What became of the turns of one loop, of all of its copies together. It says nothing of what the loop is for.

use std::time::Duration;

use tokio::time::Instant;

/// How long a failure that lasts is not logged again.
const LOGGED: Duration = Duration::from_secs(60);

/// Counts are since the start of the process.
#[derive(Debug, Clone)]
pub struct Record {
    /// Turns that ended, whatever came of them.
    pub turns: u64,
    /// Turns that failed, took too long or panicked, and tasks of theirs that panicked.
    pub failures: u64,
    /// Those among the failures that panicked.
    pub panics: u64,
    /// When the last successful turn ended, by a clock that nobody sets.
    pub last_success: Option<Instant>,
    /// How long the last turn took.
    pub last_duration: Duration,
    since: Instant,
    /// Something must have been done by then.
    due: Instant,
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
            logged: None,
            unlogged: 0,
        }
    }

    /// Nothing is wrong before `due`.
    pub(super) fn is_due(&mut self, due: Instant) {
        self.due = self.due.max(due);
    }

    pub(super) fn ended(&mut self, took: Duration) {
        self.turns += 1;
        self.last_duration = took;
    }

    pub(super) fn succeeded(&mut self, now: Instant) {
        self.last_success = Some(now);
    }

    /// Counts a failure. How many were not logged since the last that was, if this one is to be.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        self.failures += 1;
        if self.logged.is_some_and(|logged| now < logged + LOGGED) {
            self.unlogged += 1;
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// How long ago the last success was, or the start, where nothing explains that but a fault.
    pub(super) fn stuck(&self, now: Instant) -> Option<Duration> {
        (now > self.due).then(|| now - self.last_success.unwrap_or(self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lasting_failure_is_logged_once_a_minute_with_how_many_there_were() {
        let begun = Instant::now();
        let mut record = Record::new(begun);
        assert_eq!(record.failed(begun), Some(0));
        assert!((0..500).all(|_| record.failed(begun).is_none()));
        assert_eq!((record.failed(begun + LOGGED), record.failures), (Some(500), 502));
    }
}
