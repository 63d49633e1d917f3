//! The steps of an enrollment. What leaves Active pauses the program's reports; that no token opens data then follows by itself.

use insightgate_identity::enrollment::{Enrollment, IllegalMove};
use insightgate_identity::program::Program;
use insightgate_identity::tenant::Tenant;
use insightgate_store::AuditEvent;

use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::failure::Failure;
use crate::mail::{self, letters};
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    SendCode,
    Verify { code: Option<String> },
    Activate,
    Reject { reason: Option<String> },
    Suspend { reason: Option<String> },
    Reactivate,
}

pub struct SteppedEnrollment {
    pub enrollment: Enrollment,
    /// For the contact, once. Operators alone get it, and only if it could not be sent: it proves that the contact's address is read.
    pub code: Option<String>,
    /// The contact's address, if the code goes there by mail.
    pub code_sent_to: Option<String>,
}

impl SteppedEnrollment {
    /// A code that is on its way by mail is shown to nobody.
    pub(super) fn new(context: &Context, enrollment: Enrollment, code: Option<String>, contact: Option<String>) -> SteppedEnrollment {
        let code_sent_to = contact.filter(|_| code.is_some());
        if code_sent_to.is_some() {
            context.signals.mails.notify_one();
        }
        SteppedEnrollment { enrollment, code: code.filter(|_| code_sent_to.is_none()), code_sent_to }
    }
}

impl Step {
    fn action(&self) -> &'static str {
        match self {
            Step::SendCode => "enrollment.sendCode",
            Step::Verify { .. } => "enrollment.verify",
            Step::Activate => "enrollment.activate",
            Step::Reject { .. } => "enrollment.reject",
            Step::Suspend { .. } => "enrollment.suspend",
            Step::Reactivate => "enrollment.reactivate",
        }
    }

    fn duty(&self) -> Duty {
        match self {
            Step::SendCode | Step::Verify { .. } => Duty::Company,
            Step::Activate | Step::Reject { .. } | Step::Suspend { .. } | Step::Reactivate => Duty::Operate,
        }
    }
}

/// An illegal step is audited too. A wrong code counts.
///
/// # Errors
/// When the caller may not do this, the enrollment's stage does not allow the step, the code is wrong, or the database does not answer.
pub async fn step(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    program: &str,
    step: Step,
) -> Result<SteppedEnrollment, Failure> {
    let tenant = administrator.tenant_for(context, tenant, step.duty()).await?;
    let program: Program = program.trim().parse().map_err(|_| Failure::NotFound)?;
    let contact = match &step {
        Step::SendCode => mail::contact(context, tenant.id).await?,
        _ => None,
    };
    if step == Step::SendCode && !administrator.is_operator() && contact.is_none() {
        return ask_for_code(context, administrator, &tenant, program).await;
    }
    let now = context.clock.now();
    let code = match &step {
        Step::SendCode => Some(new_code(context)?),
        _ => None,
    };
    let given = match &step {
        Step::Verify { code } => secret_digest(&fields::required("code", code.as_deref())?),
        _ => String::new(),
    };
    let reason = match &step {
        Step::Reject { reason } | Step::Suspend { reason } => fields::required("reason", reason.as_deref())?,
        _ => String::new(),
    };
    let change = |known: Option<Enrollment>| {
        let Some(known) = known else { return (None, Err(Failure::NotFound)) };
        let moved = match &step {
            Step::SendCode => known.send_code(secret_digest(code.as_deref().unwrap_or_default()), now),
            Step::Verify { .. } => match known.confirm(&given, now) {
                Ok(moved) => Ok(moved),
                Err((counted, fault)) => return (Some(counted), Err(fault.into())),
            },
            Step::Activate => known.activate(now),
            Step::Reject { .. } => known.reject(&reason, now),
            Step::Suspend { .. } => known.suspend(&reason, now),
            Step::Reactivate => known.reactivate(now),
        };
        match moved {
            Ok(moved) => (Some(moved.clone()), Ok(moved)),
            Err(fault) => (None, Err(fault.into())),
        }
    };
    let event = administrator.event(context, Some(tenant.id), step.action(), program.name().to_owned(), reason.clone())?;
    let recorded = |moved: &Result<Enrollment, Failure>, paused: Option<u64>| {
        let parts = [Some(reason.clone()), paused.map(paused_reports)].into_iter().flatten().filter(|part| !part.is_empty());
        moved.is_ok().then(|| AuditEvent { detail: parts.collect::<Vec<_>>().join("; "), ..event.clone() })
    };
    let mail = match (&code, &contact) {
        (Some(code), Some(_)) => Some(letters::verification_code(context, &tenant, program, code, now)?),
        _ => None,
    };
    let store = mail::telling(context.store.clone(), mail.as_ref());
    match store.move_enrollment(tenant.id, program, change, recorded).await? {
        Ok(enrollment) => {
            after_move(context);
            Ok(SteppedEnrollment::new(context, enrollment, code, contact))
        }
        Err(Failure::IllegalMove(fault)) => Err(illegal(context, administrator, &tenant, program, fault).await),
        Err(failure) => Err(failure),
    }
}

/// An administrator cannot have the code itself. Where it cannot be mailed, the wish stands in the record, for an operator to send one.
async fn ask_for_code(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    program: Program,
) -> Result<SteppedEnrollment, Failure> {
    let known = context.store.enrollments(tenant.id).await?.into_iter().find(|known| known.program == program);
    let enrollment = known.ok_or(Failure::NotFound)?;
    if let Err(fault) = enrollment.send_code(String::new(), context.clock.now()) {
        return Err(illegal(context, administrator, tenant, program, fault).await);
    }
    administrator.record(context, Some(tenant.id), "enrollment.askForCode", program.name().to_owned(), String::new()).await;
    Ok(SteppedEnrollment { enrollment, code: None, code_sent_to: None })
}

async fn illegal(context: &Context, administrator: &Administrator, tenant: &Tenant, program: Program, fault: IllegalMove) -> Failure {
    administrator.record(context, Some(tenant.id), "enrollment.refuse", program.name().to_owned(), fault.to_string()).await;
    fault.into()
}

/// Its reports may have been paused.
pub(crate) fn after_move(context: &Context) {
    context.signals.rescheduled.notify_one();
    context.signals.finished.notify_waiters();
}

/// For the record.
pub(crate) fn paused_reports(number: u64) -> String {
    if number == 1 { "1 report paused".to_owned() } else { format!("{number} reports paused") }
}

/// Eight digits, as people can read them out; after five wrong ones another code is needed.
pub(crate) fn new_code(context: &Context) -> Result<String, Failure> {
    let number = u64::from_le_bytes(context.random.bytes()?);
    Ok(format!("{:08}", number % 100_000_000))
}
