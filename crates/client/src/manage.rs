//! The calls of the management API, one function each: tenants, locations, users, applications, roles, the audit trail.
//!
//! Its tokens are for [`RESOURCE`] and give no access to data. Each name or id becomes one path segment, whatever it contains.

mod runs;

use std::sync::Arc;

pub use insightgate_wire::Secret;
pub use insightgate_wire::answers::{
    Application, AuditEvent, Callback, CallbackAttempt, CallbackSecret, ClientSecret, Consent, Enrollment, Execution, ExternalIdentity,
    Listed, Location, Permission, Profile, Report, RoleAssignment, SigningKeys, Tenant, TenantLimits, TenantRuns, Totp, User,
};
use insightgate_wire::answers::{Error, Refusal};
use insightgate_wire::bodies::{Code, NewConsent, NewEnrollment, NewPassword, NewPermission, Reason, UserChange};
pub use insightgate_wire::bodies::{
    LimitsChange, NewApplication, NewClientSecret, NewExternalIdentity, NewLocation, NewRoleAssignment, NewTenant, NewUser,
};
use insightgate_wire::limits::LARGEST_PAGE;
pub use insightgate_wire::parameters::{AuditQuery, CallbackQuery, ExecutionQuery, ReportQuery};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::connection::{Connection, Reply};
use crate::error::{ClientError, ManageRefusal};
use crate::http::{body, link_parameters};
use crate::settings::{ClientSettings, Clock};
use crate::token::Token;
use crate::token::kept::TokenStore;
pub use crate::wire::manage::EnrollmentMove;

/// The resource that a token for the management API is for.
pub const RESOURCE: &str = "api://insightgate/manage";

const TENANTS: &str = "tenants";
const ENROLLMENTS: &str = "enrollments";
const LOCATIONS: &str = "locations";
const USERS: &str = "users";
const APPLICATIONS: &str = "applications";
const SECRETS: &str = "secrets";
const PERMISSIONS: &str = "permissions";
const CONSENTS: &str = "consents";
const ROLE_ASSIGNMENTS: &str = "roleAssignments";
const EXTERNAL_IDENTITIES: &str = "externalIdentities";
const AUDIT: &str = "audit";
const CALLBACKS: &str = "callbacks";
const CALLBACK_SECRETS: &str = "callbackSecrets";

/// A call without parameters.
const NOTHING: [(&str, &str); 0] = [];

/// A client for an operator, or for an administrator of one tenant. `tenant` is always an id or a domain, and `user` an id or a sign-in name.
pub struct ManageClient(Connection);

impl ManageClient {
    /// # Errors
    /// When a certificate cannot be read, or the client cannot be made.
    pub fn new(settings: ClientSettings, clock: Clock) -> Result<ManageClient, ClientError> {
        Connection::new(settings, clock).map(ManageClient)
    }

    /// A token for the management API: the one in use, or a new one.
    ///
    /// # Errors
    /// When no token is granted.
    pub async fn token(&self) -> Result<Token, ClientError> {
        self.0.tokens().token().await
    }

    /// A token that the authority issues now: by the refresh token when there is one, else by signing in.
    ///
    /// # Errors
    /// When no token is granted.
    pub async fn new_token(&self) -> Result<Token, ClientError> {
        self.0.tokens().new_token().await
    }

    /// Keeps tokens there between executions, and uses those that are kept.
    #[must_use]
    pub fn keeping_tokens(mut self, store: Arc<dyn TokenStore>) -> ManageClient {
        self.0.keep_tokens_in(store);
        self
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn tenants(&self) -> Result<Listed<Tenant>, ClientError> {
        self.list(&[TENANTS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn tenant(&self, tenant: &str) -> Result<Tenant, ClientError> {
        self.get(&[TENANTS, tenant]).await
    }

    /// The profile may be of any form: the server checks it.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn enroll_tenant<P: Serialize>(&self, tenant: &NewTenant<P>) -> Result<Tenant, ClientError> {
        self.change(Method::POST, &[TENANTS], Some(body(tenant)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn delete_tenant(&self, tenant: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant], &NOTHING).await
    }

    /// Enrolls an existing tenant in a further program.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn enroll(&self, tenant: &str, program: &str) -> Result<Enrollment, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, ENROLLMENTS], Some(body(&NewEnrollment { program: Some(program.to_owned()) })?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn move_enrollment(&self, tenant: &str, program: &str, to: EnrollmentMove<'_>) -> Result<Enrollment, ClientError> {
        let (action, body) = match to {
            EnrollmentMove::SendCode => ("sendCode", None),
            EnrollmentMove::Verify { code } => ("verify", Some(body(&Code { code: Some(code.to_owned()) })?)),
            EnrollmentMove::Activate => ("activate", None),
            EnrollmentMove::Reject { reason } => ("reject", Some(body(&Reason { reason: Some(reason.to_owned()) })?)),
            EnrollmentMove::Suspend { reason } => ("suspend", Some(body(&Reason { reason: Some(reason.to_owned()) })?)),
            EnrollmentMove::Reactivate => ("reactivate", None),
        };
        self.change(Method::POST, &[TENANTS, tenant, ENROLLMENTS, program, action], body).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn locations(&self, tenant: &str) -> Result<Listed<Location>, ClientError> {
        self.list(&[TENANTS, tenant, LOCATIONS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_location(&self, tenant: &str, location: &NewLocation) -> Result<Location, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, LOCATIONS], Some(body(location)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn users(&self, tenant: &str) -> Result<Listed<User>, ClientError> {
        self.list(&[TENANTS, tenant, USERS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn user(&self, tenant: &str, user: &str) -> Result<User, ClientError> {
        self.get(&[TENANTS, tenant, USERS, user]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_user(&self, tenant: &str, user: &NewUser) -> Result<User, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, USERS], Some(body(user)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn set_user_enabled(&self, tenant: &str, user: &str, enabled: bool) -> Result<User, ClientError> {
        self.change(Method::PATCH, &[TENANTS, tenant, USERS, user], Some(body(&UserChange { enabled: Some(enabled), display_name: None })?))
            .await
    }

    /// Sets the password. With `must_change`, the user has to choose another one at the next sign-in.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn set_password(&self, tenant: &str, user: &str, password: &Secret, must_change: bool) -> Result<(), ClientError> {
        let password = NewPassword { password: Some(password.clone()), must_change };
        self.act(Method::PUT, &[TENANTS, tenant, USERS, user, "password"], Some(body(&password)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_totp(&self, tenant: &str, user: &str) -> Result<Totp, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, USERS, user, "totp"], None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn reset_totp(&self, tenant: &str, user: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, USERS, user, "totp"], &NOTHING).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn applications(&self, tenant: &str) -> Result<Listed<Application>, ClientError> {
        self.list(&[TENANTS, tenant, APPLICATIONS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn application(&self, tenant: &str, application: &str) -> Result<Application, ClientError> {
        self.get(&[TENANTS, tenant, APPLICATIONS, application]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn register_application(&self, tenant: &str, application: &NewApplication) -> Result<Application, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, APPLICATIONS], Some(body(application)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn secrets(&self, tenant: &str, application: &str) -> Result<Listed<ClientSecret>, ClientError> {
        self.list(&[TENANTS, tenant, APPLICATIONS, application, SECRETS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_secret(&self, tenant: &str, application: &str, secret: &NewClientSecret) -> Result<ClientSecret, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, APPLICATIONS, application, SECRETS], Some(body(secret)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn revoke_secret(&self, tenant: &str, application: &str, secret: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, APPLICATIONS, application, SECRETS, secret], &NOTHING).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn permissions(&self, tenant: &str, application: &str) -> Result<Listed<Permission>, ClientError> {
        self.list(&[TENANTS, tenant, APPLICATIONS, application, PERMISSIONS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_permission(&self, tenant: &str, application: &str, permission: &str) -> Result<Permission, ClientError> {
        let permission = NewPermission { permission: Some(permission.to_owned()) };
        self.change(Method::POST, &[TENANTS, tenant, APPLICATIONS, application, PERMISSIONS], Some(body(&permission)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn remove_permission(&self, tenant: &str, application: &str, permission: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, APPLICATIONS, application, PERMISSIONS, permission], &NOTHING).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn consents(&self, tenant: &str, application: &str) -> Result<Listed<Consent>, ClientError> {
        self.list(&[TENANTS, tenant, APPLICATIONS, application, CONSENTS]).await
    }

    /// Grants a consent for one user, or without a user for the whole tenant.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn grant_consent(
        &self,
        tenant: &str,
        application: &str,
        permission: &str,
        user: Option<&str>,
    ) -> Result<Consent, ClientError> {
        let consent = NewConsent { permission: Some(permission.to_owned()), user: user.map(str::to_owned) };
        self.change(Method::POST, &[TENANTS, tenant, APPLICATIONS, application, CONSENTS], Some(body(&consent)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn revoke_consent(&self, tenant: &str, application: &str, permission: &str, user: Option<&str>) -> Result<(), ClientError> {
        let query: Vec<_> = user.map(|user| ("user", user)).into_iter().collect();
        self.delete(&[TENANTS, tenant, APPLICATIONS, application, CONSENTS, permission], &query).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn role_assignments(&self, tenant: &str) -> Result<Listed<RoleAssignment>, ClientError> {
        self.list(&[TENANTS, tenant, ROLE_ASSIGNMENTS]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn assign_role(&self, tenant: &str, assignment: &NewRoleAssignment) -> Result<RoleAssignment, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, ROLE_ASSIGNMENTS], Some(body(assignment)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn revoke_role(&self, tenant: &str, assignee: &str, role: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, ROLE_ASSIGNMENTS, assignee, role], &NOTHING).await
    }

    /// Returns the newest `limit` events that match the filter, of one tenant or, for operators, of all tenants.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn audit(&self, tenant: Option<&str>, filter: &AuditQuery, limit: usize) -> Result<Listed<AuditEvent>, ClientError> {
        let segments = match tenant {
            Some(tenant) => vec![TENANTS, tenant, AUDIT],
            None => vec![AUDIT],
        };
        let query = parameters(&AuditQuery { page_size: page_size(limit), ..filter.clone() })?;
        let mut listed = self.pages(&segments, query, limit).await?;
        listed.value.truncate(limit);
        Ok(listed)
    }

    /// Returns the newest `limit` callbacks that match the filter, of the caller's tenant or, for operators, of all tenants.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn callbacks(&self, filter: &CallbackQuery, limit: usize) -> Result<Listed<Callback>, ClientError> {
        let query = parameters(&CallbackQuery { page_size: page_size(limit), ..filter.clone() })?;
        let mut listed = self.pages(&[CALLBACKS], query, limit).await?;
        listed.value.truncate(limit);
        Ok(listed)
    }

    /// Returns a callback with its attempts.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn callback(&self, callback: &str) -> Result<Callback, ClientError> {
        self.get(&[CALLBACKS, callback]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn replay_callback(&self, callback: &str) -> Result<Callback, ClientError> {
        self.change(Method::POST, &[CALLBACKS, callback, "replay"], None).await
    }

    /// Returns the owner's secrets. `owner` is a user's id or sign-in name, or an application's id.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn callback_secrets(&self, tenant: &str, owner: &str) -> Result<Listed<CallbackSecret>, ClientError> {
        self.list(&[TENANTS, tenant, CALLBACK_SECRETS, owner]).await
    }

    /// Adds a secret. The previous secret also signs for another day.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn add_callback_secret(&self, tenant: &str, owner: &str) -> Result<CallbackSecret, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, CALLBACK_SECRETS, owner], None).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn revoke_callback_secret(&self, tenant: &str, owner: &str, secret: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, CALLBACK_SECRETS, owner, secret], &NOTHING).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn external_identities(&self, tenant: &str) -> Result<Listed<ExternalIdentity>, ClientError> {
        self.list(&[TENANTS, tenant, EXTERNAL_IDENTITIES]).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn bind_external_identity(&self, tenant: &str, identity: &NewExternalIdentity) -> Result<ExternalIdentity, ClientError> {
        self.change(Method::POST, &[TENANTS, tenant, EXTERNAL_IDENTITIES], Some(body(identity)?)).await
    }

    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn unbind_external_identity(&self, tenant: &str, identity: &str) -> Result<(), ClientError> {
        self.delete(&[TENANTS, tenant, EXTERNAL_IDENTITIES, identity], &NOTHING).await
    }

    /// Makes a new signing key for the server's authority; only operators may do so. Returns the keys that are now published, the newest first.
    ///
    /// # Errors
    /// When the request cannot be sent, its answer cannot be read, or the server refuses it.
    pub async fn rotate_signing_key(&self) -> Result<SigningKeys, ClientError> {
        self.change(Method::POST, &["keys", "rotate"], None).await
    }

    async fn get<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, ClientError> {
        self.send(Method::GET, segments, &NOTHING, None).await?.read()
    }

    async fn list<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<Listed<T>, ClientError> {
        self.pages(segments, Vec::new(), usize::MAX).await
    }

    /// Follows `nextLink` until there are `enough` items. Only its parameters are used, so that a token is never sent to an address from an answer.
    async fn pages<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        mut query: Vec<(String, String)>,
        enough: usize,
    ) -> Result<Listed<T>, ClientError> {
        let mut all: Listed<T> = self.send(Method::GET, segments, &query, None).await?.read()?;
        while let Some(next) = all.next_link.as_deref().filter(|_| all.value.len() < enough) {
            let further = link_parameters(next);
            if further == query {
                // Following a link to the page itself would never end.
                break;
            }
            query = further;
            let page: Listed<T> = self.send(Method::GET, segments, &query, None).await?.read()?;
            all.value.extend(page.value);
            all.next_link = page.next_link;
        }
        Ok(all)
    }

    async fn change<T: DeserializeOwned>(&self, method: Method, segments: &[&str], body: Option<Value>) -> Result<T, ClientError> {
        self.send(method, segments, &NOTHING, body).await?.read()
    }

    async fn act(&self, method: Method, segments: &[&str], body: Option<Value>) -> Result<(), ClientError> {
        self.send(method, segments, &NOTHING, body).await.map(drop)
    }

    async fn delete(&self, segments: &[&str], query: &impl Serialize) -> Result<(), ClientError> {
        self.send(Method::DELETE, segments, query, None).await.map(drop)
    }

    async fn send(&self, method: Method, segments: &[&str], query: &impl Serialize, body: Option<Value>) -> Result<Reply, ClientError> {
        if let Some(wrong) = segments.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            // A URL cannot contain them: the call would reach another object.
            return Err(ClientError::Settings(format!("'{wrong}' is not a name or an id")));
        }
        self.0.send(method, segments, query, body, refused).await
    }
}

fn page_size(limit: usize) -> Option<String> {
    Some(limit.clamp(1, LARGEST_PAGE as usize).to_string())
}

fn parameters(filter: &impl Serialize) -> Result<Vec<(String, String)>, ClientError> {
    let Value::Object(fields) = body(filter)? else { return Ok(Vec::new()) };
    let text = |value: Value| value.as_str().map(str::to_owned);
    Ok(fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
}

fn refused(status: StatusCode, headers: HeaderMap, bytes: &[u8]) -> ClientError {
    // A gateway in front may answer with a page instead.
    let Refusal { code, message, correlation_id, .. } = serde_json::from_slice::<Error>(bytes).unwrap_or_default().error;
    let of_headers = || headers.get("ms-correlationid").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let correlation = Some(correlation_id).filter(|id| !id.is_empty()).or_else(of_headers);
    ClientError::Managed(Box::new(ManageRefusal { status: status.as_u16(), code, message, correlation }))
}

#[cfg(test)]
#[path = "manage/tests.rs"]
mod tests;
