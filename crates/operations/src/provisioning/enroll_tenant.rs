//! Adds an organisation as a tenant, with its locations, and enrolls it in a program.

use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::{Location, Tenant};

use super::Provisioner;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::{fields, locations, tenants};

/// Enrolls the tenant. The enrollment is Active at once, since the operator verifies the organisation before calling this. Idempotent: a tenant that
/// exists already stays as it is.
///
/// # Errors
/// When a field of the tenant or of a location breaks a rule of the management API, another tenant has the domain or the global account, or the database
/// does not answer.
pub async fn enroll_tenant(
    context: &Context,
    by: Provisioner,
    tenant: &Tenant,
    locations: &[Location],
    program: Program,
) -> Result<(), Failure> {
    let global_account = match &tenant.global_account {
        Some(account) => Some(fields::free_global_account(context, Some(tenant.id), account).await?),
        None => None,
    };
    let (domain, name) = (fields::domain(&tenant.domain)?, fields::required("name", Some(&tenant.name))?);
    let tenant = Tenant { id: tenant.id, domain, name, global_account };
    let locations = locations.iter().map(|known| locations::checked(Some(&known.mpn_id), Some(&known.name), Some(&known.country)));
    let locations = locations.collect::<Result<Vec<_>, _>>()?;
    if context.store.tenant(tenant.id).await?.as_ref() != Some(&tenant) {
        let added = context.store.add_tenant(&tenant, None, context.clock.now()).await;
        added.map_err(|error| tenants::taken(&tenant.domain, error))?;
    }
    for location in &locations {
        context.store.put_location(tenant.id, location).await?;
    }
    let store = by.recording(context, tenant.id, "tenant.enroll", tenant.domain.clone(), program.name().to_owned())?;
    let enrollment = Enrollment::active(program, context.clock.now());
    Ok(store.put_enrollment(tenant.id, &enrollment).await?)
}
