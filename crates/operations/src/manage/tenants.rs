//! Lists, shows, changes and deletes tenants.

use insightgate_identity::enrollment::{Enrollment, EnrollmentStage};
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::tenant::Tenant;
use insightgate_store::{AuditEvent, Reviewed, StoreError};

use super::administrator::{Administrator, Duty};
use super::enrollment::profile_input::applied;
use super::enrollment::steps::{after_move, paused_reports};
use super::fields;
use crate::context::Context;
use crate::failure::Failure;
pub use insightgate_wire::bodies::TenantChange;

pub struct ShownTenant {
    pub tenant: Tenant,
    /// None for an organisation that was taken in without one.
    pub profile: Option<LegalProfile>,
    pub enrollments: Vec<Enrollment>,
}

/// All of them, or an administrator's own.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_tenants(context: &Context, administrator: &Administrator) -> Result<Vec<ShownTenant>, Failure> {
    administrator.may(context, Duty::Look).await?;
    let tenants = match administrator.own_tenant() {
        None => context.store.tenants().await?,
        Some(own) => vec![own.clone()],
    };
    let mut shown = Vec::with_capacity(tenants.len());
    for tenant in tenants {
        shown.push(complete(context, tenant).await?);
    }
    Ok(shown)
}

/// # Errors
/// When the caller may not do this, there is no such tenant, or the database does not answer.
pub async fn show_tenant(context: &Context, administrator: &Administrator, tenant: &str) -> Result<ShownTenant, Failure> {
    complete(context, administrator.tenant_for(context, tenant, Duty::Look).await?).await
}

/// A changed legal detail sends accepted enrollments back to review, and another address of the contact ends the codes that were made for the one before.
/// The global account is an operator's to change: rows go by it.
///
/// # Errors
/// When the caller may not do this, a field breaks a rule, or the database does not answer.
pub async fn change_tenant(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    change: TenantChange,
) -> Result<ShownTenant, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Company).await?;
    if change.global_account_id.is_some() {
        administrator.may(context, Duty::Operate).await?;
    }
    let mut parts = Vec::new();
    let name = match &change.name {
        Some(name) => fields::required("name", Some(name))?,
        None => tenant.name.clone(),
    };
    if name != tenant.name {
        parts.push("name".to_owned());
    }
    let global_account = match change.global_account_id.as_deref().map(str::trim) {
        None => tenant.global_account.clone(),
        Some("") => None,
        Some(id) => Some(fields::free_global_account(context, Some(tenant.id), id).await?),
    };
    if global_account != tenant.global_account {
        parts.push("globalAccountId".to_owned());
    }
    let known = context.store.tenant_profile(tenant.id).await?;
    let profile = match change.profile {
        None => known.clone(),
        Some(input) => Some(applied(input, known.clone().unwrap_or_default())?),
    };
    if profile != known {
        parts.push("profile".to_owned());
    }
    let changed = Tenant { name, global_account, ..tenant };
    let now = context.clock.now();
    // What was verified is verified anew; until then no data. What is replaced is what the transaction finds.
    let review = |replaced: Option<&LegalProfile>, enrollment: &Enrollment| {
        let (profile, replaced) = (profile.as_ref()?, replaced.cloned().unwrap_or_default());
        let contact_changed = profile.primary_contact_email != replaced.primary_contact_email;
        profile.is_legally_different(&replaced).then(|| enrollment.legal_details_changed(contact_changed, now))
    };
    let event = administrator.event(context, Some(changed.id), "tenant.change", changed.domain.clone(), String::new())?;
    let recorded = |reviewed: &[Reviewed]| {
        let sent_back = reviewed.iter().map(|Reviewed { enrollment, paused }| {
            let paused = paused.map(|number| format!("; {}", paused_reports(number))).unwrap_or_default();
            format!("{} back to {}{paused}", enrollment.program, enrollment.stage.name())
        });
        let detail = parts.iter().cloned().chain(sent_back).collect::<Vec<_>>().join(", ");
        Some(AuditEvent { detail, ..event.clone() })
    };
    if !context.store.change_tenant(&changed, profile.as_ref(), review, recorded).await? {
        return Err(Failure::NotFound);
    }
    after_move(context);
    complete(context, changed).await
}

/// Not while it has an active enrollment, nor with the application that asks for it.
///
/// # Errors
/// When the caller may not do this, an enrollment is active, or the database does not answer.
pub async fn delete_tenant(context: &Context, administrator: &Administrator, tenant: &str) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Operate).await?;
    if context.store.enrollments(tenant.id).await?.iter().any(|enrollment| enrollment.stage == EnrollmentStage::Active) {
        return Err(Failure::Conflict("The organisation has an active enrollment: suspend it first.".to_owned()));
    }
    if context.store.application(tenant.id, administrator.application()).await?.is_some() {
        return Err(Failure::Conflict("The application that you act with is this organisation's.".to_owned()));
    }
    let reports = context.store.report_ids(tenant.id).await?;
    let store = administrator.recording(context, Some(tenant.id), "tenant.delete", tenant.domain.clone(), String::new())?;
    if !store.delete_tenant(tenant.id).await? {
        return Err(Failure::NotFound);
    }
    for report in reports {
        if let Err(error) = context.engine.delete_report_files(tenant.id, report).await {
            tracing::warn!(%error, %report, "the files of a deleted organisation's report could not be removed");
        }
    }
    context.signals.finished.notify_waiters();
    Ok(())
}

async fn complete(context: &Context, tenant: Tenant) -> Result<ShownTenant, Failure> {
    let profile = context.store.tenant_profile(tenant.id).await?;
    let enrollments = context.store.enrollments(tenant.id).await?;
    Ok(ShownTenant { tenant, profile, enrollments })
}

/// Where a tenant could not be written, since another has its domain.
pub(crate) fn taken(domain: &str, error: StoreError) -> Failure {
    match error.is_conflict() {
        true => Failure::Conflict(format!("An organisation with the domain {domain} is there already.")),
        false => error.into(),
    }
}
