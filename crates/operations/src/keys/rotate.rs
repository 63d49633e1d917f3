//! Replaces keys: the authority's signing key and the key of links, when an operator asks or when they are old.

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// A new signing key, published from now on. It signs a little later, and the one before verifies until its last token has expired.
///
/// # Errors
/// The key could not be made, or not written to the database.
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

/// Replaces keys that are old and removes those that nothing needs any more. Part of background work: it may be called at any time.
///
/// # Errors
/// The database is away, or a stored key cannot be opened.
pub async fn tend_keys(context: &Context) -> Result<(), Failure> {
    let (now, days) = (context.clock.now(), context.settings.signing_key_days);
    let (store, vault) = (&context.store, &context.vault);
    let removes = context.clock_watch.may_remove(&context.clock, &context.store).await?;
    if context.signing.tend(store, vault, now, days, removes).await.map_err(Failure::internal)? {
        rotate_signing_key(context, "insightgate scheduler", None).await?;
    }
    context.links.tend(store, vault, now, days, &context.random, removes).await.map_err(Failure::internal)
}
