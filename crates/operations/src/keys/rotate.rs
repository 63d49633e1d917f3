//! Rotates keys: the authority's signing key when an operator requests it or when it is old, and the key of links when it is old.

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// Makes a new signing key and publishes it. It begins to sign a little later, and the previous key verifies until its last token has expired.
///
/// # Errors
/// When the key cannot be made, or the database does not answer.
pub async fn rotate_signing_key(context: &Context, actor: &str, correlation: Option<&str>) -> Result<(), Failure> {
    let recording = |id: &str| {
        let happening = Happening {
            tenant: None,
            actor: actor.to_owned(),
            action: "key.rotate",
            subject: "signing".to_owned(),
            detail: id.to_owned(),
            correlation: correlation.map(str::to_owned),
        };
        audit::recording(context, happening)
    };
    let rotated = context.signing.rotate(&context.store, &context.vault, context.clock.now(), recording).await;
    rotated.map_err(Failure::internal)
}

/// Rotates old keys, and removes obsolete ones. This is background work, which may be called at any time.
///
/// # Errors
/// When a key cannot be made, or the database does not answer.
pub async fn tend_keys(context: &Context) -> Result<(), Failure> {
    let (now, days) = (context.clock.now(), context.settings.signing_key_days);
    let (store, vault) = (&context.store, &context.vault);
    let removes = context.clock_watch.may_remove(&context.clock, &context.store).await?;
    if context.signing.tend(store, vault, now, days, removes).await.map_err(Failure::internal)? {
        rotate_signing_key(context, "insightgate scheduler", None).await?;
    }
    context.links.tend(store, vault, now, days, &context.random, removes).await.map_err(Failure::internal)
}
