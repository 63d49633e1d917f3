//! The page of one user: the name, the sign-in, the second factor and the roles.

use askama::Template;
use insightgate_identity::external_identity::ExternalKind;
use insightgate_identity::user::{PasswordState, User};
use insightgate_operations::console::people::{renew_password, show_person};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::locations::list_locations;
use insightgate_operations::manage::users::second_factors::{add_second_factor, reset_second_factor};
use insightgate_operations::manage::users::{UserChange, change_user, sign_out_user};

use super::grants::RolesPart;
use super::{PasswordPage, holders};
use crate::console::callback_secrets::{CallbackSecretsPart, REVOKED, callback_secrets_part};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::organisation::bindings::{BOUND, BindingsPart, UNBOUND, bindings_part};
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, PartFault, Place, Shown};
use crate::console::visit::Visit;
use crate::oauth::pages::in_groups;

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ONE: &str = "/console/tenants/{tenant}/people/{user}";
    let directory = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::get(ONE, Needs::Duty(Duty::LookAtRoles), show),
        Endpoint::post(ONE, directory, change),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/enable", directory, enable),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/disable", directory, disable),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/password", directory, renew),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/sign-out", directory, sign_out),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/second-factor", directory, add_factor),
        Endpoint::post("/console/tenants/{tenant}/people/{user}/second-factor/reset", directory, reset_factor),
    ]
}

const TOLD: [(&str, &str); 10] = [
    BOUND,
    UNBOUND,
    REVOKED,
    ("changed", "The changes are saved."),
    ("enabled", "The user is enabled, and can sign in."),
    ("disabled", "The user is disabled: sign-ins have ended, and reports are refused."),
    ("signed-out", "The user is signed out everywhere."),
    ("factor-reset", "The second factor is taken away, and the sign-ins with it have ended."),
    ("assigned", "The role is assigned."),
    ("revoked", "The role is taken away, for tokens that were issued too."),
];

/// The parts of the page that have forms. The fault of a form is shown in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Account,
    Roles,
    External,
    CallbackSecrets,
}

#[derive(Template)]
#[template(path = "console/people/one.html")]
struct OnePage<'a> {
    frame: Frame,
    user: &'a User,
    tenant: &'a str,
    /// The page's address, which those of its forms begin with.
    at: String,
    may_change: bool,
    password: &'static str,
    locked_until: Option<Shown>,
    display_name: &'a str,
    roles: RolesPart,
    external: BindingsPart,
    callbacks: CallbackSecretsPart,
    fault: PartFault<Part>,
}

#[derive(Template)]
#[template(path = "console/people/second_factor.html")]
struct SecondFactorPage {
    frame: Frame,
    at: String,
    secret: String,
    uri: String,
}

async fn show(visit: Visit) -> Given {
    show_one(&visit, None).await
}

async fn change(visit: Visit) -> Given {
    let change = UserChange { display_name: Some(visit.form().raw("display_name").to_owned()), enabled: None };
    changed(&visit, change, "changed").await
}

async fn enable(visit: Visit) -> Given {
    changed(&visit, UserChange { enabled: Some(true), ..UserChange::default() }, "enabled").await
}

async fn disable(visit: Visit) -> Given {
    changed(&visit, UserChange { enabled: Some(false), ..UserChange::default() }, "disabled").await
}

async fn changed(visit: &Visit, change: UserChange, done: &str) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = change_user(visit.context(), &administrator, visit.tenant(), visit.path("user"), change).await;
    settled(visit, outcome.map(drop), Part::Account, done).await
}

async fn renew(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let (user, password) = renew_password(visit.context(), &administrator, visit.tenant(), visit.path("user")).await?;
    let page = PasswordPage {
        frame: Frame::new(&visit, Place::People, format!("The new password of {}", user.username)),
        at: address(&visit),
        username: user.username,
        password,
        is_new: false,
    };
    Ok(page::show(&visit, None, &page))
}

async fn sign_out(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = sign_out_user(visit.context(), &administrator, visit.tenant(), visit.path("user")).await;
    settled(&visit, outcome, Part::Account, "signed-out").await
}

async fn add_factor(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    match add_second_factor(visit.context(), &administrator, visit.tenant(), visit.path("user")).await {
        Ok(offered) => {
            let frame = Frame::new(&visit, Place::People, "The second factor is set up");
            let page = SecondFactorPage { frame, at: address(&visit), secret: in_groups(&offered.secret), uri: offered.uri };
            Ok(page::show(&visit, None, &page))
        }
        Err(failure) => settled(&visit, Err(failure), Part::Account, "").await,
    }
}

async fn reset_factor(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = reset_second_factor(visit.context(), &administrator, visit.tenant(), visit.path("user")).await;
    settled(&visit, outcome, Part::Account, "factor-reset").await
}

/// Goes back to the page and says what was done, or shows the page again with the reason why it was not.
pub(super) async fn settled(visit: &Visit, outcome: Result<(), Failure>, part: Part, done: &str) -> Given {
    match outcome {
        Ok(()) => Ok(page::go_to(&format!("{}?done={done}", address(visit)))),
        Err(failure) if page::belongs_to_form(&failure) => show_one(visit, Some((part, &failure))).await,
        Err(failure) => Err(failure),
    }
}

pub(super) fn address(visit: &Visit) -> String {
    super::address(visit, visit.path("user"))
}

async fn show_one(visit: &Visit, failed: Option<(Part, &Failure)>) -> Given {
    if !visit.has(Duty::Look) {
        return holders::show(visit, &TOLD, failed.map(|(_, failure)| failure)).await;
    }
    let (context, administrator) = (visit.context(), visit.administrator().await?);
    let person = show_person(context, &administrator, visit.tenant(), visit.path("user")).await?;
    let places = list_locations(context, &administrator, visit.tenant()).await?;
    let (user, form) = (&person.user, visit.form());
    let now = context.clock.now();
    let fault = |of: Part| failed.filter(|(part, _)| *part == of).map(|(_, failure)| failure.to_string());
    let roles = RolesPart::of(visit, address(visit), &person.roles, places, fault(Part::Roles));
    let external = bindings_part(visit, (ExternalKind::User, user.id), &address(visit), fault(Part::External)).await?;
    let callbacks = callback_secrets_part(visit, user.id, &address(visit), fault(Part::CallbackSecrets)).await?;
    let is_account = matches!(failed, Some((Part::Account, _)));
    let page = OnePage {
        frame: Frame::new(visit, Place::People, user.username.clone()).telling(visit, &TOLD),
        tenant: visit.tenant(),
        at: address(visit),
        may_change: visit.has(Duty::Directory),
        password: match user.password {
            PasswordState::Set => "set",
            PasswordState::MustChange => "to be changed at the next sign-in",
            PasswordState::Absent => "none: the user signs in elsewhere",
        },
        locked_until: user.locked_until.filter(|until| now < *until).map(Shown),
        display_name: if is_account && !form.raw("display_name").is_empty() { form.raw("display_name") } else { &user.display_name },
        roles,
        external,
        callbacks,
        fault: PartFault::of(failed),
        user,
    };
    Ok(page::show(visit, failed.map(|(_, failure)| failure), &page))
}
