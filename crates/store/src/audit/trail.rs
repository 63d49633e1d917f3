//! Reads the audit trail page by page: filtered, with the newest event first.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::read_event;
use crate::database::page::{Conditions, Listing, Page, PagePlace};
use crate::{AuditEvent, Store, StoreError};

/// Each field narrows the events; `None` matches all of them.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub tenant: Option<Uuid>,
    pub actor: Option<String>,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub correlation: Option<String>,
    pub from: Option<DateTime<Utc>>,
    /// The end of the time range, exclusive.
    pub to: Option<DateTime<Utc>>,
}

impl Store {
    /// Returns the events that match the filter, after this position.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_page(&self, filter: &AuditFilter, after: Option<PagePlace>, limit: u32) -> Result<Page<AuditEvent>, StoreError> {
        let conditions = Conditions::default()
            .text("tenant_id = {}", filter.tenant)
            .text("actor = {}", filter.actor.as_ref())
            .text("action = {}", filter.action.as_ref())
            .text("subject = {}", filter.subject.as_ref())
            .text("correlation_id = {}", filter.correlation.as_ref())
            .between("at", filter.from, filter.to);
        self.page(Listing { columns: "*", table: "audit_events", at: "at" }, conditions, after, limit).await?.read(read_event)
    }
}
