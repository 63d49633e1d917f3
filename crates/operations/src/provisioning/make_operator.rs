//! Makes the deployment's first operator: an application, in a tenant of its own, that manages every tenant.

use chrono::TimeDelta;
use insightgate_identity::application::{Application, ClientSecret};
use insightgate_identity::tenant::Tenant;
use insightgate_store::Store;

use super::Provisioner;
use crate::context::Context;
use crate::credentials::client_secret::{SECRET_DAYS, client_secret};
use crate::credentials::password::find_secret;
use crate::failure::Failure;

/// The domain of the operators' tenant. No mail address ends in it, since `.internal` is reserved for private use.
pub const DOMAIN: &str = "operators.internal";
const TENANT: &str = "Operators";
const APPLICATION: &str = "Operator";

/// The operator's application, as it is stored.
pub struct Operator {
    pub application: Application,
    secrets: Vec<ClientSecret>,
    /// False if an earlier start made it.
    pub is_new: bool,
}

impl Operator {
    /// Whether nobody can sign in as the operator yet, since it was made and the start ended before it got a secret.
    pub fn has_no_secret(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Whether this secret works.
    pub fn accepts(&self, context: &Context, secret: &str) -> bool {
        self.application.enabled && find_secret(secret, &self.secrets).is_some_and(|found| context.clock.now() < found.expires)
    }
}

/// The existing operator, or a new one without a secret. Idempotent.
///
/// # Errors
/// When the database does not answer, or there is no randomness for an id.
pub async fn make_operator(context: &Context, by: Provisioner) -> Result<Operator, Failure> {
    let tenant = match context.store.tenant_by_domain(DOMAIN).await? {
        Some(tenant) => tenant,
        None => {
            let tenant = Tenant { id: context.random.uuid()?, domain: DOMAIN.to_owned(), name: TENANT.to_owned(), global_account: None };
            context.store.add_tenant(&tenant, None, context.clock.now()).await?;
            tenant
        }
    };
    if let Some(application) = context.store.applications(tenant.id).await?.into_iter().find(|application| application.operator) {
        let secrets = context.store.client_secrets(application.id).await?;
        return Ok(Operator { application, secrets, is_new: false });
    }
    let application = Application { operator: true, ..Application::confidential(context.random.uuid()?, tenant.id, APPLICATION) };
    let store = recording(context, by, &application, "application.registerOperator")?;
    store.add_application(&application, context.clock.now()).await?;
    Ok(Operator { application, secrets: Vec::new(), is_new: true })
}

/// Adds a secret to those of the operator, and enables the operator if it was disabled.
///
/// # Errors
/// When the database does not answer.
pub async fn add_operator_secret(context: &Context, by: Provisioner, operator: &Operator, secret: &str) -> Result<(), Failure> {
    let now = context.clock.now();
    let stored = client_secret(context, secret, by.actor, now, now + TimeDelta::days(SECRET_DAYS))?;
    recording(context, by, &operator.application, "secret.add")?.add_client_secret(operator.application.id, &stored).await?;
    if !operator.application.enabled {
        let store = recording(context, by, &operator.application, "application.enable")?;
        store.change_application(&Application { enabled: true, ..operator.application.clone() }, None).await?;
    }
    Ok(())
}

fn recording(context: &Context, by: Provisioner, application: &Application, action: &str) -> Result<Store, Failure> {
    by.recording(context, application.tenant, action, application.id.to_string(), "operator".to_owned())
}
