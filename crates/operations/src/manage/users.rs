//! A tenant's users: adding, disabling, passwords.

pub mod external_identities;
pub mod roles;
pub mod second_factors;

use chrono::{DateTime, Utc};
use insightgate_identity::role::Role;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::{PasswordState, User};
use insightgate_store::Store;
use uuid::Uuid;

use super::administrator::{Administrator, Duty};
use super::fields;
use super::lookup::find_user;
use crate::context::Context;
use crate::credentials::password::PasswordFault;
use crate::failure::Failure;
pub use insightgate_wire::bodies::{NewUser, UserChange};

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_users(context: &Context, administrator: &Administrator, tenant: &str) -> Result<Vec<User>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    Ok(context.store.users(tenant.id).await?)
}

/// # Errors
/// When the caller may not do this, there is no such user, or the database does not answer.
pub async fn show_user(context: &Context, administrator: &Administrator, tenant: &str, user: &str) -> Result<User, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    find_user(context, &tenant, user).await
}

/// # Errors
/// When the caller may not do this, the name is taken or a field breaks a rule, there is no room, or the database does not answer.
pub async fn add_user(context: &Context, administrator: &Administrator, tenant: &str, new: NewUser) -> Result<User, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let username = fields::required("username", new.username.as_deref())?;
    let username = fields::username(&username, &tenant.domain)?;
    let display_name = fields::short("displayName", new.display_name.as_deref().unwrap_or_default())?;
    let id = fields::new_id(context, administrator, new.id.as_deref()).await?;
    if context.store.user_credentials(tenant.id, &username).await?.is_some() {
        return Err(taken(&username));
    }
    let (password, hash) = match &new.password {
        None => (PasswordState::Absent, None),
        Some(password) => {
            let state = if new.must_change_password { PasswordState::MustChange } else { PasswordState::Set };
            fields::password(&password.0, &username)?;
            (state, Some(hash(context, &password.0).await?))
        }
    };
    let user = User { display_name, password, ..User::new(id, tenant.id, username) };
    let store = administrator.recording(context, Some(tenant.id), "user.add", user.id.to_string(), user.username.clone())?;
    add(&store, &user, hash.as_deref(), context.clock.now()).await?;
    Ok(user)
}

/// Writes a user whose fields were checked. `hash`: of the password.
pub(crate) async fn add(store: &Store, user: &User, hash: Option<&str>, now: DateTime<Utc>) -> Result<(), Failure> {
    let added = store.add_user(user, hash, now).await;
    added.map_err(|error| if error.is_conflict() { taken(&user.username) } else { error.into() })
}

/// A disabled user's sign-ins end, and reports are refused from the next execution on.
///
/// # Errors
/// When the caller may not do this, there is no such user, a field breaks a rule, or the database does not answer.
pub async fn change_user(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    user: &str,
    change: UserChange,
) -> Result<User, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = find_user(context, &tenant, user).await?;
    let display_name = change.display_name.map(|name| fields::short("displayName", &name)).transpose()?;
    if change.enabled == Some(false) {
        keep_a_global_admin(context, administrator, &tenant, user.id).await?;
    }
    let action = match change.enabled {
        Some(true) => "user.enable",
        Some(false) => "user.disable",
        None => "user.change",
    };
    let detail = if display_name.is_some() { format!("{}; display name", user.username) } else { user.username.clone() };
    let store = administrator.recording(context, Some(tenant.id), action, user.id.to_string(), detail)?;
    store.change_user(user.id, display_name.as_deref(), change.enabled).await?;
    find_user(context, &tenant, &user.id.to_string()).await
}

/// Ends the sign-ins that the old password made.
///
/// # Errors
/// When the caller may not do this, the password breaks a rule, or the database does not answer.
pub async fn set_password(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    user: &str,
    password: Option<&str>,
    must_change: bool,
) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = find_user(context, &tenant, user).await?;
    let password = password.filter(|password| !password.is_empty());
    let password = password.ok_or_else(|| Failure::Invalid("'password' is missing.".to_owned()))?;
    fields::password(password, &user.username)?;
    let hash = hash(context, password).await?;
    let store = administrator.recording(context, Some(tenant.id), "user.setPassword", user.id.to_string(), user.username)?;
    Ok(store.set_user_password(user.id, &hash, must_change).await?)
}

/// Signs the user out of every browser and device, and ends what applications were given for the user. Access tokens that were issued end on their own.
///
/// # Errors
/// When the caller may not do this, there is no such user, or the database does not answer.
pub async fn sign_out_user(context: &Context, administrator: &Administrator, tenant: &str, user: &str) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let user = find_user(context, &tenant, user).await?;
    let store = administrator.recording(context, Some(tenant.id), "user.signOut", user.id.to_string(), user.username)?;
    Ok(store.end_sign_ins_of(user.id).await?)
}

/// Of a password that was checked.
pub(crate) async fn hash(context: &Context, password: &str) -> Result<String, Failure> {
    context.passwords.hash(password, &context.random).await.map_err(|fault| match fault {
        PasswordFault::Busy => Failure::Busy,
        fault => Failure::internal(fault),
    })
}

fn taken(username: &str) -> Failure {
    Failure::Conflict(format!("The user {username} is there already."))
}

/// An organisation's administrators cannot leave it without one; an operator can.
pub(super) async fn keep_a_global_admin(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    without: Uuid,
) -> Result<(), Failure> {
    if administrator.is_operator() {
        return Ok(());
    }
    let holders: Vec<Uuid> = context
        .store
        .role_assignments(tenant.id)
        .await?
        .into_iter()
        .filter(|(_, held)| held.role == Role::GlobalAdmin)
        .map(|(holder, _)| holder)
        .collect();
    if !holders.contains(&without) {
        return Ok(());
    }
    let users = context.store.users(tenant.id).await?;
    if users.iter().any(|user| user.enabled && user.id != without && holders.contains(&user.id)) {
        return Ok(());
    }
    let reason = "This is the organisation's last Global admin: only an operator of this server can do this.".to_owned();
    Err(administrator.refuse(context, &without.to_string(), reason).await)
}
