//! A user name and a password: the one place where they are compared, for the password grant and the sign-in page alike.

use std::net::IpAddr;

use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::{Lockout, User};

use crate::context::Context;
use crate::issue_token::TokenFailure;
use crate::password::PasswordFault;

/// The user, once the password is right. Whether it must be changed and whether a second factor follows is for the caller to see.
///
/// An unknown user and a wrong password look alike and take alike; a locked or disabled account shows only after the right password.
pub(crate) async fn check_password(
    context: &Context,
    tenant: &Tenant,
    username: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<User, TokenFailure> {
    if context.addresses.is_shut(address, context.clock.now()) {
        return Err(GrantRefusal::too_many_failures().into());
    }
    let known = context.store.user_credentials(tenant.id, &username.trim().to_lowercase()).await?;
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let right = context.passwords.verify(password, hash).await.map_err(|fault| match fault {
        PasswordFault::Busy => GrantRefusal::busy().into(),
        fault => TokenFailure::internal(fault),
    })?;
    let now = context.clock.now();
    if !right {
        context.addresses.failed(address, now);
    }
    let user = known.map(|known| known.user);
    // Read anew: other guesses may have been counted while this one was hashed.
    let Some(user) = user.clone().filter(|_| right) else {
        let named = user.map(|user| user.id);
        let count = |lockout: Lockout| if lockout.is_locked(now) { lockout } else { lockout.after_failure(now) };
        context.store.count_wrong_password(named, count).await?;
        return Err(GrantRefusal::wrong_credentials().into());
    };
    // Who has a second factor must give it before the wrong ones are forgotten: else the right password would buy more guesses at the code.
    let found = context.store.change_lockout(user.id, |lockout| match lockout.is_locked(now) || user.totp {
        true => lockout,
        false => Lockout::default(),
    });
    match found.await?.is_locked(now) {
        true => Err(GrantRefusal::locked().into()),
        false if !user.enabled => Err(GrantRefusal::disabled_user().into()),
        false => Ok(user),
    }
}
