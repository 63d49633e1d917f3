//! When a report is due: a start, an interval, and optionally a count and an end.

use chrono::{DateTime, TimeDelta, Utc};
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

/// In hours. Source: the documented range.
pub const MINIMUM_INTERVAL_HOURS: u32 = 4;
pub const MAXIMUM_INTERVAL_HOURS: u32 = 2160;

/// The most slots of one report that one tick queues if no scheduler ran for long. The next tick takes more.
pub const SLOTS_AT_ONCE: usize = 10;

/// A slot that is due for longer than this was missed, since no scheduler ran.
const MISSED_AFTER: TimeDelta = TimeDelta::minutes(10);

/// What happens to slots that passed while no scheduler ran. Skipped slots do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum CatchUp {
    /// The newest slot gets an execution, and older ones are skipped.
    #[default]
    Latest,
    /// Each slot gets an execution, the oldest first.
    All,
    /// All slots are skipped.
    None,
}

impl CatchUp {
    pub const ALL: &'static [CatchUp] = CatchUp::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<CatchUp> {
        name.parse().ok()
    }
}

/// A schedule. Its slots are `start`, `start` + interval, … until `count` of them were due or `end` has passed, whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub start: DateTime<Utc>,
    pub interval_hours: u32,
    /// `None` for no limit.
    pub count: Option<u32>,
    /// There is no slot after this time. `None` for a schedule without end.
    pub end: Option<DateTime<Utc>>,
    /// How many slots were due so far. Those with failed executions count, and skipped ones do not.
    pub fired: u32,
    /// The next slot; `None` if no slot is left.
    pub next: Option<DateTime<Utc>>,
    /// Incremented by each change of start or interval, so that a new schedule may use an instant of the old one again.
    pub revision: u32,
    /// The id that the execution of the next slot will have; `None` until it was shown to somebody.
    pub next_execution: Option<Uuid>,
}

/// One due instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub at: DateTime<Utc>,
    /// Unique within the report, so that queueing a slot is idempotent.
    pub key: String,
    /// The id under which its execution was shown, if it was.
    pub execution: Option<Uuid>,
}

impl Schedule {
    pub fn new(start: DateTime<Utc>, interval_hours: u32, count: Option<u32>, revision: u32) -> Schedule {
        Schedule { start, interval_hours, count, end: None, fired: 0, next: Some(start), revision, next_execution: None }
    }

    /// The schedule with another end. If the next slot is after the end, it is dropped.
    pub fn ending(self, end: Option<DateTime<Utc>>) -> Schedule {
        Schedule { end, ..self }.until_end()
    }

    fn until_end(mut self) -> Schedule {
        let end = self.end;
        self.next = self.next.filter(|next| end.is_none_or(|end| *next <= end));
        self
    }

    /// How many slots are left, by the count or by the end, whichever leaves fewer. `None` for a schedule without end.
    pub fn slots_left(&self) -> Option<u32> {
        let Some(next) = self.next else { return Some(0) };
        let by_count = self.count.map(|count| count.saturating_sub(self.fired));
        let by_end = self.end.map(|end| {
            let further = (end - next).num_hours() / i64::from(self.interval_hours.max(1));
            u32::try_from(further.saturating_add(1)).unwrap_or_default()
        });
        match (by_count, by_end) {
            (Some(by_count), Some(by_end)) => Some(by_count.min(by_end)),
            (by_count, by_end) => by_count.or(by_end),
        }
    }

    /// The slots to come, the next one first, if each is taken when it is due. They never end for a schedule without end.
    pub fn slots(&self) -> impl Iterator<Item = DateTime<Utc>> + use<> {
        let taken = |schedule: &Schedule| Some(schedule.take_due(schedule.next?, CatchUp::All).1);
        std::iter::successors(Some(self.clone()), taken).map_while(|schedule| schedule.next)
    }

    fn interval(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.interval_hours.max(1)))
    }

    /// The slots that are due by `now` and not skipped, the oldest first, and the schedule after them. More slots may be due.
    pub fn take_due(&self, now: DateTime<Utc>, catch_up: CatchUp) -> (Vec<Slot>, Schedule) {
        let mut after = match catch_up {
            CatchUp::All => self.clone(),
            CatchUp::Latest => self.skip_to(self.newest_due(now)),
            // A slot that has just become due is not late.
            CatchUp::None => self.skip_to(now.checked_sub_signed(MISSED_AFTER).unwrap_or(now)),
        };
        let mut slots = Vec::new();
        while let Some(at) = after.next.filter(|at| *at <= now && slots.len() < SLOTS_AT_ONCE) {
            after.fired = after.fired.saturating_add(1);
            let key = format!("{}:{}", after.revision, crate::instant::format(at));
            slots.push(Slot { at, key, execution: after.next_execution.take() });
            let exhausted = after.count.is_some_and(|count| after.fired >= count);
            after.next = if exhausted { None } else { at.checked_add_signed(self.interval()) };
            after = after.until_end();
        }
        (slots, after)
    }

    /// The latest slot that is due at `now`, or the next slot if none is due.
    fn newest_due(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let Some(next) = self.next else { return now };
        let now = self.end.map_or(now, |end| end.min(now));
        let passed = (now - next).num_hours() / i64::from(self.interval_hours.max(1));
        next.checked_add_signed(self.interval() * i32::try_from(passed.max(0)).unwrap_or(i32::MAX)).unwrap_or(next)
    }

    /// Replans the schedule from `now`, if its next slot is more than an interval ahead although it is not the first. In that case a clock that was ahead
    /// planned it. Slots that were already executed are executed again when they are due. `None` if the schedule is right.
    pub fn replanned(&self, now: DateTime<Utc>) -> Option<Schedule> {
        let next = self.next.filter(|next| *next > self.start)?;
        if next.checked_sub_signed(self.interval()).is_none_or(|before| before <= now) {
            return None;
        }
        let first = Schedule { next: Some(self.start), revision: self.revision.saturating_add(1), ..self.clone() };
        Some(first.skip_to(now))
    }

    /// The schedule without the slots before `now`, which do not count. Resuming a paused report does this.
    pub fn skip_to(&self, now: DateTime<Utc>) -> Schedule {
        let mut after = self.clone();
        if let Some(next) = self.next.filter(|next| *next < now) {
            let hours = i64::from(self.interval_hours.max(1));
            let passed = ((now - next).num_seconds() + hours * 3600 - 1) / (hours * 3600);
            after.next = next.checked_add_signed(TimeDelta::hours(passed * hours));
        }
        after.until_end()
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
        for &catch_up in CatchUp::ALL {
            let schedule = Schedule::new(at(10), 4, Some(3), 0);
            assert!(schedule.take_due(at(9), catch_up).0.is_empty());
            let (first, schedule) = schedule.take_due(at(10), catch_up);
            assert_eq!(hours(&first), [10]);
            let (none, schedule) = schedule.take_due(at(13), catch_up);
            assert!(none.is_empty());
            let (second, schedule) = schedule.take_due(at(14) + TimeDelta::minutes(5), catch_up);
            assert_eq!(hours(&second), [14]);
            let (last, schedule) = schedule.take_due(at(18), catch_up);
            assert_eq!(hours(&last), [18]);
            assert_eq!((schedule.next, schedule.fired), (None, 3));
            assert!(schedule.take_due(at(1000), catch_up).0.is_empty());
        }
    }

    #[test]
    fn no_slot_lies_after_the_end() {
        let ending = |count, end| Schedule::new(at(0), 4, count, 0).ending(Some(end));
        let just_before = |hours| at(hours) - TimeDelta::seconds(1);
        // Count, end, and the slots.
        for (count, end, slots) in [
            (None, at(8), vec![0, 4, 8]),
            (None, just_before(8), vec![0, 4]),
            (None, just_before(4), vec![0]),
            (Some(2), at(8), vec![0, 4]),
            (Some(5), at(8), vec![0, 4, 8]),
        ] {
            let mut schedule = ending(count, end);
            let mut taken = Vec::new();
            for hour in 0..30 {
                assert_eq!(schedule.slots_left(), Some((slots.len() - taken.len()) as u32), "{count:?} {end} {hour}");
                let (due, after) = schedule.take_due(at(hour), CatchUp::Latest);
                taken.extend(hours(&due));
                schedule = after;
            }
            assert_eq!((taken, schedule.next), (slots, None), "{count:?} {end}");
        }
        // No scheduler ran until the end had passed: the newest slot before the end is caught up.
        for (catch_up, taken) in [(CatchUp::All, vec![0, 4, 8]), (CatchUp::Latest, vec![8]), (CatchUp::None, vec![])] {
            let (slots, after) = ending(None, at(9)).take_due(at(50), catch_up);
            assert_eq!((hours(&slots), after.next), (taken, None), "{catch_up:?}");
        }
        assert_eq!(ending(None, at(9)).skip_to(at(9)).next, None, "resumed too late");
        assert_eq!(ending(None, at(9)).skip_to(at(8)).next, Some(at(8)));
        assert_eq!(Schedule::new(at(0), 4, None, 0).slots_left(), None);
        // Moving the end removes slots, or adds some.
        let (_, schedule) = ending(None, at(9)).take_due(at(4), CatchUp::Latest);
        assert_eq!((schedule.clone().ending(Some(at(7))).next, schedule.ending(Some(at(70))).slots_left()), (None, Some(16)));
    }

    #[test]
    fn a_run_that_was_announced_is_the_next_one_whichever_slot_it_gets() {
        let id = Uuid::from_u128(7);
        let schedule = Schedule { next_execution: Some(id), ..Schedule::new(at(0), 4, None, 0) };
        assert_eq!(schedule.skip_to(at(5)).next_execution, Some(id));
        for catch_up in [CatchUp::All, CatchUp::Latest] {
            let (slots, after) = schedule.take_due(at(9), catch_up);
            let executions: Vec<_> = slots.iter().filter_map(|slot| slot.execution).collect();
            assert_eq!((slots[0].execution, executions.len(), after.next_execution), (Some(id), 1, None), "{catch_up:?}");
        }
    }

    #[test]
    fn missed_slots_are_caught_up_or_skipped_by_policy() {
        // Slots are due at 0, 4, 8, …; no scheduler ran until the given time.
        let five_past = |hours| at(hours) + TimeDelta::minutes(5);
        let half_past = |hours| at(hours) + TimeDelta::minutes(30);
        let cases: [(CatchUp, DateTime<Utc>, &[i64], i64); 9] = [
            (CatchUp::All, five_past(12), &[0, 4, 8, 12], 16),
            (CatchUp::All, half_past(15), &[0, 4, 8, 12], 16),
            (CatchUp::Latest, five_past(12), &[12], 16),
            (CatchUp::Latest, half_past(15), &[12], 16),
            (CatchUp::Latest, at(12), &[12], 16),
            (CatchUp::None, five_past(12), &[12], 16),
            (CatchUp::None, half_past(12), &[], 16),
            (CatchUp::None, half_past(15), &[], 16),
            (CatchUp::None, at(16), &[16], 20),
        ];
        for (catch_up, now, taken, next) in cases {
            let (slots, after) = Schedule::new(at(0), 4, None, 0).take_due(now, catch_up);
            assert_eq!(hours(&slots), taken, "{catch_up:?} {now}");
            assert_eq!((after.next, after.fired as usize), (Some(at(next)), taken.len()), "{catch_up:?} {now}");
        }
        for (catch_up, fired, next) in [(CatchUp::All, 2, None), (CatchUp::Latest, 1, Some(at(16))), (CatchUp::None, 0, Some(at(16)))] {
            let (_, after) = Schedule::new(at(0), 4, Some(2), 0).take_due(half_past(12), catch_up);
            assert_eq!((after.fired, after.next), (fired, next), "skipped slots do not count: {catch_up:?}");
        }
    }

    #[test]
    fn a_long_absence_is_caught_up_in_pieces() {
        let mut schedule = Schedule::new(at(0), 4, None, 0);
        let mut taken = Vec::new();
        loop {
            let (slots, after) = schedule.take_due(at(4 * 249 + 1), CatchUp::All);
            assert!(slots.len() <= SLOTS_AT_ONCE);
            if slots.is_empty() {
                break;
            }
            taken.extend(hours(&slots));
            schedule = after;
        }
        assert_eq!(taken, (0..250).map(|slot| slot * 4).collect::<Vec<_>>());
    }

    #[test]
    fn a_clock_that_is_moved_back_doubles_nothing() {
        for &catch_up in CatchUp::ALL {
            let (_, schedule) = Schedule::new(at(0), 4, None, 0).take_due(at(8), catch_up);
            for earlier in [7, 4, 0, -100, 8, 11] {
                let (slots, after) = schedule.take_due(at(earlier), catch_up);
                assert!(slots.is_empty() && after == schedule, "{catch_up:?} {earlier}");
            }
        }
    }

    #[test]
    fn a_schedule_of_a_clock_that_was_ahead_is_planned_anew() {
        let schedule = Schedule::new(at(0), 4, Some(9), 3);
        let (_, ahead) = schedule.take_due(at(24 * 365), CatchUp::Latest);
        let replanned = ahead.replanned(at(10)).unwrap();
        assert_eq!((replanned.next, replanned.fired, replanned.revision), (Some(at(12)), 1, 4));
        assert_eq!(replanned.replanned(at(10)), None);
        // The first slot may be ahead, and so may a next slot within the interval.
        for (next, now) in [(at(0), at(-1000)), (at(4), at(0)), (at(4), at(3)), (at(8), at(5))] {
            assert_eq!(Schedule { next: Some(next), ..schedule.clone() }.replanned(now), None, "{next} {now}");
        }
        let before_start = Schedule { next: Some(at(8)), ..schedule.clone() }.replanned(at(-2)).unwrap();
        assert_eq!(before_start.next, Some(at(0)));
        assert_eq!(Schedule { next: None, ..schedule }.replanned(at(0)), None);
    }

    #[test]
    fn slots_lie_on_the_start_however_late_they_are_taken() {
        let start = at(0) + TimeDelta::seconds(7);
        let mut schedule = Schedule::new(start, 5, None, 0);
        let mut now = start;
        for look in 0..1000 {
            now += TimeDelta::minutes(17 * (look % 29));
            let (slots, after) = schedule.take_due(now, CatchUp::All);
            assert!(slots.iter().all(|slot| (slot.at - start).num_seconds() % (5 * 3600) == 0));
            schedule = after;
        }
        assert!(schedule.fired > 500);
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
    fn the_slots_to_come_are_those_that_will_be_taken() {
        let hours = |schedule: &Schedule| schedule.slots().take(5).map(|at| (at - DateTime::UNIX_EPOCH).num_hours()).collect::<Vec<_>>();
        let schedule = Schedule::new(at(10), 4, Some(7), 0);
        assert_eq!(hours(&schedule), [10, 14, 18, 22, 26]);
        let (_, after) = schedule.take_due(at(22), CatchUp::All);
        assert_eq!(hours(&after), [26, 30, 34]);
        assert_eq!(hours(&schedule.ending(Some(at(19)))), [10, 14, 18]);
        assert_eq!(hours(&Schedule { next: None, ..after }), [0_i64; 0]);
    }

    #[test]
    fn a_new_revision_may_reuse_an_instant() {
        let keys = |revision| Schedule::new(at(0), 4, None, revision).take_due(at(0), CatchUp::All).0[0].key.clone();
        assert_ne!(keys(0), keys(1));
    }
}
