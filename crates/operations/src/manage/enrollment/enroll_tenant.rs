//! Takes an organisation in with its legal business profile, or enrolls it in a further program.
//!
//! An operator's enrollment sends the verification code at once: by mail, or else the operator gets the code, for the contact.

use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::profile::LegalProfile;
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;
use insightgate_store::NewMail;

use super::profile_input::applied;
use super::steps::{SteppedEnrollment, new_code};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;
use crate::mail::{self, letters};
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;
use crate::manage::tenants::{ShownTenant, taken};
pub use insightgate_wire::bodies::NewTenant;

/// The tenant, and its enrollment with the code for its contact.
///
/// # Errors
/// When the caller may not do this, the profile breaks rules, the domain is taken, or the database does not answer.
pub async fn enroll_tenant(
    context: &Context,
    administrator: &Administrator,
    new: NewTenant,
) -> Result<(ShownTenant, SteppedEnrollment), Failure> {
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
    let contact = context.mail.as_ref().and_then(|_| mail::usable(&profile.primary_contact_email));
    let mail = mail_of(context, &tenant, program, (contact.as_deref(), &code))?;
    let (subject, detail) = (tenant.domain.clone(), program.name().to_owned());
    let store = administrator.recording(context, Some(tenant.id), "tenant.enroll", subject, detail)?;
    let store = mail::telling(store, mail.as_ref());
    store.enroll_tenant(&tenant, Some(&profile), &enrollment, context.clock.now()).await.map_err(|error| taken(&tenant.domain, error))?;
    let stepped = SteppedEnrollment::new(context, enrollment.clone(), Some(code), contact);
    Ok((ShownTenant { tenant, profile: Some(profile), enrollments: vec![enrollment] }, stepped))
}

/// A further program. Where codes are not mailed, an administrator's own enrollment waits for an operator to send the code.
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
    let contact = mail::contact(context, tenant.id).await?;
    let (enrollment, code) = if administrator.is_operator() || contact.is_some() {
        let (enrollment, code) = start(context, program)?;
        (enrollment, Some(code))
    } else {
        (Enrollment::start(program, context.clock.now()), None)
    };
    let mail = match &code {
        Some(code) => mail_of(context, &tenant, program, (contact.as_deref(), code))?,
        None => None,
    };
    let store = administrator.recording(context, Some(tenant.id), "tenant.enroll", tenant.domain, program.name().to_owned())?;
    let store = mail::telling(store, mail.as_ref());
    let started = store.change_enrollment(tenant.id, program, |known| match known {
        Some(_) => (None, false),
        None => (Some(enrollment.clone()), true),
    });
    if !started.await? {
        return Err(Failure::Conflict(format!("The organisation is enrolled in '{program}' already.")));
    }
    Ok(SteppedEnrollment::new(context, enrollment, code, contact))
}

fn mail_of(
    context: &Context,
    tenant: &Tenant,
    program: Program,
    (contact, code): (Option<&str>, &str),
) -> Result<Option<NewMail>, Failure> {
    contact.map(|_| letters::verification_code(context, tenant, program, code, context.clock.now())).transpose()
}

/// With a code on its way.
fn start(context: &Context, program: Program) -> Result<(Enrollment, String), Failure> {
    let (code, now) = (new_code(context)?, context.clock.now());
    Ok((Enrollment::start(program, now).send_code(secret_digest(&code), now)?, code))
}

fn program(name: &str) -> Result<Program, Failure> {
    name.trim().parse().map_err(|_| Failure::Invalid("'program' should be mpn or cmp.".to_owned()))
}
