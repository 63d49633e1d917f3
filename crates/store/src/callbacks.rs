//! The outbox of callbacks. A callback is written in the transaction that ends its execution, claimed in one committed statement, leased, and fenced
//! by its epoch.
//!
//! Delivery is at least once. An attempt whose lease has expired changes nothing when its answer comes late.

pub(crate) mod secrets;

use chrono::{DateTime, Utc};
use insightgate_identity::program::Program;
use insightgate_report::callback::{CallbackEvent, CallbackMethod, CallbackState};
use insightgate_report::execution::Epoch;
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::dialect::placeholders;
use crate::database::row::{Read, millis, written_epoch};
use crate::database::rows::in_powers_of_two;
use crate::room;
use crate::{Connection, Store, StoreError, execute};

/// The number of due callbacks of one tenant that are read at once, so that a tenant with many does not hide those of others.
const DUE_PER_TENANT: i64 = 50;

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
    pub state: CallbackState,
    /// The number of all attempts that were begun, including those before a replay.
    pub attempts: u32,
    pub epoch: Epoch,
    pub due: DateTime<Utc>,
    pub give_up: DateTime<Utc>,
    pub finished: Option<DateTime<Utc>>,
}

/// A callback that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueCallback {
    pub id: Uuid,
    pub tenant: Uuid,
    pub url: String,
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

/// The next step of a claimed callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackOutcome {
    Retry { due: DateTime<Utc> },
    Delivered,
    Failed,
    Cancelled,
}

/// Each field narrows the callbacks; `None` matches all of them.
#[derive(Debug, Clone, Default)]
pub struct CallbackFilter {
    pub tenant: Option<Uuid>,
    pub report: Option<Uuid>,
    pub execution: Option<Uuid>,
    pub state: Option<CallbackState>,
}

/// The position of a callback after which a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackPlace {
    /// The time of creation in milliseconds.
    pub created: i64,
    pub id: Uuid,
}

#[derive(Debug, Clone)]
pub struct CallbackPage {
    pub callbacks: Vec<Callback>,
    /// The number of callbacks that match the filter, on all pages.
    pub total: u64,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<CallbackPlace>,
}

impl Store {
    /// Returns callbacks that are due and not claimed: the first ones of each tenant, except for the given tenants.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due_callbacks(
        &self,
        now: DateTime<Utc>,
        lease_now: i64,
        without: &[Uuid],
        limit: u32,
    ) -> Result<Vec<DueCallback>, StoreError> {
        let places: Vec<String> = (4..4 + without.len()).map(|place| format!("${place}")).collect();
        let others = if without.is_empty() { String::new() } else { format!("AND tenant_id NOT IN ({})", places.join(", ")) };
        let statement = format!(
            "SELECT id, tenant_id, url FROM
                 (SELECT id, tenant_id, url, due, ROW_NUMBER() OVER (PARTITION BY tenant_id ORDER BY due, id) AS place
                  FROM callbacks WHERE state = 'pending' AND due <= $1 AND lease_until < $2 {others}) AS waiting
             WHERE place <= {DUE_PER_TENANT} ORDER BY due, id LIMIT $3"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(millis(now)).bind(lease_now).bind(i64::from(limit));
        let query = without.iter().fold(query, |query, tenant| query.bind(tenant.to_string()));
        let rows = query.fetch_all(&self.reports).await?;
        rows.iter().map(|row| Ok(DueCallback { id: row.id("id")?, tenant: row.id("tenant_id")?, url: row.text("url")? })).collect()
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
        let query = sqlx::query(
            "UPDATE callbacks SET epoch = epoch + 1, attempts = attempts + 1, lease_until = $1
             WHERE id = $2 AND state = 'pending' AND due <= $3 AND lease_until < $4 RETURNING *",
        );
        let query = query.bind(lease_until).bind(id.to_string()).bind(millis(now)).bind(lease_now);
        let Some(row) = query.fetch_optional(&mut *transaction).await? else { return Ok(None) };
        let callback = read_callback(&row)?;
        // A replay moves the end: earlier attempts do not make its backoff longer.
        let begun = insightgate_report::callback::begun(callback.give_up);
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
        outcome: CallbackOutcome,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let callback = &claimed.callback;
        let (state, due, finished) = match outcome {
            CallbackOutcome::Retry { due } => (CallbackState::Pending, due, None),
            CallbackOutcome::Delivered => (CallbackState::Delivered, callback.due, Some(now)),
            CallbackOutcome::Failed => (CallbackState::Failed, callback.due, Some(now)),
            CallbackOutcome::Cancelled => (CallbackState::Cancelled, callback.due, Some(now)),
        };
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(
            "UPDATE callbacks SET state = $1, due = $2, finished = $3, lease_until = 0, epoch = epoch + 1
             WHERE id = $4 AND epoch = $5 AND state = 'pending'",
        )
        .bind(state.name())
        .bind(millis(due))
        .bind(finished.map(millis))
        .bind(callback.id.to_string())
        .bind(written_epoch(callback.epoch));
        if execute(&mut transaction, query).await? == 0 {
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
        let skip_locked = self.dialect.skip_locked();
        let old = format!("SELECT id FROM callbacks WHERE finished < $1 ORDER BY finished, id LIMIT $2 {skip_locked}");
        let mut transaction = self.begin_beside().await?;
        let query = sqlx::query(sqlx::AssertSqlSafe(old)).bind(millis(before)).bind(i64::from(limit));
        let rows = query.fetch_all(&mut *transaction).await?;
        let ids = rows.iter().map(|row| row.text("id")).collect::<Result<Vec<_>, _>>()?;
        let mut removed = 0;
        for some in in_powers_of_two(&ids) {
            let listed = placeholders(0, some.len());
            for of in ["callback_attempts WHERE callback_id", "callbacks WHERE id"] {
                let query = sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {of} IN ({listed})")));
                let gone = execute(&mut transaction, some.iter().fold(query, |query, id| query.bind(id.clone()))).await?;
                removed += if of.starts_with("callbacks") { gone } else { 0 };
            }
        }
        transaction.commit().await?;
        Ok(removed)
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
    pub async fn callback_page(
        &self,
        filter: &CallbackFilter,
        after: Option<CallbackPlace>,
        limit: u32,
    ) -> Result<CallbackPage, StoreError> {
        let values: Vec<(&str, String)> = [
            ("tenant_id", filter.tenant.map(|id| id.to_string())),
            ("report_id", filter.report.map(|id| id.to_string())),
            ("execution_id", filter.execution.map(|id| id.to_string())),
            ("state", filter.state.map(|state| state.name().to_owned())),
        ]
        .into_iter()
        .filter_map(|(column, value)| Some((column, value?)))
        .collect();
        let mut conditions: Vec<String> =
            values.iter().enumerate().map(|(index, (column, _))| format!("{column} = ${}", index + 1)).collect();
        let all_of = |conditions: &[String]| match conditions {
            [] => String::new(),
            all => format!(" WHERE {}", all.join(" AND ")),
        };
        let counted = format!("SELECT COUNT(*) FROM callbacks{}", all_of(&conditions));
        let counted = values.iter().fold(sqlx::query(sqlx::AssertSqlSafe(counted)), |query, (_, value)| query.bind(value.clone()));
        let total: i64 = counted.fetch_one(&self.reports).await?.try_get(0)?;
        let mut bound = values.len();
        if after.is_some() {
            let (created, id) = (bound + 1, bound + 2);
            conditions.push(format!("(created < ${created} OR (created = ${created} AND id < ${id}))"));
            bound += 2;
        }
        let listed = format!("SELECT * FROM callbacks{} ORDER BY created DESC, id DESC LIMIT ${}", all_of(&conditions), bound + 1);
        let mut listed = values.iter().fold(sqlx::query(sqlx::AssertSqlSafe(listed)), |query, (_, value)| query.bind(value.clone()));
        if let Some(CallbackPlace { created, id }) = after {
            listed = listed.bind(created).bind(id.to_string());
        }
        let mut rows = listed.bind(i64::from(limit) + 1).fetch_all(&self.reports).await?;
        let further = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = match rows.last() {
            Some(last) if further => Some(CallbackPlace { created: last.number("created")?, id: last.id("id")? }),
            _ => None,
        };
        let callbacks = rows.iter().map(read_callback).collect::<Result<_, _>>()?;
        Ok(CallbackPage { callbacks, total: u64::try_from(total).unwrap_or_default(), next })
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

/// Ends the leases of all claimed callbacks when the only process that uses this database starts.
pub(crate) async fn release_callbacks(connection: &mut Connection) -> Result<(), StoreError> {
    execute(connection, sqlx::query("UPDATE callbacks SET lease_until = 0 WHERE state = 'pending'")).await?;
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
        state: row.named("state", CallbackState::from_name)?,
        attempts: row.count("attempts")?,
        epoch: row.epoch("epoch")?,
        due: row.instant("due")?,
        give_up: row.instant("give_up")?,
        finished: row.optional_instant("finished")?,
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
