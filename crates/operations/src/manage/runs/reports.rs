//! Reports of every owner of a tenant.

use insightgate_report::scheduled_report::ReportStatus;
pub use insightgate_store::ManagedReport;
use insightgate_store::{Page, PageFilter};
pub use insightgate_wire::parameters::ReportQuery;
use uuid::Uuid;

use super::page::{Asked, status};
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// Of one tenant, or of all for an operator who names none. The newest first.
///
/// # Errors
/// When the caller may not do this, a filter is wrong, or the database does not answer.
pub async fn list_managed_reports(
    context: &Context,
    administrator: &Administrator,
    tenant: Option<&str>,
    query: ReportQuery,
) -> Result<Page<ManagedReport>, Failure> {
    let asked = Asked {
        status: status(query.status.as_deref(), &ReportStatus::ALL.map(ReportStatus::name))?,
        report: query.report_id,
        execution: None,
        owner: query.owner,
        from: query.from,
        to: query.to,
        page_size: query.page_size,
        skip_token: query.skip_token,
    };
    let (filter, after, limit) = asked.read(context, administrator, tenant).await?;
    Ok(context.store.report_page(&filter, after, limit).await?)
}

/// # Errors
/// When the caller may not do this, there is no such report in the tenant, or the database does not answer.
pub async fn show_managed_report(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    report: &str,
) -> Result<ManagedReport, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    let id = Uuid::try_parse(report.trim()).map_err(|_| Failure::NotFound)?;
    let filter = PageFilter { tenant: Some(tenant.id), report: Some(id), ..PageFilter::default() };
    context.store.report_page(&filter, None, 1).await?.items.pop().ok_or(Failure::NotFound)
}
