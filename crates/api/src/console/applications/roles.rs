//! The roles of an application that acts alone: giving one, and taking one away.

use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::users::roles::{NewRoleAssignment, assign_role, revoke_role};

use super::one::{Part, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::page;
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::LookAtRoles);
    vec![
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/roles", needs, assign),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/roles/revoke", needs, revoke),
    ]
}

async fn assign(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let application = Some(visit.path("application").to_owned());
    let new = NewRoleAssignment { assignee: application, role: visit.form().text("role"), locations: None };
    let outcome = assign_role(visit.context(), &administrator, visit.tenant(), new).await;
    finished(&visit, outcome.map(drop), "assigned").await
}

async fn revoke(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let role = visit.form().raw("role");
    let outcome = revoke_role(visit.context(), &administrator, visit.tenant(), visit.path("application"), role).await;
    finished(&visit, outcome, "revoked").await
}

/// Who may give roles and not look at applications, as a Manager, has those of an application among the holders of roles.
async fn finished(visit: &Visit, outcome: Result<(), Failure>, done: &str) -> Given {
    if visit.has(Duty::Look) {
        return settled(visit, outcome, Part::Roles, done).await;
    }
    outcome?;
    Ok(page::go_to(&format!("/console/tenants/{}/people/{}?done={done}", visit.tenant(), visit.path("application"))))
}
