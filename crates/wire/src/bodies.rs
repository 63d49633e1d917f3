//! The bodies that the management API takes.
//!
//! A field that is left out, or sent as null, is `None`. The operation says which fields it lacks.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Secret;
use crate::forms::{
    AsInToken, AskedPermission, BusinessModelName, Days, Domain, DunsNumber, EmailAddress, Filled, Flag, Id, KindName, MpnId,
    MpnIdOrNothing, Name, Password, ProgramName, QuotaNumber, RedirectUri, RegistrationNumber, RoleId, Short, Username, Written,
    WrittenOrNothing,
};
use crate::limits::{LOCATIONS, REDIRECT_URIS};
use crate::null::{emptied, or_default, sent};

/// An organisation to enroll.
// A client may send the profile in the form in which somebody wrote it, so that the server checks it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "NewTenant", bound = "")]
pub struct NewTenant<P = ProfileChange> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Domain>")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<MpnId>")]
    pub global_account_id: Option<String>,
    /// The partner program `mpn`, unless another is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<ProgramName>")]
    pub program: Option<String>,
    /// The whole legal business profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, schema_with = "whole_profile")]
    pub profile: Option<P>,
}

/// A change. A field that is left out is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Name>")]
    pub name: Option<String>,
    /// Null or an empty text removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<MpnIdOrNothing>")]
    pub global_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileChange>,
}

/// A further program to enroll in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewEnrollment {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<ProgramName>")]
    pub program: Option<String>,
}

/// The code that was sent to the contact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Code {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub code: Option<String>,
}

/// Why an enrollment is rejected or suspended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub reason: Option<String>,
}

/// Numbers for one tenant. A field that is left out is kept; null makes it what every tenant has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsChange {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sent")]
    #[schemars(with = "Option<QuotaNumber>")]
    pub active_reports: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sent")]
    #[schemars(with = "Option<QuotaNumber>")]
    pub execute_now_reports: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sent")]
    #[schemars(with = "Option<QuotaNumber>")]
    pub queries: Option<Option<i64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sent")]
    #[schemars(with = "Option<QuotaNumber>")]
    pub artifact_gib: Option<Option<i64>>,
}

/// A location to add.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewLocation {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<MpnId>")]
    pub mpn_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub country: Option<String>,
}

/// A user to add.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Username>")]
    pub username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short>")]
    pub display_name: Option<String>,
    /// A user without a password signs in elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Password>")]
    pub password: Option<Secret>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    #[schemars(with = "Option<Flag>")]
    pub must_change_password: bool,
    /// Only operators may choose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub id: Option<String>,
}

/// A change. A field that is left out is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Flag>")]
    pub enabled: Option<bool>,
    /// Null or an empty text removes it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<Short>")]
    pub display_name: Option<String>,
}

/// A password for a user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Password")]
pub struct NewPassword {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Password>")]
    pub password: Option<Secret>,
    /// Whether the user has to choose another at the next sign-in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    #[schemars(with = "Option<Flag>")]
    pub must_change: bool,
}

/// An application to register.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewApplication {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub name: Option<String>,
    /// A public client has no secrets.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    #[schemars(with = "Option<Flag>")]
    pub public: bool,
    /// Whether the application manages every tenant. Only operators may set it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    #[schemars(with = "Option<Flag>")]
    pub operator: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    #[schemars(with = "Option<Vec<RedirectUri>>", length(max = REDIRECT_URIS))]
    pub redirect_uris: Vec<String>,
    /// Only operators may choose it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub id: Option<String>,
}

/// A change. A field that is left out is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Name>")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Flag>")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<RedirectUri>>", length(max = REDIRECT_URIS))]
    pub redirect_uris: Option<Vec<String>>,
}

/// A secret to add.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewClientSecret {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short>")]
    pub description: Option<String>,
    /// The days until the secret expires; the default is two years.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Days>")]
    pub days: Option<i64>,
}

/// A permission to ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewPermission {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<AskedPermission>")]
    pub permission: Option<String>,
}

/// A consent to give.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewConsent {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<AskedPermission>")]
    pub permission: Option<String>,
    /// Without a user the whole tenant consents.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Filled>")]
    pub user: Option<String>,
}

/// An identifier of an external issuer to bind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewExternalIdentity {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<AsInToken>")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AsInToken>")]
    pub external_tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<KindName>")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<AsInToken>")]
    pub external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Filled>")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Id>")]
    pub application: Option<String>,
}

/// A role to give.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewRoleAssignment {
    /// A user, by id or sign-in name, or an application, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<Name>")]
    pub assignee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<RoleId>")]
    pub role: Option<String>,
    /// Locations, by MPN id. Without any the role covers the whole organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Filled>>", length(min = 1, max = LOCATIONS))]
    pub locations: Option<Vec<String>>,
}

/// Fields of a legal business profile. Null or an empty text removes a field that a profile may lack.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct ProfileChange {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub company_legal_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub address_line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<WrittenOrNothing>")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<WrittenOrNothing>")]
    pub state_or_province: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub country_region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<DunsNumber>")]
    pub duns_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "sent")]
    #[schemars(with = "Option<RegistrationChange>")]
    pub registration_id: Option<Option<RegistrationChange>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub primary_contact_first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Written")]
    pub primary_contact_last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "EmailAddress")]
    pub primary_contact_email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<Short>")]
    pub primary_contact_phone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<Short>")]
    pub security_contact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "emptied")]
    #[schemars(with = "Option<BusinessModelName>")]
    pub business_model: Option<String>,
}

/// A number under which a country registers a company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub struct RegistrationChange {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Short>")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(required, with = "Option<RegistrationNumber>")]
    pub number: Option<String>,
}

/// Fields that a whole profile has.
pub(crate) const NEEDED: [&str; 8] = [
    "companyLegalName",
    "addressLine1",
    "city",
    "postalCode",
    "countryRegion",
    "primaryContactFirstName",
    "primaryContactLastName",
    "primaryContactEmail",
];

fn whole_profile(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = ProfileChange::json_schema(generator);
    schema.insert("required".to_owned(), Value::from(NEEDED.to_vec()));
    schema
}
