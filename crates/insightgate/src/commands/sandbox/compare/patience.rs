//! How long a replay takes at most: for one exchange, and for all of them. Neither a person's nor a server's number is too large for it.

use std::time::Duration;

use tokio::time::Instant;

/// All exchanges together may take as many times the time of one, and an hour at least.
const EXCHANGES: u32 = 60;
const LEAST: Duration = Duration::from_secs(3600);
/// What is longer counts as this.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    each: Duration,
    over: Instant,
}

impl Bounds {
    pub fn new(now: Instant, each: Duration) -> Bounds {
        let each = each.min(LONGEST);
        Bounds { each, over: now + each.saturating_mul(EXCHANGES).max(LEAST) }
    }

    /// When an exchange that begins now has to be over; None if the replay has taken all its time.
    pub fn until(&self, now: Instant) -> Option<Instant> {
        (now < self.over).then(|| (now + self.each).min(self.over))
    }
}

/// Whether there is time for a pause.
pub(super) fn has_time(now: Instant, until: Instant, pause: Duration) -> bool {
    pause < until.saturating_duration_since(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LONG: Duration = Duration::from_secs(u64::MAX);

    #[test]
    fn no_number_is_too_large() {
        let now = Instant::now();
        let until = Bounds::new(now, LONG).until(now);
        assert_eq!(until, Some(now + LONGEST));
        assert!(
            !has_time(now, now + SECOND * 60, LONG) && has_time(now, now + SECOND * 60, SECOND) && !has_time(now + SECOND, now, SECOND)
        );
    }

    #[test]
    fn all_exchanges_together_have_an_end() {
        let now = Instant::now();
        let bounds = Bounds::new(now, SECOND * 100);
        assert_eq!(bounds.until(now), Some(now + SECOND * 100));
        assert_eq!(bounds.until(now + SECOND * 5950), Some(now + SECOND * 6000));
        assert_eq!(bounds.until(now + SECOND * 6000), None);
        assert_eq!(Bounds::new(now, SECOND).until(now + LEAST), None);
    }
}
