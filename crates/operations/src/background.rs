//! Background work, which runs without a request. The driver runs every loop in the same way: it limits the time of a turn, survives a panic, logs
//! failures at a bounded rate, stops and drains. This module keeps the records of all loops in one place. It knows none of them: the table of the
//! loops is in `background_loops`.

pub mod driver;
pub mod record;
pub mod turn;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use self::record::Record;
use crate::failure::Failure;

/// How long a turn may go without a sign of progress. It is longer than the database's limit for a statement.
pub const LIMIT: Duration = Duration::from_secs(90);

/// The state of the background work of this process.
#[derive(Debug)]
pub struct Background {
    limit: Duration,
    records: Mutex<BTreeMap<&'static str, Record>>,
    /// Notified when a record has changed.
    pub(crate) changed: Notify,
}

impl Default for Background {
    fn default() -> Self {
        Background::with_limit(LIMIT)
    }
}

impl Background {
    /// `limit` is the longest that a turn, or a single wait for the database, may take.
    pub fn with_limit(limit: Duration) -> Background {
        Background { limit, records: Mutex::default(), changed: Notify::new() }
    }

    /// The longest that a turn, or a single wait for the database, may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The records of the loops that were started in this process, by name.
    pub fn records(&self) -> BTreeMap<&'static str, Record> {
        self.lock().clone()
    }

    /// The names of the loops that have had no success for so long that only a fault explains it, and for how long.
    pub fn stuck(&self) -> Vec<(&'static str, Duration)> {
        let now = Instant::now();
        self.lock().iter().filter_map(|(name, record)| Some((*name, record.stuck(now)?))).collect()
    }

    /// Returns the outcome of the work, or a failure if it exceeds the limit. A connection may fall silent without ending, and nobody must wait for it for
    /// ever.
    ///
    /// # Errors
    /// The error of the work, or a failure that says that the database did not answer in time.
    pub(crate) async fn in_time<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        match tokio::time::timeout(self.limit, work).await {
            Ok(outcome) => Ok(outcome?),
            Err(_) => Err(Failure::internal(format!("the database did not answer within {} seconds", self.limit.as_secs_f32()))),
        }
    }

    fn record<T>(&self, name: &'static str, change: impl FnOnce(&mut Record) -> T) -> T {
        let outcome = change(self.lock().entry(name).or_insert_with(|| Record::new(Instant::now())));
        self.changed.notify_waiters();
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Record>> {
        // The map is consistent after each statement, so a poisoned lock can be used.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
