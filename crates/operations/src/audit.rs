//! Writes down who was given or refused what.
//!
//! A grant or a removal takes its event along ([`event`], `Store::recording`): one is not there without the other. What changes nothing is
//! recorded by itself, and a record that cannot be written is logged: it never stops the answer. What comes too fast is counted.

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

/// What happened, without the time and the id.
#[derive(Debug, Clone)]
pub struct Happening<'a> {
    pub tenant: Option<Uuid>,
    pub actor: String,
    /// `token.issue`, `token.refuse`, `access.refuse`, …
    pub action: &'a str,
    pub subject: String,
    /// Never holds a secret.
    pub detail: String,
    pub correlation: Option<String>,
}

/// Records what somebody did or was refused who proved who they are.
pub async fn record(context: &Context, happening: Happening<'_>) {
    let Some(event) = standing_alone(context, happening) else { return };
    let (action, subject) = (event.action.clone(), event.subject.clone());
    if let Err(error) = context.store.record_audit_event(event).await
        && let Some(untold) = context.recorder.tell(&action, Instant::now())
    {
        tracing::error!(%error, action, subject, untold, "an audit event could not be written");
    }
}

/// The event, to be written; None when those like it come too fast, so that it was counted instead.
pub(crate) fn standing_alone(context: &Context, happening: Happening<'_>) -> Option<AuditEvent> {
    let event = event(context, happening).ok()?;
    if context.recorder.may_stand_alone(event.tenant, &event.actor, &event.action, Instant::now()) {
        return Some(event);
    }
    let key = Key { tenant: event.tenant, action: event.action.clone(), reason: String::new(), source: event.actor.clone() };
    context.recorder.count(key, event);
    None
}

/// Counts a refusal of somebody who proved nothing. `reason` is one of a small number, and `happening` has the details of this one.
pub(crate) fn count(context: &Context, happening: Happening<'_>, reason: impl Into<String>, address: Option<IpAddr>) {
    let Ok(mut event) = event(context, happening) else { return };
    event.address = address.map(network);
    let source = event.address.clone().unwrap_or_default();
    let key = Key { tenant: event.tenant, action: event.action.clone(), reason: reason.into(), source };
    context.recorder.count(key, event);
}

/// With its time and id: for a write that takes its event along.
pub(crate) fn event(context: &Context, happening: Happening<'_>) -> Result<AuditEvent, NoRandomness> {
    let Happening { tenant, actor, action, subject, detail, correlation } = happening;
    let at = context.clock.now();
    let id = context.random.ordered_uuid(at)?;
    let action = action.to_owned();
    Ok(AuditEvent { id, at, tenant, actor, action, subject, detail, correlation, occurrences: 1, address: None })
}

/// The store, whose next change writes what happened in its own transaction.
pub(crate) fn recording(context: &Context, happening: Happening<'_>) -> Result<Store, NoRandomness> {
    Ok(context.store.recording(event(context, happening)?))
}

/// Writes what was counted. Part of background work; those who read the record call it first.
///
/// # Errors
/// The database does not take them; they are kept, and written next time.
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

/// A sign-in name as the record may have it. What is no name of the tenant's is left out: people type passwords into the wrong field.
pub(crate) fn sign_in_name(sent: &str, tenant: &Tenant) -> String {
    check_username(sent, &tenant.domain).unwrap_or_default()
}

/// A caller was refused data.
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
