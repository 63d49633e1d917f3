//! The second factor: time-based one-time codes (TOTP, RFC 6238) from an authenticator, of six digits, a new one every 30 seconds.
//!
//! Secrets are encrypted at rest and bound to their user. A code is valid once.

use insightgate_identity::user::User;
use insightgate_store::StoreError;
use thiserror::Error;
use totp_rs::{Algorithm, Builder, Secret, Totp, TotpError};
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::keys::vault::VaultFault;
use crate::random::NoRandomness;

/// What authenticators show beside the sign-in name.
const ISSUER: &str = "Insightgate";

/// A new secret, shown once.
#[derive(Clone)]
pub struct OfferedFactor {
    /// The secret in Base32, to be typed.
    pub secret: String,
    /// The address `otpauth://…`, which authenticators read.
    pub uri: String,
    /// The secret as it is stored.
    pub sealed: String,
}

#[derive(Debug, Error)]
pub enum FactorFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error("the stored second factor cannot be used: {0}")]
    Stored(#[from] TotpError),
}

/// Makes a secret for this user. It becomes the second factor once `confirm` has checked a code of it, or once it is stored.
///
/// # Errors
/// When no secret can be made or sealed.
pub fn offer(context: &Context, user: &User) -> Result<OfferedFactor, FactorFault> {
    let secret: [u8; 20] = context.random.bytes()?;
    let sealed = context.vault.seal(&purpose(user.id), &secret)?;
    shown(user, &secret, sealed)
}

/// The same secret again, for a page that is shown twice.
///
/// # Errors
/// When the secret cannot be decrypted.
pub fn offered_again(context: &Context, user: &User, sealed: &str) -> Result<OfferedFactor, FactorFault> {
    shown(user, &context.vault.open(&purpose(user.id), sealed)?, sealed.to_owned())
}

/// Makes the offered secret the user's second factor, if the code is one of its codes and the user has no factor yet. `added` is the audit event.
pub(crate) async fn confirm(context: &Context, user: &User, sealed: &str, code: &str, added: Happening<'_>) -> Result<bool, FactorFault> {
    let Some(step) = matching_step(context, user, sealed, code)? else { return Ok(false) };
    Ok(audit::recording(context, added)?.add_totp(user.id, sealed).await? && context.store.use_totp_step(user.id, step).await?)
}

/// Whether the code is right and was not used before.
pub(crate) async fn check(context: &Context, user: &User, code: &str) -> Result<bool, FactorFault> {
    let known = context.store.user_credentials_by_id(user.tenant, user.id).await?;
    let Some(sealed) = known.and_then(|known| known.totp_secret) else { return Ok(false) };
    match matching_step(context, user, &sealed, code)? {
        Some(step) => Ok(context.store.use_totp_step(user.id, step).await?),
        None => Ok(false),
    }
}

fn matching_step(context: &Context, user: &User, sealed: &str, code: &str) -> Result<Option<i64>, FactorFault> {
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let totp = totp(user, &context.vault.open(&purpose(user.id), sealed)?)?;
    let now = u64::try_from(context.clock.now().timestamp()).unwrap_or_default();
    Ok(totp.check(&digits, now).and_then(|step| i64::try_from(step).ok()))
}

fn shown(user: &User, secret: &[u8], sealed: String) -> Result<OfferedFactor, FactorFault> {
    Ok(OfferedFactor { secret: Secret::from(secret).to_base32(), uri: totp(user, secret)?.to_url()?, sealed })
}

/// Uses SHA-1, since some authenticators ignore the algorithm and always use it. Codes of the step before and the step after are accepted too.
fn totp(user: &User, secret: &[u8]) -> Result<Totp, TotpError> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_skew(1)
        .with_secret(secret)
        .with_account_name(user.username.as_str())
        .with_issuer(Some(ISSUER))
        .build()
}

/// The purpose binds the sealed secret to its user: it cannot be opened for another.
fn purpose(user: Uuid) -> String {
    format!("totp {user}")
}
