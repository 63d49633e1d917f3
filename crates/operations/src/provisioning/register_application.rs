//! Registers an application: its secret, its permissions and the tenant's consent to them.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::application::{Application, ClientSecret, Permission};

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;

/// Days a secret lives: two years, as the platform's own longest.
pub const SECRET_DAYS: i64 = 730;

/// Only the digest of `secret` is kept. May be repeated when it was cut off: an application that is there already stays as it is. With `permissions` the tenant consents to all of them.
pub async fn register_application(
    context: &Context,
    application: &Application,
    secret: &str,
    permissions: &[Permission],
    actor: &str,
) -> Result<(), Failure> {
    let now = context.clock.now();
    let secret = client_secret(context, secret, "", now, now + TimeDelta::days(SECRET_DAYS))?;
    register(context, application, Some(&secret), permissions, now, actor).await
}

/// Registers a public application, which has no secret. May be repeated when it was cut off. The tenant consents to `permissions`.
pub async fn register_public_application(
    context: &Context,
    application: &Application,
    permissions: &[Permission],
    actor: &str,
) -> Result<(), Failure> {
    register(context, application, None, permissions, context.clock.now(), actor).await
}

async fn register(
    context: &Context,
    application: &Application,
    secret: Option<&ClientSecret>,
    permissions: &[Permission],
    now: DateTime<Utc>,
    actor: &str,
) -> Result<(), Failure> {
    let is_new = context.store.application(application.tenant, application.id).await?.as_ref() != Some(application);
    let granted: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
    let happening = Happening {
        tenant: Some(application.tenant),
        actor: actor.to_owned(),
        action: "application.register",
        subject: application.id.to_string(),
        detail: granted.join(" "),
        correlation: None,
    };
    Ok(audit::recording(context, happening)?.register_application(application, is_new, secret, permissions, now).await?)
}

/// What is kept of a secret.
pub fn client_secret(
    context: &Context,
    secret: &str,
    description: &str,
    created: DateTime<Utc>,
    expires: DateTime<Utc>,
) -> Result<ClientSecret, Failure> {
    let hint = secret.chars().take(ClientSecret::HINT_LENGTH).collect();
    Ok(ClientSecret {
        id: context.random.ordered_uuid(created)?,
        digest: secret_digest(secret),
        hint,
        description: description.to_owned(),
        created,
        expires,
    })
}
