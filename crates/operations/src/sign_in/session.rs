//! A browser's session. It begins with the right password and is complete after the remaining steps. Its cookie is replaced at each step.

use chrono::TimeDelta;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::user::User;
use insightgate_store::{MissingStep, SignInSession};

use super::{SessionChange, Visit};
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::token_failure::TokenFailure;

/// How long a session waits for its next step.
const PENDING: TimeDelta = TimeDelta::minutes(10);
/// How long a complete session is valid: a working day.
const SIGNED_IN: TimeDelta = TimeDelta::hours(12);

/// A session with the current state of its user.
pub(super) struct Current {
    pub record: SignInSession,
    pub user: User,
}

/// The session that a new one replaces.
pub(super) enum Replaced<'a> {
    /// The new session continues this one. If this one has been ended in the meantime, the new one is refused.
    Own(&'a Current),
    /// The password was given again, so the new session is valid even if this one has ended.
    Whatever(&'a Current),
}

/// The session of the cookie. `None` if there is none, if it has expired, or if its user is deleted or disabled.
pub(super) async fn load(context: &Context, visit: &Visit) -> Result<Option<Current>, TokenFailure> {
    let Some(cookie) = &visit.session else { return Ok(None) };
    let found = context.store.sign_in_session(&secret_digest(cookie)).await?;
    let Some(record) = found.filter(|record| context.clock.now() < record.expires) else { return Ok(None) };
    let user = context.store.user(record.tenant, record.user).await?.filter(|user| user.enabled);
    Ok(user.map(|user| Current { record, user }))
}

/// Replaces the session with a new one, so that a cookie from before a step is not valid after it. Writes `happening`, if any, in the same transaction.
pub(super) async fn put(
    context: &Context,
    user: User,
    missing: Option<MissingStep>,
    offered_secret: Option<String>,
    amr: &str,
    replaced: Option<Replaced<'_>>,
    happening: Option<Happening<'_>>,
) -> Result<(Current, SessionChange), TokenFailure> {
    let now = context.clock.now();
    let cookie = context.random.secret().map_err(TokenFailure::internal)?;
    let record = SignInSession {
        digest: secret_digest(&cookie),
        tenant: user.tenant,
        user: user.id,
        missing,
        offered_secret,
        amr: amr.to_owned(),
        signed_in: now,
        expires: now + if missing.is_some() { PENDING } else { SIGNED_IN },
    };
    let (before, must_be_there) = match &replaced {
        Some(Replaced::Own(before)) => (Some(before.record.digest.as_str()), true),
        Some(Replaced::Whatever(before)) => (Some(before.record.digest.as_str()), false),
        None => (None, false),
    };
    let store = match happening.and_then(|happening| audit::standing_alone(context, happening)) {
        Some(event) => context.store.recording(event),
        None => context.store.clone(),
    };
    if !store.put_sign_in_session(&record, before, must_be_there).await? {
        return Err(GrantRefusal::revoked_refresh_token().into());
    }
    Ok((Current { record, user }, SessionChange::Set(cookie)))
}
