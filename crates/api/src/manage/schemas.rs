//! The objects of the management API as the served document describes them. Tests compare them with real answers.

use serde_json::{Map, Value, json};

const REQUIRED: bool = true;
const OPTIONAL: bool = false;

/// By name.
pub(super) fn all() -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, schema) in answers().into_iter().chain(requests()) {
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// A page of a list.
pub(super) fn list_of(name: &str) -> Value {
    record(&[
        ("value", array(reference(name)), REQUIRED),
        ("nextLink", json!({"type": ["string", "null"]}), REQUIRED),
        ("totalCount", count(), REQUIRED),
    ])
}

fn answers() -> Vec<(&'static str, Value)> {
    let error = record(&[
        (
            "code",
            one_of(&["invalid", "notFound", "forbidden", "unauthorized", "conflict", "illegalMove", "busy", "unavailable", "internal"]),
            REQUIRED,
        ),
        ("message", text(), REQUIRED),
        ("correlationId", text(), REQUIRED),
        ("details", array(record(&[("field", text(), REQUIRED), ("rule", text(), REQUIRED), ("message", text(), REQUIRED)])), OPTIONAL),
    ]);
    let column = record(&[("name", text(), REQUIRED), ("sensitive", flag(), REQUIRED), ("selectable", flag(), REQUIRED)]);
    vec![
        ("Error", record(&[("error", error, REQUIRED)])),
        ("SigningKeys", record(&[("keyIds", array(text()), REQUIRED)])),
        (
            "Tenant",
            record(&[
                ("id", id(), REQUIRED),
                ("domain", text(), REQUIRED),
                ("name", text(), REQUIRED),
                ("globalAccountId", nullable(text()), REQUIRED),
                ("profile", json!({"anyOf": [reference("Profile"), {"type": "null"}]}), REQUIRED),
                ("enrollments", array(reference("Enrollment")), REQUIRED),
                ("verificationCode", text(), OPTIONAL),
            ]),
        ),
        ("Profile", profile(REQUIRED)),
        (
            "Enrollment",
            record(&[
                ("program", program(), REQUIRED),
                ("stage", one_of(&["Started", "EmailVerification", "Review", "Active", "Rejected", "Suspended"]), REQUIRED),
                ("status", one_of(&["Pending", "Accepted", "Rejected", "Suspended"]), REQUIRED),
                ("reason", nullable(text()), REQUIRED),
                ("appeals", count(), REQUIRED),
                ("changed", time(), REQUIRED),
                ("verificationCode", text(), OPTIONAL),
            ]),
        ),
        ("Location", record(&[("mpnId", text(), REQUIRED), ("name", text(), REQUIRED), ("country", text(), REQUIRED)])),
        (
            "User",
            record(&[
                ("id", id(), REQUIRED),
                ("username", text(), REQUIRED),
                ("displayName", text(), REQUIRED),
                ("enabled", flag(), REQUIRED),
                ("password", one_of(&["Set", "MustChange", "Absent"]), REQUIRED),
                ("totp", flag(), REQUIRED),
                ("lockedUntil", nullable(time()), REQUIRED),
            ]),
        ),
        ("Totp", record(&[("secret", text(), REQUIRED), ("uri", text(), REQUIRED)])),
        (
            "Application",
            record(&[
                ("id", id(), REQUIRED),
                ("name", text(), REQUIRED),
                ("enabled", flag(), REQUIRED),
                ("operator", flag(), REQUIRED),
                ("public", flag(), REQUIRED),
                ("redirectUris", array(text()), REQUIRED),
            ]),
        ),
        (
            "ClientSecret",
            record(&[
                ("id", id(), REQUIRED),
                ("secret", text(), OPTIONAL),
                ("hint", text(), REQUIRED),
                ("description", text(), REQUIRED),
                ("created", time(), REQUIRED),
                ("expires", time(), REQUIRED),
            ]),
        ),
        ("Permission", record(&[("permission", permission(), REQUIRED), ("delegated", flag(), REQUIRED)])),
        ("Consent", record(&[("permission", permission(), REQUIRED), ("user", nullable(id()), REQUIRED), ("granted", time(), REQUIRED)])),
        (
            "RoleAssignment",
            record(&[
                ("assignee", id(), REQUIRED),
                ("role", role(), REQUIRED),
                ("locations", json!({"type": ["array", "null"], "items": text()}), REQUIRED),
            ]),
        ),
        (
            "ExternalIdentity",
            record(&[
                ("id", id(), REQUIRED),
                ("issuer", text(), REQUIRED),
                ("externalTenant", nullable(text()), REQUIRED),
                ("kind", external_kind(), REQUIRED),
                ("externalId", text(), REQUIRED),
                ("user", nullable(id()), REQUIRED),
                ("application", nullable(id()), REQUIRED),
                ("created", time(), REQUIRED),
            ]),
        ),
        (
            "AuditEvent",
            record(&[
                ("id", id(), REQUIRED),
                ("at", time(), REQUIRED),
                ("tenant", nullable(id()), REQUIRED),
                ("actor", text(), REQUIRED),
                ("action", text(), REQUIRED),
                ("subject", text(), REQUIRED),
                ("detail", text(), REQUIRED),
                ("correlationId", nullable(text()), REQUIRED),
                ("occurrences", count(), REQUIRED),
                ("address", nullable(text()), REQUIRED),
            ]),
        ),
        (
            "Callback",
            record(&[
                ("id", id(), REQUIRED),
                ("tenant", id(), REQUIRED),
                ("owner", id(), REQUIRED),
                ("program", program(), REQUIRED),
                ("reportId", id(), REQUIRED),
                ("executionId", id(), REQUIRED),
                ("event", one_of(&["completed", "failed"]), REQUIRED),
                ("method", one_of(&["GET", "POST"]), REQUIRED),
                // Without its query, which may hold the receiver's key.
                ("url", text(), REQUIRED),
                ("state", one_of(&["pending", "delivered", "failed", "cancelled"]), REQUIRED),
                ("attemptCount", count(), REQUIRED),
                ("created", time(), REQUIRED),
                ("due", time(), REQUIRED),
                ("giveUp", time(), REQUIRED),
                ("finished", nullable(time()), REQUIRED),
                ("attempts", array(reference("CallbackAttempt")), OPTIONAL),
            ]),
        ),
        (
            "CallbackAttempt",
            record(&[
                ("number", count(), REQUIRED),
                ("at", time(), REQUIRED),
                ("milliseconds", count(), REQUIRED),
                ("httpStatus", nullable(count()), REQUIRED),
                ("error", nullable(text()), REQUIRED),
            ]),
        ),
        (
            "CallbackSecret",
            record(&[
                ("id", id(), REQUIRED),
                ("secret", text(), OPTIONAL),
                ("created", time(), REQUIRED),
                ("expires", nullable(time()), REQUIRED),
            ]),
        ),
        (
            "Dataset",
            record(&[
                ("name", text(), REQUIRED),
                ("program", program(), REQUIRED),
                ("title", text(), REQUIRED),
                ("columns", array(column), REQUIRED),
                ("metrics", array(text()), REQUIRED),
                ("minimumRecurrenceInterval", count(), REQUIRED),
                ("locationColumn", nullable(text()), REQUIRED),
            ]),
        ),
    ]
}

fn requests() -> Vec<(&'static str, Value)> {
    vec![
        (
            "NewTenant",
            body(&[
                ("domain", text(), REQUIRED),
                ("name", text(), REQUIRED),
                ("globalAccountId", nullable(text()), OPTIONAL),
                ("program", program(), OPTIONAL),
                ("profile", open(profile(REQUIRED)), REQUIRED),
            ]),
        ),
        (
            "TenantChange",
            body(&[
                ("name", text(), OPTIONAL),
                ("globalAccountId", nullable(text()), OPTIONAL),
                ("profile", open(profile(OPTIONAL)), OPTIONAL),
            ]),
        ),
        ("NewEnrollment", body(&[("program", program(), REQUIRED)])),
        ("Code", body(&[("code", text(), REQUIRED)])),
        ("Reason", body(&[("reason", text(), REQUIRED)])),
        (
            "NewUser",
            body(&[
                ("username", text(), REQUIRED),
                ("displayName", nullable(text()), OPTIONAL),
                ("password", nullable(text()), OPTIONAL),
                ("mustChangePassword", flag(), OPTIONAL),
                ("id", nullable(id()), OPTIONAL),
            ]),
        ),
        ("UserChange", body(&[("enabled", flag(), OPTIONAL), ("displayName", nullable(text()), OPTIONAL)])),
        ("Password", body(&[("password", text(), REQUIRED), ("mustChange", flag(), OPTIONAL)])),
        (
            "NewApplication",
            body(&[
                ("name", text(), REQUIRED),
                ("public", flag(), OPTIONAL),
                ("operator", flag(), OPTIONAL),
                ("redirectUris", array(text()), OPTIONAL),
                ("id", nullable(id()), OPTIONAL),
            ]),
        ),
        (
            "ApplicationChange",
            body(&[("name", text(), OPTIONAL), ("enabled", flag(), OPTIONAL), ("redirectUris", array(text()), OPTIONAL)]),
        ),
        ("NewClientSecret", body(&[("description", nullable(text()), OPTIONAL), ("days", count(), OPTIONAL)])),
        ("NewPermission", body(&[("permission", permission(), REQUIRED)])),
        ("NewConsent", body(&[("permission", permission(), REQUIRED), ("user", nullable(text()), OPTIONAL)])),
        (
            "NewExternalIdentity",
            body(&[
                ("issuer", text(), REQUIRED),
                ("externalTenant", nullable(text()), OPTIONAL),
                ("kind", external_kind(), REQUIRED),
                ("externalId", nullable(text()), OPTIONAL),
                ("user", nullable(text()), OPTIONAL),
                ("application", nullable(id()), OPTIONAL),
            ]),
        ),
        (
            "NewRoleAssignment",
            body(&[
                ("assignee", text(), REQUIRED),
                ("role", role(), REQUIRED),
                ("locations", json!({"type": ["array", "null"], "items": text()}), OPTIONAL),
            ]),
        ),
    ]
}

/// `whole`: with the fields that a profile has to have.
fn profile(whole: bool) -> Value {
    let registration = record(&[("kind", text(), REQUIRED), ("number", text(), REQUIRED)]);
    record(&[
        ("companyLegalName", text(), whole),
        ("addressLine1", text(), whole),
        ("addressLine2", text(), OPTIONAL),
        ("city", text(), whole),
        ("stateOrProvince", text(), OPTIONAL),
        ("postalCode", text(), whole),
        ("countryRegion", text(), whole),
        ("dunsNumber", text(), OPTIONAL),
        ("registrationId", registration, OPTIONAL),
        ("primaryContactFirstName", text(), whole),
        ("primaryContactLastName", text(), whole),
        ("primaryContactEmail", text(), whole),
        ("primaryContactPhone", text(), OPTIONAL),
        ("securityContact", text(), OPTIONAL),
        ("businessModel", one_of(&["indirectProvider", "directBillPartner", "indirectReseller"]), OPTIONAL),
    ])
}

/// Exactly these fields.
fn record(fields: &[(&str, Value, bool)]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|(name, schema, _)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = fields.iter().filter(|(.., required)| *required).map(|(name, ..)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// What is sent may hold more, which is ignored.
fn body(fields: &[(&str, Value, bool)]) -> Value {
    open(record(fields))
}

fn open(mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.remove("additionalProperties");
    }
    schema
}

fn array(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    schema
}

fn text() -> Value {
    json!({"type": "string"})
}

fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn one_of(names: &[&str]) -> Value {
    json!({"type": "string", "enum": names})
}

fn program() -> Value {
    one_of(&["mpn", "cmp"])
}

fn permission() -> Value {
    let names: Vec<_> = insightgate_identity::application::Permission::ALL.iter().map(|permission| permission.name()).collect();
    one_of(&names)
}

fn role() -> Value {
    let ids: Vec<_> = insightgate_identity::role::Role::ALL.iter().map(|role| role.id()).collect();
    one_of(&ids)
}

fn external_kind() -> Value {
    let names: Vec<_> = insightgate_identity::external_identity::ExternalKind::ALL.iter().map(|kind| kind.name()).collect();
    one_of(&names)
}
