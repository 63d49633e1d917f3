//! The prerequisites of data, each met or not: what the caller's organisation still has to do before its first report.
//!
//! Source: the prerequisites page of the programmatic access. The rules themselves are in `identity`; here is only counted and asked.

use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_identity::principal::Principal;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Role, may_assign};

use super::application::console_application_id;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::Duty;

/// A prerequisite. The order is that of the documented page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Enrollment,
    Application,
    Secret,
    Permission,
    Consent,
    ViewerRole,
}

#[derive(Debug, Clone)]
pub struct Prerequisite {
    pub step: Step,
    pub met: bool,
    /// How it stands, for people.
    pub found: String,
    /// Who can meet it, for people.
    pub by: String,
    /// Whether the caller is one of them.
    pub own: bool,
}

/// The program that is meant where a visitor has named none: the first whose data is open, or else the first in which the organisation is enrolled.
pub fn usual_program(context: &Context, principal: &Principal) -> Option<Program> {
    let is_enrolled = |program: &Program| principal.enrollments.iter().any(|enrollment| enrollment.program == *program);
    let mut enrolled = Program::ALL.iter().copied().filter(is_enrolled);
    let open = enrolled.clone().find(|program| principal.scope(*program, &context.settings.access_rules).is_ok());
    open.or_else(|| enrolled.next())
}

/// The six prerequisites of the caller's organisation, for the user who asks, in this program.
///
/// # Errors
/// When the database does not answer.
pub async fn prerequisites(context: &Context, principal: &Principal, program: Program) -> Result<Vec<Prerequisite>, Failure> {
    let user = principal.user.as_ref().map(|user| user.id);
    let (tenant, now) = (principal.tenant.id, context.clock.now());
    let prepared = context.store.prepared_applications(tenant, console_application_id(tenant), user, now).await?;
    let directory = |step, count: u64, some: &str, none: &str| {
        let found = if count > 0 { format!("{count} {some}") } else { none.to_owned() };
        made(principal, step, count > 0, found, Duty::Directory)
    };
    let enrollment = principal.enrollments.iter().find(|enrollment| enrollment.program == program);
    let is_active = enrollment.is_some_and(|enrollment| enrollment.stage == EnrollmentStage::Active);
    let enrolled = enrollment.map_or("The organisation is not enrolled.".to_owned(), |enrollment| {
        format!("The enrollment in the {} is {}.", program.title().to_lowercase(), enrollment.stage.overall().name())
    });
    let data = principal.scope(program, &context.settings.access_rules);
    let role = match &data {
        Ok(_) => "You may read the organisation's data.".to_owned(),
        Err(refusal) if is_active => refusal.to_string(),
        Err(_) => "It is looked at once the organisation is enrolled.".to_owned(),
    };
    let opening = opening_role(program);
    let viewer = Prerequisite {
        by: opening.assigners(),
        own: may_assign(&principal.roles, opening).is_ok(),
        ..made(principal, Step::ViewerRole, data.is_ok(), role, Duty::LookAtRoles)
    };
    Ok(vec![
        made(principal, Step::Enrollment, is_active, enrolled, Duty::Company),
        directory(Step::Application, prepared.registered, "registered and enabled.", "No application is registered."),
        directory(Step::Secret, prepared.with_secret, "with a valid secret.", "No application has a valid secret."),
        directory(Step::Permission, prepared.permitted, "with the permission.", "No application with a secret has the permission."),
        directory(Step::Consent, prepared.consented, "with consent.", "Nobody has consented to the permission."),
        viewer,
    ])
}

/// The role that opens all data of the program.
fn opening_role(program: Program) -> Role {
    match program {
        Program::Mpn => Role::ExecutiveReportViewer,
        Program::Cmp => Role::Manager,
    }
}

fn made(principal: &Principal, step: Step, met: bool, found: String, duty: Duty) -> Prerequisite {
    Prerequisite { step, met, found, by: duty.holders(), own: duty.is_held_by(&principal.roles) }
}
