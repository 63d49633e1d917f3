//! Adds a user who signs in with a password, and gives roles.

use insightgate_identity::role::RoleAssignment;
use insightgate_identity::user::User;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;

/// `username` as people write it; it is kept in lower case. May be repeated when it was cut off: the same user stays, password and all.
pub async fn add_user(context: &Context, tenant: Uuid, id: Uuid, username: &str, password: &str, actor: &str) -> Result<User, Failure> {
    let username = username.trim().to_lowercase();
    if let Some(known) = context.store.user_credentials(tenant, &username).await?.filter(|known| known.user.id == id) {
        return Ok(known.user);
    }
    let hash = context.passwords.hash(password, &context.random).await.map_err(Failure::internal)?;
    let user = User::new(id, tenant, username);
    let happening = Happening {
        tenant: Some(tenant),
        actor: actor.to_owned(),
        action: "user.add",
        subject: user.username.clone(),
        detail: String::new(),
        correlation: None,
    };
    audit::recording(context, happening)?.add_user(&user, Some(&hash), context.clock.now()).await?;
    Ok(user)
}

/// The assignee is a user, or an application that acts alone.
pub async fn assign_role(context: &Context, tenant: Uuid, assignee: Uuid, assignment: &RoleAssignment, actor: &str) -> Result<(), Failure> {
    let happening = Happening {
        tenant: Some(tenant),
        actor: actor.to_owned(),
        action: "role.assign",
        subject: assignee.to_string(),
        detail: assignment.role.id().to_owned(),
        correlation: None,
    };
    Ok(audit::recording(context, happening)?.put_role(tenant, assignee, assignment).await?)
}
