//! Audits who was granted or refused what.
//!
//! The event of a grant or a removal is written in the transaction of the change (`event`, `Store::recording`). An event without a change is written by
//! itself. If it cannot be written, that is logged, and the request is answered all the same. Events that come too fast are counted.

pub mod recorder;

use std::net::IpAddr;

use insightgate_identity::principal::Principal;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::check_username;
use insightgate_store::{AuditEvent, Store, StoreError};
use tokio::time::Instant;
use uuid::Uuid;

use crate::audit::recorder::{Key, network};
use crate::context::Context;
use crate::random::NoRandomness;

/// An event without its time and id.
#[derive(Debug, Clone)]
pub struct Happening<'a> {
    pub tenant: Option<Uuid>,
    pub actor: String,
    /// `token.issue`, `token.refuse`, `access.refuse`, …
    pub action: &'a str,
    pub subject: String,
    /// It never contains a secret.
    pub detail: String,
    pub correlation: Option<String>,
}

/// Records what an authenticated caller did or was refused.
pub async fn record(context: &Context, happening: Happening<'_>) {
    let Some(event) = standing_alone(context, happening) else { return };
    let (action, subject) = (event.action.clone(), event.subject.clone());
    if let Err(error) = context.store.record_audit_event(event).await
        && let Some(untold) = context.recorder.tell(&action, Instant::now())
    {
        tracing::error!(%error, action, subject, untold, "an audit event could not be written");
    }
}

/// The event to write; `None` if such events come too fast, so that it was counted instead.
pub(crate) fn standing_alone(context: &Context, happening: Happening<'_>) -> Option<AuditEvent> {
    let event = event(context, happening).ok()?;
    if context.recorder.may_stand_alone(event.tenant, &event.actor, &event.action, Instant::now()) {
        return Some(event);
    }
    let key = Key { tenant: event.tenant, action: event.action.clone(), reason: String::new(), source: event.actor.clone() };
    context.recorder.count(key, event);
    None
}

/// Counts a refusal of an unauthenticated caller. `reason` is one of a small number of reasons, and `happening` has the details.
pub(crate) fn count(context: &Context, happening: Happening<'_>, reason: impl Into<String>, address: Option<IpAddr>) {
    let Ok(mut event) = event(context, happening) else { return };
    event.address = address.map(network);
    let source = event.address.clone().unwrap_or_default();
    let key = Key { tenant: event.tenant, action: event.action.clone(), reason: reason.into(), source };
    context.recorder.count(key, event);
}

/// The event with its time and id, for a change that writes it in its own transaction.
pub(crate) fn event(context: &Context, happening: Happening<'_>) -> Result<AuditEvent, NoRandomness> {
    let Happening { tenant, actor, action, subject, detail, correlation } = happening;
    let at = context.clock.now();
    let id = context.random.ordered_uuid(at)?;
    let action = action.to_owned();
    Ok(AuditEvent { id, at, tenant, actor, action, subject, detail, correlation, occurrences: 1, address: None })
}

/// A store whose next change writes the event in its own transaction.
pub(crate) fn recording(context: &Context, happening: Happening<'_>) -> Result<Store, NoRandomness> {
    Ok(context.store.recording(event(context, happening)?))
}

/// Writes the counts. Background work calls it, and so does everybody who reads the audit trail, before reading it.
///
/// # Errors
/// When the database does not answer.
pub async fn write_counts(context: &Context) -> Result<(), StoreError> {
    let _one_at_a_time = context.recorder.writing.lock().await;
    let events = context.recorder.unwritten();
    if events.is_empty() {
        return Ok(());
    }
    context.store.put_counted_events(&events).await?;
    context.recorder.written(&events);
    Ok(())
}

/// A sign-in name for the audit trail. A text that cannot be a name of the tenant is left out, since people type passwords into the wrong field.
pub(crate) fn sign_in_name(sent: &str, tenant: &Tenant) -> String {
    check_username(sent, &tenant.domain).unwrap_or_default()
}

/// Records that a caller was refused data.
pub async fn record_refusal(context: &Context, principal: &Principal, subject: &str, reason: &str, correlation: &str) {
    let happening = Happening {
        tenant: Some(principal.tenant.id),
        actor: principal.owner().to_string(),
        action: "access.refuse",
        subject: subject.to_owned(),
        detail: reason.to_owned(),
        correlation: Some(correlation.to_owned()),
    };
    record(context, happening).await;
}
