//! Enrollments and their steps.

use insightgate_identity::enrollment::Enrollment;
use insightgate_operations::manage::enrollment::enroll_tenant::enroll_in_program;
use insightgate_operations::manage::enrollment::steps::{Step, SteppedEnrollment, step};
use insightgate_report::instant;
use insightgate_wire::bodies::{Code, NewEnrollment, Reason};
use insightgate_wire::{Secret, answers};

use crate::manage::call::Call;
use crate::manage::given::{Created, Given, Shown};

pub(in crate::manage) async fn start(call: Call, new: NewEnrollment) -> Given<Created<answers::Enrollment>> {
    let started = enroll_in_program(call.context(), &call.administrator, call.tenant(), new.program.as_deref()).await?;
    Ok(Created(stepped(started)))
}

pub(in crate::manage) async fn send_code(call: Call) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::SendCode).await
}

pub(in crate::manage) async fn verify(call: Call, body: Code) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::Verify { code: body.code }).await
}

pub(in crate::manage) async fn activate(call: Call) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::Activate).await
}

pub(in crate::manage) async fn reject(call: Call, body: Reason) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::Reject { reason: body.reason }).await
}

pub(in crate::manage) async fn suspend(call: Call, body: Reason) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::Suspend { reason: body.reason }).await
}

pub(in crate::manage) async fn reactivate(call: Call) -> Given<Shown<answers::Enrollment>> {
    run(&call, Step::Reactivate).await
}

async fn run(call: &Call, to: Step) -> Given<Shown<answers::Enrollment>> {
    let moved = step(call.context(), &call.administrator, call.tenant(), call.path("program"), to).await?;
    Ok(Shown(stepped(moved)))
}

fn stepped(stepped: SteppedEnrollment) -> answers::Enrollment {
    answers::Enrollment {
        verification_code: stepped.code.map(Secret),
        verification_code_sent_to: stepped.code_sent_to,
        ..shown(&stepped.enrollment)
    }
}

pub(in crate::manage) fn shown(enrollment: &Enrollment) -> answers::Enrollment {
    answers::Enrollment {
        program: enrollment.program.name().to_owned(),
        stage: enrollment.stage.name().to_owned(),
        status: Some(enrollment.stage.overall().name().to_owned()),
        reason: enrollment.reason.clone(),
        appeals: enrollment.appeals.into(),
        changed: instant::format(enrollment.changed),
        verification_code: None,
        verification_code_sent_to: None,
        more: answers::More::new(),
    }
}
