//! The record, a page at a time.

use insightgate_operations::manage::audit_log::{AuditEvent, AuditQuery, read_audit, skip_token};
use insightgate_report::instant;
use serde_json::{Value, json};

use super::answer::{SKIP_TOKEN, next_link};
use super::call::Call;
use super::endpoint::Given;

pub(super) const PARAMETERS: &[&str] = &["actor", "action", "subject", "correlationId", "from", "to", "pageSize", SKIP_TOKEN];

pub(super) async fn of_tenant(call: Call) -> Given {
    page(&call, Some(call.tenant())).await
}

pub(super) async fn of_all(call: Call) -> Given {
    page(&call, None).await
}

async fn page(call: &Call, tenant: Option<&str>) -> Given {
    let parameters = &call.parameters;
    let query = AuditQuery {
        actor: parameters.text("actor"),
        action: parameters.text("action"),
        subject: parameters.text("subject"),
        correlation_id: parameters.text("correlationId"),
        from: parameters.text("from"),
        to: parameters.text("to"),
        page_size: parameters.text("pageSize"),
        skip_token: parameters.text(SKIP_TOKEN),
    };
    let page = read_audit(call.context(), &call.administrator, tenant, query).await?;
    let next = page.next.map(|place| next_link(call, &skip_token(&place)));
    let value: Vec<Value> = page.events.iter().map(shown).collect();
    Ok(Some(json!({"value": value, "nextLink": next, "totalCount": page.total})))
}

fn shown(event: &AuditEvent) -> Value {
    json!({
        "id": event.id,
        "at": instant::format(event.at),
        "tenant": event.tenant,
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "detail": event.detail,
        "correlationId": event.correlation,
        "occurrences": event.occurrences,
        "address": event.address,
    })
}
