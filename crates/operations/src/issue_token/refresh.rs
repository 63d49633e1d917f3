//! The refresh grant. Tokens rotate; a replaced one that comes back revokes its family.

use insightgate_identity::application::Application;
use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::tenant::Tenant;
use insightgate_store::{RefreshTokenRecord, RefreshTokenState};

use super::{ISSUED, Replaced, SignIn, TokenFailure, Trail};
use crate::audit;
use crate::context::Context;
use crate::password::secret_digest;

/// What [`crate::random::Random::secret`] makes.
pub(super) fn check_shape(token: &str) -> Result<(), GrantRefusal> {
    let shaped = token.len() == 43 && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if shaped { Ok(()) } else { Err(GrantRefusal::malformed_refresh_token()) }
}

/// Every check but the last: the token is still good for one answer.
pub(super) async fn sign_in(context: &Context, tenant: &Tenant, application: &Application, token: &str) -> Result<SignIn, TokenFailure> {
    let digest = secret_digest(token);
    let found = context.store.refresh_token(&digest).await?;
    let own = found.filter(|(record, _)| record.tenant == tenant.id && record.application == application.id);
    let (record, state) = own.ok_or_else(GrantRefusal::unknown_refresh_token)?;
    let user = context.store.user(tenant.id, record.user).await?.ok_or_else(GrantRefusal::revoked_refresh_token)?;
    // Before the state: disabling a user revokes the tokens too, and this says why.
    if !user.enabled {
        return Err(GrantRefusal::disabled_user().into());
    }
    if state == RefreshTokenState::Revoked {
        return Err(GrantRefusal::revoked_refresh_token().into());
    }
    if state == RefreshTokenState::Used {
        context.store.revoke_refresh_family(record.family).await?;
        return Err(GrantRefusal::revoked_refresh_token().into());
    }
    if context.clock.now() >= record.expires {
        return Err(GrantRefusal::expired_refresh_token().into());
    }
    let replaced = Some(Replaced { digest, family: record.family });
    Ok(SignIn { user, amr: record.amr, replaced, resource: Some(record.resource) })
}

/// Puts the new token in the place of the one that was used, in one step. Of two requests with one token the second is taken for a thief's.
/// The event goes with it, so that a grant costs one transaction.
pub(super) async fn keep(
    context: &Context,
    replaced: Option<Replaced>,
    new: Option<RefreshTokenRecord>,
    trail: &mut Trail,
    resource: &str,
) -> Result<(), TokenFailure> {
    match (replaced, new) {
        (None, None) => Ok(()),
        (None, Some(new)) => Ok(context.store.add_refresh_token(&new).await?),
        (Some(Replaced { digest, family }), new) => {
            let event = trail.happening(ISSUED, resource.to_owned()).and_then(|happening| audit::event(context, happening));
            if context.store.replace_refresh_token(digest, new, event).await? {
                trail.recorded = true;
                return Ok(());
            }
            context.store.revoke_refresh_family(family).await?;
            Err(GrantRefusal::revoked_refresh_token().into())
        }
    }
}
