//! Who calls: a token becomes a principal, read anew each time.

use insightgate_identity::principal::Principal;
use insightgate_identity::token::Expectation;

use crate::context::Context;
use crate::failure::Failure;

/// Accepts a token for the insights API.
pub async fn authenticate(context: &Context, token: &str) -> Result<Principal, Failure> {
    let claims = context.signing.verify(token).map_err(|fault| Failure::Unauthorized { reason: fault.to_string() })?;
    let expected =
        Expectation { audiences: &context.settings.resources, authority: context.settings.public_url.as_deref(), now: context.clock.now() };
    claims.check(&expected).map_err(|fault| Failure::Unauthorized { reason: fault.to_string() })?;
    let gone = || Failure::Unauthorized { reason: "the tenant, application or user of the token is gone".to_owned() };
    let application = claims.application().ok_or_else(gone)?;
    let principal = context.directory.principal(claims.tid, application, claims.user()).await?.ok_or_else(gone)?;
    Ok(Principal::clone(&principal))
}
