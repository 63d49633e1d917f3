//! Role assignments.

use insightgate_identity::scope::Locations;
use insightgate_operations::manage::users::roles::{Assigned, NewAssignment, assign_role, list_role_assignments, revoke_role};
use serde_json::{Value, json};

use crate::manage::answer;
use crate::manage::call::Call;
use crate::manage::endpoint::Given;

pub(in crate::manage) async fn list(call: Call) -> Given {
    let assigned = list_role_assignments(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(answer::list(assigned.iter().map(shown).collect())))
}

pub(in crate::manage) async fn assign(call: Call) -> Given {
    let body = &call.body;
    let new = NewAssignment { assignee: body.text("assignee")?, role: body.text("role")?, locations: body.texts("locations")? };
    let assigned = assign_role(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Some(shown(&assigned)))
}

pub(in crate::manage) async fn revoke(call: Call) -> Given {
    revoke_role(call.context(), &call.administrator, call.tenant(), call.path("assignee"), call.path("role")).await?;
    Ok(None)
}

fn shown(assigned: &Assigned) -> Value {
    let locations = match &assigned.assignment.locations {
        Locations::Organization => None,
        Locations::Only(mpn_ids) => Some(mpn_ids),
    };
    json!({"assignee": assigned.assignee, "role": assigned.assignment.role.id(), "locations": locations})
}
