//! Replaces keys: the authority's signing key and the key of links, when an operator asks or when they are old.

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// A new signing key, published from now on. It signs a little later, and the one before verifies until its last token has expired.
pub async fn rotate_signing_key(context: &Context, actor: &str, correlation: Option<&str>) -> Result<(), Failure> {
    let rotated = context.signing.rotate(&context.store, &context.vault, context.clock.now()).await;
    rotated.map_err(Failure::internal)?;
    record(context, actor, correlation).await;
    Ok(())
}

/// Replaces keys that are old and removes those that nothing needs any more. Part of background work: it may be called at any time.
pub async fn tend_keys(context: &Context) -> Result<(), Failure> {
    let (now, days) = (context.clock.now(), context.settings.signing_key_days);
    let (store, vault) = (&context.store, &context.vault);
    let made = context.signing.tend(store, vault, now, days).await.map_err(Failure::internal)?;
    if made {
        record(context, "insightgate scheduler", None).await;
    }
    context.links.tend(store, vault, now, days, &context.random).await.map_err(Failure::internal)
}

async fn record(context: &Context, actor: &str, correlation: Option<&str>) {
    let newest = context.signing.public().into_iter().next();
    let happening = Happening {
        tenant: None,
        actor: actor.to_owned(),
        action: "key.rotate",
        subject: "signing".to_owned(),
        detail: newest.map(|key| key.kid).unwrap_or_default(),
        correlation: correlation.map(str::to_owned),
    };
    audit::record(context, happening).await;
}
