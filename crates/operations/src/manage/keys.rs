//! Replaces the authority's signing key on an operator's word.

use super::administrator::{Administrator, Duty};
use crate::context::Context;
use crate::failure::Failure;
use crate::keys::rotate::rotate_signing_key;

/// The ids of the keys that are published now, the newest first. It signs a little later; those before verify until their last token has expired.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn rotate(context: &Context, administrator: &Administrator) -> Result<Vec<String>, Failure> {
    administrator.may(context, Duty::Operate).await?;
    rotate_signing_key(context, &administrator.actor(), Some(administrator.correlation())).await?;
    Ok(context.signing.public().into_iter().map(|key| key.kid).collect())
}
