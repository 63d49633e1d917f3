//! The objects of the management API as the served document describes them. Tests compare them with real answers.

use serde_json::{Map, Value, json};

pub(super) const REQUIRED: bool = true;
pub(super) const OPTIONAL: bool = false;

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

/// Those of answers, by name.
pub(super) fn answers() -> Vec<(&'static str, Value)> {
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
        ("Profile", profile()),
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

fn profile() -> Value {
    let registration = record(&[("kind", text(), REQUIRED), ("number", text(), REQUIRED)]);
    record(&[
        ("companyLegalName", text(), REQUIRED),
        ("addressLine1", text(), REQUIRED),
        ("addressLine2", text(), OPTIONAL),
        ("city", text(), REQUIRED),
        ("stateOrProvince", text(), OPTIONAL),
        ("postalCode", text(), REQUIRED),
        ("countryRegion", text(), REQUIRED),
        ("dunsNumber", text(), OPTIONAL),
        ("registrationId", registration, OPTIONAL),
        ("primaryContactFirstName", text(), REQUIRED),
        ("primaryContactLastName", text(), REQUIRED),
        ("primaryContactEmail", text(), REQUIRED),
        ("primaryContactPhone", text(), OPTIONAL),
        ("securityContact", text(), OPTIONAL),
        ("businessModel", business_model(), OPTIONAL),
    ])
}

/// Exactly these fields.
pub(super) fn record(fields: &[(&str, Value, bool)]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|(name, schema, _)| ((*name).to_owned(), schema.clone())).collect();
    let required: Vec<&str> = fields.iter().filter(|(.., required)| *required).map(|(name, ..)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

pub(super) fn array(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

pub(super) fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(names)) = schema.get_mut("enum") {
        names.push(Value::Null);
    }
    schema
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn id() -> Value {
    json!({"type": "string", "format": "uuid"})
}

pub(super) fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

pub(super) fn count() -> Value {
    json!({"type": "integer", "minimum": 0})
}

pub(super) fn one_of(names: &[&str]) -> Value {
    json!({"type": "string", "enum": names})
}

pub(super) fn business_model() -> Value {
    one_of(&["indirectProvider", "directBillPartner", "indirectReseller"])
}

pub(super) fn program() -> Value {
    one_of(&["mpn", "cmp"])
}

pub(super) fn permission() -> Value {
    let names: Vec<_> = insightgate_identity::application::Permission::ALL.iter().map(|permission| permission.name()).collect();
    one_of(&names)
}

/// As it may be asked for: by an id of the API too.
pub(super) fn named_permission() -> Value {
    use insightgate_identity::application::Permission;
    use insightgate_identity::tokens::api_ids;
    let mut names: Vec<String> = Permission::ALL.iter().map(|permission| permission.name().to_owned()).collect();
    names.extend(api_ids::ALL.iter().flat_map(|id| [(*id).to_owned(), format!("{id}/{}", Permission::PartnerApi.name())]));
    json!({"type": "string", "enum": names})
}

pub(super) fn role() -> Value {
    let ids: Vec<_> = insightgate_identity::role::Role::ALL.iter().map(|role| role.id()).collect();
    one_of(&ids)
}

pub(super) fn external_kind() -> Value {
    let names: Vec<_> = insightgate_identity::external_identity::ExternalKind::ALL.iter().map(|kind| kind.name()).collect();
    one_of(&names)
}
