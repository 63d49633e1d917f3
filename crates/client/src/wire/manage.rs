//! The wire types of the management API, in camelCase both ways.
//!
//! Fields that this crate does not know are kept in `more`, so that nothing in an answer is lost. Values that are shown only once are left out of debug forms.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::null_as_default;

/// A password or secret in a request. Its debug form shows nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// A list with all of its pages, or with the first ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: serde::de::DeserializeOwned"))]
pub struct Listed<T> {
    #[serde(default, deserialize_with = "null_as_default")]
    pub value: Vec<T>,
    #[serde(default)]
    pub next_link: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub total_count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    pub id: String,
    pub domain: String,
    pub name: String,
    #[serde(default)]
    pub global_account_id: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub enrollments: Vec<Enrollment>,
    /// The code for the contact, which is shown only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<Secret>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An organisation to enroll. `profile` has the fields of the legal business profile under their documented names.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTenant {
    pub domain: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub global_account_id: Option<String>,
    pub program: String,
    pub profile: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrollment {
    pub program: String,
    /// The stage, such as `EmailVerification`.
    pub stage: String,
    /// The overall status, such as `Pending`.
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
    /// The code for the contact, which is shown only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_code: Option<Secret>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A step of an enrollment.
#[derive(Debug, Clone, PartialEq)]
pub enum EnrollmentMove<'a> {
    SendCode,
    Verify { code: &'a str },
    Activate,
    Reject { reason: &'a str },
    Suspend { reason: &'a str },
    Reactivate,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    pub mpn_id: String,
    pub name: String,
    pub country: String,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: String,
    pub username: String,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub enabled: bool,
    /// The state of the password: `Set`, `MustChange` or `Absent`.
    #[serde(default)]
    pub password: Option<String>,
    /// Whether the user has a second factor.
    #[serde(default, deserialize_with = "null_as_default")]
    pub totp: bool,
    /// Set after too many wrong passwords.
    #[serde(default)]
    pub locked_until: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    pub username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A user without a password signs in elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// An authenticator's secret, which is shown only once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totp {
    /// The secret in Base32.
    pub secret: Secret,
    /// The `otpauth://…` URI for a QR code, which contains the secret too.
    pub uri: Secret,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The client id.
    pub id: String,
    pub name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub enabled: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub public: bool,
    /// Whether the application manages every tenant.
    #[serde(default, deserialize_with = "null_as_default")]
    pub operator: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    pub redirect_uris: Vec<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewApplication {
    pub name: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// Whether the application manages every tenant.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub operator: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientSecret {
    pub id: String,
    /// The secret, which is shown only when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The first characters of the secret.
    #[serde(default)]
    pub hint: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub created: Option<String>,
    #[serde(default)]
    pub expires: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct NewClientSecret {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The days until the secret expires; the API's default is two years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// The name of the permission: `user_impersonation`, `management` or `Management.ReadWrite.All`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    pub permission: String,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A consent without a user is for the whole tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Consent {
    pub permission: String,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An assignment without locations is for the whole organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoleAssignment {
    /// The user or application that has the role.
    pub assignee: String,
    pub role: String,
    #[serde(default)]
    pub locations: Option<Vec<String>>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An external issuer's identifier, and the local identity for which it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalIdentity {
    pub id: String,
    pub issuer: String,
    #[serde(default)]
    pub external_tenant: Option<String>,
    pub kind: String,
    #[serde(default)]
    pub external_id: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub application: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewExternalIdentity {
    pub issuer: String,
    /// `tenant`, `application` or `user`.
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningKeys {
    pub key_ids: Vec<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    pub id: String,
    pub at: String,
    #[serde(default)]
    pub tenant: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub actor: String,
    pub action: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub subject: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub detail: String,
    #[serde(default)]
    pub correlation_id: Option<String>,
    /// How often the event happened within the minute; 1 for a single event.
    #[serde(default = "once")]
    pub occurrences: u64,
    /// The address of a caller who did not authenticate.
    #[serde(default)]
    pub address: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

fn once() -> u64 {
    1
}

/// Each field narrows the list. Times are written as `2026-11-22T12:00:00Z`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A call to a report's CallbackUrl.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Callback {
    pub id: String,
    pub report_id: String,
    pub execution_id: String,
    /// How the execution ended: `completed` or `failed`.
    pub event: String,
    pub method: String,
    /// The URL without its query, which may contain the receiver's key.
    pub url: String,
    /// `pending`, `delivered`, `failed` or `cancelled`.
    pub state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub attempt_count: u64,
    pub created: String,
    /// When the next attempt is due, or when the last one was due.
    pub due: String,
    #[serde(default)]
    pub finished: Option<String>,
    /// Only present in the answer for a single callback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<CallbackAttempt>>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackAttempt {
    pub number: u64,
    pub at: String,
    #[serde(default)]
    pub milliseconds: Option<u64>,
    #[serde(default)]
    pub http_status: Option<u16>,
    /// Why there is no status.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Each field narrows the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallbackFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A secret that signs callbacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallbackSecret {
    pub id: String,
    /// The secret, which is shown only when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    #[serde(default)]
    pub created: Option<String>,
    /// `None` for the current secret.
    #[serde(default)]
    pub expires: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[cfg(test)]
#[path = "manage/tests.rs"]
mod tests;
