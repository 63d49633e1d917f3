//! Bindings of external issuers' identifiers to a tenant, its users and its applications.
//!
//! An issuer's tenant is bound by an operator of this server alone. Administrators of a tenant bind users and applications within what was
//! bound to it, so that nobody claims those of another organisation.

use insightgate_identity::external_identity::{ExternalIdentity, ExternalKind};
use insightgate_identity::tenant::Tenant;
use insightgate_store::Store;
use insightgate_wire::limits::ID_LIMIT;
use uuid::Uuid;

use crate::context::Context;
use crate::external_issuers::TenantSource;
use crate::failure::Failure;
use crate::manage::administrator::{Administrator, Duty};
use crate::manage::lookup::{find_application, find_user};
pub use insightgate_wire::bodies::NewExternalIdentity;

const TENANT_REFUSAL: &str = "Only an operator of this server binds an issuer's tenant, or removes such a binding.";

/// Oldest first.
///
/// # Errors
/// When the caller may not do this, or the database does not answer.
pub async fn list_external_identities(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
) -> Result<Vec<ExternalIdentity>, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Look).await?;
    Ok(context.store.external_identities(tenant.id).await?)
}

/// # Errors
/// When the caller may not do this, the issuer is not trusted, a field breaks a rule, or the database does not answer.
pub async fn bind_external_identity(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    new: NewExternalIdentity,
) -> Result<ExternalIdentity, Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let kind = new.kind.as_deref().and_then(ExternalKind::from_name);
    let kind = kind.ok_or_else(|| Failure::Invalid("'kind' should be tenant, user or application.".to_owned()))?;
    let issuer = as_in_token("issuer", new.issuer.as_deref())?;
    let external_tenant = external_tenant(context, administrator, &tenant, kind, &issuer, new.external_tenant.as_deref()).await?;
    if kind == ExternalKind::Tenant && new.external_id.is_some() {
        return Err(Failure::Invalid("A tenant is bound by 'externalTenant' alone, without 'externalId'.".to_owned()));
    }
    let local = local(context, administrator, &tenant, kind, &new).await?;
    let external_id = match kind {
        ExternalKind::Tenant => external_tenant.clone(),
        ExternalKind::User | ExternalKind::Application => as_in_token("externalId", new.external_id.as_deref())?,
    };
    let created = context.clock.now();
    let id = context.random.ordered_uuid(created)?;
    let identity = ExternalIdentity { id, tenant: tenant.id, issuer, external_tenant, kind, external_id, local, created };
    let store = recording(context, administrator, "externalIdentity.bind", &identity)?;
    store.add_external_identity(&identity).await.map_err(|error| match error.is_conflict() {
        true => Failure::Conflict("The issuer's identifier is bound already.".to_owned()),
        false => error.into(),
    })?;
    Ok(identity)
}

/// Tokens that rely on it open nothing from the next request on. A tenant's binding takes those of its members with it.
///
/// # Errors
/// When the caller may not do this, there is no such binding, or the database does not answer.
pub async fn unbind_external_identity(context: &Context, administrator: &Administrator, tenant: &str, id: &str) -> Result<(), Failure> {
    let tenant = administrator.tenant_for(context, tenant, Duty::Directory).await?;
    let id = Uuid::try_parse(id.trim()).map_err(|_| Failure::NotFound)?;
    let identity = context.store.external_identity(tenant.id, id).await?.ok_or(Failure::NotFound)?;
    if identity.kind == ExternalKind::Tenant && !administrator.is_operator() {
        return Err(administrator.refuse(context, &identity.issuer, TENANT_REFUSAL.to_owned()).await);
    }
    let store = recording(context, administrator, "externalIdentity.unbind", &identity)?;
    if store.remove_external_identity(&identity).await? { Ok(()) } else { Err(Failure::NotFound) }
}

/// The issuer's tenant, if the caller may bind in it; empty where the issuer belongs to this tenant.
async fn external_tenant(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    kind: ExternalKind,
    issuer: &str,
    asked: Option<&str>,
) -> Result<String, Failure> {
    let Some(trusted) = context.issuers.find(issuer) else {
        let known: Vec<&str> = context.issuers.names().collect();
        return Err(Failure::Invalid(match known.is_empty() {
            true => "No external issuer is configured.".to_owned(),
            false => format!("'issuer' is not configured; there are {}.", known.join(", ")),
        }));
    };
    if let TenantSource::Fixed(own) = trusted.settings.tenant {
        if own != tenant.id {
            return Err(administrator.refuse(context, issuer, "The issuer belongs to another tenant by configuration.".to_owned()).await);
        }
        if asked.is_some() || kind == ExternalKind::Tenant {
            let text = "The issuer belongs to this tenant by configuration: 'externalTenant' and the kind tenant do not apply.";
            return Err(Failure::Invalid(text.to_owned()));
        }
        return Ok(String::new());
    }
    let external = as_in_token("externalTenant", asked)?;
    if kind == ExternalKind::Tenant {
        return match administrator.is_operator() {
            true => Ok(external),
            false => Err(administrator.refuse(context, issuer, TENANT_REFUSAL.to_owned()).await),
        };
    }
    match context.store.tenant_of_external(issuer, &external).await? {
        Some(bound) if bound == tenant.id => Ok(external),
        _ => Err(Failure::Conflict(format!("The issuer's tenant '{external}' is not bound to this tenant: an operator does that first."))),
    }
}

/// What is bound to: the tenant, or a user or application of it that the caller may know of.
async fn local(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    kind: ExternalKind,
    new: &NewExternalIdentity,
) -> Result<Uuid, Failure> {
    let (asked, other) = match kind {
        ExternalKind::Tenant => (None, new.user.as_ref().or(new.application.as_ref())),
        ExternalKind::User => (new.user.as_deref(), new.application.as_ref()),
        ExternalKind::Application => (new.application.as_deref(), new.user.as_ref()),
    };
    if other.is_some() {
        return Err(Failure::Invalid("'user' goes with the kind user alone, 'application' with the kind application.".to_owned()));
    }
    if kind == ExternalKind::Tenant {
        return Ok(tenant.id);
    }
    let asked = asked.ok_or_else(|| Failure::Invalid(format!("'{}' is missing.", kind.name())))?;
    let found = match (kind, Uuid::try_parse(asked.trim())) {
        (ExternalKind::User, _) => match find_user(context, tenant, asked).await {
            Ok(user) => Some(user.id),
            Err(Failure::NotFound) => None,
            Err(failure) => return Err(failure),
        },
        (_, Ok(id)) => find_application(context, administrator, tenant, id).await?.map(|application| application.id),
        (_, Err(_)) => None,
    };
    found.ok_or_else(|| Failure::Invalid(format!("'{}' is none of the tenant's.", kind.name())))
}

/// Taken to the letter: tokens are compared so.
fn as_in_token(field: &str, value: Option<&str>) -> Result<String, Failure> {
    match value {
        Some(text) if !text.is_empty() && text.len() <= ID_LIMIT && text.trim() == text && !text.contains(char::is_control) => {
            Ok(text.to_owned())
        }
        Some(_) => Err(Failure::Invalid(format!("'{field}' should be 1 to {ID_LIMIT} bytes, exactly as in the issuer's tokens."))),
        None => Err(Failure::Invalid(format!("'{field}' is missing."))),
    }
}

fn recording(context: &Context, administrator: &Administrator, action: &str, identity: &ExternalIdentity) -> Result<Store, Failure> {
    let ExternalIdentity { issuer, external_tenant, kind, external_id, .. } = identity;
    let detail = format!("{} '{external_id}' of '{external_tenant}' at {issuer}", kind.name());
    administrator.recording(context, Some(identity.tenant), action, identity.local.to_string(), detail)
}
