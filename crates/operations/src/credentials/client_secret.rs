//! The stored form of an application's client secret: its digest, and a hint that tells it from others.

use chrono::{DateTime, Utc};
use insightgate_identity::application::ClientSecret;

use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;

pub use insightgate_wire::limits::SECRET_DAYS;

/// The stored form of a secret.
pub(crate) fn client_secret(
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
