//! The product's clock, which schedules, expiries and time spans follow. Processes that share a database follow the database's clock. A sandbox can move
//! its clock forward, but never back.

pub(crate) mod shared;
pub mod watch;

use std::sync::Mutex;

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use insightgate_store::{Store, StoreError};

use crate::clock::shared::SharedClock;

/// The latest year that a clock may be set to. Instants are written with a four-digit year, and links and tokens expire later than now.
const LATEST_YEAR: i32 = 9998;
/// The difference from the database's clock beyond which there is a warning.
const FAR_OFF_SECONDS: i64 = 30;

#[derive(Debug)]
pub enum Clock {
    System,
    /// Follows the database's clock.
    Shared(SharedClock),
    /// Stands still until it is moved.
    Manual {
        now: Mutex<DateTime<Utc>>,
        /// Held by who moves it, one after the other.
        moving: tokio::sync::Mutex<()>,
    },
}

/// Why the clock cannot be moved: a manual clock cannot be moved back, and the system's clock cannot be moved at all.
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
        Clock::Manual { now: Mutex::new(now.trunc_subsecs(3)), moving: tokio::sync::Mutex::default() }
    }

    /// A clock that follows `system` until the first [`Clock::follow`], and the database from then on. `system` is [`Clock::of_system`], except in tests.
    pub fn shared(system: fn() -> DateTime<Utc>) -> Clock {
        Clock::Shared(SharedClock::new(system))
    }

    /// The only place that reads the system's time.
    #[allow(clippy::disallowed_methods)]
    pub fn of_system() -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    /// The current time, in whole milliseconds, as in the database.
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Clock::System => Clock::of_system(),
            Clock::Shared(shared) => shared.now(),
            Clock::Manual { now, .. } => *lock(now),
        }
    }

    /// The time at which work is done that fell due at `due`. A manual clock stands still while the server works, so that work is done at the very
    /// time at which it fell due, however far the clock has been moved since.
    pub fn of_work(&self, due: DateTime<Utc>) -> DateTime<Utc> {
        let now = self.now();
        if self.is_manual() { due.min(now) } else { now }
    }

    /// Reads the database's time, if this clock follows it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow(&self, store: &Store) -> Result<(), StoreError> {
        if let Clock::Shared(shared) = self {
            let before = shared.system();
            let database = store.lease_time().await?;
            shared.follow(before, database, shared.system());
        }
        Ok(())
    }

    /// How far the database's clock is ahead of this machine's, if this clock follows the database.
    pub fn offset(&self) -> TimeDelta {
        match self {
            Clock::Shared(shared) => shared.offset(),
            Clock::System | Clock::Manual { .. } => TimeDelta::zero(),
        }
    }

    /// The warning for the operator, if this machine's clock differs much from the database's.
    pub fn warning(&self) -> Option<String> {
        let (seconds, ahead) = (self.offset().num_seconds().abs(), self.offset() < TimeDelta::zero());
        let way = if ahead { "ahead of" } else { "behind" };
        (seconds > FAR_OFF_SECONDS)
            .then(|| format!("the clock of this machine is {seconds} s {way} the database's, which is followed: set it right"))
    }

    pub fn is_manual(&self) -> bool {
        matches!(self, Clock::Manual { .. })
    }

    /// # Errors
    /// When the clock is not manual, or would move back.
    pub fn set(&self, to: DateTime<Utc>) -> Result<(), ClockFault> {
        self.check(to)?;
        if let Clock::Manual { now, .. } = self {
            let mut now = lock(now);
            *now = to.trunc_subsecs(3).max(*now);
        }
        Ok(())
    }

    /// Held while the clock is moved: two moves at once come one after the other. None: it cannot be moved.
    pub(crate) async fn moving(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self {
            Clock::Manual { moving, .. } => Some(moving.lock().await),
            Clock::System | Clock::Shared(_) => None,
        }
    }

    /// Checks whether the clock may be moved to this time.
    ///
    /// # Errors
    /// When the clock is not manual, or would move back.
    pub fn check(&self, to: DateTime<Utc>) -> Result<(), ClockFault> {
        let Clock::Manual { now, .. } = self else { return Err(ClockFault::NotManual) };
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

/// The instant is valid even if its last writer panicked, so a poisoned lock can be used.
fn lock(now: &Mutex<DateTime<Utc>>) -> std::sync::MutexGuard<'_, DateTime<Utc>> {
    now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
