//! Who calls: a token becomes a principal, read anew each time.

use insightgate_identity::principal::Principal;
use insightgate_identity::token::{Expectation, MFA};

use crate::context::Context;
use crate::failure::Failure;

/// Accepts a token for the insights API.
pub async fn authenticate(context: &Context, token: &str) -> Result<Principal, Failure> {
    principal(context, token, &context.settings.resources).await
}

/// Accepts a token for the management API, and no other.
pub async fn authenticate_management(context: &Context, token: &str) -> Result<Principal, Failure> {
    let principal = principal(context, token, std::slice::from_ref(&context.settings.management_resource)).await?;
    if context.settings.require_mfa && !principal.is_mfa_compliant() {
        return Err(Failure::SecondFactorRequired);
    }
    Ok(principal)
}

async fn principal(context: &Context, token: &str, audiences: &[String]) -> Result<Principal, Failure> {
    let claims = context.signing.verify(token).map_err(|fault| Failure::Unauthorized { reason: fault.to_string() })?;
    let expected = Expectation { audiences, authority: context.settings.public_url.as_deref(), now: context.clock.now() };
    claims.check(&expected).map_err(|fault| Failure::Unauthorized { reason: fault.to_string() })?;
    let gone = || Failure::Unauthorized { reason: "the tenant, application or user of the token is gone".to_owned() };
    let application = claims.application().ok_or_else(gone)?;
    let principal = context.directory.principal(claims.tid, application, claims.user()).await?.ok_or_else(gone)?;
    Ok(Principal { mfa: claims.amr.iter().any(|method| method == MFA), ..Principal::clone(&principal) })
}
