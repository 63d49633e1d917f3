//! Authentication: resolves a bearer token to a principal, which is read anew for each request.

use std::net::IpAddr;
use std::sync::Arc;

use insightgate_identity::principal::Principal;
use insightgate_identity::tokens::token::{Expectation, MFA, TokenSubject};

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::external_issuers::Audience;
use crate::external_issuers::subject::subject as external_subject;
use crate::failure::Failure;

/// Accepts a token for the insights API.
///
/// # Errors
/// When the token is not accepted, or the database does not answer.
pub async fn authenticate(context: &Context, token: &str) -> Result<Arc<Principal>, Failure> {
    principal(context, token, Audience::Insights).await
}

/// Accepts a token for the management API, and no other token. That a second factor is missing is audited.
///
/// # Errors
/// When the token is not accepted, or the database does not answer.
pub async fn authenticate_management(context: &Context, token: &str, correlation: &str) -> Result<Arc<Principal>, Failure> {
    let principal = principal(context, token, Audience::Management).await?;
    if context.settings.require_mfa && !principal.is_mfa_compliant() {
        let failure = Failure::SecondFactorRequired;
        audit::record_refusal(context, &principal, "management", &failure.to_string(), correlation).await;
        return Err(failure);
    }
    Ok(principal)
}

/// Counts a request whose token was not accepted. It is not recorded on its own, since nobody knows whose token it is.
pub fn count_refusal(context: &Context, failure: &Failure, address: Option<IpAddr>, correlation: &str) {
    let Failure::Unauthorized { reason, .. } = failure else { return };
    let happening = Happening {
        tenant: None,
        actor: String::new(),
        action: "access.unauthorized",
        subject: String::new(),
        detail: reason.chars().take(200).collect(),
        correlation: Some(correlation.to_owned()),
    };
    audit::count(context, happening, "token", address);
}

async fn principal(context: &Context, token: &str, audience: Audience) -> Result<Arc<Principal>, Failure> {
    let subject = subject(context, token, audience).await?;
    let gone = || {
        let told = "the tenant, application or user of the token is gone";
        Failure::bad_token(told, told)
    };
    let mfa = subject.amr.iter().any(|method| method == MFA);
    context.directory.view().bearer(subject.tenant, subject.application, subject.user, mfa).await?.ok_or_else(gone)
}

/// The subject of the token, by the rules of the issuer that it names.
async fn subject(context: &Context, token: &str, audience: Audience) -> Result<TokenSubject, Failure> {
    if let Some(issuer) = context.issuers.of(token) {
        return external_subject(context, issuer, token, audience).await;
    }
    if !context.settings.built_in_authority {
        let reason = "the token comes from no trusted issuer, and the built-in authority is off";
        return Err(Failure::bad_token(reason, "the token comes from no issuer that this server trusts"));
    }
    let claims = context.signing.verify(token).map_err(|fault| Failure::bad_token(&fault, fault.told()))?;
    let audiences = match audience {
        Audience::Insights => context.settings.resources.as_slice(),
        Audience::Management => std::slice::from_ref(&context.settings.management_resource),
    };
    let expected = Expectation { audiences, authority: context.settings.public_url.as_deref(), now: context.clock.now() };
    // The bearer may learn what is wrong with the claims of a token that we issued.
    claims.check(&expected).map_err(|fault| Failure::bad_token(&fault, fault.to_string()))
}
