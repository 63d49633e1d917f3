//! Checks a user name and a password, for both the password grant and the sign-in page. No other code does.

use std::net::IpAddr;

use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_store::{StoreError, Subject, UserCredentials};

use crate::context::Context;
use crate::credentials::guesses::Guesser;
use crate::credentials::hashing_queue::Asker;
use crate::credentials::password::{PasswordFault, Verified};
use crate::token_failure::TokenFailure;

/// Returns the user, if the password is right. The caller checks whether it must be changed and whether a second factor is needed.
///
/// An unknown user and a wrong password give the same answer after the same time. Only the right password reveals that an account is disabled. A lock
/// gives the same answer whatever the password is, and also for names that nobody has. Otherwise guesses could continue during a lock, and the right one
/// would be recognised.
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

/// Whether the result of [`check_password`] still holds, checked after the sign-in was recorded. A new password, or disabling the user, ends existing
/// sign-ins, and a sign-in that was in progress must not survive that.
pub(crate) async fn still_holds(context: &Context, checked: &UserCredentials) -> Result<bool, StoreError> {
    let known = context.store.user_credentials_by_id(checked.user.tenant, checked.user.id).await?;
    Ok(known.is_some_and(|known| known.user.enabled && known.password_hash == checked.password_hash))
}
