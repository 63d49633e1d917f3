//! Accepts a token of an external issuer, and resolves its bearer to a local identity. No claim is trusted before the signature is verified.

use insightgate_identity::external_identity::ExternalKind;
use insightgate_identity::tokens::token::TokenSubject;

use super::claims::read_header;
use super::{Audience, ExternalFault, ExternalIssuer};
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// The local subject of the token. A bearer who is not bound is refused, and the refusal is audited, so that the operator sees whom to bind.
pub(crate) async fn subject(
    context: &Context,
    external: &ExternalIssuer,
    token: &str,
    audience: Audience,
) -> Result<TokenSubject, Failure> {
    let now = context.clock.now();
    let issuer = &external.settings;
    let refused = |fault: ExternalFault| Failure::bad_token(format!("{}: {fault}", issuer.url), fault.told());
    let header = read_header(token, issuer).map_err(refused)?;
    let key = external.keys.find(&header, now).await.map_err(|fault| refused(fault.into()))?;
    let claims = key.verify(token, &header).map_err(refused)?;
    let (bearer, amr) = claims.check(issuer, audience, now).map_err(refused)?;
    let bound = context.store.identities_of_bearer(&issuer.url, &bearer).await?;
    match bearer.recognise(&issuer.url, issuer.tenant.fixed(), &bound) {
        Ok(known) => Ok(TokenSubject { tenant: known.tenant, application: known.application, user: known.user, amr }),
        Err(unbound) => {
            let own = || bound.iter().find(|identity| identity.kind == ExternalKind::Tenant).map(|identity| identity.tenant);
            let happening = Happening {
                tenant: issuer.tenant.fixed().or_else(own),
                actor: format!("{} {} {}", issuer.url, bearer.tenant, bearer.subject),
                action: "access.refuse",
                subject: bearer.application.clone(),
                detail: unbound.to_string(),
                correlation: None,
            };
            audit::record(context, happening).await;
            Err(Failure::bad_token(format!("{}: {unbound}", issuer.url), "nobody here is bound to the token's bearer"))
        }
    }
}
