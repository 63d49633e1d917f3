//! The audit trail: which rights were granted or refused to whom.

pub(crate) mod named;
pub(crate) mod recording;
pub(crate) mod trail;

use chrono::{DateTime, Utc};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use uuid::Uuid;

use crate::database::again::again;
use crate::database::dialect::placeholders;
use crate::database::row::{Read, millis};
use crate::database::rows::insert_rows;
use crate::{Connection, Store, StoreError, execute};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub tenant: Option<Uuid>,
    /// Who acted: the id of a user or an application, or the part of the server that acted.
    pub actor: String,
    /// The action, such as `token.issue` or `access.refuse`.
    pub action: String,
    pub subject: String,
    /// Never contains a secret.
    pub detail: String,
    pub correlation: Option<String>,
    /// How often the event happened, for events that are counted by the minute; otherwise 1.
    pub occurrences: u64,
    /// The address of a caller who did not authenticate.
    pub address: Option<String>,
}

/// Inserts events. With `again`, some of them may already be there.
pub(crate) async fn insert(connection: &mut Connection, events: &[&AuditEvent], again: bool) -> Result<(), StoreError> {
    let (into, end) = (format!("audit_events ({COLUMNS})"), if again { "ON CONFLICT (id) DO NOTHING" } else { "" });
    insert_rows(connection, (&into, end), 10, events, |query, event| bind(query, event)).await
}

const COLUMNS: &str = "id, at, tenant_id, actor, action, subject, detail, correlation_id, occurrences, address";

/// Postgres cannot store U+0000 in a text, and one such event would hold up those that are written with it.
fn keepable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn bind<'q>(query: Query<'q, Any, AnyArguments>, event: &AuditEvent) -> Query<'q, Any, AnyArguments> {
    query
        .bind(event.id.to_string())
        .bind(millis(event.at))
        .bind(event.tenant.map(|tenant| tenant.to_string()))
        .bind(keepable(&event.actor))
        .bind(keepable(&event.action))
        .bind(keepable(&event.subject))
        .bind(keepable(&event.detail))
        .bind(event.correlation.as_deref().map(keepable))
        .bind(i64::try_from(event.occurrences).unwrap_or(i64::MAX))
        .bind(event.address.as_deref().map(keepable))
}

impl Store {
    /// Writes counted events: an existing event gets the new number and the last details. An event that the database refuses is named in the log and
    /// left out, so that the others are still written.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn put_counted_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        match again(|| self.try_counted(events)).await {
            Err(error) if error.outage().is_none() => {
                for event in events {
                    match again(|| self.try_counted(std::slice::from_ref(event))).await {
                        Err(error) if error.outage().is_none() => {
                            tracing::error!(%error, action = event.action, id = %event.id, "a count of refusals cannot be written, and is left out");
                        }
                        written => written?,
                    }
                }
                Ok(())
            }
            written => written,
        }
    }

    async fn try_counted(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut transaction = self.begin_beside().await?;
        for event in events {
            let text = format!(
                "INSERT INTO audit_events ({COLUMNS}) VALUES ({})
                 ON CONFLICT (id) DO UPDATE SET occurrences = excluded.occurrences, actor = excluded.actor, subject = excluded.subject,
                     detail = excluded.detail, correlation_id = excluded.correlation_id",
                placeholders(0, 10)
            );
            execute(&mut transaction, bind(sqlx::query(AssertSqlSafe(text)), event)).await?;
        }
        transaction.commit().await
    }

    /// Removes events from before this time, the oldest first, at most `limit`. Returns the number of removed events.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_audit_events(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let old = format!("SELECT id FROM audit_events WHERE at < $1 ORDER BY at LIMIT $2 {}", self.dialect.skip_locked());
        let query = format!("WITH old AS MATERIALIZED ({old}) DELETE FROM audit_events WHERE id IN (SELECT id FROM old)");
        let query = sqlx::query(AssertSqlSafe(query));
        let mut transaction = self.begin_beside().await?;
        let forgotten = execute(&mut transaction, query.bind(millis(before)).bind(i64::from(limit))).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }

    /// Returns the newest events, the newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_events(&self, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit_events ORDER BY at DESC, id DESC LIMIT $1").bind(i64::from(limit));
        query.fetch_all(&self.reports).await?.iter().map(read_event).collect()
    }
}

pub(crate) fn read_event(row: &AnyRow) -> Result<AuditEvent, StoreError> {
    let tenant = row.optional_text("tenant_id")?;
    Ok(AuditEvent {
        id: row.id("id")?,
        at: row.instant("at")?,
        tenant: tenant.and_then(|id| Uuid::try_parse(&id).ok()),
        actor: row.text("actor")?,
        action: row.text("action")?,
        subject: row.text("subject")?,
        detail: row.text("detail")?,
        correlation: row.optional_text("correlation_id")?,
        occurrences: row.count("occurrences")?,
        address: row.optional_text("address")?,
    })
}
