//! Mail: its texts, and what there is mail about. Without a mail server none of it is written. The [`deliverer`] sends it.
//!
//! A mail never contains a secret, a link or a row. The one exception is a verification code, which proves that the address is read; it is encrypted
//! until it is sent.

pub mod deliverer;
pub mod expiring;
pub(crate) mod letters;

use insightgate_store::{NewMail, Store};
use uuid::Uuid;

use crate::context::Context;
use crate::failure::Failure;

/// A store whose next change writes this mail, if there is one, in its own transaction.
pub(crate) fn telling(store: Store, mail: Option<&NewMail>) -> Store {
    match mail {
        Some(mail) => store.telling(mail.clone()),
        None => store,
    }
}

/// Where verification codes of the tenant go by mail. `None` without a mail server, and without an address to write to.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn contact(context: &Context, tenant: Uuid) -> Result<Option<String>, Failure> {
    if context.mail.is_none() {
        return Ok(None);
    }
    let profile = context.store.tenant_profile(tenant).await?;
    Ok(profile.and_then(|profile| usable(&profile.primary_contact_email)))
}

/// The address, if one can write to it.
pub(crate) fn usable(address: &str) -> Option<String> {
    let address = address.trim();
    insightgate_outbound::check_address(address).ok().map(|()| address.to_owned())
}
