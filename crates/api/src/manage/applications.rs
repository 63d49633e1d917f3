//! Applications, their secrets, permissions and consents.

use insightgate_identity::application::{Application, ClientSecret, Permission};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::applications::consents::Consent;
use insightgate_operations::manage::applications::{
    change_application, consents, list_applications, permissions, register_application, secrets, show_application,
};
use insightgate_operations::manage::removal::{RemovalQuery, delete_application};
use insightgate_report::instant;
use insightgate_wire::answers::Listed;
use insightgate_wire::bodies::{ApplicationChange, NewApplication, NewClientSecret, NewConsent, NewPermission};
use insightgate_wire::parameters::ConsentQuery;
use insightgate_wire::{Secret, answers};

use super::call::Call;
use super::given::{Created, Done, Given, Query, Shown};

pub(super) async fn list(call: Call) -> Given<Listed<answers::Application>> {
    let applications = list_applications(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Listed::whole(applications.iter().map(shown).collect()))
}

pub(super) async fn register(call: Call, new: NewApplication) -> Given<Created<answers::Application>> {
    let application = register_application(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Created(shown(&application)))
}

pub(super) async fn show(call: Call) -> Given<Shown<answers::Application>> {
    let application = show_application(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Shown(shown(&application)))
}

pub(super) async fn change(call: Call, change: ApplicationChange) -> Given<Shown<answers::Application>> {
    let changed = change_application(call.context(), &call.administrator, call.tenant(), call.path("application"), change).await?;
    Ok(Shown(shown(&changed)))
}

pub(super) async fn delete(call: Call, Query(query): Query<RemovalQuery>) -> Given<Done> {
    delete_application(call.context(), &call.administrator, call.tenant(), call.path("application"), query).await?;
    Ok(Done)
}

pub(super) async fn list_secrets(call: Call) -> Given<Listed<answers::ClientSecret>> {
    let listed = secrets::list_secrets(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Listed::whole(listed.iter().map(shown_secret).collect()))
}

pub(super) async fn add_secret(call: Call, new: NewClientSecret) -> Given<Created<answers::ClientSecret>> {
    let NewClientSecret { description, days } = new;
    let application = call.path("application");
    let added = secrets::add_secret(call.context(), &call.administrator, call.tenant(), application, description.as_deref(), days).await?;
    let (kept, text) = added;
    Ok(Created(answers::ClientSecret { secret: Some(Secret(text)), ..shown_secret(&kept) }))
}

pub(super) async fn remove_secret(call: Call) -> Given<Done> {
    let (application, secret) = (call.path("application"), call.path("secret"));
    secrets::remove_secret(call.context(), &call.administrator, call.tenant(), application, secret).await?;
    Ok(Done)
}

pub(super) async fn list_permissions(call: Call) -> Given<Listed<answers::Permission>> {
    let listed = permissions::list_permissions(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Listed::whole(listed.into_iter().map(shown_permission).collect()))
}

pub(super) async fn add_permission(call: Call, new: NewPermission) -> Given<Created<answers::Permission>> {
    let NewPermission { permission } = new;
    let application = call.path("application");
    let added = permissions::add_permission(call.context(), &call.administrator, call.tenant(), application, permission.as_deref()).await?;
    Ok(Created(shown_permission(added)))
}

pub(super) async fn remove_permission(call: Call) -> Given<Done> {
    let (application, permission) = (call.path("application"), call.path("permission"));
    permissions::remove_permission(call.context(), &call.administrator, call.tenant(), application, permission).await?;
    Ok(Done)
}

pub(super) async fn list_consents(call: Call) -> Given<Listed<answers::Consent>> {
    let listed = consents::list_consents(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Listed::whole(listed.iter().map(shown_consent).collect()))
}

pub(super) async fn grant_consent(call: Call, new: NewConsent) -> Given<Created<answers::Consent>> {
    let NewConsent { permission, user } = new;
    let application = call.path("application");
    let granted =
        consents::grant_consent(call.context(), &call.administrator, call.tenant(), application, permission.as_deref(), user.as_deref());
    Ok(Created(shown_consent(&granted.await?)))
}

pub(super) async fn revoke_consent(call: Call, Query(query): Query<ConsentQuery>) -> Given<Done> {
    let (application, permission) = (call.path("application"), call.path("permission"));
    let user = match query.user.as_deref() {
        Some("") => return Err(Failure::Invalid("'user' is empty: leave it out for the whole tenant's consent.".to_owned())),
        user => user,
    };
    consents::revoke_consent(call.context(), &call.administrator, call.tenant(), application, permission, user).await?;
    Ok(Done)
}

fn shown(application: &Application) -> answers::Application {
    answers::Application {
        id: application.id.to_string(),
        name: application.name.clone(),
        enabled: application.enabled,
        operator: application.operator,
        public: application.public,
        redirect_uris: application.redirect_uris.clone(),
        more: answers::More::new(),
    }
}

fn shown_secret(secret: &ClientSecret) -> answers::ClientSecret {
    answers::ClientSecret {
        id: secret.id.to_string(),
        secret: None,
        hint: Some(secret.hint.clone()),
        description: Some(secret.description.clone()),
        created: Some(instant::format(secret.created)),
        expires: Some(instant::format(secret.expires)),
        more: answers::More::new(),
    }
}

fn shown_permission(permission: Permission) -> answers::Permission {
    answers::Permission { permission: permission.name().to_owned(), delegated: permission.is_delegated(), more: answers::More::new() }
}

fn shown_consent(consent: &Consent) -> answers::Consent {
    answers::Consent {
        permission: consent.permission.name().to_owned(),
        user: consent.user.map(|user| user.to_string()),
        granted: instant::format(consent.granted),
        more: answers::More::new(),
    }
}
