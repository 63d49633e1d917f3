//! An application's secrets: several at once, so that they can be rotated without a pause. A secret is shown once.

use chrono::TimeDelta;
use insightgate_identity::application::ClientSecret;
use uuid::Uuid;

use crate::context::Context;
use crate::credentials::client_secret::{SECRET_DAYS, client_secret};
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;
use crate::manage::lookup::find_application_for;

/// Secrets that an application has at once, expired ones apart.
const UNEXPIRED: usize = 10;

/// # Errors
/// When the caller may not do this, there is no such application, or the database does not answer.
pub async fn list_secrets(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
) -> Result<Vec<ClientSecret>, Failure> {
    let (_, application) = find_application_for(context, administrator, tenant, application, Duty::Look).await?;
    Ok(context.store.client_secrets(application.id).await?)
}

/// What is kept of the secret, and the secret.
///
/// # Errors
/// When the caller may not do this, the application is public or has too many secrets, or the database does not answer.
pub async fn add_secret(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    description: Option<&str>,
    days: Option<i64>,
) -> Result<(ClientSecret, String), Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    if application.public {
        return Err(Failure::Conflict("The application is public: it has no secrets.".to_owned()));
    }
    let description = fields::short("description", description.unwrap_or_default())?;
    let days = days.unwrap_or(SECRET_DAYS);
    if !(1..=SECRET_DAYS).contains(&days) {
        return Err(Failure::Invalid(format!("'days' should be from 1 to {SECRET_DAYS}.")));
    }
    let now = context.clock.now();
    let unexpired = context.store.client_secrets(application.id).await?.iter().filter(|secret| now < secret.expires).count();
    if unexpired >= UNEXPIRED {
        return Err(Failure::Conflict(format!("The application has {unexpired} secrets that have not expired: remove one first.")));
    }
    let text = context.random.secret()?;
    let secret = client_secret(context, &text, &description, now, now + TimeDelta::days(days))?;
    let store = administrator.recording(context, Some(tenant.id), "secret.add", application.id.to_string(), secret.id.to_string())?;
    store.add_client_secret(application.id, &secret).await?;
    Ok((secret, text))
}

/// # Errors
/// When the caller may not do this, there is no such secret, or the database does not answer.
pub async fn remove_secret(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    secret: &str,
) -> Result<(), Failure> {
    let (tenant, application) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let secret = Uuid::try_parse(secret.trim()).map_err(|_| Failure::NotFound)?;
    let store = administrator.recording(context, Some(tenant.id), "secret.remove", application.id.to_string(), secret.to_string())?;
    if store.remove_client_secret(application.id, secret).await? { Ok(()) } else { Err(Failure::NotFound) }
}
