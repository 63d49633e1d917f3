//! The backoff of a callback, which is that of a mail too: waits grow, and it is given up three days after it was made.
//!
//! The result of an attempt goes in, and the time of the next one or the end comes out. Nothing is sent here.

use chrono::{DateTime, TimeDelta, Utc};

pub const GIVE_UP_DAYS: i64 = 3;

/// The wait in seconds after the first failed attempt, the second and so on. The last one repeats.
const WAITS: [i64; 9] = [5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600];

/// The status by which the receiver says that the address is gone for good.
const GONE: u16 = 410;

/// The next step of a callback after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterAttempt {
    Delivered,
    Retry { due: DateTime<Utc> },
    GiveUp,
}

pub fn give_up_after(made: DateTime<Utc>) -> DateTime<Utc> {
    made.checked_add_signed(TimeDelta::days(GIVE_UP_DAYS)).unwrap_or(made)
}

/// When the callback that is given up at this time was made or replayed by hand.
pub fn begun(give_up: DateTime<Utc>) -> DateTime<Utc> {
    give_up.checked_sub_signed(TimeDelta::days(GIVE_UP_DAYS)).unwrap_or(give_up)
}

/// The next step after the attempt with this number, counted from 1. `status` is `None` if there was no answer. A redirect is a failure, since it is not
/// followed.
pub fn after_attempt(number: u32, status: Option<u16>, now: DateTime<Utc>, give_up: DateTime<Utc>) -> AfterAttempt {
    match status {
        Some(200..=299) => return AfterAttempt::Delivered,
        Some(GONE) => return AfterAttempt::GiveUp,
        _ => {}
    }
    next_attempt(number, now, give_up).map_or(AfterAttempt::GiveUp, |due| AfterAttempt::Retry { due })
}

/// When to try again after a failed attempt with this number, counted from 1, whose failure may pass. `None` if it is given up before.
pub fn next_attempt(number: u32, now: DateTime<Utc>, give_up: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let [.., longest] = WAITS;
    let place = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let wait = WAITS.get(place).copied().unwrap_or(longest);
    now.checked_add_signed(TimeDelta::seconds(wait)).filter(|due| *due <= give_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn success_is_any_2xx_and_gone_is_the_end() {
        for (status, expected) in [
            (Some(200), AfterAttempt::Delivered),
            (Some(202), AfterAttempt::Delivered),
            (Some(204), AfterAttempt::Delivered),
            (Some(299), AfterAttempt::Delivered),
            (Some(199), AfterAttempt::Retry { due: at(5) }),
            (Some(302), AfterAttempt::Retry { due: at(5) }),
            (Some(404), AfterAttempt::Retry { due: at(5) }),
            (Some(410), AfterAttempt::GiveUp),
            (Some(500), AfterAttempt::Retry { due: at(5) }),
            (None, AfterAttempt::Retry { due: at(5) }),
        ] {
            assert_eq!(after_attempt(1, status, at(0), give_up_after(at(0))), expected, "{status:?}");
        }
    }

    #[test]
    fn waits_grow_and_end_after_three_days() {
        let give_up = give_up_after(at(0));
        let (mut now, mut waits) = (at(0), Vec::new());
        while let AfterAttempt::Retry { due } = after_attempt(waits.len() as u32 + 1, None, now, give_up) {
            waits.push((due - now).num_seconds());
            now = due;
        }
        assert!(waits.is_sorted() && waits.starts_with(&WAITS), "{waits:?}");
        assert_eq!(waits.last(), Some(&(8 * 3600)));
        assert!(give_up - now < TimeDelta::hours(8) && now <= give_up, "{now}");
        assert_eq!(waits.len(), 16);
        // A success counts, however late it comes.
        assert_eq!(after_attempt(40, Some(200), give_up + TimeDelta::days(9), give_up), AfterAttempt::Delivered);
        assert_eq!(after_attempt(u32::MAX, None, DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MAX_UTC), AfterAttempt::GiveUp);
    }
}
