//! The quotas of one tenant: what an operator gave it instead of the documented numbers.

use std::collections::BTreeMap;

use insightgate_report::quotas::{LARGEST_QUOTA, Quota};
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
        (Quota::ActiveReports, change.active_reports),
        (Quota::ExecuteNowReports, change.execute_now_reports),
        (Quota::Queries, change.queries),
    ];
    let (mut changes, mut told) = (Vec::new(), Vec::new());
    for (quota, number) in sent {
        let Some(number) = number else { continue };
        let name = quota.name();
        let wrong = || Failure::Invalid(format!("'{name}' should be from 0 to {LARGEST_QUOTA}."));
        let checked = |number: i64| u64::try_from(number).ok().filter(|number| *number <= LARGEST_QUOTA).ok_or_else(wrong);
        let number = number.map(checked).transpose()?;
        told.push(format!("{name}: {}", number.map_or_else(|| "as documented".to_owned(), |number| number.to_string())));
        changes.push((name, number));
    }
    let store = administrator.recording(context, Some(tenant.id), "limits.change", tenant.domain.clone(), told.join(", "))?;
    store.set_tenant_limits(tenant.id, &changes).await?;
    Ok(context.store.tenant_limits(tenant.id).await?)
}
