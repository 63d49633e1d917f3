//! How often a password may be guessed: what is counted, what lowers the count, and whom a lockout affects.
//!
//! Counts and times go in, and new counts and waits come out. Nothing is stored here.
//!
//! There are two kinds of counts. **For a name**: all addresses from which the name never signed in share one count, and each address from which it did
//! has a count of its own, so that strangers can lock out only strangers. **For an address**: the failures of all names from it. Only time lowers the count
//! of a name. If the right password did, each sign-in of the user would give more guesses to anybody who guesses at the same time.

use chrono::{DateTime, TimeDelta, Utc};

use crate::backoff::Backoff;

/// The most addresses from which a user is known. A further one replaces the least recently used one.
pub const KNOWN_ADDRESSES: u32 = 10;
/// After this time without a sign-in, the user is no longer known from the address.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(90);
/// A sign-in from a known address is recorded only if the last record is older than this, so that most sign-ins write nothing.
pub const REMEMBERED_FOR: TimeDelta = TimeDelta::days(1);
/// How many different wrong passwords a count remembers.
pub const REMEMBERED_PASSWORDS: usize = 8;
/// How many failures a user's sign-in subtracts from the count of its address, at most once in [`FORGIVES_AGAIN`].
pub const FORGIVEN: u32 = 10;
pub const FORGIVES_AGAIN: TimeDelta = TimeDelta::hours(1);

/// The most guesses a day for one user: by all strangers together, and also from each address from which the user is known.
pub const DAILY_FOR_A_USER: u32 = 110;
/// The most guesses a day from one address, for all users together.
pub const DAILY_FROM_AN_ADDRESS: u32 = 150;
/// How many more there are for each user who signs in from the address: [`FORGIVEN`] in each of 24 hours.
pub const DAILY_FOR_EACH_SIGN_IN: u32 = 240;

/// How long a lockout lasts: twice as long with each further failure.
const LOCKS: Backoff = Backoff { first: 60, factor: 2, longest: 3600 };
/// One failure is forgotten after each period of this length.
const FORGETS: TimeDelta = TimeDelta::minutes(15);

/// What a count is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Wrong passwords and codes for one name.
    Name,
    /// Wrong passwords and codes from one address, which a whole office may share.
    Address,
}

impl Counted {
    /// The number of the failure that causes the first wait.
    pub const fn free(self) -> u32 {
        match self {
            Counted::Name => 10,
            Counted::Address => 50,
        }
    }
}

/// A wrong password as it is stored: a keyed digest, from which the password cannot be guessed without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongPassword(pub u128);

/// The count of failures, and until when every further attempt is refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lockout {
    pub failures: u32,
    pub until: Option<DateTime<Utc>>,
    /// The time from which the periods for forgetting are counted.
    pub since: DateTime<Utc>,
    /// The most recent wrong passwords, with the latest at the end.
    pub recent: Vec<WrongPassword>,
}

impl Lockout {
    /// When the lockout ends, if attempts are refused now.
    pub fn locked(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // A time that is further ahead was written by a clock that was wrong.
        self.until.filter(|until| now < *until && *until - now <= TimeDelta::seconds(LOCKS.longest))
    }

    /// The count at this time, without the failures that are forgotten by then.
    #[must_use]
    pub fn brought_to(mut self, now: DateTime<Utc>) -> Lockout {
        let forgotten = (now - self.since).num_seconds() / FORGETS.num_seconds();
        self.failures = self.failures.saturating_sub(u32::try_from(forgotten).unwrap_or_default());
        self.since += FORGETS * i32::try_from(forgotten.max(0)).unwrap_or(i32::MAX);
        if self.failures == 0 || self.since > now {
            self.since = now;
        }
        if self.failures == 0 {
            self.recent.clear();
        }
        self
    }

    /// The count after one more failure, and whether that was counted. A wrong password that is remembered is not counted again. A failure without a
    /// password (a code) is always counted.
    #[must_use]
    pub fn after_failure(self, counted: Counted, wrong: Option<WrongPassword>, now: DateTime<Utc>) -> (Lockout, bool) {
        let mut count = self.brought_to(now);
        if let Some(wrong) = wrong {
            if let Some(place) = count.recent.iter().position(|known| *known == wrong) {
                let again = count.recent.remove(place);
                count.recent.push(again);
                return (count, false);
            }
            if count.recent.len() >= REMEMBERED_PASSWORDS {
                count.recent.remove(0);
            }
            count.recent.push(wrong);
        }
        count.failures = count.failures.saturating_add(1);
        count.until = count.failures.checked_sub(counted.free()).map(|over| now + TimeDelta::seconds(LOCKS.wait(over)));
        (count, true)
    }

    /// The count after somebody signed in from the address.
    #[must_use]
    pub fn forgiven(self, now: DateTime<Utc>) -> Lockout {
        let mut count = self.brought_to(now);
        count.failures = count.failures.saturating_sub(FORGIVEN);
        if count.failures < Counted::Address.free() {
            count.until = None;
        }
        count
    }
}

/// Whether the user is known from an address, by the last sign-in from it.
pub fn is_known(last_success: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - last_success < KNOWN_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn at(seconds: i64) -> DateTime<Utc> {
        START + TimeDelta::seconds(seconds)
    }

    fn wrong(number: u128) -> Option<WrongPassword> {
        Some(WrongPassword(number))
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        let mut count = Lockout::default();
        for number in 1..Counted::Name.free() {
            count = count.after_failure(Counted::Name, wrong(number.into()), START).0;
            assert_eq!(count.locked(START), None, "{number}");
        }
        let mut waits = Vec::new();
        for number in 100..140 {
            count = count.after_failure(Counted::Name, wrong(number), START).0;
            waits.push((count.until.unwrap() - START).num_seconds());
        }
        assert_eq!(&waits[..4], &[60, 120, 240, 480]);
        assert!(waits.iter().all(|wait| *wait <= 3600));
        assert_eq!(count.locked(at(3600)), None);
        assert!(count.locked(at(3599)).is_some());
    }

    #[test]
    fn the_same_wrong_password_counts_once() {
        let mut count = Lockout::default();
        for minute in 0..600 {
            let found = count.clone().brought_to(at(minute * 60)).failures;
            let (next, counted) = count.after_failure(Counted::Name, wrong(7), at(minute * 60));
            assert_eq!((next.failures, counted), (1, found == 0), "{minute}");
            count = next;
        }
        // The same with other wrong passwords in between, as long as it is one of the last few.
        let mut count = Lockout::default();
        for number in 0..8 {
            count = count.after_failure(Counted::Name, wrong(number), START).0;
        }
        let (count, counted) = count.after_failure(Counted::Name, wrong(0), START);
        assert!(!counted, "the first of eight is remembered, and is the latest now");
        let (count, counted) = count.after_failure(Counted::Name, wrong(8), START);
        assert!(counted && count.recent.len() == REMEMBERED_PASSWORDS);
        assert!(count.recent.contains(&WrongPassword(0)) && !count.recent.contains(&WrongPassword(1)));
        // Codes are not remembered, since the same code may be right another time.
        let (count, counted) = count.after_failure(Counted::Name, None, START);
        assert!(counted && count.locked(START).is_some());
    }

    #[test]
    fn time_forgets() {
        let failed = |failures, since| Lockout { failures, since: at(since), ..Lockout::default() };
        for (count, now, failures, since) in [
            (failed(3, 0), 899, 3, 0),
            (failed(3, 0), 900, 2, 900),
            (failed(3, 0), 1000, 2, 900),
            (failed(3, 0), 2700, 0, 2700),
            (failed(3, 0), 1_000_000, 0, 1_000_000),
            (failed(0, 0), 50, 0, 50),
            // A clock that was set back.
            (failed(3, 5000), 100, 3, 100),
        ] {
            let brought = count.clone().brought_to(at(now));
            assert_eq!((brought.failures, brought.since), (failures, at(since)), "{count:?} at {now}");
        }
        let ahead = Lockout { until: Some(at(400 * 86400)), ..Lockout::default() };
        assert_eq!(ahead.locked(START), None, "no lock lasts longer than the longest wait");
    }

    /// The number of guesses of somebody who tries as soon as possible, always with another password, except for rests between bursts.
    fn guesses_in_a_day(counted: Counted, burst: u32, rest: i64, forgiven_each_hour: u32) -> u32 {
        let (mut count, mut now, mut guesses, mut next_hour) = (Lockout::default(), 0, 0_u32, 0);
        let mut in_burst = 0;
        while now < 86400 {
            while next_hour <= now {
                for _ in 0..forgiven_each_hour {
                    count = count.forgiven(at(now));
                }
                next_hour += 3600;
            }
            if let Some(until) = count.locked(at(now)) {
                now = (until - START).num_seconds().min(next_hour);
                continue;
            }
            if in_burst == burst {
                in_burst = 0;
                now += rest;
                continue;
            }
            count = count.after_failure(counted, wrong(guesses.into()), at(now)).0;
            guesses += 1;
            in_burst += 1;
        }
        guesses
    }

    #[test]
    fn guesses_a_day_are_few() {
        let most = |counted, forgiven| {
            let bursts = (1..70).flat_map(|burst| (0..60).map(move |minutes| (burst, minutes * 60 + 1)));
            bursts.map(|(burst, rest)| guesses_in_a_day(counted, burst, rest, forgiven)).max().unwrap()
        };
        for (counted, accounts, bound) in [
            (Counted::Name, 0, DAILY_FOR_A_USER),
            (Counted::Address, 0, DAILY_FROM_AN_ADDRESS),
            (Counted::Address, 1, DAILY_FROM_AN_ADDRESS + DAILY_FOR_EACH_SIGN_IN),
            (Counted::Address, 3, DAILY_FROM_AN_ADDRESS + 3 * DAILY_FOR_EACH_SIGN_IN),
        ] {
            let most = most(counted, accounts);
            assert!(most <= bound && most > bound * 8 / 10, "{counted:?} with {accounts}: {most} of {bound}");
        }
    }

    #[test]
    fn the_document_says_so() {
        let page = include_str!("../../../docs/sign-in.md");
        for figure in [
            format!("{DAILY_FOR_A_USER} guesses a day"),
            format!("{DAILY_FROM_AN_ADDRESS} a day"),
            format!("{DAILY_FOR_EACH_SIGN_IN} more"),
            format!("the last {KNOWN_ADDRESSES} addresses"),
            format!("{} days", KNOWN_FOR.num_days()),
            format!("after {} wrong passwords", Counted::Name.free()),
            format!("after {} of them", Counted::Address.free()),
        ] {
            assert!(page.contains(&figure), "{figure}");
        }
    }

    #[test]
    fn an_address_is_known_for_a_while() {
        assert!(is_known(START, at(0)) && is_known(START, START + KNOWN_FOR - TimeDelta::seconds(1)));
        assert!(!is_known(START, START + KNOWN_FOR));
    }
}
