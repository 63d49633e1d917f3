//! Consent to an application's permissions: of the whole tenant, or of one user. Taken back, it is so for tokens already issued.

use insightgate_identity::application::Permission;
pub use insightgate_store::Consent;

use super::permissions::named;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::lookup::{find_application_for, find_user};

/// # Errors
/// When the caller may not do this, there is no such application, or the database does not answer.
pub async fn list_consents(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
) -> Result<Vec<Consent>, Failure> {
    let (_, application) = find_application_for(context, administrator, tenant, application, Duty::Look).await?;
    Ok(context.store.consents(application.id).await?)
}

/// `user` by id or sign-in name; None for the whole tenant.
///
/// # Errors
/// When the caller may not do this, the application lacks the permission, the user does not exist, or the database does not answer.
pub async fn grant_consent(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    permission: Option<&str>,
    user: Option<&str>,
) -> Result<Consent, Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let permission = named(permission)?;
    let user = match user {
        None => None,
        Some(_) if !permission.is_delegated() => {
            return Err(Failure::Invalid(format!("{} is the application's own: no user can consent to it.", permission.name())));
        }
        Some(user) => Some(find_user(context, &tenant, user).await.map_err(|failure| match failure {
            Failure::NotFound => Failure::Invalid("'user' is no user of the organisation.".to_owned()),
            other => other,
        })?),
    };
    if !context.store.permissions(application.id).await?.contains(&permission) {
        return Err(Failure::Conflict(format!("The application does not have the permission {}: add it first.", permission.name())));
    }
    let user = user.map(|user| user.id);
    if context.store.consents(application.id).await?.iter().any(|known| known.permission == permission && known.user == user) {
        return Err(Failure::Conflict("This consent is there already.".to_owned()));
    }
    let granted = context.clock.now();
    let (subject, detail) = (application.id.to_string(), detail(permission, user));
    let store = administrator.recording(context, Some(tenant.id), "consent.grant", subject, detail)?;
    store.grant_consent(application.id, permission, user, granted).await?;
    Ok(Consent { permission, user, granted })
}

/// # Errors
/// When the caller may not do this, there is no such consent, or the database does not answer.
pub async fn revoke_consent(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    permission: &str,
    user: Option<&str>,
) -> Result<(), Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let permission = Permission::named(permission).ok_or(Failure::NotFound)?;
    let user = match user {
        None => None,
        Some(user) => Some(find_user(context, &tenant, user).await?.id),
    };
    let (subject, detail) = (application.id.to_string(), detail(permission, user));
    let store = administrator.recording(context, Some(tenant.id), "consent.revoke", subject, detail)?;
    if store.revoke_consent(application.id, permission, user).await? { Ok(()) } else { Err(Failure::NotFound) }
}

fn detail(permission: Permission, user: Option<uuid::Uuid>) -> String {
    match user {
        None => format!("{} for the organisation", permission.name()),
        Some(user) => format!("{} for user {user}", permission.name()),
    }
}
