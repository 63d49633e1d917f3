//! Takes an organisation in, with its locations, and enrolls it in a program.

use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::{Location, Tenant};

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// The enrollment is Active at once: verifying the organisation is the operator's, before this. May be repeated when it was cut off: a
/// tenant that is there already stays as it is.
pub async fn enroll_tenant(
    context: &Context,
    tenant: &Tenant,
    locations: &[Location],
    program: Program,
    actor: &str,
) -> Result<(), Failure> {
    if context.store.tenant(tenant.id).await?.as_ref() != Some(tenant) {
        context.store.add_tenant(tenant, None, context.clock.now()).await?;
    }
    for location in locations {
        context.store.put_location(tenant.id, location).await?;
    }
    let happening = Happening {
        tenant: Some(tenant.id),
        actor: actor.to_owned(),
        action: "tenant.enroll",
        subject: tenant.domain.clone(),
        detail: program.name().to_owned(),
        correlation: None,
    };
    let enrollment = Enrollment::active(program, context.clock.now());
    Ok(audit::recording(context, happening)?.put_enrollment(tenant.id, &enrollment).await?)
}
