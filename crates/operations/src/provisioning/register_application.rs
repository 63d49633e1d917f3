//! Registers an application: its secret, its permissions and the tenant's consent to them.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::application::{Application, ClientSecret, Permission};

use super::Provisioner;
use crate::context::Context;
use crate::credentials::client_secret::{SECRET_DAYS, client_secret};
use crate::failure::Failure;
use crate::manage::applications;

/// Only the digest of `secret` is kept. May be repeated when it was cut off: an application that is there already stays as it is. With `permissions`
/// the tenant consents to all of them.
///
/// # Errors
/// A field breaks a rule of the management API, the id is another's, or the database is away.
pub async fn register_application(
    context: &Context,
    by: Provisioner,
    application: &Application,
    secret: &str,
    permissions: &[Permission],
) -> Result<(), Failure> {
    let now = context.clock.now();
    let secret = client_secret(context, secret, "", now, now + TimeDelta::days(SECRET_DAYS))?;
    register(context, by, application, Some(&secret), permissions, now).await
}

/// Registers a public application, which has no secret. May be repeated when it was cut off. The tenant consents to `permissions`.
///
/// # Errors
/// A field breaks a rule of the management API, the id is another's, or the database is away.
pub async fn register_public_application(
    context: &Context,
    by: Provisioner,
    application: &Application,
    permissions: &[Permission],
) -> Result<(), Failure> {
    register(context, by, application, None, permissions, context.clock.now()).await
}

async fn register(
    context: &Context,
    by: Provisioner,
    application: &Application,
    secret: Option<&ClientSecret>,
    permissions: &[Permission],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let application = applications::checked(application.clone())?;
    let is_new = context.store.application(application.tenant, application.id).await?.as_ref() != Some(&application);
    let granted: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
    let subject = application.id.to_string();
    let store = by.recording(context, application.tenant, "application.register", subject, granted.join(" "))?;
    let registered = store.register_application(&application, is_new, secret, permissions, now).await;
    registered.map_err(applications::taken)
}
