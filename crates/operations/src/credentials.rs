//! A user name and a password: the one place where they are compared, for the password grant and the sign-in page alike.

use std::net::IpAddr;

use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::Lockout;
use insightgate_store::{StoreError, UserCredentials};

use crate::context::Context;
use crate::issue_token::TokenFailure;
use crate::password::PasswordFault;

/// The user, once the password is right. Whether it must be changed and whether a second factor follows is for the caller to see.
///
/// An unknown user and a wrong password look alike and take alike; a disabled account shows only after the right password. A locked one says so
/// whatever the password is, and so does a name that nobody has: else guesses would go on while it is locked, and the right one would show.
pub(crate) async fn check_password(
    context: &Context,
    tenant: &Tenant,
    username: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<UserCredentials, TokenFailure> {
    if context.addresses.is_shut(address, context.clock.now()) {
        return Err(GrantRefusal::too_many_failures().into());
    }
    let username = username.trim().to_lowercase();
    let known = context.store.user_credentials(tenant.id, &username).await?;
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let right = context.passwords.verify(password, hash).await.map_err(|fault| match fault {
        PasswordFault::Busy => GrantRefusal::busy().into(),
        fault => TokenFailure::internal(fault),
    })?;
    let now = context.clock.now();
    if !right {
        context.addresses.failed(address, now);
    }
    let Some(known) = known else {
        let locked = context.unknown_names.failed(tenant.id, &username, now).is_locked(now);
        if !locked {
            context.store.count_for_nobody().await?;
        }
        return Err(if locked { GrantRefusal::locked() } else { GrantRefusal::wrong_credentials() }.into());
    };
    // Read anew: other guesses may have been counted while this one was hashed. Who has a second factor must give it before the wrong ones
    // are forgotten: else the right password would buy more guesses at the code.
    let found = context.store.change_lockout(known.user.id, |lockout| match (lockout.is_locked(now), right) {
        (true, _) => lockout,
        (false, true) if known.user.totp => lockout,
        (false, true) => Lockout::default(),
        (false, false) => lockout.after_failure(now),
    });
    match (found.await?.is_locked(now), right) {
        (true, _) => Err(GrantRefusal::locked().into()),
        (false, false) => Err(GrantRefusal::wrong_credentials().into()),
        (false, true) if !known.user.enabled => Err(GrantRefusal::disabled_user().into()),
        (false, true) => Ok(known),
    }
}

/// Whether what [`check_password`] found still holds, asked once the sign-in is written down. A new password, or disabling the user, ends the
/// sign-ins that are there: one that was on its way must not come after them.
pub(crate) async fn still_holds(context: &Context, checked: &UserCredentials) -> Result<bool, StoreError> {
    let known = context.store.user_credentials_by_id(checked.user.tenant, checked.user.id).await?;
    Ok(known.is_some_and(|known| known.user.enabled && known.password_hash == checked.password_hash))
}
