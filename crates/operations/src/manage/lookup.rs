//! Finds the users and applications that a request names, as far as its caller may know of them.

use insightgate_identity::application::Application;
use insightgate_identity::tenant::Tenant;
use insightgate_identity::user::User;
use uuid::Uuid;

use super::administrator::{Administrator, Duty};
use crate::context::Context;
use crate::failure::Failure;

/// By id or sign-in name.
pub(super) async fn find_user(context: &Context, tenant: &Tenant, reference: &str) -> Result<User, Failure> {
    let reference = reference.trim().to_lowercase();
    let found = match Uuid::try_parse(&reference) {
        Ok(id) => context.store.user(tenant.id, id).await?,
        Err(_) => context.store.user_credentials(tenant.id, &reference).await?.map(|known| known.user),
    };
    found.ok_or(Failure::NotFound)
}

/// In the tenant, if the caller has this duty and may know of it.
pub(super) async fn find_application_for(
    context: &Context,
    administrator: &Administrator,
    tenant: &str,
    application: &str,
    duty: Duty,
) -> Result<(Tenant, Application), Failure> {
    let tenant = administrator.tenant_for(context, tenant, duty).await?;
    let id = Uuid::try_parse(application.trim()).map_err(|_| Failure::NotFound)?;
    let found = find_application(context, administrator, &tenant, id).await?.ok_or(Failure::NotFound)?;
    Ok((tenant, found))
}

pub(super) async fn find_application(
    context: &Context,
    administrator: &Administrator,
    tenant: &Tenant,
    id: Uuid,
) -> Result<Option<Application>, Failure> {
    let found = context.store.application(tenant.id, id).await?;
    Ok(found.filter(|application| !application.operator || administrator.is_operator()))
}
