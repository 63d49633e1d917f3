//! The limits of one tenant: what an operator gave it instead of the numbers of every tenant.

use std::collections::BTreeMap;

use insightgate_report::quotas::{ARTIFACT_GIB, LARGEST_QUOTA, Quota};
pub use insightgate_wire::bodies::LimitsChange;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// The numbers that this tenant has of its own, by their names.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn show_limits(context: &Context, administrator: &Administrator, tenant: &str) -> Result<BTreeMap<String, u64>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    Ok(context.store.tenant_limits(tenant.id).await?)
}

/// They hold for the next creation. What is there already stays.
///
/// # Errors
/// When the caller may not do this, a number is out of bounds, or the database does not answer.
pub async fn change_limits(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    change: LimitsChange,
) -> Result<BTreeMap<String, u64>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Operate).await?;
    let sent = [
        (Quota::ActiveReports.name(), change.active_reports),
        (Quota::ExecuteNowReports.name(), change.execute_now_reports),
        (Quota::Queries.name(), change.queries),
        (ARTIFACT_GIB, change.artifact_gib),
    ];
    let (mut changes, mut told) = (Vec::new(), Vec::new());
    for (name, number) in sent {
        let Some(number) = number else { continue };
        let wrong = || Failure::Invalid(format!("'{name}' should be from 0 to {LARGEST_QUOTA}."));
        let checked = |number: i64| u64::try_from(number).ok().filter(|number| *number <= LARGEST_QUOTA).ok_or_else(wrong);
        let number = number.map(checked).transpose()?;
        told.push(format!("{name}: {}", number.map_or_else(|| "as for every tenant".to_owned(), |number| number.to_string())));
        changes.push((name, number));
    }
    let store = administrator.recording(context, Some(tenant.id), "limits.change", tenant.domain.clone(), told.join(", "))?;
    store.set_tenant_limits(tenant.id, &changes).await?;
    Ok(context.store.tenant_limits(tenant.id).await?)
}
