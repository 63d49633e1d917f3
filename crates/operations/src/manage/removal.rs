//! Removes users, applications and locations. Reports that depend on one go only if that is asked for, and their files with them.

use insightgate_identity::tenant::Tenant;
use insightgate_store::Removal;
pub use insightgate_wire::parameters::RemovalQuery;

use super::administrator::{Administrator, Duty};
use super::fields;
use super::lookup::{find_application_for, find_user};
use super::users::keep_a_global_admin;
use crate::context::Context;
use crate::failure::Failure;

/// Ends the user's sign-ins, and removes roles, consents, saved queries and bindings of external identifiers.
///
/// # Errors
/// When the caller may not do this, there is no such user, it is the last Global admin, it has reports that were not to be deleted, or the database
/// does not answer.
pub async fn delete_user(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    user: &str,
    query: RemovalQuery,
) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let with_reports = with_reports(&query)?;
    let user = find_user(context, &tenant, user).await?;
    keep_a_global_admin(context, administrator, &tenant, user.id).await?;
    let store = administrator.recording(context, Some(tenant.id), "user.delete", user.id.to_string(), user.username)?;
    after(context, &tenant, store.delete_user(tenant.id, user.id, with_reports, context.clock.now()).await?).await
}

/// Ends the sign-ins through the application, and removes its secrets, permissions, consents, roles and queries.
///
/// # Errors
/// When the caller may not do this, there is no such application, it is the one that calls, reports were created through it that were not to be
/// deleted, or the database does not answer.
pub async fn delete_application(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    query: RemovalQuery,
) -> Result<(), Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let with_reports = with_reports(&query)?;
    if application.id == administrator.application() {
        return Err(Failure::Conflict("This is the application that you act with.".to_owned()));
    }
    let (id, name) = (application.id, application.name);
    let store = administrator.recording(context, Some(tenant.id), "application.delete", id.to_string(), name)?;
    after(context, &tenant, store.delete_application(tenant.id, id, with_reports, context.clock.now()).await?).await
}

/// # Errors
/// When the caller may not do this, there is no such location, a role assignment names it, or the database does not answer.
pub async fn delete_location(context: &Context, administrator: &Administrator, tenant: &str, location: &str) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Company).await?;
    let mpn_id = fields::mpn_id("location", location).map_err(|_| Failure::NotFound)?;
    let store = administrator.recording(context, Some(tenant.id), "location.delete", mpn_id.clone(), String::new())?;
    after(context, &tenant, store.delete_location(tenant.id, &mpn_id).await?).await
}

fn with_reports(query: &RemovalQuery) -> Result<bool, Failure> {
    match query.reports.as_deref() {
        None => Ok(false),
        Some(word) if word.eq_ignore_ascii_case("delete") => Ok(true),
        Some(_) => Err(Failure::Invalid("'reports' should be 'delete', or be left out.".to_owned())),
    }
}

/// What the callers learns, and what is left to do outside of the database.
async fn after(context: &Context, tenant: &Tenant, removal: Removal) -> Result<(), Failure> {
    let reports = match removal {
        Removal::NotFound => return Err(Failure::NotFound),
        Removal::HasReports(reports) => {
            return Err(Failure::Conflict(format!(
                "Reports depend on it: {reports}. Delete them first, or with it: reports=delete (the command says --with-reports)."
            )));
        }
        Removal::HasRoles(roles) => {
            return Err(Failure::Conflict(format!("Role assignments name the location: {roles}. Change or revoke them first.")));
        }
        Removal::Done { reports } => reports,
    };
    context.signals.deleted.notify_waiters();
    for report in reports {
        if let Err(error) = context.engine.delete_report_files(tenant.id, report).await {
            tracing::warn!(%error, %report, "the files of a deleted report could not be removed");
        }
    }
    context.signals.finished.notify_waiters();
    Ok(())
}
