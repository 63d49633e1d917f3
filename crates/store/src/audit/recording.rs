//! A change and the audit event that tells of it share a transaction: neither is there without the other.

use std::sync::Arc;

use crate::audit::{self, AuditEvent};
use crate::{Connection, Store, StoreError};

impl Store {
    /// The same database. The change that is made through it writes this event in its own transaction; where the change does not take place, there is
    /// no event, and where the event cannot be written, there is no change.
    pub fn recording(&self, event: AuditEvent) -> Store {
        Store { recorded: Some(Arc::new(event)), ..self.clone() }
    }

    /// Part of each transaction that grants or removes, once it is known that something changes.
    pub(crate) async fn record_change(&self, connection: &mut Connection) -> Result<(), StoreError> {
        match &self.recorded {
            Some(event) => record(connection, event).await,
            None => Ok(()),
        }
    }
}

/// For a change that says only once it is made what its event is.
pub(crate) async fn record(connection: &mut Connection, event: &AuditEvent) -> Result<(), StoreError> {
    audit::insert(connection, &[event], false).await.map_err(|cause| StoreError::Unrecorded {
        action: event.action.clone(),
        subject: event.subject.clone(),
        cause: Box::new(cause),
    })
}
