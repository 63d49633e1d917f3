//! What an application asks for. Each permission needs consent too.

use insightgate_identity::application::Permission;

use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;
use crate::manage::lookup::find_application_for;

/// # Errors
/// When the caller may not do this, there is no such application, or the database does not answer.
pub async fn list_permissions(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
) -> Result<Vec<Permission>, Failure> {
    let (_, application) = find_application_for(context, administrator, tenant, application, Duty::Look).await?;
    Ok(context.store.permissions(application.id).await?)
}

/// # Errors
/// When the caller may not do this, the permission is unknown, or the database does not answer.
pub async fn add_permission(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    permission: Option<&str>,
) -> Result<Permission, Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let permission = named(permission)?;
    if application.public && !permission.is_delegated() {
        return Err(Failure::Conflict("The application is public: it has no secret to act alone with.".to_owned()));
    }
    if context.store.permissions(application.id).await?.contains(&permission) {
        return Err(Failure::Conflict(format!("The application has the permission {} already.", permission.name())));
    }
    let subject = application.id.to_string();
    let store = administrator.recording(context, Some(tenant.id), "permission.add", subject, permission.name().to_owned())?;
    store.add_permission(application.id, permission).await?;
    Ok(permission)
}

/// Its consents go with it, at once for tokens that were issued too.
///
/// # Errors
/// When the caller may not do this, the application lacks the permission, or the database does not answer.
pub async fn remove_permission(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    permission: &str,
) -> Result<(), Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let permission = Permission::named(permission).ok_or(Failure::NotFound)?;
    let subject = application.id.to_string();
    let store = administrator.recording(context, Some(tenant.id), "permission.remove", subject, permission.name().to_owned())?;
    if store.remove_permission(application.id, permission).await? { Ok(()) } else { Err(Failure::NotFound) }
}

pub(crate) fn named(permission: Option<&str>) -> Result<Permission, Failure> {
    let name = fields::required("permission", permission)?;
    Permission::named(&name).ok_or_else(|| {
        let known: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
        Failure::Invalid(format!("'permission' should be one of {}, or the id of the API.", known.join(", ")))
    })
}
