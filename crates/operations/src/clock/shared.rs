//! The clock of processes that share a database. It follows the database's clock, so that tokens and schedules mean the same to all of them.
//!
//! The database is asked from time to time. In between, the system's clock continues from its answer.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Milliseconds. A clock that is found to be ahead by at most this stands still until the time has caught up, instead of stepping back.
const STANDS_STILL: i64 = 2_000;
/// Milliseconds. An answer that took longer is ignored, since it says too little about when the database's clock was read.
const SLOWEST: i64 = 5_000;
/// Milliseconds. Smaller differences may be due to the network.
const JITTER: i64 = 50;

#[derive(Debug)]
pub struct SharedClock {
    system: fn() -> DateTime<Utc>,
    /// By how many milliseconds the database's clock is ahead of the system's.
    offset: AtomicI64,
    /// The latest time that was returned, in milliseconds.
    latest: AtomicI64,
}

impl SharedClock {
    /// Until the first answer of the database, it is the system's clock.
    pub(crate) fn new(system: fn() -> DateTime<Utc>) -> SharedClock {
        SharedClock { system, offset: AtomicI64::new(0), latest: AtomicI64::new(i64::MIN) }
    }

    /// The system's time in milliseconds since 1970.
    pub(crate) fn system(&self) -> i64 {
        (self.system)().timestamp_millis()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        let now = self.system().saturating_add(self.offset.load(Ordering::Relaxed));
        let latest = self.latest.fetch_max(now, Ordering::Relaxed);
        let given = if latest <= now {
            now
        } else if latest - now <= STANDS_STILL {
            latest
        } else {
            // The clock steps back: it was set by hand, or the database's turned out to be far behind.
            self.latest.store(now, Ordering::Relaxed);
            now
        };
        DateTime::from_timestamp_millis(given).unwrap_or_else(self.system)
    }

    /// Takes over the database's answer. `before` and `after` are the system's times around the request.
    pub(crate) fn follow(&self, before: i64, database: i64, after: i64) {
        let took = after - before;
        if !(0..=SLOWEST).contains(&took) {
            return;
        }
        let found = database - before - took / 2;
        // The answer cannot show differences that are smaller than half the time that it took.
        if (found - self.offset.load(Ordering::Relaxed)).abs() > took / 2 + JITTER {
            self.offset.store(found, Ordering::Relaxed);
        }
    }

    /// How far the database's clock is ahead of the system's.
    pub(crate) fn offset(&self) -> TimeDelta {
        TimeDelta::milliseconds(self.offset.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system clock that stands still at ten o'clock.
    fn system() -> DateTime<Utc> {
        DateTime::from_timestamp_millis(36_000_000).unwrap()
    }

    const NOW: i64 = 36_000_000;

    #[test]
    fn it_goes_by_the_database_and_not_by_the_network() {
        let clock = SharedClock::new(system);
        assert_eq!(clock.now(), system());
        clock.follow(NOW, NOW + 600_000, NOW + 20);
        assert_eq!((clock.now() - system()).num_milliseconds(), 599_990);
        for (database, took) in [(NOW + 600_040, 20), (NOW + 601_000, 4_000), (NOW - 900_000, SLOWEST + 1)] {
            clock.follow(NOW, database, NOW + took);
            assert_eq!(clock.offset().num_milliseconds(), 599_990, "{database} {took}");
        }
        clock.follow(NOW, NOW + 620_000, NOW);
        assert_eq!(clock.offset().num_milliseconds(), 620_000);
    }

    #[test]
    fn it_steps_back_only_from_far_ahead() {
        let clock = SharedClock::new(system);
        clock.follow(NOW, NOW + 1_000, NOW);
        let ahead = clock.now();
        clock.follow(NOW, NOW, NOW);
        assert_eq!(clock.now(), ahead, "it stands still");
        clock.follow(NOW, NOW - 600_000, NOW);
        assert_eq!((clock.now() - system()).num_milliseconds(), -600_000);
        assert_eq!((clock.now() - system()).num_milliseconds(), -600_000);
    }
}
