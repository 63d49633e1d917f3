//! Executions and callbacks that a sandbox holds back: they wait, but no claim takes them until they are let go.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::database::row::millis;
use crate::{ExecutionRecord, Store, StoreError, execute};

/// Stands in the place of a lease time that never comes.
const HELD_BACK: i64 = i64::MAX;

/// When a callback is due that is held back: later than any clock shows.
pub const NEVER_DUE: DateTime<Utc> = match DateTime::from_timestamp_millis(253_402_300_799_000) {
    Some(end_of_9999) => end_of_9999,
    None => DateTime::<Utc>::MAX_UTC,
};

impl Store {
    /// Executions that a claim could take, in the order in which it would.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waiting_executions(&self, limit: u32) -> Result<Vec<ExecutionRecord>, StoreError> {
        let query = sqlx::query("SELECT * FROM executions WHERE status = 'Pending' AND not_before < $1 ORDER BY turn, anchor, id LIMIT $2");
        self.with_reports(query.bind(HELD_BACK).bind(i64::from(limit)).fetch_all(&self.reports).await?).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn hold_execution_back(&self, id: Uuid) -> Result<(), StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query("UPDATE executions SET not_before = $1 WHERE id = $2 AND status = 'Pending'");
        execute(&mut connection, query.bind(HELD_BACK).bind(id.to_string())).await?;
        Ok(())
    }

    /// It falls due anew at this time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn let_execution_go(&self, id: Uuid, due: DateTime<Utc>) -> Result<(), StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query("UPDATE executions SET not_before = 0, queued = $1 WHERE id = $2 AND not_before = $3");
        execute(&mut connection, query.bind(millis(due)).bind(id.to_string()).bind(HELD_BACK)).await?;
        Ok(())
    }

    /// For the start of a process, which holds none back yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn let_all_executions_go(&self) -> Result<(), StoreError> {
        let mut connection = self.reports.acquire().await?;
        execute(&mut connection, sqlx::query("UPDATE executions SET not_before = 0 WHERE not_before = $1").bind(HELD_BACK)).await?;
        Ok(())
    }

    /// The same for callbacks, which are due as if they had not been held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn let_all_callbacks_go(&self) -> Result<(), StoreError> {
        let mut connection = self.reports.acquire().await?;
        let query = sqlx::query("UPDATE callbacks SET due = created WHERE state = 'pending' AND due = $1").bind(millis(NEVER_DUE));
        execute(&mut connection, query).await?;
        Ok(())
    }
}
