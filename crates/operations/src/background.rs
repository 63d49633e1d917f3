//! What runs without a request. The driver runs every loop in the same way: it limits the time of a turn, survives a panic, logs failures at a bounded
//! rate, stops and drains. This module keeps what became of the turns, in one place. It knows no loop: the table of all of them is `background_loops`.

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

/// How long a turn may go without a sign of progress: more than the database allows any statement.
pub const LIMIT: Duration = Duration::from_secs(90);

/// How the background work of this process goes.
#[derive(Debug)]
pub struct Background {
    limit: Duration,
    records: Mutex<BTreeMap<&'static str, Record>>,
    /// A record is another than before.
    pub(crate) changed: Notify,
}

impl Default for Background {
    fn default() -> Self {
        Background::with_limit(LIMIT)
    }
}

impl Background {
    /// `limit`: no turn, and no single wait for the database, may take longer.
    pub fn with_limit(limit: Duration) -> Background {
        Background { limit, records: Mutex::default(), changed: Notify::new() }
    }

    /// The longest that a turn, or a single wait for the database, may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The record of each loop that was started here, by its name.
    pub fn records(&self) -> BTreeMap<&'static str, Record> {
        self.lock().clone()
    }

    /// The loops that have got nothing done for so long that only a fault explains it, by their names, and how long that is.
    pub fn stuck(&self) -> Vec<(&'static str, Duration)> {
        let now = Instant::now();
        self.lock().iter().filter_map(|(name, record)| Some((*name, record.stuck(now)?))).collect()
    }

    /// The outcome, or a failure when there is none in time: a connection may fall silent without ending, and nobody waits for an answer for ever.
    ///
    /// # Errors
    /// What the work fails with, or that the database did not answer in time.
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
        // Whole between any two statements.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
