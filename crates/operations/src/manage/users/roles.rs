//! Role assignments: of users, or of applications that act alone.

use insightgate_identity::application::Application;
use insightgate_identity::role::{Locations, Role, RoleAssignment, may_assign};
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use insightgate_wire::limits::LOCATIONS;
use uuid::Uuid;

use super::keep_a_global_admin;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::fields;
use crate::manage::lookup::{find_application, find_user};
pub use insightgate_wire::bodies::NewRoleAssignment;

/// Somebody with a role.
pub struct Assigned {
    pub assignee: Uuid,
    pub assignment: RoleAssignment,
}

enum Assignee {
    User(User),
    Application(Application),
}

impl Assignee {
    fn id(&self) -> Uuid {
        match self {
            Assignee::User(user) => user.id,
            Assignee::Application(application) => application.id,
        }
    }
}

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_role_assignments(context: &Context, administrator: &Administrator, tenant: &str) -> Result<Vec<Assigned>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::LookAtRoles).await?;
    let assigned = context.store.role_assignments(tenant.id).await?;
    Ok(assigned.into_iter().map(|(assignee, assignment)| Assigned { assignee, assignment }).collect())
}

/// Those of one user or application.
///
/// # Errors
/// When the caller may not do this, there is no such user or application, or the database does not answer.
pub async fn list_roles_of(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    assignee: &str,
) -> Result<Vec<RoleAssignment>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::LookAtRoles).await?;
    let assignee = find_assignee(context, administrator, &tenant, assignee).await?.ok_or(Failure::NotFound)?.id();
    let assigned = context.store.role_assignments_of(tenant.id, &[assignee]).await?;
    Ok(assigned.into_iter().map(|(_, assignment)| assignment).collect())
}

/// Gives the role, or changes the locations that it covers.
///
/// # Errors
/// When the caller may not do this, the role cannot be assigned so, or the database does not answer.
pub async fn assign_role(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    new: NewRoleAssignment,
) -> Result<Assigned, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::LookAtRoles).await?;
    let assignee = fields::required("assignee", new.assignee.as_deref())?;
    let role = fields::required("role", new.role.as_deref())?;
    let role = role_of(&role).ok_or_else(|| {
        let known: Vec<_> = Role::ALL.iter().map(|role| role.id()).collect();
        Failure::Invalid(format!("'role' should be one of {}.", known.join(", ")))
    })?;
    check_assigner(context, administrator, role).await?;
    let assignee = find_assignee(context, administrator, &tenant, &assignee).await?;
    let assignee = assignee.ok_or_else(no_assignee)?;
    let locations = new.locations.map_or(Locations::Organization, Locations::Only);
    let assignment = checked(context, &tenant, matches!(assignee, Assignee::Application(_)), role, locations).await?;
    let detail = match &assignment.locations {
        Locations::Organization => role.id().to_owned(),
        Locations::Only(mpn_ids) => format!("{} for {}", role.id(), mpn_ids.join(", ")),
    };
    let store = administrator.recording(context, Some(tenant.id), "role.assign", assignee.id().to_string(), detail)?;
    store.put_role(tenant.id, assignee.id(), &assignment).await?;
    Ok(Assigned { assignee: assignee.id(), assignment })
}

/// Where nobody in the tenant is the assignee.
pub(crate) fn no_assignee() -> Failure {
    Failure::Invalid("'assignee' is no user or application of the organisation.".to_owned())
}

/// An assignment that the assignee may hold, for locations that the tenant has.
pub(crate) async fn checked(
    context: &Context,
    tenant: &Tenant,
    is_application: bool,
    role: Role,
    locations: Locations,
) -> Result<RoleAssignment, Failure> {
    if matches!(&locations, Locations::Only(mpn_ids) if mpn_ids.len() > LOCATIONS) {
        return Err(Failure::Invalid(format!("'locations' takes {LOCATIONS} entries at most.")));
    }
    let assignment = match is_application {
        true => RoleAssignment::of_application(role, locations),
        false => RoleAssignment::new(role, locations),
    };
    let assignment = assignment.map_err(|fault| Failure::Invalid(fault.to_string()))?;
    check_locations(context, tenant, &assignment.locations).await?;
    Ok(assignment)
}

/// # Errors
/// The assignee does not hold the role, the caller may not take it, or it is the last Global admin's; or the database is away.
pub async fn revoke_role(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    assignee: &str,
    role: &str,
) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::LookAtRoles).await?;
    let role = role_of(role).ok_or(Failure::NotFound)?;
    check_assigner(context, administrator, role).await?;
    let assignee = find_assignee(context, administrator, &tenant, assignee).await?.ok_or(Failure::NotFound)?.id();
    if role == Role::GlobalAdmin {
        keep_a_global_admin(context, administrator, &tenant, assignee).await?;
    }
    let store = administrator.recording(context, Some(tenant.id), "role.revoke", assignee.to_string(), role.id().to_owned())?;
    if store.revoke_role(assignee, role).await? { Ok(()) } else { Err(Failure::NotFound) }
}

fn role_of(id: &str) -> Option<Role> {
    Role::from_id(&id.trim().to_ascii_lowercase())
}

async fn check_assigner(context: &Context, administrator: &Administrator, role: Role) -> Result<(), Failure> {
    if administrator.is_operator() {
        return Ok(());
    }
    match may_assign(&administrator.roles(), role) {
        Ok(()) => Ok(()),
        Err(refusal) => Err(administrator.refuse(context, role.id(), refusal.to_string()).await),
    }
}

async fn find_assignee(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    reference: &str,
) -> Result<Option<Assignee>, Failure> {
    match find_user(context, tenant, reference).await {
        Ok(user) => return Ok(Some(Assignee::User(user))),
        Err(Failure::NotFound) => {}
        Err(failure) => return Err(failure),
    }
    let Ok(id) = Uuid::try_parse(reference.trim()) else { return Ok(None) };
    Ok(find_application(context, administrator, tenant, id).await?.map(Assignee::Application))
}

/// Unknown locations that are named; more are counted.
const NAMED: usize = 10;

async fn check_locations(context: &Context, tenant: &Tenant, locations: &Locations) -> Result<(), Failure> {
    let Locations::Only(mpn_ids) = locations else { return Ok(()) };
    let known = context.store.locations(tenant.id).await?;
    let unknown: Vec<&str> =
        mpn_ids.iter().filter(|id| !known.iter().any(|location| location.mpn_id == **id)).map(String::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = unknown.iter().take(NAMED).map(|id| id.chars().take(40).collect()).collect();
    let more = unknown.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Failure::Invalid(format!("'locations' names what is no location of the organisation: {}{more}.", shown.join(", "))))
}
