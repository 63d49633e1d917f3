//! Adds users who sign in with a password, and assigns roles.

use insightgate_identity::role::RoleAssignment;
use insightgate_identity::user::User;
use uuid::Uuid;

use super::Provisioner;
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::{fields, users};

/// Adds a user. `username` is stored in lower case. Idempotent: a user with this id and name stays as it is, password included.
///
/// # Errors
/// When there is no such tenant, the name or the password breaks a rule of the management API, another user has the name or the id, or the database does
/// not answer.
pub async fn add_user(context: &Context, by: Provisioner, tenant: Uuid, id: Uuid, username: &str, password: &str) -> Result<User, Failure> {
    let tenant = context.store.tenant(tenant).await?.ok_or(Failure::NotFound)?;
    let username = checked_user(username, password, &tenant.domain)?;
    if let Some(known) = context.store.user_credentials(tenant.id, &username).await?.filter(|known| known.user.id == id) {
        return Ok(known.user);
    }
    let hash = users::hash(context, password).await?;
    let user = User::new(id, tenant.id, username);
    let store = by.recording(context, tenant.id, "user.add", user.username.clone(), String::new())?;
    users::add(&store, &user, Some(&hash), context.clock.now()).await?;
    Ok(user)
}

/// The sign-in name as it is stored, if a tenant with this domain may have a user with this name and password.
///
/// # Errors
/// When the domain, the name or the password breaks a rule of the management API.
pub fn checked_user(username: &str, password: &str, domain: &str) -> Result<String, Failure> {
    let username = fields::username(username, &fields::domain(domain)?)?;
    fields::password(password, &username)?;
    Ok(username)
}

/// Assigns a role to a user, or to an application that acts alone.
///
/// # Errors
/// When there is no such tenant, it does not have the assignee or the locations, the assignee cannot hold the role, or the database does not answer.
pub async fn assign_role(
    context: &Context,
    by: Provisioner,
    tenant: Uuid,
    assignee: Uuid,
    assignment: &RoleAssignment,
) -> Result<(), Failure> {
    let tenant = context.store.tenant(tenant).await?.ok_or(Failure::NotFound)?;
    let is_application = match context.store.user(tenant.id, assignee).await? {
        Some(_) => false,
        None => context.store.application(tenant.id, assignee).await?.map(|_| true).ok_or_else(users::roles::no_assignee)?,
    };
    let RoleAssignment { role, locations } = assignment.clone();
    let assignment = users::roles::checked(context, &tenant, is_application, role, locations).await?;
    let store = by.recording(context, tenant.id, "role.assign", assignee.to_string(), assignment.role.id().to_owned())?;
    Ok(store.put_role(tenant.id, assignee, &assignment).await?)
}
