//! A tenant's app registrations.
//!
//! An operator's application manages every tenant: the tenant that it lives in cannot see it, let alone give it a secret.

pub mod consents;
pub mod permissions;
pub mod secrets;

use insightgate_identity::application::{Application, check_redirect_uri};
use insightgate_store::StoreError;
use insightgate_wire::limits::REDIRECT_URIS;
use uuid::Uuid;

use super::administrator::{Administrator, Duty};
use super::fields;
use super::lookup::find_application_for;
use crate::context::Context;
use crate::failure::Failure;
pub use insightgate_wire::bodies::{ApplicationChange, NewApplication};

/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_applications(context: &Context, administrator: &Administrator, tenant: &str) -> Result<Vec<Application>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    let mut applications = context.store.applications(tenant.id).await?;
    applications.retain(|application| !application.operator || administrator.is_operator());
    Ok(applications)
}

/// # Errors
/// When the caller may not do this, there is no such application, or the database does not answer.
pub async fn show_application(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
) -> Result<Application, Failure> {
    Ok(find_application_for(context, administrator, tenant, application, Duty::Look).await?.1)
}

/// # Errors
/// When the caller may not do this, a field breaks a rule, there is no room, or the database does not answer.
pub async fn register_application(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    new: NewApplication,
) -> Result<Application, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    if new.operator {
        administrator.may(context, Duty::Operate).await?;
    }
    let NewApplication { name, public, operator, redirect_uris, id } = new;
    let sent =
        Application { id: Uuid::nil(), tenant: tenant.id, name: name.unwrap_or_default(), enabled: true, operator, public, redirect_uris };
    let application = checked(sent)?;
    let application = Application { id: fields::new_id(context, administrator, id.as_deref()).await?, ..application };
    let action = if operator { "application.registerOperator" } else { "application.register" };
    let store = administrator.recording(context, Some(tenant.id), action, application.id.to_string(), application.name.clone())?;
    let added = store.add_application(&application, context.clock.now()).await;
    added.map_err(taken)?;
    Ok(application)
}

/// Where an application could not be written, since something else has its id.
pub(crate) fn taken(error: StoreError) -> Failure {
    match error.is_conflict() {
        true => Failure::Conflict("Something has this id already.".to_owned()),
        false => error.into(),
    }
}

/// With fields that a new application may have, trimmed.
pub(crate) fn checked(sent: Application) -> Result<Application, Failure> {
    let name = fields::required("name", Some(&sent.name))?;
    if sent.operator && sent.public {
        return Err(Failure::Invalid("An operator's application needs a secret: it cannot be public.".to_owned()));
    }
    let redirect_uris = checked_uris(sent.redirect_uris, sent.public)?;
    Ok(Application { name, redirect_uris, ..sent })
}

/// A disabled application's sign-ins end.
///
/// # Errors
/// When the caller may not do this, there is no such application, a field breaks a rule, or the database does not answer.
pub async fn change_application(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    change: ApplicationChange,
) -> Result<Application, Failure> {
    let (tenant, known) = find_application_for(context, administrator, tenant, application, Duty::Directory).await?;
    let ApplicationChange { name, enabled, redirect_uris } = change;
    if enabled == Some(false) && known.id == administrator.application() {
        return Err(Failure::Conflict("An application cannot disable itself.".to_owned()));
    }
    let parts: Vec<&str> = [("name", name.is_some()), ("redirectUris", redirect_uris.is_some())]
        .into_iter()
        .filter_map(|(part, sent)| sent.then_some(part))
        .collect();
    let changed = Application {
        name: name.map_or_else(|| Ok(known.name.clone()), |name| fields::required("name", Some(&name)))?,
        enabled: enabled.unwrap_or(known.enabled),
        redirect_uris: redirect_uris.map_or_else(|| Ok(known.redirect_uris.clone()), |uris| checked_uris(uris, known.public))?,
        ..known.clone()
    };
    let action = match enabled {
        Some(true) => "application.enable",
        Some(false) => "application.disable",
        None => "application.change",
    };
    let store = administrator.recording(context, Some(tenant.id), action, changed.id.to_string(), parts.join(", "))?;
    if !store.change_application(&changed, Some(&known)).await? {
        let text = "Somebody else changed or removed the application at the same moment. Look at it again, and repeat the change.";
        return Err(Failure::Conflict(text.to_owned()));
    }
    Ok(changed)
}

/// Trimmed and distinct.
fn checked_uris(redirect_uris: Vec<String>, public: bool) -> Result<Vec<String>, Failure> {
    if redirect_uris.len() > REDIRECT_URIS {
        return Err(Failure::Invalid(format!("'redirectUris' takes {REDIRECT_URIS} entries at most.")));
    }
    let mut checked: Vec<String> = Vec::with_capacity(redirect_uris.len());
    for uri in redirect_uris {
        let uri = uri.trim();
        check_redirect_uri(uri, public).map_err(|fault| Failure::Invalid(fault.to_string()))?;
        if !checked.iter().any(|known| known == uri) {
            checked.push(uri.to_owned());
        }
    }
    Ok(checked)
}
