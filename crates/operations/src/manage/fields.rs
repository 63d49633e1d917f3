//! Rules for the plain fields of what is managed, each in one place.

use insightgate_identity::tenant::TenantReference;
use insightgate_identity::user::{check_password, check_username};
use insightgate_wire::limits::LONGEST;
use insightgate_wire::limits::LONGEST_MPN_ID;
use uuid::Uuid;

use super::administrator::Administrator;
use crate::context::Context;
use crate::failure::Failure;

/// Required, trimmed, and of a length that can be shown.
pub(crate) fn required(field: &str, value: Option<&str>) -> Result<String, Failure> {
    let value = value.map(str::trim).unwrap_or_default();
    if value.is_empty() {
        return Err(Failure::Invalid(format!("'{field}' is missing.")));
    }
    short(field, value)
}

/// Trimmed; may be empty.
pub(super) fn short(field: &str, value: &str) -> Result<String, Failure> {
    let value = value.trim();
    if value.chars().count() > LONGEST {
        return Err(Failure::Invalid(format!("'{field}' takes {LONGEST} characters at most.")));
    }
    if value.chars().any(char::is_control) {
        return Err(Failure::Invalid(format!("'{field}' holds a control character.")));
    }
    Ok(value.to_owned())
}

pub(crate) fn mpn_id(field: &str, value: &str) -> Result<String, Failure> {
    let value = value.trim();
    if value.is_empty() || value.len() > LONGEST_MPN_ID || !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Failure::Invalid(format!("'{field}' should be an MPN id: letters, digits and hyphens, {LONGEST_MPN_ID} at most.")));
    }
    Ok(value.to_owned())
}

/// A tenant's domain in lower case. Names of one label are words of the authority's paths.
pub(crate) fn domain(value: &str) -> Result<String, Failure> {
    let label = |part: &str| part.len() <= 63 && !part.starts_with('-') && !part.ends_with('-');
    match TenantReference::parse(value) {
        Some(TenantReference::Domain(domain)) if domain.split('.').all(label) => Ok(domain),
        _ => Err(Failure::Invalid("'domain' should be a domain name, such as contoso.example.".to_owned())),
    }
}

/// An MPN id that no other tenant than the one with this id has: rows of some datasets go by it.
pub(crate) async fn free_global_account(context: &Context, own: Option<Uuid>, id: &str) -> Result<String, Failure> {
    let id = mpn_id("globalAccountId", id)?;
    match context.store.tenant_by_global_account(&id).await? {
        Some(other) if own.is_none_or(|own| own != other.id) => {
            Err(Failure::Conflict(format!("The partner global account {id} is another organisation's.")))
        }
        _ => Ok(id),
    }
}

/// A sign-in name of this domain, in lower case.
pub(crate) fn username(username: &str, domain: &str) -> Result<String, Failure> {
    check_username(username, domain).map_err(|fault| Failure::Invalid(fault.to_string()))
}

/// Whether the user of this name may have the password.
pub(crate) fn password(password: &str, username: &str) -> Result<(), Failure> {
    check_password(password, username).map_err(|fault| Failure::Invalid(fault.to_string()))
}

/// The id of something new: a fresh one, or one that an operator brings along and nothing has yet. Others cannot choose: role assignments and
/// reports go by ids, whosever they are.
pub(super) async fn new_id(context: &Context, administrator: &Administrator, chosen: Option<&str>) -> Result<Uuid, Failure> {
    let Some(chosen) = chosen else { return Ok(context.random.uuid()?) };
    if !administrator.is_operator() {
        return Err(administrator.refuse(context, "id", "Only an operator of this server may choose the id.".to_owned()).await);
    }
    let id = Uuid::try_parse(chosen.trim()).map_err(|_| Failure::Invalid("'id' should be a UUID.".to_owned()))?;
    if context.store.is_id_taken(id).await? {
        return Err(Failure::Conflict("Something has this id already.".to_owned()));
    }
    Ok(id)
}
