//! Organisations as operators look through them: a page at a time, narrowed by a text or by their state.

use futures::future::try_join_all;
use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::tenant::Tenant;
use insightgate_store::{TenantFilter, TenantRuns};

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};

/// Organisations of a page.
pub const TENANTS: u32 = 25;

/// Which organisations are looked for, as it was sent. Each field narrows the list.
#[derive(Debug, Clone, Default)]
pub struct TenantQuery {
    /// A part of the domain, the name or the id.
    pub search: Option<String>,
    /// The name of a stage that one of the enrollments has.
    pub stage: Option<String>,
    /// Those whose runs are paused.
    pub paused: bool,
    /// Where the page begins.
    pub skip_token: Option<String>,
}

/// An organisation with what an operator looks for.
pub struct SeenTenant {
    pub tenant: Tenant,
    pub enrollments: Vec<Enrollment>,
    pub runs: TenantRuns,
}

pub struct TenantPage {
    /// By domain.
    pub tenants: Vec<SeenTenant>,
    /// Where the next page begins; `None` on the last page.
    pub next: Option<String>,
}

/// # Errors
/// When the caller may not do this, the stage is unknown, or the database does not answer.
pub async fn page_tenants(context: &Context, administrator: &Administrator, query: TenantQuery) -> Result<TenantPage, Failure> {
    administrator.may(context, Duty::Operate).await?;
    let stage =
        |name: String| EnrollmentStage::from_name(&name).ok_or_else(|| Failure::Invalid("'stage' is none of an enrollment.".to_owned()));
    let stage = query.stage.map(stage).transpose()?;
    let filter = TenantFilter { text: query.search, stage, paused: query.paused, after: query.skip_token };
    // One more says whether there is another page.
    let mut tenants = context.store.tenant_page(&filter, TENANTS + 1).await?;
    let is_last = tenants.len() <= TENANTS as usize;
    tenants.truncate(TENANTS as usize);
    let next = tenants.last().filter(|_| !is_last).map(|last| last.domain.clone());
    let seen = tenants.into_iter().map(async |tenant| {
        let (enrollments, runs) = futures::try_join!(context.store.enrollments(tenant.id), context.store.tenant_runs(tenant.id))?;
        Ok::<_, Failure>(SeenTenant { tenant, enrollments, runs })
    });
    Ok(TenantPage { tenants: try_join_all(seen).await?, next })
}
