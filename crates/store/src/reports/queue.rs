//! What waits: executions, callbacks and mails, counted by an index, for whoever watches the server.

use sqlx::{AssertSqlSafe, Row as _};

use crate::callbacks::CALLBACKS;
use crate::mails::MAILS;
use crate::outbox::Outbox;
use crate::{Store, StoreError};

/// How much waits, of all tenants and processes together. Instants are milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Queue {
    /// Executions that a worker may begin now.
    pub due: u64,
    /// When the first of them was queued, by the product's clock.
    pub oldest_queued: Option<i64>,
    /// Executions that wait for their next attempt.
    pub retrying: u64,
    pub running: u64,
    /// Callbacks that may be sent now.
    pub callbacks_due: u64,
    /// When the first of them fell due, by the product's clock.
    pub oldest_callback: Option<i64>,
    /// Callbacks that wait for their next attempt.
    pub callbacks_retrying: u64,
    /// Mails that may be sent now.
    pub mails_due: u64,
    /// When the first of them fell due, by the product's clock.
    pub oldest_mail: Option<i64>,
    /// Mails that wait for their next attempt, or for the end of the day.
    pub mails_retrying: u64,
}

impl Store {
    /// Counts what waits: executions by the database's time `lease_now`, and callbacks and mails by the product's clock `now`, both in milliseconds.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queue(&self, lease_now: i64, now: i64) -> Result<Queue, StoreError> {
        let mut queue = Queue::default();
        let executions = "SELECT status, CAST(CASE WHEN not_before <= $1 THEN 1 ELSE 0 END AS BIGINT) AS is_due,
                 CAST(COUNT(*) AS BIGINT) AS number, MIN(queued) AS oldest
             FROM executions WHERE status IN ('Pending', 'Running') GROUP BY 1, 2";
        for row in sqlx::query(executions).bind(lease_now).fetch_all(&self.reports).await? {
            let (status, is_due): (String, i64) = (row.try_get("status")?, row.try_get("is_due")?);
            let number = count(row.try_get("number")?);
            match (status.as_str(), is_due) {
                ("Running", _) => queue.running += number,
                (_, 0) => queue.retrying += number,
                _ => (queue.due, queue.oldest_queued) = (number, row.try_get("oldest")?),
            }
        }
        (queue.callbacks_due, queue.oldest_callback, queue.callbacks_retrying) = self.waiting(CALLBACKS, now).await?;
        (queue.mails_due, queue.oldest_mail, queue.mails_retrying) = self.waiting(MAILS, now).await?;
        Ok(queue)
    }

    /// How many rows of an outbox are due, when the first of them fell due, and how many wait.
    async fn waiting(&self, outbox: Outbox, now: i64) -> Result<(u64, Option<i64>, u64), StoreError> {
        let statement = format!(
            "SELECT CAST(CASE WHEN due <= $1 THEN 1 ELSE 0 END AS BIGINT) AS is_due, CAST(COUNT(*) AS BIGINT) AS number, MIN(due) AS oldest
             FROM {} WHERE state = 'pending' GROUP BY 1",
            outbox.table
        );
        let (mut due, mut oldest, mut waiting) = (0, None, 0);
        for row in sqlx::query(AssertSqlSafe(statement)).bind(now).fetch_all(&self.reports).await? {
            let number = count(row.try_get("number")?);
            match row.try_get::<i64, _>("is_due")? {
                0 => waiting = number,
                _ => (due, oldest) = (number, row.try_get("oldest")?),
            }
        }
        Ok((due, oldest, waiting))
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
