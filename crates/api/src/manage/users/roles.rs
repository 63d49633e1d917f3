//! Role assignments.

use insightgate_identity::role::Locations;
use insightgate_operations::manage::users::roles::{Assigned, assign_role, list_role_assignments, revoke_role};
use insightgate_wire::answers::{self, Listed};
use insightgate_wire::bodies::NewRoleAssignment;

use crate::manage::call::Call;
use crate::manage::given::{Created, Done, Given};

pub(in crate::manage) async fn list(call: Call) -> Given<Listed<answers::RoleAssignment>> {
    let assigned = list_role_assignments(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Listed::whole(assigned.iter().map(shown).collect()))
}

pub(in crate::manage) async fn assign(call: Call, new: NewRoleAssignment) -> Given<Created<answers::RoleAssignment>> {
    let assigned = assign_role(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Created(shown(&assigned)))
}

pub(in crate::manage) async fn revoke(call: Call) -> Given<Done> {
    revoke_role(call.context(), &call.administrator, call.tenant(), call.path("assignee"), call.path("role")).await?;
    Ok(Done)
}

fn shown(assigned: &Assigned) -> answers::RoleAssignment {
    let locations = match &assigned.assignment.locations {
        Locations::Organization => None,
        Locations::Only(mpn_ids) => Some(mpn_ids.to_vec()),
    };
    answers::RoleAssignment {
        assignee: assigned.assignee.to_string(),
        role: assigned.assignment.role.id().to_owned(),
        locations,
        more: answers::More::new(),
    }
}
