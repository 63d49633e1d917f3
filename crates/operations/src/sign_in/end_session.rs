//! Signing out ends the browser's session. Tokens that were already issued stay valid until they expire.

use insightgate_identity::tenant::TenantReference;
use insightgate_identity::tokens::redirect::redirect_matches;
use uuid::Uuid;

use super::{Visit, session};
use crate::audit::{self, Happening};
use crate::context::Context;
use crate::credentials::password::secret_digest;
use crate::token_failure::TokenFailure;

/// The parameters. Absent and empty ones are `None`.
#[derive(Clone, Default)]
pub struct LogoutRequest {
    /// The tenant segment of the path.
    pub tenant: String,
    pub client_id: Option<String>,
    pub post_logout_redirect_uri: Option<String>,
}

/// Where the browser goes next; `None` for a page that says that the user is signed out.
pub struct EndedSession {
    pub redirect_uri: Option<String>,
}

/// Ends the session. Redirects to an address only if it is registered with an application of the tenant.
///
/// # Errors
/// When the request is refused, or the database does not answer.
pub async fn end_session(context: &Context, visit: &Visit, request: &LogoutRequest) -> Result<EndedSession, TokenFailure> {
    let current = session::load(context, visit).await?;
    if let Some(cookie) = &visit.session {
        context.store.delete_sign_in_session(&secret_digest(cookie)).await?;
    }
    if let Some(current) = &current {
        let happening = Happening {
            tenant: Some(current.user.tenant),
            actor: current.user.username.clone(),
            action: "sign_in.end",
            subject: current.user.username.clone(),
            detail: String::new(),
            correlation: Some(visit.correlation.clone()),
        };
        audit::record(context, happening).await;
    }
    let Some(sent) = &request.post_logout_redirect_uri else { return Ok(EndedSession { redirect_uri: None }) };
    let tenant = match TenantReference::parse(&request.tenant) {
        Some(TenantReference::Id(id)) => Some(id),
        Some(TenantReference::Domain(domain)) => context.store.tenant_by_domain(&domain).await?.map(|tenant| tenant.id),
        _ => current.map(|current| current.user.tenant),
    };
    let client = request.client_id.as_deref().and_then(|id| Uuid::try_parse(id).ok());
    let applications = match (client, tenant) {
        (Some(client), _) => Vec::from_iter(context.store.application_of_any_tenant(client).await?),
        (None, Some(tenant)) => context.store.applications(tenant).await?,
        (None, None) => Vec::new(),
    };
    let registered = applications
        .iter()
        .filter(|application| application.enabled && tenant.is_none_or(|tenant| application.tenant == tenant))
        .flat_map(|application| &application.redirect_uris)
        .any(|registered| redirect_matches(registered, sent));
    Ok(EndedSession { redirect_uri: registered.then(|| sent.clone()) })
}
