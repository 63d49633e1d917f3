//! A pace: so many at once, and then one after each interval. It is a token bucket that is kept as one instant: that at which the full burst is available
//! again.

use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) burst: u32,
    pub(crate) each: Duration,
}

impl Pace {
    /// If one more may come now, returns the instant at which the full burst is available again. `free` is what the last one returned.
    pub(crate) fn taken(self, free: Option<Instant>, now: Instant) -> Option<Instant> {
        let free = free.unwrap_or(now).max(now) + self.each;
        (free <= now + self.each * self.burst).then_some(free)
    }

    /// How many may come now.
    pub(crate) fn left(self, free: Option<Instant>, now: Instant) -> u32 {
        let used = self.full_after(free, now).as_nanos().div_ceil(self.each.as_nanos().max(1));
        self.burst.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// After how long one more may come; zero if it may now.
    pub(crate) fn wait(self, free: Option<Instant>, now: Instant) -> Duration {
        (self.full_after(free, now) + self.each).saturating_sub(self.each * self.burst)
    }

    /// After how long the full burst is available.
    pub(crate) fn full_after(self, free: Option<Instant>, now: Instant) -> Duration {
        free.map_or(Duration::ZERO, |free| free.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_used_up_and_comes_back_one_by_one() {
        let pace = Pace { burst: 3, each: Duration::from_secs(20) };
        let begin = Instant::now();
        let (mut free, mut lefts) = (None, Vec::new());
        while let Some(taken) = pace.taken(free, begin) {
            free = Some(taken);
            lefts.push(pace.left(free, begin));
        }
        assert_eq!(lefts, [2, 1, 0]);
        assert_eq!((pace.wait(free, begin), pace.full_after(free, begin)), (Duration::from_secs(20), Duration::from_secs(60)));
        let later = begin + Duration::from_secs(19);
        assert_eq!((pace.left(free, later), pace.wait(free, later)), (0, Duration::from_secs(1)));
        let later = begin + Duration::from_secs(20);
        assert_eq!((pace.left(free, later), pace.wait(free, later)), (1, Duration::ZERO));
        let later = begin + Duration::from_secs(1000);
        assert_eq!((pace.left(free, later), pace.full_after(free, later)), (3, Duration::ZERO));
        assert_eq!(pace.left(None, begin), 3);
    }
}
