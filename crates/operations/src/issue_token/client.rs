//! Finds the tenant and the application of a request, and checks the client secret.

use std::sync::Arc;

use insightgate_identity::application::Application;
use insightgate_identity::tenant::{Tenant, TenantReference};
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::user::domain_of;
use uuid::Uuid;

use super::{Grant, TokenFailure, TokenRequest};
use crate::callers::directory::View;
use crate::context::Context;
use crate::credentials::password::find_secret;

/// The tenant that the path names. If the path names none, the tenant of the user name or of the application.
pub(super) async fn find_tenant(
    context: &Context,
    directory: &View<'_>,
    request: &TokenRequest,
    grant: Grant,
) -> Result<Tenant, TokenFailure> {
    match reference(&request.tenant)? {
        TenantReference::Common if grant == Grant::Password => Err(GrantRefusal::password_on_common().into()),
        TenantReference::Organizations if grant == Grant::Password => {
            let domain = request.username.as_deref().and_then(domain_of).ok_or_else(GrantRefusal::tenant_undetermined)?;
            let tenant = directory.tenant_by_domain(&domain.to_lowercase()).await?;
            tenant.map(Arc::unwrap_or_clone).ok_or_else(|| GrantRefusal::unknown_domain().into())
        }
        TenantReference::Common | TenantReference::Organizations if grant == Grant::ClientCredentials && !request.of_console => {
            Err(GrantRefusal::tenant_undetermined().into())
        }
        reference => tenant_of(context, directory, reference, request.client_id.as_deref()).await,
    }
}

pub(crate) fn reference(segment: &str) -> Result<TenantReference, GrantRefusal> {
    if segment.is_empty() {
        return Err(GrantRefusal::tenant_missing());
    }
    TenantReference::parse(segment).ok_or_else(GrantRefusal::malformed_tenant)
}

/// The tenant of the reference. For `common` and `organizations` it is the application's tenant, since an application belongs to one tenant.
pub(crate) async fn tenant_of(
    context: &Context,
    directory: &View<'_>,
    reference: TenantReference,
    client: Option<&str>,
) -> Result<Tenant, TokenFailure> {
    let found = match reference {
        TenantReference::Id(id) => directory.tenant(id).await?,
        TenantReference::Domain(domain) => directory.tenant_by_domain(&domain).await?,
        TenantReference::Organizations | TenantReference::Common => {
            let client = client.ok_or_else(|| GrantRefusal::missing_field("client_id"))?;
            let unknown = || GrantRefusal::unknown_client(client);
            let id = Uuid::try_parse(client).map_err(|_| unknown())?;
            let application = context.store.application_of_any_tenant(id).await?.ok_or_else(unknown)?;
            directory.tenant(application.tenant).await?
        }
    };
    found.map(Arc::unwrap_or_clone).ok_or_else(|| GrantRefusal::unknown_tenant().into())
}

pub(crate) async fn find_application(directory: &View<'_>, tenant: &Tenant, client: Option<&str>) -> Result<Application, TokenFailure> {
    let client = client.ok_or_else(|| GrantRefusal::missing_field("client_id"))?;
    let known = match Uuid::try_parse(client) {
        Ok(id) => directory.client(tenant.id, id).await?,
        Err(_) => None,
    };
    let application = known.ok_or_else(|| GrantRefusal::unknown_client(client))?.application.clone();
    if application.enabled { Ok(application) } else { Err(GrantRefusal::disabled_client().into()) }
}

/// Checks the client secret. A public application has none, and is refused if it sends one.
pub(super) async fn check_secret(
    context: &Context,
    directory: &View<'_>,
    application: &Application,
    request: &TokenRequest,
) -> Result<(), TokenFailure> {
    if application.public {
        let sent = request.client_secret.is_some();
        return if sent { Err(GrantRefusal::public_client_with_secret().into()) } else { Ok(()) };
    }
    let sent = request.client_secret.as_deref().ok_or_else(GrantRefusal::missing_secret)?;
    let known = directory.client(application.tenant, application.id).await?;
    let known = known.ok_or_else(|| GrantRefusal::unknown_client(&application.id.to_string()))?;
    let secret = find_secret(sent, &known.secrets).ok_or_else(GrantRefusal::wrong_secret)?;
    if context.clock.now() >= secret.expires {
        return Err(GrantRefusal::expired_secret().into());
    }
    Ok(())
}
