//! A user name and a password: the one place where they are compared, for the password grant and the sign-in page alike.

use std::net::IpAddr;

use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_store::{StoreError, Subject, UserCredentials};

use crate::context::Context;
use crate::credentials::guesses::Guesser;
use crate::credentials::hashing_queue::Asker;
use crate::credentials::password::{PasswordFault, Verified};
use crate::token_failure::TokenFailure;

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
    Guesser::finds_room(context, address)?;
    let username = username.trim().to_lowercase();
    let known = context.store.user_credentials(tenant.id, &username).await?;
    let subject = match &known {
        Some(known) => Subject::User(known.user.id),
        None => context.guess_key.nobody(tenant.id, &username),
    };
    let guesser = Guesser::new(context, subject.clone(), address);
    let asker = guesser.may_try(context).await?;
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let verified = verify(context, password, hash, &asker).await?;
    let Some(known) = known.filter(|_| verified.right) else {
        let wrong = context.guess_key.wrong_password(&subject, &verified.work);
        guesser.was_wrong(context, Some(wrong)).await?;
        return Err(GrantRefusal::wrong_credentials().into());
    };
    guesser.was_right(context, known.user.enabled && !known.user.totp).await?;
    if known.user.enabled { Ok(known) } else { Err(GrantRefusal::disabled_user().into()) }
}

pub(crate) async fn verify(context: &Context, password: &str, hash: Option<String>, asker: &Asker) -> Result<Verified, TokenFailure> {
    context.passwords.verify(password, hash, asker).await.map_err(|fault| match fault {
        PasswordFault::Busy => GrantRefusal::busy().into(),
        fault => TokenFailure::internal(fault),
    })
}

/// Whether what [`check_password`] found still holds, asked once the sign-in is written down. A new password, or disabling the user, ends the
/// sign-ins that are there: one that was on its way must not come after them.
pub(crate) async fn still_holds(context: &Context, checked: &UserCredentials) -> Result<bool, StoreError> {
    let known = context.store.user_credentials_by_id(checked.user.tenant, checked.user.id).await?;
    Ok(known.is_some_and(|known| known.user.enabled && known.password_hash == checked.password_hash))
}
