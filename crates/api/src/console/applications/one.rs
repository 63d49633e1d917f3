//! The page of one application: its name and addresses, its secrets, its permissions with the consent to them, its roles, the identities of external
//! issuers that stand for it, and texts to begin a program with.

use askama::Template;
use chrono::TimeDelta;
use insightgate_identity::application::expiry::SecretNotice;
use insightgate_identity::application::{Application, ClientSecret, Permission};
use insightgate_identity::external_identity::ExternalKind;
use insightgate_identity::role::Role;
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::administrator::Duty;
use insightgate_operations::manage::applications::consents::{grant_consent, list_consents, revoke_consent};
use insightgate_operations::manage::applications::permissions::{add_permission, list_permissions, remove_permission};
use insightgate_operations::manage::applications::secrets::list_secrets;
use insightgate_operations::manage::applications::{ApplicationChange, change_application, show_application};
use insightgate_operations::manage::users::roles::list_roles_of;

use super::snippets::Snippets;
use super::{is_of_console, redirect_uris};
use crate::console::callback_secrets::{CallbackSecretsPart, REVOKED, callback_secrets_part};
use crate::console::endpoint::{Endpoint, Given, Needs};
use crate::console::organisation::bindings::{BOUND, BindingsPart, UNBOUND, bindings_part};
use crate::console::page::grouped::Grouped;
use crate::console::page::{self, Frame, PartFault, Place, Shown};
use crate::console::visit::Visit;

/// How many days before its end a secret should be replaced: when the first mail says so.
const SOON_DAYS: i64 = SecretNotice::Month.days_before();

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ONE: &str = "/console/tenants/{tenant}/applications/{application}";
    let directory = Needs::Duty(Duty::Directory);
    vec![
        Endpoint::get(ONE, Needs::Duty(Duty::Look), show),
        Endpoint::post(ONE, directory, change),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/enable", directory, enable),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/disable", directory, disable),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/permissions", directory, add),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/permissions/remove", directory, remove),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/consents", directory, grant),
        Endpoint::post("/console/tenants/{tenant}/applications/{application}/consents/revoke", directory, revoke),
    ]
}

const TOLD: [(&str, &str); 14] = [
    BOUND,
    UNBOUND,
    REVOKED,
    ("assigned", "The role is assigned. It counts where the application acts alone."),
    ("revoked", "The role is taken away, for tokens that were issued too."),
    ("registered", "The application is registered. Give it a secret, a permission, and the organisation's consent to it."),
    ("changed", "The changes are saved."),
    ("enabled", "The application is enabled."),
    ("disabled", "The application is disabled, and its sign-ins have ended."),
    ("secret-removed", "The secret is removed: it opens nothing any more."),
    ("permission-added", "The permission is added. It needs consent too."),
    ("permission-removed", "The permission is removed, and the consent to it."),
    ("consented", "The organisation consents to the permission."),
    ("consent-revoked", "The consent is taken back, for tokens that were issued too."),
];

/// The parts of the page that have forms. The fault of a form is shown in its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Settings,
    Secrets,
    Permissions,
    Roles,
    External,
    CallbackSecrets,
}

struct SecretRow {
    id: String,
    hint: String,
    description: String,
    created: Shown,
    ends: Shown,
    has_ended: bool,
    /// The days until it ends, if they are few.
    days_left: Option<i64>,
}

struct PermissionRow {
    name: &'static str,
    opens: &'static str,
    /// When the organisation consented.
    consented: Option<Shown>,
    /// How many users consented for themselves.
    users: usize,
}

struct RoleRow {
    id: &'static str,
    title: &'static str,
    may_revoke: bool,
}

#[derive(Template)]
#[template(path = "console/applications/one.html")]
struct OnePage<'a> {
    frame: Frame,
    application: &'a Application,
    /// The page's address, which those of its forms begin with.
    at: String,
    tenant: &'a str,
    is_of_console: bool,
    may_change: bool,
    name: &'a str,
    redirect_uris: String,
    secrets: Vec<SecretRow>,
    /// Whether the last valid secret ends soon.
    rotate: bool,
    description: &'a str,
    days: &'a str,
    permissions: Vec<PermissionRow>,
    addable: Vec<(&'static str, &'static str)>,
    roles: Vec<RoleRow>,
    assignable: Vec<Role>,
    role: &'a str,
    external: BindingsPart,
    callbacks: CallbackSecretsPart,
    snippets: Snippets,
    fault: PartFault<Part>,
}

async fn show(visit: Visit) -> Given {
    show_one(&visit, None).await
}

async fn change(visit: Visit) -> Given {
    let change =
        ApplicationChange { name: Some(visit.form().raw("name").to_owned()), enabled: None, redirect_uris: Some(redirect_uris(&visit)) };
    changed(&visit, change, "changed").await
}

async fn enable(visit: Visit) -> Given {
    changed(&visit, ApplicationChange { enabled: Some(true), ..ApplicationChange::default() }, "enabled").await
}

async fn disable(visit: Visit) -> Given {
    changed(&visit, ApplicationChange { enabled: Some(false), ..ApplicationChange::default() }, "disabled").await
}

async fn changed(visit: &Visit, change: ApplicationChange, done: &str) -> Given {
    let administrator = visit.administrator().await?;
    let outcome = change_application(visit.context(), &administrator, visit.tenant(), visit.path("application"), change).await;
    settled(visit, outcome.map(drop), Part::Settings, done).await
}

async fn add(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let permission = visit.form().text("permission");
    let outcome = add_permission(visit.context(), &administrator, visit.tenant(), visit.path("application"), permission.as_deref()).await;
    settled(&visit, outcome.map(drop), Part::Permissions, "permission-added").await
}

async fn remove(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let permission = visit.form().raw("permission");
    let outcome = remove_permission(visit.context(), &administrator, visit.tenant(), visit.path("application"), permission).await;
    settled(&visit, outcome, Part::Permissions, "permission-removed").await
}

async fn grant(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let permission = visit.form().text("permission");
    let application = visit.path("application");
    let outcome = grant_consent(visit.context(), &administrator, visit.tenant(), application, permission.as_deref(), None).await;
    settled(&visit, outcome.map(drop), Part::Permissions, "consented").await
}

async fn revoke(visit: Visit) -> Given {
    let administrator = visit.administrator().await?;
    let permission = visit.form().raw("permission");
    let outcome = revoke_consent(visit.context(), &administrator, visit.tenant(), visit.path("application"), permission, None).await;
    settled(&visit, outcome, Part::Permissions, "consent-revoked").await
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
    format!("/console/tenants/{}/applications/{}", visit.tenant(), visit.path("application"))
}

async fn show_one(visit: &Visit, failed: Option<(Part, &Failure)>) -> Given {
    let (context, administrator) = (visit.context(), visit.administrator().await?);
    let (tenant, id) = (visit.tenant(), visit.path("application"));
    let application = show_application(context, &administrator, tenant, id).await?;
    let held = list_permissions(context, &administrator, tenant, id).await?;
    let consents = list_consents(context, &administrator, tenant, id).await?;
    let now = context.clock.now();
    let kept = list_secrets(context, &administrator, tenant, id).await?;
    let last_end = kept.iter().map(|secret| secret.expires).max();
    let is_settings = matches!(failed, Some((Part::Settings, _)));
    let form = visit.form();
    let permissions = held.iter().map(|permission| {
        let of = |user: bool| consents.iter().filter(move |known| known.permission == *permission && known.user.is_some() == user);
        PermissionRow {
            name: permission.name(),
            opens: opens(*permission),
            consented: of(false).next().map(|consent| Shown(consent.granted)),
            users: of(true).count(),
        }
    });
    let assigned = list_roles_of(context, &administrator, tenant, id).await?;
    let roles = assigned.iter().map(|held| RoleRow { id: held.role.id(), title: held.role.title(), may_revoke: visit.may_give(held.role) });
    let fault = |of: Part| failed.filter(|(part, _)| *part == of).map(|(_, failure)| failure.to_string());
    let external = bindings_part(visit, (ExternalKind::Application, application.id), &address(visit), fault(Part::External)).await?;
    let callbacks = callback_secrets_part(visit, application.id, &address(visit), fault(Part::CallbackSecrets)).await?;
    let addable = Permission::ALL.iter().filter(|one| !held.contains(one) && (one.is_delegated() || !application.public));
    let page = OnePage {
        frame: Frame::new(visit, Place::Applications, application.name.clone()).telling(visit, &TOLD),
        at: address(visit),
        tenant,
        is_of_console: is_of_console(&application),
        may_change: visit.has(Duty::Directory),
        name: if is_settings { form.raw("name") } else { &application.name },
        redirect_uris: if is_settings { form.raw("redirect_uris").to_owned() } else { application.redirect_uris.join("\n") },
        secrets: kept.iter().map(|secret| row(secret, now)).collect(),
        rotate: last_end.is_some_and(|end| now < end && end <= now + TimeDelta::days(SOON_DAYS)),
        description: form.raw("description"),
        days: form.raw("days"),
        permissions: permissions.collect(),
        addable: addable.map(|permission| (permission.name(), opens(*permission))).collect(),
        roles: roles.collect(),
        assignable: assignable(visit),
        role: form.raw("role"),
        external,
        callbacks,
        snippets: Snippets::of(visit, &application),
        fault: PartFault::of(failed),
        application: &application,
    };
    Ok(page::show(visit, failed.map(|(_, failure)| failure), &page))
}

fn row(secret: &ClientSecret, now: chrono::DateTime<chrono::Utc>) -> SecretRow {
    let left = secret.expires - now;
    SecretRow {
        id: secret.id.to_string(),
        hint: secret.hint.clone(),
        description: secret.description.clone(),
        created: Shown(secret.created),
        ends: Shown(secret.expires),
        has_ended: left <= TimeDelta::zero(),
        days_left: Some(left.num_days()).filter(|days| left > TimeDelta::zero() && *days <= SOON_DAYS),
    }
}

/// What a permission is for, for people.
fn opens(permission: Permission) -> &'static str {
    match permission {
        Permission::PartnerApi => "queries, reports and data, for a user",
        Permission::Management => "users, applications and the organisation, for an administrator",
        Permission::ManagementApplication => "users, applications and the organisation, for the application alone",
    }
}

/// The roles that the form offers.
fn assignable(visit: &Visit) -> Vec<Role> {
    Role::ALL.iter().copied().filter(|role| role.is_for_applications() && visit.may_give(*role)).collect()
}
