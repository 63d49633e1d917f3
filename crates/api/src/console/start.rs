//! The start page: what is met and what is missing until data can be read, the latest reports, and what is due next.

mod operators;
mod recent;

use askama::Template;
use insightgate_identity::program::Program;
use insightgate_operations::console::prerequisites::{Prerequisite, Step, prerequisites, usual_program};
use uuid::Uuid;

use super::endpoint::{Endpoint, Given, Needs};
use super::page::{self, Frame, Place};
use super::visit::Visit;
use recent::{Recent, recent};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::get("/", Needs::SignIn, show)]
}

#[derive(Template)]
#[template(path = "console/start.html")]
struct StartPage {
    frame: Frame,
    steps: Vec<Shown>,
    is_ready: bool,
    /// `None` for somebody who may read no data.
    recent: Option<Recent>,
}

struct Shown {
    title: &'static str,
    /// The page that meets it.
    href: String,
    action: &'static str,
    prerequisite: Prerequisite,
}

async fn show(visit: Visit) -> Given {
    // Prerequisites are those of an organisation.
    if visit.is_operator() {
        return operators::show(&visit).await;
    }
    let program = usual_program(visit.context(), visit.principal()).unwrap_or(Program::Mpn);
    let found = prerequisites(visit.context(), visit.principal(), program).await?;
    let is_ready = found.iter().all(|prerequisite| prerequisite.met);
    let recent = recent(&visit).await?;
    let tenant = visit.principal().tenant.id;
    let steps = found.into_iter().map(|prerequisite| shown(tenant, program, prerequisite)).collect();
    Ok(page::show(&visit, None, &StartPage { frame: Frame::new(&visit, Place::Start, "Start"), steps, is_ready, recent }))
}

fn shown(tenant: Uuid, program: Program, prerequisite: Prerequisite) -> Shown {
    let role = match program {
        Program::Mpn => "You are an Executive report viewer",
        Program::Cmp => "You are a Manager or a Developer",
    };
    let (title, page, action) = match prerequisite.step {
        Step::Enrollment => ("The organisation is enrolled", "organisation", "Show the enrollment"),
        Step::Application => ("An application is registered", "applications", "Register an application"),
        Step::Secret => ("It has a secret", "applications", "Add a secret"),
        Step::Permission => ("It has the permission to the Partner API", "applications", "Add the permission"),
        Step::Consent => ("The organisation has consented", "applications", "Give consent"),
        Step::ViewerRole => (role, "people", "Assign the role"),
    };
    Shown { title, href: format!("/console/tenants/{tenant}/{page}"), action, prerequisite }
}
