//! The refresh grant. Each use issues a new refresh token. `identity::tokens::refresh` says whether a used one is accepted again; if not, it counts as
//! stolen and its family is revoked.

use insightgate_identity::application::Application;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::refresh::Reuse;
use insightgate_identity::user::User;
use insightgate_store::{RefreshTokenState, UsedToken};
use uuid::Uuid;

use super::resource::Granted;
use super::{SignIn, Spent, TokenFailure, Trail, answer, is_secret};
use crate::callers::directory::View;
use crate::context::Context;
use crate::credentials::password::secret_digest;

pub(super) fn check_shape(token: &str) -> Result<(), GrantRefusal> {
    if is_secret(token) { Ok(()) } else { Err(GrantRefusal::malformed_refresh_token()) }
}

/// Makes every check except that the token is still good when it is redeemed, which `answer` makes.
pub(super) async fn sign_in(
    context: &Context,
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    token: &str,
    trail: &mut Trail,
) -> Result<SignIn, TokenFailure> {
    let digest = secret_digest(token);
    let found = context.store.refresh_token(&digest).await?;
    let own = found.filter(|(record, _)| record.tenant == tenant.id && record.application == application.id);
    let (record, state) = own.ok_or_else(GrantRefusal::unknown_refresh_token)?;
    let now = context.clock.now();
    let good_since = Reuse::of(application.public, context.settings.strict_refresh).good_since(now);
    let good = match state {
        RefreshTokenState::Fresh => true,
        RefreshTokenState::Revoked => false,
        RefreshTokenState::Used(first) => good_since.is_some_and(|since| first >= since),
    };
    if !good && state != RefreshTokenState::Revoked {
        answer::end_stolen(context, record.family, trail).await?;
    }
    let user = enabled_user(directory, tenant, application, record.user).await?;
    if !good {
        return Err(GrantRefusal::revoked_refresh_token().into());
    }
    if now >= record.expires {
        return Err(GrantRefusal::expired_refresh_token().into());
    }
    // A refresh token is replaced whatever scopes were requested, since the client would otherwise be left without one.
    let granted = Granted { resource: record.resource, openid: false, offline: true };
    let spent = Spent::Refresh { used: UsedToken { digest, now, good_since }, family: record.family };
    Ok(SignIn { user, amr: record.amr, spent, granted: Some(granted), nonce: None })
}

/// The user who signed in, unless the account has been deleted or disabled since.
pub(super) async fn enabled_user(
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    user: Uuid,
) -> Result<User, TokenFailure> {
    let principal = directory.principal(tenant.id, application.id, Some(user)).await?;
    let user = principal.and_then(|principal| principal.user.clone()).ok_or_else(GrantRefusal::revoked_refresh_token)?;
    if user.enabled { Ok(user) } else { Err(GrantRefusal::disabled_user().into()) }
}
