//! Registers an application: its secret, its permissions and the tenant's consent to them.

use chrono::TimeDelta;
use insightgate_identity::application::{Application, ClientSecret, Permission};

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;
use crate::password::secret_digest;

/// Days a secret lives: two years, as the platform's own longest.
const SECRET_DAYS: i64 = 730;

/// Only the digest of `secret` is kept. May be repeated when it was cut off: an application that is there already stays as it is. With `permissions` the tenant consents to all of them.
pub async fn register_application(
    context: &Context,
    application: &Application,
    secret: &str,
    permissions: &[Permission],
    actor: &str,
) -> Result<(), Failure> {
    if context.store.application(application.tenant, application.id).await?.as_ref() != Some(application) {
        context.store.add_application(application).await?;
    }
    let expires = context.clock.now() + TimeDelta::days(SECRET_DAYS);
    context.store.add_client_secret(application.id, &ClientSecret { digest: secret_digest(secret), expires }).await?;
    for permission in permissions {
        context.store.put_permission(application.id, *permission, true).await?;
    }
    let granted: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
    let happening = Happening {
        tenant: Some(application.tenant),
        actor: actor.to_owned(),
        action: "application.register",
        subject: application.id.to_string(),
        detail: granted.join(" "),
        correlation: None,
    };
    audit::record(context, happening).await;
    Ok(())
}
