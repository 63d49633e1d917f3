//! The outbox of callbacks. A callback is written in the transaction that ends its execution, and then goes the way of every outbox (`outbox`).

pub(crate) mod secrets;

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_report::callback::{CallbackEvent, CallbackMethod, CallbackState};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::page::{Conditions, Listing, Page, PagePlace};
use crate::database::row::{Read, millis};
use crate::outbox::{Delivery, Due, Outbox, SendOutcome};
use crate::room;
use crate::{Connection, Store, StoreError, execute};

pub(crate) const CALLBACKS: Outbox =
    Outbox { table: "callbacks", receiver: "url", over: "finished < $1", parts: Some("callback_attempts WHERE callback_id") };

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCallback {
    pub id: Uuid,
    pub tenant: Uuid,
    pub owner: Uuid,
    pub program: Program,
    pub report: Uuid,
    pub execution: Uuid,
    pub event: CallbackEvent,
    pub method: CallbackMethod,
    /// The address, including the report's id.
    pub url: String,
    /// The body; empty for GET.
    pub body: String,
    pub created: DateTime<Utc>,
    pub give_up: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    pub id: Uuid,
    pub tenant: Uuid,
    pub owner: Uuid,
    pub program: Program,
    pub report: Uuid,
    pub execution: Uuid,
    pub event: CallbackEvent,
    pub method: CallbackMethod,
    pub url: String,
    pub body: String,
    pub created: DateTime<Utc>,
    pub delivery: Delivery,
}

/// A callback that this process has claimed, until its lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedCallback {
    pub callback: Callback,
    /// The number of attempts with a result since the callback was created or replayed.
    pub tried: u32,
}

/// The result of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallbackAttempt {
    pub number: u32,
    pub at: DateTime<Utc>,
    pub milliseconds: u32,
    pub http_status: Option<u16>,
    /// The error in words, without the path and the query of the address.
    pub error: Option<String>,
}

/// Each field narrows the callbacks; `None` matches all of them.
#[derive(Debug, Clone, Default)]
pub struct CallbackFilter {
    pub tenant: Option<Uuid>,
    pub report: Option<Uuid>,
    pub execution: Option<Uuid>,
    pub state: Option<CallbackState>,
}

impl Store {
    /// Returns callbacks that are due and not claimed: the first ones of each tenant, except for the given tenants.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due_callbacks(&self, now: DateTime<Utc>, lease_now: i64, without: &[Uuid], limit: u32) -> Result<Vec<Due>, StoreError> {
        self.due(CALLBACKS, now, lease_now, without, limit).await
    }

    /// Claims this callback if it is still pending and not claimed. `now` is the product's clock; all other times are the database's.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_callback(
        &self,
        id: Uuid,
        now: DateTime<Utc>,
        lease_now: i64,
        lease_until: i64,
    ) -> Result<Option<ClaimedCallback>, StoreError> {
        let mut transaction = self.begin_beside().await?;
        let Some(row) = CALLBACKS.claim(&mut transaction, id, now, lease_now, lease_until).await? else { return Ok(None) };
        let callback = read_callback(&row)?;
        // A replay moves the end: earlier attempts do not make its backoff longer.
        let begun = insightgate_report::callback::begun(callback.delivery.give_up);
        let query = sqlx::query("SELECT COUNT(*) FROM callback_attempts WHERE callback_id = $1 AND at >= $2");
        let tried: i64 = query.bind(id.to_string()).bind(millis(begun)).fetch_one(&mut *transaction).await?.try_get(0)?;
        transaction.commit().await?;
        Ok(Some(ClaimedCallback { callback, tried: u32::try_from(tried).unwrap_or(u32::MAX) }))
    }

    /// Writes the result of the attempt and the next step, which ends the claim. Returns false, and writes nothing, if the callback is no longer claimed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish_callback(
        &self,
        claimed: &ClaimedCallback,
        attempt: Option<&CallbackAttempt>,
        outcome: SendOutcome,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let callback = &claimed.callback;
        let mut transaction = self.begin_beside().await?;
        if !CALLBACKS.finish(&mut transaction, callback.id, &callback.delivery, outcome, now).await? {
            return Ok(false);
        }
        if let Some(attempt) = attempt {
            let query = sqlx::query(
                "INSERT INTO callback_attempts (callback_id, number, at, milliseconds, http_status, error) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(callback.id.to_string())
            .bind(i64::from(attempt.number))
            .bind(millis(attempt.at))
            .bind(i64::from(attempt.milliseconds))
            .bind(attempt.http_status.map(i64::from))
            .bind(attempt.error.clone());
            execute(&mut transaction, query).await?;
            let query = sqlx::query("DELETE FROM callback_attempts WHERE callback_id = $1 AND number <= $2");
            execute(&mut transaction, query.bind(callback.id.to_string()).bind(i64::from(attempt.number) - room::ATTEMPTS)).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Makes the callback due now, whatever its state is. A current attempt no longer counts. Returns `None` if the callback does not exist.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replay_callback(&self, id: Uuid, now: DateTime<Utc>, give_up: DateTime<Utc>) -> Result<Option<Callback>, StoreError> {
        let query = sqlx::query(
            "UPDATE callbacks SET state = 'pending', due = $1, give_up = $2, finished = NULL, lease_until = 0, epoch = epoch + 1
             WHERE id = $3 RETURNING *",
        );
        let mut transaction = self.begin_beside().await?;
        let row = query.bind(millis(now)).bind(millis(give_up)).bind(id.to_string()).fetch_optional(&mut *transaction).await?;
        let callback = row.as_ref().map(read_callback).transpose()?;
        if callback.is_some() {
            self.record_change(&mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(callback)
    }

    /// Removes callbacks that ended before this time, with their attempts, the oldest first, at most `limit`. Returns the number of removed callbacks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_callbacks(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.forget(CALLBACKS, before, limit).await
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn callback(&self, id: Uuid) -> Result<Option<Callback>, StoreError> {
        let query = sqlx::query("SELECT * FROM callbacks WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&self.reports).await?.as_ref().map(read_callback).transpose()
    }

    /// Returns the attempts at a callback, the first one first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn callback_attempts(&self, id: Uuid) -> Result<Vec<CallbackAttempt>, StoreError> {
        let query = sqlx::query("SELECT * FROM callback_attempts WHERE callback_id = $1 ORDER BY number").bind(id.to_string());
        query.fetch_all(&self.reports).await?.iter().map(read_attempt).collect()
    }

    /// Returns the callbacks that match the filter, the newest first, after this position.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn callback_page(&self, filter: &CallbackFilter, after: Option<PagePlace>, limit: u32) -> Result<Page<Callback>, StoreError> {
        let conditions = Conditions::default()
            .text("tenant_id = {}", filter.tenant)
            .text("report_id = {}", filter.report)
            .text("execution_id = {}", filter.execution)
            .text("state = {}", filter.state.map(CallbackState::name));
        self.page(Listing { columns: "*", table: "callbacks", at: "created" }, conditions, after, limit).await?.read(read_callback)
    }
}

/// Runs in the transaction that ends the execution. An existing callback is left unchanged.
pub(crate) async fn insert_callback(connection: &mut Connection, callback: &NewCallback) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO callbacks (id, tenant_id, owner_id, program, report_id, execution_id, event, method, url, body, created, state,
                                attempts, epoch, due, give_up, lease_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'pending', 0, 0, $11, $12, 0) ON CONFLICT (execution_id, event) DO NOTHING",
    )
    .bind(callback.id.to_string())
    .bind(callback.tenant.to_string())
    .bind(callback.owner.to_string())
    .bind(callback.program.name())
    .bind(callback.report.to_string())
    .bind(callback.execution.to_string())
    .bind(callback.event.name())
    .bind(callback.method.name())
    .bind(callback.url.clone())
    .bind(callback.body.clone())
    .bind(millis(callback.created))
    .bind(millis(callback.give_up));
    execute(connection, query).await?;
    Ok(())
}

/// Runs in the transaction that deletes the report: callbacks that are not delivered yet would be about something that no longer exists.
pub(crate) async fn cancel_callbacks(connection: &mut Connection, report: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    let query =
        sqlx::query("UPDATE callbacks SET state = 'cancelled', finished = $1, lease_until = 0 WHERE report_id = $2 AND state = 'pending'");
    execute(connection, query.bind(millis(now)).bind(report.to_string())).await?;
    Ok(())
}

fn read_callback(row: &AnyRow) -> Result<Callback, StoreError> {
    Ok(Callback {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        owner: row.id("owner_id")?,
        program: row.named("program", |name| name.parse().ok())?,
        report: row.id("report_id")?,
        execution: row.id("execution_id")?,
        event: row.named("event", CallbackEvent::from_name)?,
        method: row.named("method", CallbackMethod::from_name)?,
        url: row.text("url")?,
        body: row.text("body")?,
        created: row.instant("created")?,
        delivery: Delivery::read(row)?,
    })
}

fn read_attempt(row: &AnyRow) -> Result<CallbackAttempt, StoreError> {
    Ok(CallbackAttempt {
        number: row.count("number")?,
        at: row.instant("at")?,
        milliseconds: row.count("milliseconds")?,
        http_status: row.optional_count("http_status")?,
        error: row.optional_text("error")?,
    })
}
