//! The record of who was given or refused what.

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::row::{Read, millis};
use crate::together::{Write, insert_rows};
use crate::{Connection, Store, StoreError};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub tenant: Option<Uuid>,
    /// Who acted: a user's or application's id, or the part of the server that did.
    pub actor: String,
    /// `token.issue`, `access.refuse`, …
    pub action: String,
    pub subject: String,
    /// Never holds a secret.
    pub detail: String,
    pub correlation: Option<String>,
}

pub(crate) async fn insert(connection: &mut Connection, events: &[&AuditEvent]) -> Result<(), StoreError> {
    let into = "audit_events (id, at, tenant_id, actor, action, subject, detail, correlation_id)";
    insert_rows(connection, into, 8, events, |query, event| {
        query
            .bind(event.id.to_string())
            .bind(millis(event.at))
            .bind(event.tenant.map(|tenant| tenant.to_string()))
            .bind(event.actor.clone())
            .bind(event.action.clone())
            .bind(event.subject.clone())
            .bind(event.detail.clone())
            .bind(event.correlation.clone())
    })
    .await
}

impl Store {
    /// Returns once the event is on disk. Events that come at the same time share a transaction.
    pub async fn record_audit_event(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.write_together(Write::Audit(event)).await.map(drop)
    }

    /// Newest first.
    pub async fn audit_events(&self, limit: u32) -> Result<Vec<AuditEvent>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit_events ORDER BY at DESC, id LIMIT $1").bind(i64::from(limit));
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
    })
}
