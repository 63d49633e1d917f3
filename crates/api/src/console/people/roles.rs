//! The roles of a user: giving one, for the whole organisation or for some locations, and taking one away.

use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::users::roles::{NewRoleAssignment, assign_role, revoke_role};

use super::grants::locations;
use super::one::{Part, settled};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::visit::Visit;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let needs = Needs::Duty(Duty::LookAtRoles);
    vec![
        Endpoint::post("/console/tenants/{tenant}/people/{user}/roles", needs, assign),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/roles/revoke", needs, revoke),
    ]
}

async fn assign(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let form = visit.form();
    let new = NewRoleAssignment {
        assignee: Some(visit.path("user").to_owned()),
        role: form.text("role"),
        locations: (form.raw("extent") == "locations").then(|| locations(&visit)),
    };
    let outcome = assign_role(visit.context(), &administrator, visit.tenant(), new).await;
    settled(&visit, outcome.map(drop), Part::Roles, "assigned").await
}

async fn revoke(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let role = visit.form().raw("role");
    let outcome = revoke_role(visit.context(), &administrator, visit.tenant(), visit.path("user"), role).await;
    settled(&visit, outcome, Part::Roles, "revoked").await
}
