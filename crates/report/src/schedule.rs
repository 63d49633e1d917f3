//! When a report is due: a first instant, an interval, a count.

use chrono::{DateTime, TimeDelta, Utc};

/// Hours. Source: the documented range.
pub const MINIMUM_INTERVAL_HOURS: u32 = 4;
pub const MAXIMUM_INTERVAL_HOURS: u32 = 2160;

/// Slots that one tick may queue for a report that was not served for long. Older ones are skipped, and not counted.
pub const CATCH_UP_SLOTS: i64 = 100;

/// Slots lie at `start`, `start` + interval, … until `count` of them were due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub start: DateTime<Utc>,
    pub interval_hours: u32,
    /// None: without end.
    pub count: Option<u32>,
    /// Slots that were due so far, failed runs included, skipped ones not.
    pub fired: u32,
    /// The next slot; None when there is none any more.
    pub next: Option<DateTime<Utc>>,
    /// Raised by each change of start or interval, so that a new schedule may reuse an instant of the old.
    pub revision: u32,
}

/// One due instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub at: DateTime<Utc>,
    /// Unique within the report: what makes queueing it twice impossible.
    pub key: String,
}

impl Schedule {
    pub fn new(start: DateTime<Utc>, interval_hours: u32, count: Option<u32>, revision: u32) -> Schedule {
        Schedule { start, interval_hours, count, fired: 0, next: Some(start), revision }
    }

    fn interval(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.interval_hours.max(1)))
    }

    /// The slots due by `now`, oldest first, and the schedule after them.
    pub fn take_due(&self, now: DateTime<Utc>) -> (Vec<Slot>, Schedule) {
        let mut after = self.clone();
        let mut slots = Vec::new();
        let behind = self.next.map_or(0, |next| (now - next).num_hours() / i64::from(self.interval_hours.max(1)));
        if behind >= CATCH_UP_SLOTS {
            let skipped = TimeDelta::hours((behind - CATCH_UP_SLOTS + 1) * i64::from(self.interval_hours.max(1)));
            after.next = self.next.and_then(|next| next.checked_add_signed(skipped));
        }
        while let Some(at) = after.next.filter(|at| *at <= now) {
            after.fired = after.fired.saturating_add(1);
            slots.push(Slot { at, key: format!("{}:{}", after.revision, crate::instant::format(at)) });
            let exhausted = after.count.is_some_and(|count| after.fired >= count);
            after.next = if exhausted { None } else { at.checked_add_signed(self.interval()) };
        }
        (slots, after)
    }

    /// The schedule with the slots before `now` left out, uncounted: what resuming a paused report means.
    pub fn skip_to(&self, now: DateTime<Utc>) -> Schedule {
        let mut after = self.clone();
        if let Some(next) = self.next.filter(|next| *next < now) {
            let hours = i64::from(self.interval_hours.max(1));
            let passed = ((now - next).num_seconds() + hours * 3600 - 1) / (hours * 3600);
            after.next = next.checked_add_signed(TimeDelta::hours(passed * hours));
        }
        after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn hours(slots: &[Slot]) -> Vec<i64> {
        slots.iter().map(|slot| (slot.at - DateTime::UNIX_EPOCH).num_hours()).collect()
    }

    #[test]
    fn fires_once_per_interval_until_the_count() {
        let schedule = Schedule::new(at(10), 4, Some(3), 0);
        assert!(schedule.take_due(at(9)).0.is_empty());
        let (first, schedule) = schedule.take_due(at(10));
        assert_eq!(hours(&first), [10]);
        let (none, schedule) = schedule.take_due(at(13));
        assert!(none.is_empty());
        let (rest, schedule) = schedule.take_due(at(100));
        assert_eq!(hours(&rest), [14, 18]);
        assert_eq!((schedule.next, schedule.fired), (None, 3));
        assert!(schedule.take_due(at(1000)).0.is_empty());
    }

    #[test]
    fn catches_up_with_the_newest_slots_only() {
        let schedule = Schedule::new(at(0), 4, None, 0);
        let (slots, after) = schedule.take_due(at(4 * 1000 + 1));
        assert_eq!(slots.len() as i64, CATCH_UP_SLOTS);
        assert_eq!(hours(&slots).last(), Some(&4000));
        assert_eq!(after.fired as i64, CATCH_UP_SLOTS);
        assert_eq!(after.next, Some(at(4004)));
    }

    #[test]
    fn resuming_skips_what_passed() {
        let schedule = Schedule::new(at(0), 4, Some(2), 0);
        for (now, next) in [(0, 0), (1, 4), (4, 4), (5, 8)] {
            let resumed = schedule.skip_to(at(now));
            assert_eq!((resumed.next, resumed.fired), (Some(at(next)), 0), "{now}");
        }
    }

    #[test]
    fn a_new_revision_may_reuse_an_instant() {
        let keys = |revision| Schedule::new(at(0), 4, None, revision).take_due(at(0)).0[0].key.clone();
        assert_ne!(keys(0), keys(1));
    }
}
