//! Sign-in for devices: how many codes may be pending, and how fast a device may poll.

use chrono::{DateTime, TimeDelta, Utc};

/// How many seconds a device code is valid. Source: the documented default.
pub const LIFETIME_SECONDS: i64 = 900;
/// Seconds that a device waits between two polls. Source: the documented default.
pub const INTERVAL_SECONDS: u32 = 5;
/// The most pending codes of one application and one address.
pub const WAITING_PER_ADDRESS: u32 = 50;
/// The most pending codes of one application. When it is reached, a code of the address with the most codes is dropped.
pub const WAITING_PER_APPLICATION: u32 = 1000;

/// By how many seconds each poll that comes too fast lengthens the interval. Source: RFC 8628, 3.5.
const SLOWER_BY: u32 = 5;
const LONGEST_INTERVAL: u32 = 60;
/// How much too early a poll may come, since clocks and networks are not exact.
const TOLERANCE: TimeDelta = TimeDelta::seconds(1);

/// The pace of a device's polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub last: DateTime<Utc>,
    /// The interval between two polls, in seconds.
    pub interval: u32,
}

impl Pace {
    pub fn first(now: DateTime<Utc>) -> Pace {
        Pace { last: now, interval: INTERVAL_SECONDS }
    }

    /// The state after a further poll, and whether the poll came too fast.
    pub fn after_poll(self, now: DateTime<Utc>) -> (Pace, bool) {
        let waited = now - self.last;
        let fast = waited >= TimeDelta::zero() && waited + TOLERANCE < TimeDelta::seconds(self.interval.into());
        let interval = if fast { (self.interval + SLOWER_BY).min(LONGEST_INTERVAL) } else { self.interval };
        (Pace { last: now, interval }, fast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_that_come_too_fast_slow_the_device_down() {
        let at = |milliseconds| DateTime::UNIX_EPOCH + TimeDelta::milliseconds(milliseconds);
        let mut pace = Pace::first(at(0));
        for (now, fast, interval) in [
            (5_000, false, 5),
            (9_000, false, 5),
            (12_999, true, 10),
            (17_998, true, 15),
            (32_998, false, 15),
            // The clock was set back.
            (1_000, false, 15),
        ] {
            let (next, found) = pace.after_poll(at(now));
            assert_eq!((found, next.interval), (fast, interval), "{now}");
            pace = next;
        }
        for _ in 0..20 {
            pace = pace.after_poll(pace.last).0;
        }
        assert_eq!(pace.interval, LONGEST_INTERVAL);
    }
}
