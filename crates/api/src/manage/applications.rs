//! Applications, their secrets, permissions and consents.

use insightgate_identity::application::{Application, ClientSecret, Permission};
use insightgate_operations::failure::Failure;
use insightgate_operations::manage::applications::consents;
use insightgate_operations::manage::applications::consents::Consent;
use insightgate_operations::manage::applications::{
    ApplicationChange, NewApplication, change_application, list_applications, register_application, show_application,
};
use insightgate_operations::manage::applications::{permissions, secrets};
use insightgate_report::instant;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::endpoint::Given;

pub(super) async fn list(call: Call) -> Given {
    let applications = list_applications(call.context(), &call.administrator, call.tenant()).await?;
    Ok(Some(answer::list(applications.iter().map(shown).collect())))
}

pub(super) async fn register(call: Call) -> Given {
    let body = &call.body;
    let new = NewApplication {
        name: body.text("name")?,
        public: body.flag("public")?.unwrap_or(false),
        operator: body.flag("operator")?.unwrap_or(false),
        redirect_uris: body.texts("redirectUris")?.unwrap_or_default(),
        id: body.text("id")?,
    };
    let application = register_application(call.context(), &call.administrator, call.tenant(), new).await?;
    Ok(Some(shown(&application)))
}

pub(super) async fn show(call: Call) -> Given {
    let application = show_application(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Some(shown(&application)))
}

pub(super) async fn change(call: Call) -> Given {
    let body = &call.body;
    let change = ApplicationChange { name: body.text("name")?, enabled: body.flag("enabled")?, redirect_uris: body.texts("redirectUris")? };
    let changed = change_application(call.context(), &call.administrator, call.tenant(), call.path("application"), change).await?;
    Ok(Some(shown(&changed)))
}

pub(super) async fn list_secrets(call: Call) -> Given {
    let listed = secrets::list_secrets(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Some(answer::list(listed.iter().map(shown_secret).collect())))
}

pub(super) async fn add_secret(call: Call) -> Given {
    let (description, days) = (call.body.text("description")?, call.body.integer("days")?);
    let application = call.path("application");
    let added = secrets::add_secret(call.context(), &call.administrator, call.tenant(), application, description.as_deref(), days).await?;
    let (kept, text) = added;
    let mut secret = shown_secret(&kept);
    if let Value::Object(fields) = &mut secret {
        fields.insert("secret".to_owned(), Value::from(text));
    }
    Ok(Some(secret))
}

pub(super) async fn remove_secret(call: Call) -> Given {
    let (application, secret) = (call.path("application"), call.path("secret"));
    secrets::remove_secret(call.context(), &call.administrator, call.tenant(), application, secret).await?;
    Ok(None)
}

pub(super) async fn list_permissions(call: Call) -> Given {
    let listed = permissions::list_permissions(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Some(answer::list(listed.into_iter().map(shown_permission).collect())))
}

pub(super) async fn add_permission(call: Call) -> Given {
    let (application, permission) = (call.path("application"), call.body.text("permission")?);
    let added = permissions::add_permission(call.context(), &call.administrator, call.tenant(), application, permission.as_deref()).await?;
    Ok(Some(shown_permission(added)))
}

pub(super) async fn remove_permission(call: Call) -> Given {
    let (application, permission) = (call.path("application"), call.path("permission"));
    permissions::remove_permission(call.context(), &call.administrator, call.tenant(), application, permission).await?;
    Ok(None)
}

pub(super) async fn list_consents(call: Call) -> Given {
    let listed = consents::list_consents(call.context(), &call.administrator, call.tenant(), call.path("application")).await?;
    Ok(Some(answer::list(listed.iter().map(shown_consent).collect())))
}

pub(super) async fn grant_consent(call: Call) -> Given {
    let (permission, user) = (call.body.text("permission")?, call.body.text("user")?);
    let application = call.path("application");
    let granted =
        consents::grant_consent(call.context(), &call.administrator, call.tenant(), application, permission.as_deref(), user.as_deref());
    Ok(Some(shown_consent(&granted.await?)))
}

pub(super) async fn revoke_consent(call: Call) -> Given {
    let (application, permission) = (call.path("application"), call.path("permission"));
    let user = match call.parameters.sent("user") {
        Some("") => return Err(Failure::Invalid("'user' is empty: leave it out for the whole tenant's consent.".to_owned())),
        user => user,
    };
    consents::revoke_consent(call.context(), &call.administrator, call.tenant(), application, permission, user).await?;
    Ok(None)
}

fn shown(application: &Application) -> Value {
    json!({
        "id": application.id,
        "name": application.name,
        "enabled": application.enabled,
        "operator": application.operator,
        "public": application.public,
        "redirectUris": application.redirect_uris,
    })
}

fn shown_secret(secret: &ClientSecret) -> Value {
    json!({
        "id": secret.id,
        "hint": secret.hint,
        "description": secret.description,
        "created": instant::format(secret.created),
        "expires": instant::format(secret.expires),
    })
}

fn shown_permission(permission: Permission) -> Value {
    json!({"permission": permission.name(), "delegated": permission.is_delegated()})
}

fn shown_consent(consent: &Consent) -> Value {
    json!({"permission": consent.permission.name(), "user": consent.user, "granted": instant::format(consent.granted)})
}
