//! Sessions of browsers in the console. A session stands for an application and a user, as a token does, and is judged as one: the principal is read
//! again for every request.

use std::sync::Arc;

use chrono::TimeDelta;
use insightgate_identity::principal::Principal;
use insightgate_store::ConsoleSession;

use super::caller::Caller;
use crate::audit::{self, Happening};
use crate::callers::authenticate::{authenticate_management, count_refusal};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;

/// How long a user's session is valid: a working day, as on the sign-in pages.
const SIGNED_IN: TimeDelta = TimeDelta::hours(12);
/// How long the session of an application, or of a user of an external issuer, is valid: as long as a token. Nobody tells us when the issuer signs a user
/// out.
const AS_A_TOKEN: TimeDelta = TimeDelta::hours(1);

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub principal: Arc<Principal>,
    pub session: ConsoleSession,
}

/// Begins a session for the bearer of an access token to the management API. Returns the value of the browser's cookie.
///
/// # Errors
/// When the token is not accepted, a required second factor is missing, or the database does not answer.
pub async fn begin_session(context: &Context, token: &str, caller: Caller<'_>) -> Result<String, Failure> {
    let correlation = caller.correlation;
    let accepted = authenticate_management(context, token, correlation).await;
    let principal = accepted.inspect_err(|failure| count_refusal(context, failure, caller.address, correlation))?;
    let cookie = context.random.secret()?;
    let now = context.clock.now();
    let user = principal.user.as_ref();
    let is_own_user = user.is_some() && context.issuers.of(token).is_none();
    let session = ConsoleSession {
        digest: secret_digest(&cookie),
        tenant: principal.tenant.id,
        application: principal.application.id,
        user: user.map(|user| user.id),
        mfa: principal.mfa,
        signed_in: now,
        expires: now + if is_own_user { SIGNED_IN } else { AS_A_TOKEN },
    };
    let store = match audit::standing_alone(context, happening(&principal, "console.signIn", correlation)) {
        Some(event) => context.store.recording(event),
        None => context.store.clone(),
    };
    store.add_console_session(&session).await?;
    Ok(cookie)
}

/// The session of the cookie. `None` if there is none, it has expired, its user or application is gone or disabled, or a second factor is required by
/// now.
///
/// # Errors
/// When the database does not answer.
pub async fn find_session(context: &Context, cookie: &str) -> Result<Option<SignedIn>, Failure> {
    let found = context.store.console_session(&secret_digest(cookie)).await?;
    let Some(session) = found.filter(|session| context.clock.now() < session.expires) else { return Ok(None) };
    let view = context.directory.view();
    let Some(principal) = view.bearer(session.tenant, session.application, session.user, session.mfa).await? else { return Ok(None) };
    let is_enabled = principal.application.enabled && principal.user.as_ref().is_none_or(|user| user.enabled);
    let is_proven = !context.settings.require_mfa || principal.is_mfa_compliant();
    Ok((is_enabled && is_proven).then_some(SignedIn { principal, session }))
}

/// # Errors
/// When the database does not answer.
pub async fn end_session(context: &Context, signed_in: &SignedIn, correlation: &str) -> Result<(), Failure> {
    context.store.delete_console_session(&signed_in.session.digest).await?;
    audit::record(context, happening(&signed_in.principal, "console.signOut", correlation)).await;
    Ok(())
}

/// Signs the user out of every browser, and ends what applications were given for the user: refresh tokens and codes.
///
/// # Errors
/// When the database does not answer.
pub async fn end_everywhere(context: &Context, signed_in: &SignedIn, correlation: &str) -> Result<(), Failure> {
    let store = audit::recording(context, happening(&signed_in.principal, "console.signOutEverywhere", correlation))?;
    Ok(store.end_everywhere(&signed_in.session).await?)
}

fn happening<'a>(principal: &Principal, action: &'a str, correlation: &str) -> Happening<'a> {
    Happening {
        tenant: Some(principal.tenant.id),
        actor: principal.owner().to_string(),
        action,
        subject: principal.display_name(),
        detail: String::new(),
        correlation: Some(correlation.to_owned()),
    }
}
