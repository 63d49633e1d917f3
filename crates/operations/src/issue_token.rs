//! The token endpoint: a grant becomes an access token for application and user, or for an application alone.
//!
//! Checks come in the platform's order: grant type, tenant, client, required fields, shape of a refresh token, client secret, the user's
//! credential or the grant, resource, scope and consent.

mod answer;
mod password;
mod refresh;
mod request;
mod resource;

use std::sync::Arc;

use insightgate_identity::application::Application;
use insightgate_identity::grant::GrantRefusal;
use insightgate_identity::principal::Refusal;
use insightgate_identity::tenant::{Tenant, TenantReference};
use insightgate_identity::token::same_resource;
use insightgate_identity::user::{User, domain_of};
use thiserror::Error;
use uuid::Uuid;

pub use answer::TokenAnswer;
pub use request::TokenRequest;

use crate::audit::{self, Happening};
use crate::context::Context;
use crate::directory::Client;
use crate::password::find_secret;
use resource::Requested;

/// A token request that was not granted.
#[derive(Debug, Error)]
pub enum TokenFailure {
    #[error("{0}")]
    Refused(GrantRefusal),
    #[error("the token endpoint failed: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl TokenFailure {
    fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TokenFailure {
        TokenFailure::Internal(cause.into())
    }
}

impl From<GrantRefusal> for TokenFailure {
    fn from(refusal: GrantRefusal) -> Self {
        TokenFailure::Refused(refusal)
    }
}

impl From<insightgate_store::StoreError> for TokenFailure {
    fn from(error: insightgate_store::StoreError) -> Self {
        TokenFailure::internal(error)
    }
}

/// How the application asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Password,
    RefreshToken,
    ClientCredentials,
}

/// Who signed in, and how.
struct SignIn {
    user: User,
    /// Separated by blanks.
    amr: String,
    /// The refresh token that this answer replaces; None for a new sign-in.
    replaced: Option<Replaced>,
    /// The resource of the grant, when the request names none.
    resource: Option<String>,
}

/// A refresh token that is used up once every check has passed.
struct Replaced {
    digest: String,
    family: Uuid,
}

/// `authority` is the address that the client reached, without a final slash.
pub async fn issue_token(
    context: &Context,
    request: &TokenRequest,
    authority: &str,
    correlation: &str,
) -> Result<TokenAnswer, TokenFailure> {
    let mut trail = Trail::new(request, correlation);
    let outcome = grant(context, request, authority, &mut trail).await;
    let (action, detail) = match &outcome {
        Ok(_) if trail.recorded => return outcome,
        Ok(answer) => (ISSUED, answer.resource.clone()),
        Err(TokenFailure::Refused(refusal)) => ("token.refuse", refusal.to_string()),
        Err(TokenFailure::Internal(_)) => return outcome,
    };
    if let Some(happening) = trail.happening(action, detail) {
        audit::record(context, happening).await;
    }
    outcome
}

const ISSUED: &str = "token.issue";

/// What a request turned out to be about, for the audit record.
struct Trail {
    tenant: Option<Uuid>,
    /// The sign-in name that was sent, until it is the name of a user who was recognised.
    user: String,
    client: String,
    correlation: String,
    /// The event of the grant was written with what it granted.
    recorded: bool,
}

impl Trail {
    fn new(request: &TokenRequest, correlation: &str) -> Trail {
        let (user, client) = (shortened(request.username.as_deref()), shortened(request.client_id.as_deref()));
        Trail { tenant: None, user, client, correlation: correlation.to_owned(), recorded: false }
    }

    /// None for who names no tenant of ours: they could fill the record with anything.
    fn happening<'a>(&self, action: &'a str, detail: String) -> Option<Happening<'a>> {
        let (actor, subject, correlation) = (self.client.clone(), self.user.clone(), Some(self.correlation.clone()));
        self.tenant.map(|tenant| Happening { tenant: Some(tenant), actor, action, subject, detail, correlation })
    }
}

fn shortened(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().take(200).collect()
}

async fn grant(context: &Context, request: &TokenRequest, authority: &str, trail: &mut Trail) -> Result<TokenAnswer, TokenFailure> {
    let grant = grant_type(request)?;
    let tenant = find_tenant(context, request, grant).await?;
    trail.tenant = Some(tenant.id);
    let client = request.client_id.as_deref().ok_or_else(|| GrantRefusal::missing_field("client_id"))?;
    let known = match Uuid::try_parse(client) {
        Ok(id) => context.directory.client(tenant.id, id).await?,
        Err(_) => None,
    };
    let known = known.ok_or_else(|| GrantRefusal::unknown_client(client))?;
    let application = &known.application;
    if !application.enabled {
        return Err(GrantRefusal::disabled_client().into());
    }
    match grant {
        Grant::Password => {
            let username = request.username.as_deref().ok_or_else(|| GrantRefusal::missing_field("username"))?;
            let password = request.password.as_deref().ok_or_else(|| GrantRefusal::missing_field("password"))?;
            let requested = Requested::read(request, None)?;
            check_secret(context, &known, request)?;
            let sign_in = password::sign_in(context, &tenant, username, password).await?;
            trail.user.clone_from(&sign_in.user.username);
            for_user(context, request, authority, application, sign_in, requested, trail).await
        }
        Grant::RefreshToken => {
            let token = request.refresh_token.as_deref().ok_or_else(|| GrantRefusal::missing_field("refresh_token"))?;
            refresh::check_shape(token)?;
            check_secret(context, &known, request)?;
            let sign_in = refresh::sign_in(context, &tenant, application, token).await?;
            trail.user.clone_from(&sign_in.user.username);
            let requested = Requested::read(request, sign_in.resource.as_deref())?;
            for_user(context, request, authority, application, sign_in, requested, trail).await
        }
        Grant::ClientCredentials => {
            let requested = Requested::read_for_application(request)?;
            check_secret(context, &known, request)?;
            let management = same_resource(&requested.resource, &context.settings.management_resource);
            if !(requested.is_insights(context) || management && application.operator) {
                return Err(GrantRefusal::unknown_resource(&requested.resource).into());
            }
            answer::for_application(context, request.version, authority, application, requested)
        }
    }
}

fn grant_type(request: &TokenRequest) -> Result<Grant, GrantRefusal> {
    match request.grant_type.as_deref() {
        None => Err(GrantRefusal::missing_field("grant_type")),
        Some("password") => Ok(Grant::Password),
        // A client in the wild repeats its user name and password under this grant, without a refresh token.
        Some("refresh_token") if request.refresh_token.is_none() && request.username.is_some() && request.password.is_some() => {
            Ok(Grant::Password)
        }
        Some("refresh_token") => Ok(Grant::RefreshToken),
        Some("client_credentials") => Ok(Grant::ClientCredentials),
        Some(other) => Err(GrantRefusal::unsupported_grant(other)),
    }
}

async fn find_tenant(context: &Context, request: &TokenRequest, grant: Grant) -> Result<Arc<Tenant>, TokenFailure> {
    let reference = TenantReference::parse(&request.tenant).ok_or_else(GrantRefusal::malformed_tenant)?;
    let found = match reference {
        TenantReference::Id(id) => context.directory.tenant(id).await?,
        TenantReference::Domain(domain) => context.directory.tenant_by_domain(&domain).await?,
        TenantReference::Organizations => {
            let domain = request.username.as_deref().and_then(domain_of).ok_or_else(GrantRefusal::tenant_undetermined)?;
            let tenant = context.directory.tenant_by_domain(&domain.to_lowercase()).await?;
            return tenant.ok_or_else(|| GrantRefusal::unknown_domain().into());
        }
        TenantReference::Common if grant == Grant::Password => return Err(GrantRefusal::password_on_common().into()),
        TenantReference::Common => return Err(GrantRefusal::tenant_undetermined().into()),
    };
    found.ok_or_else(|| GrantRefusal::unknown_tenant().into())
}

fn check_secret(context: &Context, client: &Client, request: &TokenRequest) -> Result<(), TokenFailure> {
    let sent = request.client_secret.as_deref().ok_or_else(GrantRefusal::missing_secret)?;
    let secret = find_secret(sent, &client.secrets).ok_or_else(GrantRefusal::wrong_secret)?;
    if context.clock.now() >= secret.expires {
        return Err(GrantRefusal::expired_secret().into());
    }
    Ok(())
}

/// The last checks of a delegated grant: resource, permission, consent.
async fn for_user(
    context: &Context,
    request: &TokenRequest,
    authority: &str,
    application: &Application,
    sign_in: SignIn,
    requested: Requested,
    trail: &mut Trail,
) -> Result<TokenAnswer, TokenFailure> {
    if !requested.is_insights(context) {
        return Err(GrantRefusal::unknown_resource(&requested.resource).into());
    }
    let principal = context.directory.principal(application.tenant, application.id, Some(sign_in.user.id)).await?;
    let principal = principal.ok_or_else(|| GrantRefusal::unknown_client(&application.id.to_string()))?;
    match principal.delegation() {
        Ok(()) => {}
        Err(Refusal::PermissionMissing) => return Err(GrantRefusal::resource_not_permitted().into()),
        Err(_) => return Err(GrantRefusal::consent_missing().into()),
    }
    answer::for_user(context, request, authority, application, sign_in, requested, trail).await
}
