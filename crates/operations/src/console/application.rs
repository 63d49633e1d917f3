//! The console's own application: an app registration in each tenant, through which its users sign in to the console.
//!
//! It is an application like any other: it has the permissions and the tenant's consent to them, and an administrator can disable it or take the consent
//! away. The console has no other way to data.

use insightgate_identity::application::{Application, Permission};
use insightgate_identity::tenant::Tenant;
use insightgate_wire::limits::REDIRECT_URIS;
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::failure::Failure;
use crate::manage::applications::taken;

const NAME: &str = "Insightgate console";
const ACTOR: &str = "console";

/// The id of the console's application in the tenant. It follows from the tenant's id, so that every process finds the same.
pub fn console_application_id(tenant: Uuid) -> Uuid {
    Uuid::new_v5(&tenant, b"insightgate console")
}

/// The console's application in the tenant, which is registered when somebody first signs in. `redirect_uris` are addresses that the console has at this
/// listener; those of others are kept.
///
/// # Errors
/// When the database does not answer.
pub async fn console_application(context: &Context, tenant: &Tenant, redirect_uris: &[String]) -> Result<Application, Failure> {
    let id = console_application_id(tenant.id);
    let Some(known) = context.store.application(tenant.id, id).await? else {
        let application =
            Application { public: true, redirect_uris: redirect_uris.to_vec(), ..Application::confidential(id, tenant.id, NAME) };
        let permissions = [Permission::PartnerApi, Permission::Management];
        let store = audit::recording(context, happening(&application, "application.register"))?;
        let registered = store.register_application(&application, true, None, &permissions, context.clock.now()).await;
        return match registered.map_err(taken) {
            // Another sign-in came first.
            Ok(()) | Err(Failure::Conflict(_)) => Ok(application),
            Err(failure) => Err(failure),
        };
    };
    let missing: Vec<String> = redirect_uris.iter().filter(|uri| !known.redirect_uris.contains(uri)).cloned().collect();
    // Anybody can begin a sign-in: it adds what is missing, once, and changes nothing else, least of all an application that was disabled.
    if missing.is_empty() || !known.enabled {
        return Ok(known);
    }
    let kept = known.redirect_uris.len() + missing.len() <= REDIRECT_URIS;
    let all = if kept { [known.redirect_uris.clone(), missing].concat() } else { redirect_uris.to_vec() };
    let store = audit::recording(context, happening(&known, "application.change"))?;
    let changed = Application { redirect_uris: all, ..known.clone() };
    store.change_application(&changed, Some(&known)).await?;
    Ok(changed)
}

fn happening(application: &Application, action: &'static str) -> Happening<'static> {
    Happening {
        tenant: Some(application.tenant),
        actor: ACTOR.to_owned(),
        action,
        subject: application.id.to_string(),
        detail: application.name.clone(),
        correlation: None,
    }
}
