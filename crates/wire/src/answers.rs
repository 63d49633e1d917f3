//! The answers of the management API.
//!
//! The client also reads the answers of an older server, which lack a field, and keeps fields that it does not know in `more`. Values that are shown
//! only once are left out of debug forms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Secret;
use crate::bodies::NEEDED;
use crate::forms::{
    BusinessModelName, Count, ErrorCodeName, Flag, Id, KindName, PasswordStateName, PermissionName, ProgramName, RoleId, StageName,
    StatusName, Text, Time,
};
use crate::null::or_default;

/// Fields that this version does not know. The server sends none.
pub type More = Map<String, Value>;

mod records;
mod runs;

pub use records::{AuditEvent, Callback, CallbackAttempt, CallbackSecret, Column, Dataset};
pub use runs::{Execution, ExecutionCounts, Report, TenantLimits, TenantRuns};

/// The refusal of a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Error {
    pub error: Refusal,
}

/// Why the call is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
#[schemars(inline)]
pub struct Refusal {
    #[schemars(with = "ErrorCodeName")]
    pub code: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub message: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub correlation_id: String,
    /// The faults of a profile, field by field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<FieldFault>")]
    pub details: Option<Vec<FieldFault>>,
}

/// A field that breaks a rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
#[schemars(inline)]
pub struct FieldFault {
    #[schemars(with = "Text")]
    pub field: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub rule: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub message: String,
}

/// The keys that sign tokens, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct SigningKeys {
    #[schemars(with = "Vec<Text>")]
    pub key_ids: Vec<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// An organisation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Tenant {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Text")]
    pub domain: String,
    #[schemars(with = "Text")]
    pub name: String,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub global_account_id: Option<String>,
    #[serde(default)]
    pub profile: Option<Profile>,
    #[serde(default, deserialize_with = "or_default")]
    pub enrollments: Vec<Enrollment>,
    /// The code for the contact, which is shown only once, and only if it could not be mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub verification_code: Option<Secret>,
    /// The contact's address, to which the code goes by mail, so that it is shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub verification_code_sent_to: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A legal business profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false, "required" = NEEDED))]
pub struct Profile {
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub company_legal_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub address_line1: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub city: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub state_or_province: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub postal_code: String,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub country_region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub duns_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Registration")]
    pub registration_id: Option<Registration>,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub primary_contact_first_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub primary_contact_last_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub primary_contact_email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub primary_contact_phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub security_contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BusinessModelName")]
    pub business_model: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A number under which a country registers a company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
#[schemars(inline)]
pub struct Registration {
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub kind: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub number: String,
}

/// A tenant's enrollment in a program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Enrollment {
    #[schemars(with = "ProgramName")]
    pub program: String,
    /// The stage, such as `EmailVerification`.
    #[schemars(with = "StageName")]
    pub stage: String,
    /// The overall status, such as `Pending`.
    #[serde(default)]
    #[schemars(with = "StatusName")]
    pub status: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub reason: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub appeals: u64,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Time")]
    pub changed: String,
    /// The code for the contact, which is shown only once, and only if it could not be mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub verification_code: Option<Secret>,
    /// The contact's address, to which the code goes by mail, so that it is shown to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub verification_code_sent_to: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A location of an organisation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Location {
    #[schemars(with = "Text")]
    pub mpn_id: String,
    #[schemars(with = "Text")]
    pub name: String,
    #[schemars(with = "Text")]
    pub country: String,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct User {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Text")]
    pub username: String,
    #[serde(default)]
    #[schemars(with = "Text")]
    pub display_name: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub enabled: bool,
    /// The state of the password.
    #[serde(default)]
    #[schemars(with = "PasswordStateName")]
    pub password: Option<String>,
    /// Whether the user has a second factor.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub totp: bool,
    /// Set after too many wrong passwords.
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub locked_until: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// An authenticator's secret, which is shown only once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Totp {
    /// The secret in Base32.
    #[schemars(with = "Text")]
    pub secret: Secret,
    /// The `otpauth://…` URI for a QR code, which contains the secret too.
    #[schemars(with = "Text")]
    pub uri: Secret,
}

/// An application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Application {
    /// The client id.
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Text")]
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub enabled: bool,
    /// Whether the application manages every tenant.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub operator: bool,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub public: bool,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Vec<Text>")]
    pub redirect_uris: Vec<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// An application's secret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct ClientSecret {
    #[schemars(with = "Id")]
    pub id: String,
    /// The secret, which is shown only when it is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Text")]
    pub secret: Option<Secret>,
    /// The first characters of the secret.
    #[serde(default)]
    #[schemars(with = "Text")]
    pub hint: Option<String>,
    #[serde(default)]
    #[schemars(with = "Text")]
    pub description: Option<String>,
    #[serde(default)]
    #[schemars(with = "Time")]
    pub created: Option<String>,
    #[serde(default)]
    #[schemars(with = "Time")]
    pub expires: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A permission that an application may ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Permission {
    #[schemars(with = "PermissionName")]
    pub permission: String,
    /// Whether the permission takes effect only for a user who signs in.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub delegated: bool,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A consent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Consent {
    #[schemars(with = "PermissionName")]
    pub permission: String,
    /// `null` if the whole tenant consented.
    #[serde(default)]
    #[schemars(with = "Option<Id>")]
    pub user: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Time")]
    pub granted: String,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A role that a user or an application has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct RoleAssignment {
    /// The user or application that has the role.
    #[schemars(with = "Id")]
    pub assignee: String,
    #[schemars(with = "RoleId")]
    pub role: String,
    /// `null` for the whole organisation.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Text>>")]
    pub locations: Option<Vec<String>>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// An external issuer's identifier, and the local identity for which it stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct ExternalIdentity {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Text")]
    pub issuer: String,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub external_tenant: Option<String>,
    #[schemars(with = "KindName")]
    pub kind: String,
    #[serde(default)]
    #[schemars(with = "Text")]
    pub external_id: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Id>")]
    pub user: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Id>")]
    pub application: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Time")]
    pub created: String,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// A list: one page of it, or what the client has put together of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: serde::de::DeserializeOwned"))]
#[schemars(inline, extend("additionalProperties" = false))]
pub struct Listed<T> {
    #[serde(default, deserialize_with = "or_default")]
    pub value: Vec<T>,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub next_link: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub total_count: u64,
}

impl<T> Listed<T> {
    /// A list that is complete on one page.
    pub fn whole(value: Vec<T>) -> Listed<T> {
        let total_count = value.len() as u64;
        Listed { value, next_link: None, total_count }
    }
}
