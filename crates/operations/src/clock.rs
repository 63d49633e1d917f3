//! The product's time: schedules, expiries and time spans follow it. A sandbox can move it, never back.

use std::sync::Mutex;

use chrono::{DateTime, SubsecRound, Utc};

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
    #[error("that lies beyond what the calendar holds")]
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
        let Clock::Manual(now) = self else { return Err(ClockFault::NotManual) };
        let mut now = lock(now);
        if to < *now {
            return Err(ClockFault::Backwards(*now));
        }
        *now = to.trunc_subsecs(3);
        Ok(())
    }
}

/// An instant is whole even when its last writer panicked.
fn lock(now: &Mutex<DateTime<Utc>>) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
    now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
