//! Refusals of the token endpoint, with the platform's numbers.
//!
//! Source of numbers, error values and statuses: the public list of authentication error codes. The texts are our own.

mod interactive;
mod meanings;
mod ordered;

use std::fmt;

use chrono::TimeDelta;

/// A refused token request. Everything in it may be shown to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRefusal {
    /// The AADSTS number.
    pub code: u32,
    /// The OAuth error value.
    pub error: &'static str,
    pub status: u16,
    pub text: String,
    pub suberror: Option<&'static str>,
    /// After how many seconds the same request may be granted.
    pub retry_after: Option<u32>,
}

impl GrantRefusal {
    fn new(code: u32, error: &'static str, status: u16, text: impl Into<String>) -> Self {
        GrantRefusal { code, error, status, text: text.into(), suberror: None, retry_after: None }
    }

    /// Adds the time to wait, in whole seconds, at least one.
    #[must_use]
    pub fn after(self, wait: TimeDelta) -> Self {
        let seconds = (wait.num_milliseconds().max(0) + 999) / 1000;
        GrantRefusal { retry_after: Some(u32::try_from(seconds).unwrap_or(u32::MAX).max(1)), ..self }
    }

    pub fn missing_field(name: &str) -> Self {
        Self::new(900144, "invalid_request", 400, format!("The request body must contain the following parameter: '{name}'."))
    }

    pub fn unsupported_grant(grant: &str) -> Self {
        let shown: String = grant.chars().take(64).collect();
        Self::new(70003, "unsupported_grant_type", 400, format!("The grant type '{shown}' is not supported."))
    }

    pub fn wrong_verb() -> Self {
        Self::new(900561, "invalid_request", 400, "The endpoint only accepts POST requests.")
    }

    pub fn malformed(what: &str) -> Self {
        Self::new(90013, "invalid_request", 400, format!("The request is malformed: {what}."))
    }

    pub fn malformed_tenant() -> Self {
        Self::new(900023, "invalid_request", 400, "The tenant in the address is neither an id nor a domain name.")
    }

    pub fn unknown_tenant() -> Self {
        Self::new(90002, "invalid_request", 400, "The tenant does not exist. Check that the tenant id or domain in the address is right.")
    }

    /// The built-in authority is off, so that it knows no tenant.
    pub fn authority_off() -> Self {
        let text = "This server issues no tokens: get one from the issuer that it trusts.";
        Self::new(90002, "invalid_request", 404, text)
    }

    pub fn unknown_domain() -> Self {
        Self::new(50128, "invalid_request", 400, "The domain of the user name belongs to no tenant.")
    }

    pub fn tenant_undetermined() -> Self {
        Self::new(50059, "invalid_request", 400, "The request names no tenant, and none can be derived from the credentials.")
    }

    pub fn password_on_common() -> Self {
        Self::new(9001023, "invalid_request", 400, "The password grant is not available on /common or /consumers: name the tenant.")
    }

    pub fn unknown_client(client: &str) -> Self {
        let shown: String = client.chars().take(64).collect();
        Self::new(700016, "unauthorized_client", 400, format!("The application '{shown}' was not found in the tenant."))
    }

    pub fn disabled_client() -> Self {
        Self::new(7000112, "unauthorized_client", 400, "The application is disabled.")
    }

    pub fn missing_secret() -> Self {
        Self::new(7000218, "invalid_client", 401, "The request body must contain the following parameter: 'client_secret'.")
    }

    pub fn assertion_not_taken() -> Self {
        let text = "Client assertions (certificates, federated credentials) are not supported: send 'client_secret' instead of 'client_assertion'.";
        Self::new(70002, "invalid_client", 401, text)
    }

    pub fn wrong_secret() -> Self {
        Self::new(7000215, "invalid_client", 401, "The client secret is wrong. Send the secret's value, not its id.")
    }

    pub fn expired_secret() -> Self {
        Self::new(7000222, "invalid_client", 401, "The client secret has expired. Add a new one to the application.")
    }

    pub fn is_wrong_secret(&self) -> bool {
        self.code == Self::wrong_secret().code
    }

    /// The refusal of a wrong secret from an address that sent too many. A right one is taken all the same.
    pub fn too_many_secrets() -> Self {
        let text =
            "Too many wrong client secrets came from this address. A right one is taken at any time; before another one is tried, wait.";
        Self::new(90055, "temporarily_unavailable", 429, text)
    }

    /// An unknown user and a wrong password get the same answer.
    pub fn wrong_credentials() -> Self {
        Self::new(50126, "invalid_grant", 400, "The user name or the password is wrong.")
    }

    pub fn locked() -> Self {
        Self::new(50053, "invalid_grant", 400, "The account is locked after too many wrong passwords. Wait and try again.")
    }

    pub fn disabled_user() -> Self {
        Self::new(50057, "invalid_grant", 400, "The user account is disabled.")
    }

    pub fn unknown_resource(resource: &str) -> Self {
        let shown: String = resource.chars().take(128).collect();
        Self::new(500011, "invalid_resource", 400, format!("The resource '{shown}' was not found in the tenant."))
    }

    pub fn resource_not_permitted() -> Self {
        let text = "The application's permissions do not list the resource. Add the permission to the Microsoft Partner API.";
        Self::new(650057, "invalid_resource", 400, text)
    }

    pub fn resource_on_v2() -> Self {
        Self::new(901002, "invalid_request", 400, "The parameter 'resource' is not supported on the v2.0 endpoint: use 'scope'.")
    }

    pub fn bad_scope(scope: &str) -> Self {
        let shown: String = scope.chars().take(128).collect();
        Self::new(70011, "invalid_scope", 400, format!("The scope '{shown}' is not valid."))
    }

    pub fn scope_without_default() -> Self {
        let text = "With client_credentials the scope must be the resource followed by '/.default'.";
        Self::new(1002012, "invalid_scope", 400, text)
    }

    pub fn consent_missing() -> Self {
        let text = "Neither the user nor an administrator has consented to the application.";
        GrantRefusal { suberror: Some("consent_required"), ..Self::new(65001, "invalid_grant", 400, text) }
    }

    pub fn malformed_refresh_token() -> Self {
        Self::new(9002313, "invalid_grant", 400, "The refresh token is not well-formed.")
    }

    pub fn unknown_refresh_token() -> Self {
        Self::new(70000, "invalid_grant", 400, "The refresh token is invalid or was not issued to this application.")
    }

    pub fn expired_refresh_token() -> Self {
        Self::new(700082, "invalid_grant", 400, "The refresh token has expired through inactivity. Sign in again.")
    }

    pub fn revoked_refresh_token() -> Self {
        let text = "The grant was revoked. Sign in again.";
        GrantRefusal { suberror: Some("bad_token"), ..Self::new(50173, "invalid_grant", 400, text) }
    }

    pub fn busy() -> Self {
        Self::new(90055, "temporarily_unavailable", 429, "Too many sign-ins at once. Try again shortly.").after(TimeDelta::seconds(2))
    }

    pub fn transient() -> Self {
        Self::new(90033, "temporarily_unavailable", 503, "A transient fault has occurred. Try again.").after(TimeDelta::seconds(2))
    }
}

impl fmt::Display for GrantRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AADSTS{}: {}", self.code, self.text)
    }
}
