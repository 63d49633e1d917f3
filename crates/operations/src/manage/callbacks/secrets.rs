//! The secrets that an owner's callbacks are signed with. A secret is shown once; the one before it goes on signing for a day, so that receivers
//! can change over without a pause.

use chrono::TimeDelta;
use insightgate_identity::tenant::Tenant;
pub use insightgate_store::CallbackSecret;
use uuid::Uuid;

use crate::callbacks::signature::new_secret;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::lookup::{find_application, find_user};

/// How long a replaced secret goes on signing.
const OVERLAP_HOURS: i64 = 24;
/// Secrets of an owner that sign at once: each makes a callback's head longer.
const UNEXPIRED: usize = 5;

/// Those that sign, the current one first.
///
/// # Errors
/// When the caller may not do this, there is no such owner, or the database does not answer.
pub async fn list_callback_secrets(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    owner: &str,
) -> Result<Vec<CallbackSecret>, Failure> {
    let (_, owner) = find_owner(context, administrator, tenant, owner, Duty::Look).await?;
    Ok(context.store.callback_secrets(owner, context.clock.now()).await?)
}

/// Makes the owner's first secret, or another in its place. What is kept of it, and the secret.
///
/// # Errors
/// When the caller may not do this, there is no such owner, or the database does not answer.
pub async fn add_callback_secret(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    owner: &str,
) -> Result<(CallbackSecret, String), Failure> {
    let (tenant, owner) = find_owner(context, administrator, tenant, owner, Duty::Directory).await?;
    let now = context.clock.now();
    let (secret, text) = new_secret(context, tenant.id, owner, now)?;
    let until = now.checked_add_signed(TimeDelta::hours(OVERLAP_HOURS)).unwrap_or(now);
    let store = administrator.recording(context, Some(tenant.id), "callbackSecret.add", owner.to_string(), secret.id.to_string())?;
    if !store.add_callback_secret(&secret, until, UNEXPIRED).await? {
        return Err(Failure::Conflict(format!("The owner has {UNEXPIRED} secrets that sign: remove one first.")));
    }
    Ok((secret, text))
}

/// It signs nothing from now on.
///
/// # Errors
/// When the caller may not do this, there is no such secret, or the database does not answer.
pub async fn remove_callback_secret(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    owner: &str,
    secret: &str,
) -> Result<(), Failure> {
    let (tenant, owner) = find_owner(context, administrator, tenant, owner, Duty::Directory).await?;
    let secret = Uuid::try_parse(secret.trim()).map_err(|_| Failure::NotFound)?;
    let store = administrator.recording(context, Some(tenant.id), "callbackSecret.remove", owner.to_string(), secret.to_string())?;
    if store.remove_callback_secret(owner, secret).await? { Ok(()) } else { Err(Failure::NotFound) }
}

/// Whose reports they are: a user by id or sign-in name, or an application by id.
async fn find_owner(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    owner: &str,
    duty: Duty,
) -> Result<(Tenant, Uuid), Failure> {
    let tenant = administrator.tenant_for(context, tenant, duty).await?;
    match find_user(context, &tenant, owner).await {
        Ok(user) => return Ok((tenant, user.id)),
        Err(Failure::NotFound) => {}
        Err(other) => return Err(other),
    }
    let id = Uuid::try_parse(owner.trim()).map_err(|_| Failure::NotFound)?;
    let application = find_application(context, administrator, &tenant, id).await?.ok_or(Failure::NotFound)?;
    Ok((tenant, application.id))
}
