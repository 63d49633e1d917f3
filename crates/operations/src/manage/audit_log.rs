//! Reads the record of who was given or refused what.

use insightgate_report::instant;
pub use insightgate_store::AuditEvent;
use insightgate_store::{AuditFilter, AuditPage, AuditPlace};
use insightgate_wire::limits::{LARGEST_PAGE, PAGE};
pub use insightgate_wire::parameters::AuditQuery;
use uuid::Uuid;

use super::administrator::{Administrator, Duty};
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
) -> Result<AuditPage, Failure> {
    let tenant = match tenant {
        Some(tenant) => Some(administrator.tenant_for(context, tenant, Duty::Look).await?.id),
        None => {
            administrator.may(context, Duty::Operate).await?;
            None
        }
    };
    let at = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => match instant::parse(&text) {
            Some(at) => Ok(Some(at)),
            None => Err(Failure::Invalid(format!("'{name}' should be a time as {}.", instant::PATTERN))),
        },
    };
    let limit = match query.page_size.as_deref().map(str::parse) {
        None => PAGE,
        Some(Ok(size)) if (1..=LARGEST_PAGE).contains(&size) => size,
        Some(_) => return Err(Failure::Invalid(format!("'pageSize' should be from 1 to {LARGEST_PAGE}."))),
    };
    let after = query.skip_token.as_deref().map(place).transpose()?;
    let filter = AuditFilter {
        tenant,
        actor: query.actor,
        action: query.action,
        subject: query.subject,
        correlation: query.correlation_id,
        from: at("from", query.from)?,
        to: at("to", query.to)?,
    };
    // Those of this process; another's are a few seconds old. What cannot be written now does not keep the rest from being read.
    if let Err(error) = audit::write_counts(context).await {
        tracing::debug!(%error, "counts of refusals could not be written yet");
    }
    Ok(context.store.audit_page(&filter, after, limit).await?)
}

/// Where the page after this one begins, as text.
pub fn skip_token(place: &AuditPlace) -> String {
    format!("{}.{}", place.at, place.id)
}

fn place(token: &str) -> Result<AuditPlace, Failure> {
    let read = || {
        let (at, id) = token.trim().split_once('.')?;
        Some(AuditPlace { at: at.parse().ok()?, id: Uuid::try_parse(id).ok()? })
    };
    read().ok_or_else(|| Failure::Invalid("'skipToken' is not one of this server's.".to_owned()))
}
