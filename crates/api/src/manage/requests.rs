//! The bodies, path variables and query parameters that the management API takes, as the served document describes them: with the lengths and formats
//! that the operations check. A test sends each field at its bound and beyond.
//!
//! Blanks around a text do not count. A field that may be left out may also be null, which means the same.

use insightgate_identity::application::LONGEST_REDIRECT_URI;
use insightgate_identity::profile::{LONGEST_ADDRESS, LONGEST_FIELD, LONGEST_NUMBER};
use insightgate_identity::user::{MAXIMUM_PASSWORD, MINIMUM_PASSWORD};
use insightgate_operations::manage::limits::{ID_LIMIT, LARGEST_PAGE, LOCATIONS, LONGEST, LONGEST_MPN_ID, REDIRECT_URIS, SECRET_DAYS};
use insightgate_report::callback::CallbackState;
use serde_json::{Value, json};

use super::schemas::{
    OPTIONAL, REQUIRED, array, business_model, external_kind, flag, id, named_permission, nullable, one_of, program, record, role, text,
};

/// No control characters.
const PLAIN: &str = r"^[^\u0000-\u001F\u007F-\u009F]*$";
/// Latin letters with their Western European accents, digits and punctuation.
const WESTERN: &str = r"^[ -~\u00A0-\u00FFŒœŠšŽžŸ’–]*$";
const MPN_ID: &str = "^[A-Za-z0-9-]*$";
const DOMAIN: &str = r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$";
const USERNAME: &str = r"^[\p{L}\p{N}._+'!#^~-]{1,64}@[^@\s]+$";
const REGISTRATION: &str = "^[A-Za-z0-9 ./-]*$";
/// UTC; a blank may stand instead of the T.
const INSTANT: &str = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?[Zz]$";

/// Those of requests, by name.
pub(super) fn all() -> Vec<(&'static str, Value)> {
    let redirect_uris =
        || limited(array(json!({"type": "string", "format": "uri", "maxLength": LONGEST_REDIRECT_URI})), "maxItems", REDIRECT_URIS);
    let locations = limited(limited(array(filled(text())), "minItems", 1), "maxItems", LOCATIONS);
    vec![
        (
            "NewTenant",
            body(&[
                ("domain", patterned(name(), DOMAIN), REQUIRED),
                ("name", name(), REQUIRED),
                ("globalAccountId", filled(mpn_id()), OPTIONAL),
                ("program", program(), OPTIONAL),
                ("profile", profile(REQUIRED), REQUIRED),
            ]),
        ),
        (
            "TenantChange",
            // Null or empty takes the account away.
            body(&[("name", name(), OPTIONAL), ("globalAccountId", mpn_id(), OPTIONAL), ("profile", profile(OPTIONAL), OPTIONAL)]),
        ),
        ("NewEnrollment", body(&[("program", program(), REQUIRED)])),
        ("Code", body(&[("code", name(), REQUIRED)])),
        ("Reason", body(&[("reason", name(), REQUIRED)])),
        ("NewLocation", body(&[("mpnId", filled(mpn_id()), REQUIRED), ("name", name(), REQUIRED), ("country", name(), REQUIRED)])),
        (
            "NewUser",
            body(&[
                ("username", patterned(name(), USERNAME), REQUIRED),
                ("displayName", short(), OPTIONAL),
                ("password", password(), OPTIONAL),
                ("mustChangePassword", flag(), OPTIONAL),
                ("id", id(), OPTIONAL),
            ]),
        ),
        ("UserChange", body(&[("enabled", flag(), OPTIONAL), ("displayName", short(), OPTIONAL)])),
        ("Password", body(&[("password", password(), REQUIRED), ("mustChange", flag(), OPTIONAL)])),
        (
            "NewApplication",
            body(&[
                ("name", name(), REQUIRED),
                ("public", flag(), OPTIONAL),
                ("operator", flag(), OPTIONAL),
                ("redirectUris", redirect_uris(), OPTIONAL),
                ("id", id(), OPTIONAL),
            ]),
        ),
        (
            "ApplicationChange",
            body(&[("name", name(), OPTIONAL), ("enabled", flag(), OPTIONAL), ("redirectUris", redirect_uris(), OPTIONAL)]),
        ),
        (
            "NewClientSecret",
            body(&[
                ("description", short(), OPTIONAL),
                ("days", json!({"type": "integer", "minimum": 1, "maximum": SECRET_DAYS, "default": SECRET_DAYS}), OPTIONAL),
            ]),
        ),
        ("NewPermission", body(&[("permission", named_permission(), REQUIRED)])),
        ("NewConsent", body(&[("permission", named_permission(), REQUIRED), ("user", filled(text()), OPTIONAL)])),
        (
            "NewExternalIdentity",
            body(&[
                ("issuer", as_in_token(), REQUIRED),
                ("externalTenant", as_in_token(), OPTIONAL),
                ("kind", external_kind(), REQUIRED),
                ("externalId", as_in_token(), OPTIONAL),
                ("user", filled(text()), OPTIONAL),
                ("application", id(), OPTIONAL),
            ]),
        ),
        ("NewRoleAssignment", body(&[("assignee", name(), REQUIRED), ("role", role(), REQUIRED), ("locations", locations, OPTIONAL)])),
    ]
}

/// Whether a body is needed: one without a field that has to be there may be left out.
pub(super) fn is_needed(name: &str) -> bool {
    let found = all().into_iter().find(|(known, _)| *known == name);
    found.is_some_and(|(_, schema)| schema.get("required").and_then(Value::as_array).is_some_and(|required| !required.is_empty()))
}

/// Of a variable part of a path. What it names and is not there is a 404, whatever its form.
pub(super) fn variable(name: &str) -> Value {
    match name {
        "application" | "secret" | "identity" | "callback" => id(),
        "program" => program(),
        "permission" => named_permission(),
        "role" => role(),
        _ => text(),
    }
}

pub(super) fn parameter(name: &str) -> Value {
    match name {
        "from" | "to" => patterned(json!({"type": "string", "format": "date-time"}), INSTANT),
        "pageSize" => json!({"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 100}),
        "reportId" | "executionId" => id(),
        "state" => one_of(&CallbackState::ALL.iter().map(|state| state.name()).collect::<Vec<_>>()),
        "program" => program(),
        _ => text(),
    }
}

/// `whole`: with the fields that a profile has to have. Those are never taken away, the others are by null or an empty text.
fn profile(whole: bool) -> Value {
    let written = || patterned(limited(text(), "maxLength", LONGEST_FIELD), WESTERN);
    let number = patterned(filled(limited(text(), "maxLength", LONGEST_NUMBER)), REGISTRATION);
    let registration = body(&[("kind", short(), OPTIONAL), ("number", number, REQUIRED)]);
    let address = limited(filled(json!({"type": "string", "format": "email"})), "maxLength", LONGEST_ADDRESS);
    let mut needed = vec![("primaryContactEmail", address, whole)];
    for field in
        ["companyLegalName", "addressLine1", "city", "postalCode", "countryRegion", "primaryContactFirstName", "primaryContactLastName"]
    {
        needed.push((field, filled(written()), whole));
    }
    let others = [
        ("addressLine2", written()),
        ("stateOrProvince", written()),
        ("dunsNumber", patterned(text(), "^([0-9]{9})?$")),
        ("registrationId", registration),
        ("primaryContactPhone", short()),
        ("securityContact", short()),
        ("businessModel", business_model()),
    ];
    needed.extend(others.map(|(field, schema)| (field, nullable(schema), OPTIONAL)));
    open(record(&needed))
}

/// What is sent may hold more, which is ignored.
fn body(fields: &[(&str, Value, bool)]) -> Value {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, schema, required)| (*name, if *required { schema.clone() } else { nullable(schema.clone()) }, *required))
        .collect();
    open(record(&fields))
}

fn open(mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.remove("additionalProperties");
    }
    schema
}

/// A text of at most so many characters as can be shown.
fn short() -> Value {
    patterned(limited(text(), "maxLength", LONGEST), PLAIN)
}

/// The same, and not empty.
fn name() -> Value {
    filled(short())
}

fn password() -> Value {
    limited(limited(text(), "minLength", MINIMUM_PASSWORD), "maxLength", MAXIMUM_PASSWORD)
}

fn mpn_id() -> Value {
    patterned(limited(text(), "maxLength", LONGEST_MPN_ID), MPN_ID)
}

/// Taken to the letter, without blanks around it.
fn as_in_token() -> Value {
    patterned(filled(limited(text(), "maxLength", ID_LIMIT)), PLAIN)
}

fn filled(schema: Value) -> Value {
    limited(schema, "minLength", 1)
}

fn limited(schema: Value, rule: &str, limit: usize) -> Value {
    with(schema, rule, Value::from(limit))
}

fn patterned(schema: Value, pattern: &str) -> Value {
    with(schema, "pattern", Value::from(pattern))
}

fn with(mut schema: Value, rule: &str, value: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.insert(rule.to_owned(), value);
    }
    schema
}
