//! The product's time: schedules, expiries and time spans follow it. A sandbox can move it, never back.

use std::sync::Mutex;

use chrono::{DateTime, Datelike, SubsecRound, Utc};

/// Instants are written with four digits of a year, and links and tokens reach beyond now.
const LATEST_YEAR: i32 = 9998;

#[derive(Debug)]
pub enum Clock {
    System,
    /// Stands still until it is moved.
    Manual(Mutex<DateTime<Utc>>),
}

/// A manual clock was to be moved back, or the system's was to be moved at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClockFault {
    #[error("the clock is the system's and cannot be moved: start with --clock manual")]
    NotManual,
    #[error("the clock stands at {0} and never moves back")]
    Backwards(DateTime<Utc>),
    #[error("the clock cannot go beyond {LATEST_YEAR}")]
    OutOfRange,
}

impl Clock {
    pub fn manual(now: DateTime<Utc>) -> Clock {
        Clock::Manual(Mutex::new(now.trunc_subsecs(3)))
    }

    /// In milliseconds, as the database keeps instants.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            // The one place where the system's time enters.
            #[allow(clippy::disallowed_methods)]
            Clock::System => Utc::now().trunc_subsecs(3),
            Clock::Manual(now) => *lock(now),
        }
    }

    pub fn is_manual(&self) -> bool {
        matches!(self, Clock::Manual(_))
    }

    pub fn set(&self, to: DateTime<Utc>) -> Result<(), ClockFault> {
        self.check(to)?;
        if let Clock::Manual(now) = self {
            let mut now = lock(now);
            // Two movers at once: the later one stays.
            *now = to.trunc_subsecs(3).max(*now);
        }
        Ok(())
    }

    /// Whether the clock may be moved there.
    pub fn check(&self, to: DateTime<Utc>) -> Result<(), ClockFault> {
        let Clock::Manual(now) = self else { return Err(ClockFault::NotManual) };
        let now = *lock(now);
        if to < now {
            return Err(ClockFault::Backwards(now));
        }
        if to.year() > LATEST_YEAR {
            return Err(ClockFault::OutOfRange);
        }
        Ok(())
    }
}

/// An instant is whole even when its last writer panicked.
fn lock(now: &Mutex<DateTime<Utc>>) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
    now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
