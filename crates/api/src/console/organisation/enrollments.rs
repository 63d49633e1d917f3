//! The steps of an enrollment that an organisation takes itself: beginning one, and the code for its primary contact.

use askama::Template;
use insightgate_identity::tenant::Tenant;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::enrollment::enroll_tenant::enroll_in_program;
use insightgate_operations::manage::enrollment::steps::{Step, SteppedEnrollment, step};

use super::super::endpoint::{Endpoint, Given, Needs};
use super::super::page::{self, Frame, Place};
use super::super::visit::Visit;
use super::{Sent, again, path, place};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::Company);
    vec![
        Endpoint::post("/console/tenants/{tenant}/enrollments", needs, enroll),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/send-code", needs, send_code),
        Endpoint::post("/console/tenants/{tenant}/enrollments/{program}/verify", needs, verify),
    ]
}

/// A verification code, which is shown once.
#[derive(Template)]
#[template(path = "console/organisation/code.html")]
struct CodePage<'a> {
    frame: Frame,
    tenant: &'a Tenant,
    code: String,
}

/// What follows a step: the page that shows an operator a code, once, or the organisation's page, which says that the code was sent.
pub(in crate::console) fn after_step(visit: &Visit, tenant: &Tenant, stepped: SteppedEnrollment, done: &str) -> Given {
    match stepped.code {
        Some(code) => {
            let frame = Frame::new(visit, place(visit, Place::Organisation), "The code for the contact");
            Ok(page::show(visit, None, &CodePage { frame, tenant, code }))
        }
        None => {
            let done = if stepped.code_sent_to.is_some() { "code-sent" } else { done };
            Ok(page::go_to(&format!("{}?done={done}", path(tenant))))
        }
    }
}

async fn enroll(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let program = visit.form().text("program");
    match enroll_in_program(visit.context(), &administrator, visit.tenant(), program.as_deref()).await {
        Ok(stepped) => told(&visit, stepped, "enrolled").await,
        Err(failure) => again(&visit, Sent::Enrollment, failure).await,
    }
}

async fn send_code(visit: Visit) -> Given {
    take(&visit, Step::SendCode, "asked").await
}

async fn verify(visit: Visit) -> Given {
    let code = visit.form().text("code");
    take(&visit, Step::Verify { code }, "verified").await
}

async fn take(visit: &Visit, to: Step, done: &str) -> Given {
    let administrator = visit.administrator().await?;
    match step(visit.context(), &administrator, visit.tenant(), visit.path("program"), to).await {
        Ok(stepped) => told(visit, stepped, done).await,
        Err(failure) => again(visit, Sent::Enrollment, failure).await,
    }
}

async fn told(visit: &Visit, stepped: SteppedEnrollment, done: &str) -> Given {
    let tenant = visit.administrator().await?.tenant(visit.context(), visit.tenant()).await?;
    after_step(visit, &tenant, stepped, done)
}
