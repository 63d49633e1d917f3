//! Watches whether the clock runs steadily. Retention follows the clock: if the clock jumps by days, nothing is removed until it has been steady for a
//! while, so that a clock that is wrong for a moment costs no artifacts, executions, keys or events.
//!
//! A server that was off for days looks like a clock that has jumped in the meantime. It waits too, but for a shorter time.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_store::Store;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::failure::Failure;

/// The stored setting that says when a process last looked, and until when nothing is removed.
const SEEN: &str = "clock_seen";
/// A larger difference is a jump. It is more than a leap second, a late look or daylight saving time can explain.
const JUMP: TimeDelta = TimeDelta::days(1);
/// How long nothing is removed after a jump that a running process has seen.
const WAIT: TimeDelta = TimeDelta::days(1);
/// How long nothing is removed after a jump, or a rest, between the end of one process and the start of the next.
const WAIT_AFTER_REST: TimeDelta = TimeDelta::hours(1);
/// How old the stored last look may become before it is written again.
const KEPT_FOR: TimeDelta = TimeDelta::minutes(1);

/// This process's last look. The loops look one after another, so that one that sees a jump has stored it before the next looks.
#[derive(Debug, Default)]
pub struct ClockWatch(Mutex<Option<(DateTime<Utc>, Instant)>>);

/// What is stored for all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    seen: DateTime<Utc>,
    /// Nothing is removed until then.
    until: DateTime<Utc>,
}

impl ClockWatch {
    /// Whether data that is old by the clock may be removed now. A manual clock is always trusted, since it is moved on purpose.
    ///
    /// # Errors
    /// When the database does not answer, so that it is unknown what earlier processes saw.
    pub async fn may_remove(&self, clock: &Clock, store: &Store) -> Result<bool, Failure> {
        if clock.is_manual() {
            return Ok(true);
        }
        let mut last = self.0.lock().await;
        let (now, measured) = (clock.now(), Instant::now());
        let before = last.map(|(seen, at)| (seen, TimeDelta::from_std(measured - at).unwrap_or(TimeDelta::MAX)));
        let kept = store.setting(SEEN).await?.as_deref().and_then(Kept::read);
        let until = until(kept, before, now);
        if kept.is_none_or(|kept| kept.until != until || (now - kept.seen).abs() >= KEPT_FOR) {
            store.put_setting(SEEN, &Kept { seen: now, until }.written()).await?;
        }
        // Set only now, since a look that failed half-way does not count.
        *last = Some((now, measured));
        if now < until && kept.is_none_or(|kept| kept.until != until) {
            tracing::warn!(%until, "the clock has moved by more than a day, or the server was off for so long: nothing old is removed until then");
        }
        Ok(now >= until)
    }
}

/// Until when nothing is removed. `before` is this process's last look, and how long ago it was by the monotonic clock.
fn until(kept: Option<Kept>, before: Option<(DateTime<Utc>, TimeDelta)>, now: DateTime<Utc>) -> DateTime<Utc> {
    if before.is_some_and(|(seen, passed)| (now - seen - passed).abs() > JUMP) {
        return now + WAIT;
    }
    match kept {
        None => now,
        Some(kept) if before.is_none() && (now - kept.seen).abs() > JUMP => now + WAIT_AFTER_REST,
        // Another process stored this while its clock was ahead.
        Some(kept) if kept.until > now + WAIT => now + WAIT,
        Some(kept) => kept.until,
    }
}

impl Kept {
    fn written(self) -> String {
        format!("{} {}", self.seen.timestamp_millis(), self.until.timestamp_millis())
    }

    fn read(text: &str) -> Option<Kept> {
        let (seen, until) = text.split_once(' ')?;
        let instant = |text: &str| DateTime::from_timestamp_millis(text.parse().ok()?);
        Some(Kept { seen: instant(seen)?, until: instant(until)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(days)
    }

    #[test]
    fn a_clock_that_goes_as_time_goes_keeps_nothing_back() {
        assert_eq!(until(None, None, at(9)), at(9), "the first start");
        let kept = Kept { seen: at(9), until: at(9) };
        assert_eq!(Kept::read(&kept.written()), Some(kept));
        let hour = TimeDelta::hours(1);
        assert_eq!(until(Some(kept), None, at(9) + hour), at(9), "started again");
        assert_eq!(until(Some(kept), Some((at(9), hour)), at(9) + hour), at(9));
        // While a machine sleeps, its monotonic clock may stand still. Less than a day of that is not a jump.
        assert_eq!(until(Some(kept), Some((at(9), hour)), at(9) + hour * 20), at(9));
    }

    #[test]
    fn a_jump_keeps_everything_until_the_clock_was_steady_for_a_day() {
        let (kept, minute) = (Kept { seen: at(9), until: at(9) }, TimeDelta::minutes(1));
        // The clock jumps a year ahead, and nothing is removed for a day by that clock.
        let ahead = at(9 + 365);
        let waits = until(Some(kept), Some((at(9), minute)), ahead);
        assert_eq!(waits, ahead + WAIT);
        let kept = Kept { seen: ahead, until: waits };
        assert_eq!(until(Some(kept), Some((ahead, minute)), ahead + minute), waits, "the next look changes nothing");
        assert_eq!(until(Some(kept), None, ahead + minute), waits, "nor does a start");
        // The clock jumps back.
        let back = at(9) + minute * 2;
        assert_eq!(until(Some(kept), Some((ahead, minute)), back), back + WAIT);
        assert_eq!(until(Some(kept), None, back), back + WAIT_AFTER_REST, "between two processes");
        let other = Some((back - minute, minute));
        assert_eq!(until(Some(kept), other, back), back + WAIT, "seen by another process, whose clock is still ahead");
    }

    #[test]
    fn a_rest_of_days_waits_an_hour() {
        let kept = Kept { seen: at(9), until: at(9) };
        assert_eq!(until(Some(kept), None, at(30)), at(30) + WAIT_AFTER_REST);
    }
}
