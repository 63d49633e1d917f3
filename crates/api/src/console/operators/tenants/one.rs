//! An organisation as operators see it: the review of its enrollments, its runs, and its limits.

use askama::Template;
use insightgate_identity::external_identity::ExternalKind;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::tenant::Tenant;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::enrollment::steps::{Step, step};
use insightgate_operations::manage::runs::limits::{LimitsChange, change_limits, show_limits};
use insightgate_operations::manage::runs::{TenantRuns, pause_runs, resume_runs, show_runs};
use insightgate_operations::manage::tenants::show_tenant;
use insightgate_report::quotas::{ARTIFACT_GIB, LARGEST_QUOTA, Quota};

use super::NEEDS;
use crate::console::endpoint::{Endpoint, Given};
use crate::console::organisation::bindings::{self, BOUND, BindingsPart, UNBOUND, bindings_part};
use crate::console::organisation::stand::Stand;
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, Place, Shown};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/console/tenants/{tenant}", NEEDS, show),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/activate", NEEDS, activate),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/reject", NEEDS, reject),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/suspend", NEEDS, suspend),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/reactivate", NEEDS, reactivate),
        Endpoint::post("/console/tenants/{tenant}/runs/pause", NEEDS, pause),
        Endpoint::post("/console/tenants/{tenant}/runs/resume", NEEDS, resume),
        Endpoint::post("/console/tenants/{tenant}/limits", NEEDS, limit),
        Endpoint::post("/console/tenants/{tenant}/external-identities", NEEDS, bind),
        Endpoint::post("/console/tenants/{tenant}/external-identities/unbind", NEEDS, unbind),
    ]
}

#[derive(Template)]
#[template(path = "console/tenants/show.html")]
struct TenantPage<'a> {
    frame: Frame,
    tenant: Tenant,
    profile: Option<LegalProfile>,
    enrollments: Vec<Stand>,
    runs: TenantRuns,
    limits: Vec<Limit>,
    has_quotas: bool,
    largest: u64,
    external: BindingsPart,
    /// A reason as it was typed, if it was not taken.
    reason: &'a str,
    fault: Option<String>,
}

/// A number of a tenant.
struct Limit {
    name: &'static str,
    label: &'static str,
    /// The tenant's own, as it is or as it was typed; empty for that of every tenant.
    value: String,
    usual: u64,
}

impl TenantPage<'_> {
    fn is_deletable(&self) -> bool {
        self.enrollments.iter().all(|known| !known.is("Active"))
    }
}

async fn show(visit: Visit) -> Given {
    show_page(&visit, None).await
}

async fn activate(visit: Visit) -> Given {
    take(&visit, Step::Activate, "activated").await
}

async fn reject(visit: Visit) -> Given {
    take(&visit, Step::Reject { reason: visit.form().text("reason") }, "rejected").await
}

async fn suspend(visit: Visit) -> Given {
    take(&visit, Step::Suspend { reason: visit.form().text("reason") }, "suspended").await
}

async fn reactivate(visit: Visit) -> Given {
    take(&visit, Step::Reactivate, "reactivated").await
}

async fn take(visit: &Visit, to: Step, word: &str) -> Given {
    let administrator = visit.administrator().await?;
    let moved = step(visit.context(), &administrator, visit.tenant(), visit.path("program"), to).await;
    done(visit, moved.map(drop), word).await
}

async fn pause(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let reason = visit.form().text("reason");
    let paused = pause_runs(visit.context(), &administrator, visit.tenant(), reason.as_deref()).await;
    done(&visit, paused.map(drop), "paused").await
}

async fn resume(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let resumed = resume_runs(visit.context(), &administrator, visit.tenant()).await;
    done(&visit, resumed.map(drop), "resumed").await
}

async fn limit(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let number = |name: &str| match visit.form().text(name).map(|typed| typed.parse()) {
        None => Ok(Some(None)),
        Some(Ok(number)) => Ok(Some(Some(number))),
        Some(Err(_)) => Err(Failure::Invalid(format!("'{name}' should be a whole number, or empty for the number of every organisation."))),
    };
    let read = || {
        Ok(LimitsChange {
            active_reports: number(Quota::ActiveReports.name())?,
            execute_now_reports: number(Quota::ExecuteNowReports.name())?,
            queries: number(Quota::Queries.name())?,
            artifact_gib: number(ARTIFACT_GIB)?,
        })
    };
    check_operator(&visit).await?;
    let changed = match read() {
        Ok(change) => change_limits(visit.context(), &administrator, visit.tenant(), change).await,
        Err(failure) => Err(failure),
    };
    done(&visit, changed.map(drop), "limited").await
}

async fn bind(visit: Visit) -> Given {
    check_operator(&visit).await?;
    let outcome = bindings::bind(&visit, ExternalKind::Tenant).await;
    done(&visit, outcome, BOUND.0).await
}

async fn unbind(visit: Visit) -> Given {
    check_operator(&visit).await?;
    let outcome = bindings::unbind(&visit).await;
    done(&visit, outcome, UNBOUND.0).await
}

/// Who may not do this at all is told that first.
async fn check_operator(visit: &Visit) -> Result<(), Failure> {
    let administrator = visit.administrator().await?;
    administrator.tenant_for(visit.context(), visit.tenant(), Duty::Operate).await.map(drop)
}

async fn done(visit: &Visit, outcome: Result<(), Failure>, word: &str) -> Given {
    match outcome {
        Ok(()) => {
            let tenant = visit.administrator().await?.tenant(visit.context(), visit.tenant()).await?;
            Ok(page::go_to(&format!("/console/tenants/{}?done={word}", tenant.id)))
        }
        Err(failure) if page::belongs_to_form(&failure) => show_page(visit, Some(&failure)).await,
        Err(failure) => Err(failure),
    }
}

async fn show_page(visit: &Visit, failure: Option<&Failure>) -> Given {
    let (context, administrator) = (visit.context(), visit.administrator().await?);
    administrator.tenant_for(context, visit.tenant(), Duty::Operate).await?;
    let shown = show_tenant(context, &administrator, visit.tenant()).await?;
    let runs = show_runs(context, &administrator, visit.tenant()).await?;
    let own = show_limits(context, &administrator, visit.tenant()).await?;
    let form = visit.form();
    let is_binding = failure.is_some() && visit.arrival.uri.path().ends_with("/external-identities");
    let external_fault = failure.filter(|_| is_binding).map(ToString::to_string);
    let page = format!("/console/tenants/{}", shown.tenant.id);
    let external = bindings_part(visit, (ExternalKind::Tenant, shown.tenant.id), &page, external_fault).await?;
    let is_limit = failure.is_some() && visit.arrival.uri.path().ends_with("/limits");
    let limit = |name: &'static str, label, usual| Limit {
        name,
        label,
        usual,
        value: match is_limit {
            true => form.raw(name).to_owned(),
            false => own.get(name).map(u64::to_string).unwrap_or_default(),
        },
    };
    let quota = |quota: Quota, label| limit(quota.name(), label, quota.documented());
    let texts = [
        BOUND,
        UNBOUND,
        ("activated", "The enrollment is accepted: data may be asked for."),
        ("rejected", "The enrollment is rejected. The organisation sees the reason."),
        ("suspended", "The enrollment is suspended: no token opens data, and its reports are paused."),
        ("reactivated", "The enrollment is open again, or back in review if it was rejected."),
        ("paused", "The runs are paused. What runs goes on; what falls due waits."),
        ("resumed", "The runs begin again."),
        ("limited", "The limits are kept. They hold for what is created from now on."),
    ];
    let page = TenantPage {
        frame: Frame::new(visit, Place::Tenants, shown.tenant.name.clone()).telling(visit, &texts),
        enrollments: shown.enrollments.iter().map(|known| Stand::of(known, shown.profile.as_ref())).collect(),
        tenant: shown.tenant,
        profile: shown.profile,
        runs,
        limits: vec![
            quota(Quota::ActiveReports, "Active reports on a schedule, of each owner"),
            quota(Quota::ExecuteNowReports, "Reports that run at once, of each owner within an hour"),
            quota(Quota::Queries, "Saved queries of each owner"),
            limit(ARTIFACT_GIB, "GiB of all files together", context.settings.tenant_artifact_bytes >> 30),
        ],
        has_quotas: context.settings.quotas,
        largest: LARGEST_QUOTA,
        external,
        reason: if failure.is_some() { form.raw("reason") } else { "" },
        // That of a binding is told in its own part.
        fault: failure.filter(|_| !is_binding).map(ToString::to_string),
    };
    Ok(page::show(visit, failure, &page))
}
