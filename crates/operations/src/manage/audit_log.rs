//! Reads the record of who was given or refused what.

pub use insightgate_store::AuditEvent;
use insightgate_store::{AuditFilter, Page};
pub use insightgate_wire::parameters::AuditQuery;

use super::administrator::{Administrator, Duty};
use super::page;
use crate::audit;
use crate::context::Context;
use crate::failure::Failure;

/// Of one tenant, or of all and of none for an operator. Newest first.
///
/// # Errors
/// When the caller may not do this, a filter is wrong, or the database does not answer.
pub async fn read_audit(
    context: &Context,
    administrator: &Administrator,
    tenant: Option<&str>,
    query: AuditQuery,
) -> Result<Page<AuditEvent>, Failure> {
    let tenant = match tenant {
        Some(tenant) => Some(administrator.tenant_for(context, tenant, Duty::Look).await?.id),
        None => {
            administrator.may(context, Duty::Operate).await?;
            None
        }
    };
    let (after, limit) = (page::place(query.skip_token.as_deref())?, page::size(query.page_size.as_deref())?);
    let filter = AuditFilter {
        tenant,
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        correlation: query.correlation_id,
        from: page::time("from", query.from.as_deref())?,
        to: page::time("to", query.to.as_deref())?,
    };
    // Those of this process; another's are a few seconds old. What cannot be written now does not keep the rest from being read.
    if let Err(error) = audit::write_counts(context).await {
        tracing::debug!(%error, "counts of refusals could not be written yet");
    }
    Ok(context.store.audit_page(&filter, after, limit).await?)
}
