//! Writes down who was given or refused what. A record that cannot be written is logged: it never stops the answer.

use insightgate_identity::principal::Principal;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::check_username;
use insightgate_store::AuditEvent;
use uuid::Uuid;

use crate::context::Context;

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

pub async fn record(context: &Context, happening: Happening<'_>) {
    let Some(event) = event(context, happening) else { return };
    if let Err(error) = context.store.record_audit_event(event).await {
        tracing::error!(%error, "an audit event could not be written");
    }
}

/// With its time and id: for a write that takes its event along.
pub(crate) fn event(context: &Context, happening: Happening<'_>) -> Option<AuditEvent> {
    let Happening { tenant, actor, action, subject, detail, correlation } = happening;
    let at = context.clock.now();
    let id = context.random.ordered_uuid(at).ok()?;
    Some(AuditEvent { id, at, tenant, actor, action: action.to_owned(), subject, detail, correlation })
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
