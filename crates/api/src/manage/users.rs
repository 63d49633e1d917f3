//! Users.

pub(super) mod external_identities;
pub(super) mod roles;

use insightgate_identity::user::{PasswordState, User};
use insightgate_operations::manage::users::second_factors::{add_second_factor, reset_second_factor};
use insightgate_operations::manage::users::{
    NewUser, UserChange, add_user, change_user, list_users, set_password as change_password, show_user,
};
use insightgate_report::instant;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::endpoint::Given;

pub(super) async fn list(call: Call) -> Given {
    let users = list_users(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(answer::list(users.iter().map(shown).collect())))
}

pub(super) async fn add(call: Call) -> Given {
    let body = &call.body;
    let new = NewUser {
        username: body.text("username")?,
        display_name: body.text("displayName")?,
        password: body.text("password")?,
        must_change_password: body.flag("mustChangePassword")?.unwrap_or(false),
        id: body.text("id")?,
    };
    let user = add_user(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Some(shown(&user)))
}

pub(super) async fn show(call: Call) -> Given {
    let user = show_user(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(Some(shown(&user)))
}

pub(super) async fn change(call: Call) -> Given {
    let change = UserChange { enabled: call.body.flag("enabled")?, display_name: call.body.change("displayName")? };
    let user = change_user(call.context(), &call.administrator, call.tenant(), call.path("user"), change).await?;
    Ok(Some(shown(&user)))
}

pub(super) async fn set_password(call: Call) -> Given {
    let (password, must_change) = (call.body.text("password")?, call.body.flag("mustChange")?.unwrap_or(false));
    change_password(call.context(), &call.administrator, call.tenant(), call.path("user"), password.as_deref(), must_change).await?;
    Ok(None)
}

pub(super) async fn add_totp(call: Call) -> Given {
    let offered = add_second_factor(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(Some(json!({"secret": offered.secret, "uri": offered.uri})))
}

pub(super) async fn reset_totp(call: Call) -> Given {
    reset_second_factor(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(None)
}

fn shown(user: &User) -> Value {
    let password = match user.password {
        PasswordState::Set => "Set",
        PasswordState::MustChange => "MustChange",
        PasswordState::Absent => "Absent",
    };
    json!({
        "id": user.id,
        "username": user.username,
        "displayName": user.display_name,
        "enabled": user.enabled,
        "password": password,
        "totp": user.totp,
        "lockedUntil": user.locked_until.map(instant::format),
    })
}
