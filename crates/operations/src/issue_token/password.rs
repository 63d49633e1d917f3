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
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let right = context.passwords.verify(password, hash).await.map_err(|fault| match fault {
        PasswordFault::Busy => GrantRefusal::busy().into(),
        fault => TokenFailure::internal(fault),
    })?;
    let now = context.clock.now();
    let Some(user) = known.map(|known| known.user) else { return Err(GrantRefusal::wrong_credentials().into()) };
    // Read anew: other guesses may have been counted while this one was hashed.
    let found = context.store.change_lockout(user.id, |lockout| match (lockout.is_locked(now), right) {
        (true, _) => lockout,
        (false, true) => Lockout::default(),
        (false, false) => lockout.after_failure(now),
    });
    let locked = found.await?.is_locked(now);
    match (right, locked) {
        (false, _) => Err(GrantRefusal::wrong_credentials().into()),
        (true, true) => Err(GrantRefusal::locked().into()),
        (true, false) if !user.enabled => Err(GrantRefusal::disabled_user().into()),
        (true, false) => Ok(SignIn { user, amr: "pwd".to_owned(), replaced: None, resource: None }),
    }
}
