//! Registers an application with its secret, its permissions and the tenant's consent to them.

use chrono::{DateTime, TimeDelta, Utc};
use insightgate_identity::application::{Application, ClientSecret, Permission};

use super::Provisioner;
use crate::context::Context;
use crate::credentials::client_secret::{SECRET_DAYS, client_secret};
use crate::failure::Failure;
use crate::manage::applications;

/// Registers a confidential application. Only the digest of `secret` is stored. The tenant consents to all of `permissions`. Idempotent: an application
/// that exists already stays as it is.
///
/// # Errors
/// When a field breaks a rule of the management API, another application has the id, or the database does not answer.
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

/// Registers a public application, which has no secret. The tenant consents to all of `permissions`. Idempotent.
///
/// # Errors
/// When a field breaks a rule of the management API, another application has the id, or the database does not answer.
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
