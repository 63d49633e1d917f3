//! Binds identifiers of external issuers to a tenant, its users and its applications; lists and removes such bindings.
//!
//! An issuer's tenant is bound by an operator of this server alone. Administrators of a tenant bind users and applications within what was
//! bound to it, so that nobody claims those of another organisation.

use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use uuid::Uuid;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::external_issuers::TenantSource;
use crate::failure::Failure;

/// Characters of an identifier, as many as a token's may have.
const ID_LIMIT: usize = 256;

/// What is asked for; texts as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExternalIdentity {
    pub issuer: String,
    /// Left out for an issuer that belongs to one tenant by configuration.
    pub external_tenant: Option<String>,
    pub kind: ExternalKind,
    /// The user's or application's; left out for a tenant.
    pub external_id: Option<String>,
    /// The user or application of the tenant; left out for the tenant itself.
    pub local: Option<Uuid>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Binder<'a> {
    pub name: &'a str,
    /// May bind tenants, and not their members alone.
    pub is_operator: bool,
    pub correlation: Option<&'a str>,
}

/// `tenant` is there: the caller has read it.
pub async fn bind_external_identity(
    context: &Context,
    tenant: Uuid,
    input: &NewExternalIdentity,
    by: Binder<'_>,
) -> Result<ExternalIdentity, Failure> {
    let invalid = |text: String| Err(Failure::Invalid(text));
    let Some(issuer) = context.issuers.find(&input.issuer) else {
        let known: Vec<&str> = context.issuers.names().collect();
        return invalid(match known.is_empty() {
            true => "No external issuer is configured.".to_owned(),
            false => format!("The issuer is not configured; there are {}.", known.join(", ")),
        });
    };
    let external_tenant = match &issuer.settings.tenant {
        TenantSource::Fixed(own) => {
            if *own != tenant {
                return Err(Failure::Forbidden("The issuer belongs to another tenant by configuration.".to_owned()));
            }
            if input.external_tenant.is_some() || input.kind == ExternalKind::Tenant {
                return invalid(
                    "The issuer belongs to this tenant by configuration: externalTenant and kind tenant do not apply.".to_owned(),
                );
            }
            String::new()
        }
        TenantSource::Claim(_) => identifier("externalTenant", input.external_tenant.as_deref())?,
    };
    let (external_id, local) = match (input.kind, input.local) {
        (ExternalKind::Tenant, None) if input.external_id.is_none() => {
            if !by.is_operator {
                return Err(Failure::Forbidden("Only an operator of this server binds an issuer's tenant.".to_owned()));
            }
            (external_tenant.clone(), tenant)
        }
        (ExternalKind::Tenant, _) => return invalid("A tenant is bound by externalTenant alone.".to_owned()),
        (kind, Some(local)) => {
            let is_own = match kind {
                ExternalKind::User => context.store.user(tenant, local).await?.is_some(),
                _ => context.store.application(tenant, local).await?.is_some(),
            };
            if !is_own {
                return invalid(format!("The tenant has no {} '{local}'.", kind.name()));
            }
            let fixed = issuer.settings.tenant.fixed();
            if fixed.is_none() && context.store.tenant_of_external(&input.issuer, &external_tenant).await? != Some(tenant) {
                return invalid(format!(
                    "The issuer's tenant '{external_tenant}' is not bound to this tenant: an operator does that first."
                ));
            }
            (identifier("externalId", input.external_id.as_deref())?, local)
        }
        (kind, None) => return invalid(format!("The {0} that is bound is missing: give its id as '{0}'.", kind.name())),
    };
    let identity = ExternalIdentity {
        id: context.random.uuid()?,
        tenant,
        issuer: input.issuer.clone(),
        external_tenant,
        kind: input.kind,
        external_id,
        local,
        created: context.clock.now(),
    };
    context.store.add_external_identity(&identity).await.map_err(|error| match error.is_conflict() {
        true => Failure::Invalid("The issuer's identifier is bound already.".to_owned()),
        false => error.into(),
    })?;
    record(context, "external_identity.bind", &identity, by).await;
    Ok(identity)
}

/// Tokens that rely on it open nothing from the next request on. A tenant's binding takes those of its members with it.
pub async fn unbind_external_identity(context: &Context, tenant: Uuid, id: Uuid, by: Binder<'_>) -> Result<(), Failure> {
    let identity = context.store.external_identity(tenant, id).await?.ok_or(Failure::NotFound)?;
    if identity.kind == ExternalKind::Tenant && !by.is_operator {
        return Err(Failure::Forbidden("Only an operator of this server removes the binding of an issuer's tenant.".to_owned()));
    }
    if !context.store.remove_external_identity(&identity).await? {
        return Err(Failure::NotFound);
    }
    record(context, "external_identity.unbind", &identity, by).await;
    Ok(())
}

/// Oldest first.
pub async fn list_external_identities(context: &Context, tenant: Uuid) -> Result<Vec<ExternalIdentity>, Failure> {
    Ok(context.store.external_identities(tenant).await?)
}

fn identifier(name: &str, value: Option<&str>) -> Result<String, Failure> {
    match value {
        Some(text) if text.len() <= ID_LIMIT && text.trim() == text && !text.is_empty() && !text.contains(char::is_control) => {
            Ok(text.to_owned())
        }
        Some(_) => Err(Failure::Invalid(format!("{name} should be 1 to {ID_LIMIT} characters, exactly as the issuer's tokens hold them."))),
        None => Err(Failure::Invalid(format!("{name} is missing."))),
    }
}

async fn record(context: &Context, action: &str, identity: &ExternalIdentity, by: Binder<'_>) {
    let ExternalIdentity { issuer, external_tenant, kind, external_id, .. } = identity;
    let happening = Happening {
        tenant: Some(identity.tenant),
        actor: by.name.to_owned(),
        action,
        subject: identity.local.to_string(),
        detail: format!("{} '{external_id}' of '{external_tenant}' at {issuer}", kind.name()),
        correlation: by.correlation.map(str::to_owned),
    };
    audit::record(context, happening).await;
}
