//! The record, a page at a time.

use insightgate_operations::manage::audit_log::{AuditEvent, read_audit, skip_token};
use insightgate_report::instant;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::parameters::AuditQuery;

use super::answer::next_link;
use super::call::Call;
use super::given::{Given, Query};

pub(super) async fn of_tenant(call: Call, Query(query): Query<AuditQuery>) -> Given<Listed<answers::AuditEvent>> {
    page(&call, Some(call.tenant()), query).await
}

pub(super) async fn of_all(call: Call, Query(query): Query<AuditQuery>) -> Given<Listed<answers::AuditEvent>> {
    page(&call, None, query).await
}

async fn page(call: &Call, tenant: Option<&str>, query: AuditQuery) -> Given<Listed<answers::AuditEvent>> {
    let page = read_audit(call.context(), &call.administrator, tenant, query).await?;
    let next = page.next.map(|place| next_link(call, &skip_token(&place)));
    Ok(Listed { value: page.events.iter().map(shown).collect(), next_link: next, total_count: page.total })
}

fn shown(event: &AuditEvent) -> answers::AuditEvent {
    answers::AuditEvent {
        id: event.id.to_string(),
        at: instant::format(event.at),
        tenant: event.tenant.map(|tenant| tenant.to_string()),
        actor: event.actor.clone(),
        action: event.action.clone(),
        subject: event.subject.clone(),
        detail: event.detail.clone(),
        correlation_id: event.correlation.clone(),
        occurrences: event.occurrences,
        address: event.address.clone(),
        more: answers::More::new(),
    }
}
