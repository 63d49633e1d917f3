//! Sets a user's second factor up on the user's behalf, or takes it away, as after the loss of a telephone.

use crate::context::Context;
use crate::credentials::second_factor;
use crate::credentials::second_factor::OfferedFactor;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::lookup::find_user;

/// The new secret counts at once. One that is there has to be taken away first: nobody replaces it by mistake.
///
/// # Errors
/// When the caller may not do this, the user has a second factor already, or the database does not answer.
pub async fn add_second_factor(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    user: &str,
) -> Result<OfferedFactor, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = find_user(context, &tenant, user).await?;
    let offered = second_factor::offer(context, &user).map_err(Failure::internal)?;
    let store = administrator.recording(context, Some(tenant.id), "user.addTotp", user.id.to_string(), user.username.clone())?;
    if !store.add_totp(user.id, &offered.sealed).await? {
        return Err(Failure::Conflict(format!("The user {} has a second factor already: reset it first.", user.username)));
    }
    Ok(offered)
}

/// # Errors
/// When the caller may not do this, there is no such user, or the database does not answer.
pub async fn reset_second_factor(context: &Context, administrator: &Administrator, tenant: &str, user: &str) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = find_user(context, &tenant, user).await?;
    if !user.totp {
        return Err(Failure::Conflict(format!("The user {} has no second factor.", user.username)));
    }
    let store = administrator.recording(context, Some(tenant.id), "user.resetTotp", user.id.to_string(), user.username)?;
    Ok(store.set_totp(user.id, None).await?)
}
