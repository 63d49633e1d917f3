//! Users.

pub(super) mod external_identities;
pub(super) mod roles;

use insightgate_identity::user::User;
use insightgate_operations::manage::removal::{RemovalQuery, delete_user};
use insightgate_operations::manage::users::second_factors::{add_second_factor, reset_second_factor};
use insightgate_operations::manage::users::{add_user, change_user, list_users, set_password as change_password, show_user};
use insightgate_report::instant;
use insightgate_wire::answers::Listed;
use insightgate_wire::bodies::{NewPassword, NewUser, UserChange};
use insightgate_wire::{Secret, answers};

use super::call::Call;
use super::given::{Created, Done, Given, Query, Shown};

pub(super) async fn list(call: Call) -> Given<Listed<answers::User>> {
    let users = list_users(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Listed::whole(users.iter().map(shown).collect()))
}

pub(super) async fn add(call: Call, new: NewUser) -> Given<Created<answers::User>> {
    let user = add_user(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Created(shown(&user)))
}

pub(super) async fn show(call: Call) -> Given<Shown<answers::User>> {
    let user = show_user(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(Shown(shown(&user)))
}

pub(super) async fn change(call: Call, change: UserChange) -> Given<Shown<answers::User>> {
    let user = change_user(call.context(), &call.administrator, call.tenant(), call.path("user"), change).await?;
    Ok(Shown(shown(&user)))
}

pub(super) async fn delete(call: Call, Query(query): Query<RemovalQuery>) -> Given<Done> {
    delete_user(call.context(), &call.administrator, call.tenant(), call.path("user"), query).await?;
    Ok(Done)
}

pub(super) async fn set_password(call: Call, new: NewPassword) -> Given<Done> {
    let NewPassword { password, must_change } = new;
    let password = password.as_ref().map(|Secret(text)| text.as_str());
    change_password(call.context(), &call.administrator, call.tenant(), call.path("user"), password, must_change).await?;
    Ok(Done)
}

pub(super) async fn add_totp(call: Call) -> Given<Created<answers::Totp>> {
    let offered = add_second_factor(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(Created(answers::Totp { secret: Secret(offered.secret), uri: Secret(offered.uri) }))
}

pub(super) async fn reset_totp(call: Call) -> Given<Done> {
    reset_second_factor(call.context(), &call.administrator, call.tenant(), call.path("user")).await?;
    Ok(Done)
}

fn shown(user: &User) -> answers::User {
    answers::User {
        id: user.id.to_string(),
        username: user.username.clone(),
        display_name: Some(user.display_name.clone()),
        enabled: user.enabled,
        password: Some(user.password.name().to_owned()),
        totp: user.totp,
        locked_until: user.locked_until.map(instant::format),
        more: answers::More::new(),
    }
}
