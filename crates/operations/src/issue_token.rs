//! The token endpoint: exchanges a grant for an access token, for an application that acts for a user or for an application alone.
//!
//! The checks come in the platform's order: grant type, tenant, client, required fields, the shape of a refresh token, client secret, the user's
//! credential or the grant, resource, scope and consent.

mod answer;
mod authorization_code;
pub(crate) mod client;
mod device_code;
pub mod device_polls;
mod password;
mod refresh;
mod request;
pub(crate) mod resource;

use insightgate_identity::application::{Application, Permission};
use insightgate_identity::tenant::Tenant;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_identity::tokens::token::{MFA, TokenVersion};
use insightgate_identity::user::User;
use insightgate_store::{UsedToken, UserCredentials};
use uuid::Uuid;

pub use answer::TokenAnswer;
pub use request::TokenRequest;

use crate::audit::{self, Happening};
use crate::callers::directory::View;
use crate::context::Context;
use crate::credentials::wrong_secrets;
use crate::telemetry::TokenOutcome;
pub use crate::token_failure::TokenFailure;
use client::{check_secret, find_application, find_tenant};
use resource::{Granted, Requested};

/// The grant type of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Password,
    RefreshToken,
    AuthorizationCode,
    DeviceCode,
    ClientCredentials,
}

impl Grant {
    fn name(self) -> &'static str {
        match self {
            Grant::Password => "password",
            Grant::RefreshToken => "refresh_token",
            Grant::AuthorizationCode => "authorization_code",
            Grant::DeviceCode => "device_code",
            Grant::ClientCredentials => "client_credentials",
        }
    }
}

/// Who signed in, and how.
struct SignIn {
    user: User,
    /// The authentication methods, separated by blanks.
    amr: String,
    /// The credential that this answer redeems.
    spent: Spent,
    /// What an earlier step was granted, for a request that does not repeat it.
    granted: Option<Granted>,
    /// The nonce of the authorization request, for the id token.
    nonce: Option<String>,
}

/// The credential of a request. One that is good for a single answer is redeemed only after every check has passed.
enum Spent {
    /// Good for any number of answers, as long as it is the user's password.
    Password(Box<UserCredentials>),
    Refresh {
        used: UsedToken,
        family: Uuid,
    },
    Code {
        digest: String,
        family: Uuid,
    },
    Device {
        digest: String,
    },
}

/// Issues the tokens that the request asks for. `authority` is the address that the client reached, without a final slash.
///
/// # Errors
/// When the grant is refused, or the database does not answer.
pub async fn issue_token(
    context: &Context,
    request: &TokenRequest,
    authority: &str,
    correlation: &str,
) -> Result<TokenAnswer, TokenFailure> {
    let mut trail = Trail::new(request, correlation);
    let granted = grant(context, request, authority, &mut trail).await;
    let outcome = granted.map_err(|failure| slowed(context, request, &trail, failure));
    context.telemetry.token(grant_type(request).map_or("other", Grant::name), counted(&outcome));
    let (action, detail) = match &outcome {
        Ok(_) if trail.recorded => return outcome,
        Ok(answer) => (ISSUED, answer.resource.clone()),
        Err(TokenFailure::Refused(refusal)) if trail.proven => (REFUSED, refusal.to_string()),
        Err(TokenFailure::Refused(refusal)) => {
            let happening = trail.happening(REFUSED, refusal.to_string());
            audit::count(context, happening, refusal.code.to_string(), request.address);
            return outcome;
        }
        Err(TokenFailure::Internal(_)) => return outcome,
    };
    audit::record(context, trail.happening(action, detail)).await;
    outcome
}

/// Counts a wrong client secret. Of the console's form every refusal counts, whatever it is about, so that the count does not tell which ids there are.
fn slowed(context: &Context, request: &TokenRequest, trail: &Trail, failure: TokenFailure) -> TokenFailure {
    let TokenFailure::Refused(refusal) = failure else { return failure };
    if !refusal.is_wrong_secret() && (trail.proven || !request.of_console) {
        return refusal.into();
    }
    let sent = (request.client_id.as_deref().unwrap_or_default(), request.client_secret.as_deref().unwrap_or_default());
    wrong_secrets::count(context, sent, request.address).unwrap_or(refusal).into()
}

fn counted(outcome: &Result<TokenAnswer, TokenFailure>) -> TokenOutcome {
    match outcome {
        Ok(_) => TokenOutcome::Issued,
        Err(TokenFailure::Refused(refusal)) => TokenOutcome::Refused(refusal.code),
        Err(TokenFailure::Internal(_)) => TokenOutcome::Failed,
    }
}

const ISSUED: &str = "token.issue";
const REFUSED: &str = "token.refuse";

/// What is known of a request so far, for its audit event.
struct Trail {
    tenant: Option<Uuid>,
    /// The sign-in name that was sent, until it is the name of a user who was recognised.
    user: String,
    client: String,
    correlation: String,
    /// Whether the application sent its secret, or the user a valid credential.
    proven: bool,
    /// Whether the audit event was already written, in the transaction of the grant.
    recorded: bool,
}

impl Trail {
    fn new(request: &TokenRequest, correlation: &str) -> Trail {
        let (user, client) = (shortened(request.username.as_deref()), shortened(request.client_id.as_deref()));
        Trail { tenant: None, user, client, correlation: correlation.to_owned(), proven: false, recorded: false }
    }

    fn happening<'a>(&self, action: &'a str, detail: String) -> Happening<'a> {
        let (actor, subject, correlation) = (self.client.clone(), self.user.clone(), Some(self.correlation.clone()));
        // Only with a tenant can the text be checked to be a user name. It could be a password that was typed into the wrong field.
        let subject = if self.tenant.is_some() { subject } else { String::new() };
        Happening { tenant: self.tenant, actor, action, subject, detail, correlation }
    }
}

fn shortened(text: Option<&str>) -> String {
    text.unwrap_or_default().chars().take(200).collect()
}

async fn grant(context: &Context, request: &TokenRequest, authority: &str, trail: &mut Trail) -> Result<TokenAnswer, TokenFailure> {
    let grant = grant_type(request)?;
    let directory = &context.directory.view();
    let tenant = find_tenant(context, directory, request, grant).await?;
    trail.tenant = Some(tenant.id);
    trail.user = audit::sign_in_name(&trail.user, &tenant);
    let application = find_application(directory, &tenant, request.client_id.as_deref()).await?;
    let requested =
        |granted: Option<&Granted>| Requested::read(request.version, request.resource.as_deref(), request.scope.as_deref(), granted);
    let field = |value: &'_ Option<String>, name| value.clone().ok_or_else(|| GrantRefusal::missing_field(name));
    let sign_in = match grant {
        Grant::Password => {
            let (username, password) = (field(&request.username, "username")?, field(&request.password, "password")?);
            requested(None)?;
            prove(context, directory, &application, request, trail).await?;
            password::sign_in(context, &tenant, request, &username, &password).await?
        }
        Grant::RefreshToken => {
            let token = field(&request.refresh_token, "refresh_token")?;
            refresh::check_shape(&token)?;
            prove(context, directory, &application, request, trail).await?;
            refresh::sign_in(context, directory, &tenant, &application, &token, trail).await?
        }
        Grant::AuthorizationCode => {
            let code = field(&request.code, "code")?;
            authorization_code::check_shape(&code)?;
            prove(context, directory, &application, request, trail).await?;
            let (redirect, verifier) = (request.redirect_uri.as_deref(), request.code_verifier.as_deref());
            authorization_code::sign_in(context, directory, &tenant, &application, &code, (redirect, verifier), trail).await?
        }
        Grant::DeviceCode => {
            let code = field(&request.device_code, "device_code")?;
            prove(context, directory, &application, request, trail).await?;
            device_code::sign_in(context, directory, &tenant, &application, &code).await?
        }
        Grant::ClientCredentials => {
            let requested = Requested::read_for_application(request)?;
            prove(context, directory, &application, request, trail).await?;
            if application.public {
                return Err(GrantRefusal::public_client_alone().into());
            }
            let roles = application_roles(context, directory, &tenant, &application, &requested).await?;
            return answer::for_application(context, request.version, authority, &application, roles, requested);
        }
    };
    trail.proven = true;
    trail.user.clone_from(&sign_in.user.username);
    let requested = requested(sign_in.granted.as_ref())?;
    let permission = permitted(context, directory, &tenant, &application, &sign_in, &requested).await?;
    check_policy(context, request.version, &sign_in)?;
    answer::for_user(context, request, authority, &application, (permission, requested), sign_in, trail).await
}

/// Checks the client secret. A public application has none, so that only its users can prove who they are.
async fn prove(
    context: &Context,
    directory: &View<'_>,
    application: &Application,
    request: &TokenRequest,
    trail: &mut Trail,
) -> Result<(), TokenFailure> {
    check_secret(context, directory, application, request).await?;
    trail.proven = !application.public;
    Ok(())
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
        Some("authorization_code") => Ok(Grant::AuthorizationCode),
        // Version 1 uses the short name.
        Some("urn:ietf:params:oauth:grant-type:device_code" | "device_code") => Ok(Grant::DeviceCode),
        Some("client_credentials") => Ok(Grant::ClientCredentials),
        Some(other) => Err(GrantRefusal::unsupported_grant(other)),
    }
}

/// Whether the text has the shape of what [`crate::random::Random::secret`] makes.
fn is_secret(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Checks resource, permission and consent of a delegated grant.
async fn permitted(
    context: &Context,
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    sign_in: &SignIn,
    requested: &Requested,
) -> Result<Permission, TokenFailure> {
    let permission = requested.permission(context)?;
    let principal = directory.principal(tenant.id, application.id, Some(sign_in.user.id)).await?;
    let principal = principal.ok_or_else(|| GrantRefusal::unknown_client(&application.id.to_string()))?;
    if !principal.requested.contains(&permission) {
        return Err(requested.not_permitted(permission).into());
    }
    if !principal.consented.contains(&permission) {
        return Err(GrantRefusal::consent_missing().into());
    }
    Ok(permission)
}

/// Checks that the sign-in was strong enough. A user who has set up a second factor must use it, even if the deployment requires none.
fn check_policy(context: &Context, version: TokenVersion, sign_in: &SignIn) -> Result<(), GrantRefusal> {
    if is_multi_factor(&sign_in.amr) {
        Ok(())
    } else if sign_in.user.totp {
        Err(GrantRefusal::second_factor(version))
    } else if context.settings.require_mfa {
        Err(GrantRefusal::enrolment(version))
    } else {
        Ok(())
    }
}

pub(crate) fn is_multi_factor(amr: &str) -> bool {
    amr.split_whitespace().any(|method| method == MFA)
}

/// The `roles` of an application alone: the management API needs one, the insights API has none.
async fn application_roles(
    context: &Context,
    directory: &View<'_>,
    tenant: &Tenant,
    application: &Application,
    requested: &Requested,
) -> Result<Vec<String>, TokenFailure> {
    if requested.is_insights(context) {
        return Ok(Vec::new());
    }
    let permission = Permission::ManagementApplication;
    let principal = directory.principal(tenant.id, application.id, None).await?;
    let (asked_for, consented) =
        principal.map_or((false, false), |held| (held.requested.contains(&permission), held.consented.contains(&permission)));
    match (requested.is_management(context), application.operator || consented) {
        (true, true) => Ok(vec![permission.name().to_owned()]),
        (true, false) if asked_for => Err(GrantRefusal::consent_missing().into()),
        _ => Err(GrantRefusal::unknown_resource(&requested.resource).into()),
    }
}
