//! Enrollments and their steps.

use insightgate_identity::enrollment::Enrollment;
use insightgate_operations::manage::enrollment::enroll_tenant::enroll_in_program;
use insightgate_operations::manage::enrollment::steps::{Step, SteppedEnrollment, step};
use insightgate_report::instant;
use serde_json::{Value, json};

use crate::manage::call::Call;
use crate::manage::endpoint::Given;

pub(in crate::manage) async fn start(call: Call) -> Given {
    let program = call.body.text("program")?;
    let started = enroll_in_program(call.context(), &call.administrator, call.tenant(), program.as_deref()).await?;
    Ok(Some(stepped(started)))
}

pub(in crate::manage) async fn send_code(call: Call) -> Given {
    run(&call, Step::SendCode).await
}

pub(in crate::manage) async fn verify(call: Call) -> Given {
    run(&call, Step::Verify { code: call.body.text("code")? }).await
}

pub(in crate::manage) async fn activate(call: Call) -> Given {
    run(&call, Step::Activate).await
}

pub(in crate::manage) async fn reject(call: Call) -> Given {
    run(&call, Step::Reject { reason: call.body.text("reason")? }).await
}

pub(in crate::manage) async fn suspend(call: Call) -> Given {
    run(&call, Step::Suspend { reason: call.body.text("reason")? }).await
}

pub(in crate::manage) async fn reactivate(call: Call) -> Given {
    run(&call, Step::Reactivate).await
}

async fn run(call: &Call, to: Step) -> Given {
    let moved = step(call.context(), &call.administrator, call.tenant(), call.path("program"), to).await?;
    Ok(Some(stepped(moved)))
}

fn stepped(stepped: SteppedEnrollment) -> Value {
    let mut enrollment = shown(&stepped.enrollment);
    if let (Value::Object(fields), Some(code)) = (&mut enrollment, stepped.code) {
        fields.insert("verificationCode".to_owned(), Value::from(code));
    }
    enrollment
}

pub(in crate::manage) fn shown(enrollment: &Enrollment) -> Value {
    json!({
        "program": enrollment.program,
        "stage": enrollment.stage.name(),
        "status": enrollment.stage.overall().name(),
        "reason": enrollment.reason,
        "appeals": enrollment.appeals,
        "changed": instant::format(enrollment.changed),
    })
}
