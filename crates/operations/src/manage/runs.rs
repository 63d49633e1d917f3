//! What runs for a tenant, as operators and the tenant's administrators see it: lists of every owner's reports and executions, cancelling and trying
//! again, and what only operators do: the pause of all runs of a tenant, and its quotas.

pub mod executions;
pub mod limits;
mod page;
pub mod reports;

use insightgate_identity::tenant::Tenant;
pub use insightgate_store::TenantRuns;

use super::administrator::{Administrator, Duty};
use super::fields;
use crate::context::Context;
use crate::failure::Failure;

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn show_runs(context: &Context, administrator: &Administrator, tenant: &str) -> Result<TenantRuns, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    Ok(context.store.tenant_runs(tenant.id).await?)
}

/// From now on no execution of the tenant begins. Those that run go on, and those that fall due wait.
///
/// # Errors
/// When the caller may not do this, the reason is missing, or the database does not answer.
pub async fn pause_runs(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    reason: Option<&str>,
) -> Result<TenantRuns, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Operate).await?;
    let reason = fields::required("reason", reason)?;
    set_pause(context, administrator, &tenant, ("runs.pause", Some(&reason))).await
}

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn resume_runs(context: &Context, administrator: &Administrator, tenant: &str) -> Result<TenantRuns, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Operate).await?;
    let runs = set_pause(context, administrator, &tenant, ("runs.resume", None)).await?;
    context.signals.queued.notify_one();
    Ok(runs)
}

async fn set_pause(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    (action, reason): (&str, Option<&str>),
) -> Result<TenantRuns, Failure> {
    let detail = reason.unwrap_or_default().to_owned();
    let store = administrator.recording(context, Some(tenant.id), action, tenant.domain.clone(), detail)?;
    store.pause_runs(tenant.id, reason, context.clock.now()).await?;
    Ok(context.store.tenant_runs(tenant.id).await?)
}
