//! The record, a page at a time.

use insightgate_operations::manage::audit_export::shown;
use insightgate_operations::manage::audit_log::read_audit;
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::parameters::AuditQuery;

use super::answer::listed;
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
    Ok(listed(call, page, |event| shown(&event)))
}
