//! Takes an organisation in with its legal business profile, or enrolls it in a further program.
//!
//! An operator's enrollment sends the verification code at once. This server sends no mail: the operator gets the code, for the contact.

use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;

use super::profile_input::applied;
use super::steps::{SteppedEnrollment, new_code};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;
use crate::manage::tenants::{ShownTenant, taken};
pub use insightgate_wire::bodies::NewTenant;

/// The tenant, and the code for its contact.
///
/// # Errors
/// When the caller may not do this, the profile breaks rules, the domain is taken, or the database does not answer.
pub async fn enroll_tenant(context: &Context, administrator: &Administrator, new: NewTenant) -> Result<(ShownTenant, String), Failure> {
    administrator.may(context, Duty::Operate).await?;
    let domain = fields::domain(&fields::required("domain", new.domain.as_deref())?)?;
    let name = fields::required("name", new.name.as_deref())?;
    let program = program(new.program.as_deref().unwrap_or(Program::Mpn.name()))?;
    let global_account = match new.global_account_id {
        Some(id) => Some(fields::free_global_account(context, None, &id).await?),
        None => None,
    };
    let profile = applied(new.profile.unwrap_or_default(), LegalProfile::default())?;
    let tenant = Tenant { id: context.random.uuid()?, domain, name, global_account };
    let (enrollment, code) = start(context, program)?;
    let (subject, detail) = (tenant.domain.clone(), program.name().to_owned());
    let store = administrator.recording(context, Some(tenant.id), "tenant.enroll", subject, detail)?;
    store.enroll_tenant(&tenant, Some(&profile), &enrollment, context.clock.now()).await.map_err(|error| taken(&tenant.domain, error))?;
    Ok((ShownTenant { tenant, profile: Some(profile), enrollments: vec![enrollment] }, code))
}

/// A further program. An administrator's own enrollment waits for an operator to send the code.
///
/// # Errors
/// When the caller may not do this, the tenant is enrolled already, or the database does not answer.
pub async fn enroll_in_program(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    program_name: Option<&str>,
) -> Result<SteppedEnrollment, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Company).await?;
    let program = program(&fields::required("program", program_name)?)?;
    if context.store.tenant_profile(tenant.id).await?.is_none() {
        return Err(Failure::Conflict("The organisation has no legal business profile yet: give it one first.".to_owned()));
    }
    let (enrollment, code) = if administrator.is_operator() {
        let (enrollment, code) = start(context, program)?;
        (enrollment, Some(code))
    } else {
        (Enrollment::start(program, context.clock.now()), None)
    };
    let store = administrator.recording(context, Some(tenant.id), "tenant.enroll", tenant.domain, program.name().to_owned())?;
    let started = store.change_enrollment(tenant.id, program, |known| match known {
        Some(_) => (None, false),
        None => (Some(enrollment.clone()), true),
    });
    if !started.await? {
        return Err(Failure::Conflict(format!("The organisation is enrolled in '{program}' already.")));
    }
    Ok(SteppedEnrollment { enrollment, code })
}

/// With a code on its way.
fn start(context: &Context, program: Program) -> Result<(Enrollment, String), Failure> {
    let (code, now) = (new_code(context)?, context.clock.now());
    Ok((Enrollment::start(program, now).send_code(secret_digest(&code), now)?, code))
}

fn program(name: &str) -> Result<Program, Failure> {
    name.trim().parse().map_err(|_| Failure::Invalid("'program' should be mpn or cmp.".to_owned()))
}
