//! What the outboxes have in common, of callbacks and of mail. A row waits until it is due, is claimed in one committed statement, leased, and fenced by
//! its epoch.
//!
//! Sending is at least once. An attempt whose lease has expired changes nothing when its answer comes late.

use chrono::{DateTime, Utc};
use insightgate_report::callback::CallbackState;
use insightgate_report::execution::Epoch;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::{Read, millis, written_epoch};
use crate::database::rows::in_powers_of_two;
use crate::{Connection, Store, StoreError, execute};

/// The number of due rows of one tenant that are read at once, so that a tenant with many does not hide those of others.
const DUE_PER_TENANT: i64 = 50;

/// A table with the columns `id`, `tenant_id`, `lease_until`, and those of a [`Delivery`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outbox {
    pub(crate) table: &'static str,
    /// The column that says where a row goes.
    pub(crate) receiver: &'static str,
    /// Which rows are over, by the time in `$1`.
    pub(crate) over: &'static str,
    /// The rows of another table that belong to those of this one, without the ids.
    pub(crate) parts: Option<&'static str>,
}

/// A row that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub id: Uuid,
    pub tenant: Uuid,
    /// Where it goes: a callback's address, or a mail's recipient.
    pub receiver: String,
}

/// The next step of a claimed row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendOutcome {
    Retry { due: DateTime<Utc> },
    Delivered,
    Failed,
    Cancelled,
}

/// How far a row has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub state: CallbackState,
    /// The number of all attempts that were begun, including those before a replay.
    pub attempts: u32,
    pub epoch: Epoch,
    pub due: DateTime<Utc>,
    pub give_up: DateTime<Utc>,
    pub finished: Option<DateTime<Utc>>,
}

impl Delivery {
    pub(crate) fn read(row: &AnyRow) -> Result<Delivery, StoreError> {
        Ok(Delivery {
            state: row.named("state", CallbackState::from_name)?,
            attempts: row.count("attempts")?,
            epoch: row.epoch("epoch")?,
            due: row.instant("due")?,
            give_up: row.instant("give_up")?,
            finished: row.optional_instant("finished")?,
        })
    }
}

impl Store {
    /// Returns rows that are due and not claimed: the first ones of each tenant, except for the given tenants.
    pub(crate) async fn due(
        &self,
        outbox: Outbox,
        now: DateTime<Utc>,
        lease_now: i64,
        without: &[Uuid],
        limit: u32,
    ) -> Result<Vec<Due>, StoreError> {
        let Outbox { table, receiver, .. } = outbox;
        let others = if without.is_empty() { String::new() } else { format!("AND tenant_id NOT IN ({})", placeholders(3, without.len())) };
        let statement = format!(
            "SELECT id, tenant_id, receiver FROM
                 (SELECT id, tenant_id, {receiver} AS receiver, due, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY due, id) AS place
                  FROM {table} WHERE state = 'pending' AND due <= $1 AND lease_until < $2 {others}) AS waiting
             WHERE place <= {DUE_PER_TENANT} ORDER BY due, id LIMIT $3"
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(millis(now)).bind(lease_now).bind(i64::from(limit));
        let query = without.iter().fold(query, |query, tenant| query.bind(tenant.to_string()));
        let rows = query.fetch_all(&self.reports).await?;
        rows.iter().map(|row| Ok(Due { id: row.id("id")?, tenant: row.id("tenant_id")?, receiver: row.text("receiver")? })).collect()
    }

    /// Removes rows that were over before this time, the oldest first, at most `limit`. Returns the number of removed rows.
    pub(crate) async fn forget(&self, outbox: Outbox, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let Outbox { table, over, parts, .. } = outbox;
        let skip_locked = self.dialect.skip_locked();
        let old = format!("SELECT id FROM {table} WHERE {over} ORDER BY finished, id LIMIT $2 {skip_locked}");
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(AssertSqlSafe(old)).bind(millis(before)).bind(i64::from(limit));
        let rows = query.fetch_all(&mut *transaction).await?;
        let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
        let rows_of = format!("{table} WHERE id");
        let mut removed = 0;
        for some in in_powers_of_two(&ids) {
            let listed = placeholders(0, some.len());
            for of in parts.into_iter().chain([rows_of.as_str()]) {
                let query = sqlx::query(AssertSqlSafe(format!("DELETE FROM {of} IN ({listed})")));
                let gone = execute(&mut transaction, some.iter().fold(query, |query, id| query.bind(id.clone()))).await?;
                removed += if of == rows_of { gone } else { 0 };
            }
        }
        transaction.commit().await?;
        Ok(removed)
    }
}

impl Outbox {
    /// Claims this row if it is still pending and not claimed. `now` is the product's clock; all other times are the database's.
    pub(crate) async fn claim(
        self,
        connection: &mut Connection,
        id: Uuid,
        now: DateTime<Utc>,
        lease_now: i64,
        lease_until: i64,
    ) -> Result<Option<AnyRow>, StoreError> {
        let statement = format!(
            "UPDATE {} SET epoch = epoch + 1, attempts = attempts + 1, lease_until = $1
             WHERE id = $2 AND state = 'pending' AND due <= $3 AND lease_until < $4 RETURNING *",
            self.table
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(lease_until).bind(id.to_string()).bind(millis(now)).bind(lease_now);
        Ok(query.fetch_optional(connection).await?)
    }

    /// Writes the next step, which ends the claim. Returns false, and writes nothing, if the row is no longer claimed.
    pub(crate) async fn finish(
        self,
        connection: &mut Connection,
        id: Uuid,
        held: &Delivery,
        outcome: SendOutcome,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (state, due, finished) = match outcome {
            SendOutcome::Retry { due } => (CallbackState::Pending, due, None),
            SendOutcome::Delivered => (CallbackState::Delivered, held.due, Some(now)),
            SendOutcome::Failed => (CallbackState::Failed, held.due, Some(now)),
            SendOutcome::Cancelled => (CallbackState::Cancelled, held.due, Some(now)),
        };
        let statement = format!(
            "UPDATE {} SET state = $1, due = $2, finished = $3, lease_until = 0, epoch = epoch + 1
             WHERE id = $4 AND epoch = $5 AND state = 'pending'",
            self.table
        );
        let query = sqlx::query(AssertSqlSafe(statement))
            .bind(state.name())
            .bind(millis(due))
            .bind(finished.map(millis))
            .bind(id.to_string())
            .bind(written_epoch(held.epoch));
        Ok(execute(connection, query).await? == 1)
    }

    /// Ends the leases of all claimed rows when the only process that uses this database starts.
    pub(crate) async fn release(self, connection: &mut Connection) -> Result<(), StoreError> {
        let statement = format!("UPDATE {} SET lease_until = 0 WHERE state = 'pending'", self.table);
        execute(connection, sqlx::query(AssertSqlSafe(statement))).await?;
        Ok(())
    }
}
