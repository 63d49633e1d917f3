//! Locations: partner location accounts, each with an MPN id of its own.

use insightgate_identity::tenant::Location;

use super::administrator::{Administrator, Duty};
use super::fields;
use crate::context::Context;
use crate::failure::Failure;
pub use insightgate_wire::bodies::NewLocation;

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_locations(context: &Context, administrator: &Administrator, tenant: &str) -> Result<Vec<Location>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    Ok(context.store.locations(tenant.id).await?)
}

/// # Errors
/// When the caller may not do this, a field breaks a rule, there is no room, or the database does not answer.
pub async fn add_location(context: &Context, administrator: &Administrator, tenant: &str, new: NewLocation) -> Result<Location, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Company).await?;
    let location = checked(new.mpn_id.as_deref(), new.name.as_deref(), new.country.as_deref())?;
    if context.store.locations(tenant.id).await?.iter().any(|known| known.mpn_id == location.mpn_id) {
        return Err(Failure::Conflict(format!("The organisation has the location {} already.", location.mpn_id)));
    }
    let store = administrator.recording(context, Some(tenant.id), "location.add", location.mpn_id.clone(), String::new())?;
    store.put_location(tenant.id, &location).await?;
    Ok(location)
}

/// With fields that a location may have, trimmed.
pub(crate) fn checked(mpn_id: Option<&str>, name: Option<&str>, country: Option<&str>) -> Result<Location, Failure> {
    Ok(Location {
        mpn_id: fields::mpn_id("mpnId", &fields::required("mpnId", mpn_id)?)?,
        name: fields::required("name", name)?,
        country: fields::required("country", country)?,
    })
}
