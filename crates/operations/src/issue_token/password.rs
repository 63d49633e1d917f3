//! The password grant: a user name and a password, within the tenant.

use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::Lockout;

use super::{SignIn, TokenFailure};
use crate::context::Context;
use crate::password::PasswordFault;

/// An unknown user and a wrong password look alike and take alike; a locked or disabled account shows only after the right password.
pub(super) async fn sign_in(context: &Context, tenant: &Tenant, username: &str, password: &str) -> Result<SignIn, TokenFailure> {
    let known = context.store.user_credentials(tenant.id, &username.trim().to_lowercase()).await?;
    let hash = known.as_ref().map(|known| known.password_hash.clone());
    let right = context.passwords.verify(password, hash).await.map_err(|fault| match fault {
        PasswordFault::Busy => GrantRefusal::busy().into(),
        fault => TokenFailure::internal(fault),
    })?;
    let now = context.clock.now();
    let user = match known {
        Some(known) if right => known.user,
        Some(known) if !known.user.lockout.is_locked(now) => {
            context.store.put_lockout(known.user.id, known.user.lockout.after_failure(now)).await?;
            return Err(GrantRefusal::wrong_credentials().into());
        }
        _ => return Err(GrantRefusal::wrong_credentials().into()),
    };
    if user.lockout.is_locked(now) {
        return Err(GrantRefusal::locked().into());
    }
    if !user.enabled {
        return Err(GrantRefusal::disabled_user().into());
    }
    if user.lockout != Lockout::default() {
        context.store.put_lockout(user.id, Lockout::default()).await?;
    }
    Ok(SignIn { user, amr: "pwd".to_owned(), replaced: None, resource: None })
}
