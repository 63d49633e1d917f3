//! A change and its audit event share a transaction, so that neither exists without the other.

use std::sync::Arc;

use crate::audit::{self, AuditEvent};
use crate::{Connection, Store, StoreError};

impl Store {
    /// A store for one change, which writes this event in the change's own transaction. If nothing is changed, there is no event, and if the event
    /// cannot be written, nothing is changed.
    pub fn recording(&self, event: AuditEvent) -> Store {
        Store { recorded: Some(Arc::new(event)), ..self.clone() }
    }

    /// Runs in each transaction that grants or removes something, once it is certain that something changes.
    pub(crate) async fn record_change(&self, connection: &mut Connection) -> Result<(), StoreError> {
        if let Some(event) = &self.recorded {
            record(connection, event).await?;
        }
        self.write_mail(connection).await
    }
}

/// Writes the event of a change that is only known once the change is made.
pub(crate) async fn record(connection: &mut Connection, event: &AuditEvent) -> Result<(), StoreError> {
    audit::insert(connection, &[event], false).await.map_err(|cause| StoreError::Unrecorded {
        action: event.action.clone(),
        subject: event.subject.clone(),
        cause: Box::new(cause),
    })
}
