//! The edges between crates, as in ARCHITECTURE.md, and which outer crates belong where.

use serde_json::Value;

/// Each of our crates and the ones it may use. The binary uses all.
const EDGES: &[(&str, &[&str])] = &[
    ("insightgate-identity", &[]),
    ("insightgate-query", &[]),
    ("insightgate-report", &["insightgate-identity", "insightgate-query"]),
    ("insightgate-store", &["insightgate-identity", "insightgate-query", "insightgate-report"]),
    ("insightgate-engine", &["insightgate-identity", "insightgate-query"]),
    (
        "insightgate-operations",
        &[
            "insightgate-store",
            "insightgate-engine",
            "insightgate-outbound",
            "insightgate-report",
            "insightgate-query",
            "insightgate-identity",
        ],
    ),
    ("insightgate-api", &["insightgate-operations", "insightgate-identity", "insightgate-query", "insightgate-report"]),
    ("insightgate-client", &[]),
    ("insightgate-outbound", &[]),
    (
        "insightgate",
        &[
            "insightgate-identity",
            "insightgate-query",
            "insightgate-report",
            "insightgate-store",
            "insightgate-engine",
            "insightgate-operations",
            "insightgate-api",
            "insightgate-client",
            "insightgate-outbound",
        ],
    ),
    ("insightgate-fuzz", &["insightgate-query", "insightgate-api", "insightgate-operations", "insightgate-store", "insightgate-identity"]),
    ("xtask", &[]),
];

/// No IO, no runtime, no clock: these are all that they may use.
const PURE: &[&str] = &["insightgate-identity", "insightgate-query", "insightgate-report"];
const FOR_PURE: &[&str] = &["chrono", "memchr", "serde", "thiserror", "toml", "unicode-width", "url", "uuid"];

/// Outer crates that have one home.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["insightgate-store"]),
    ("datafusion", &["insightgate-engine"]),
    ("object_store", &["insightgate-engine"]),
    ("axum", &["insightgate-api", "insightgate"]),
    ("reqwest", &["insightgate-client", "insightgate-outbound"]),
    ("argon2", &["insightgate-operations"]),
    ("jsonwebtoken", &["insightgate-operations"]),
];

pub fn problems(metadata: &Value) -> Vec<String> {
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // Those without a source are ours.
    packages.iter().filter(|package| package.get("source").is_none_or(Value::is_null)).flat_map(of_package).collect()
}

fn of_package(package: &Value) -> Vec<String> {
    let name = text(package, "name");
    let Some((_, allowed)) = EDGES.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} is not in ARCHITECTURE.md's list of crates (nor in xtask/src/tidy/edges.rs)")];
    };
    let dependencies = package.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut problems = Vec::new();
    for dependency in dependencies {
        let other = text(dependency, "name");
        // Tests may use more: they stand a real store and engine behind what they test. What is shipped may not.
        let is_shipped = dependency.get("kind").is_none_or(Value::is_null);
        if EDGES.iter().any(|(known, _)| *known == other) {
            if is_shipped && !allowed.contains(&other) && other != name {
                problems.push(format!("{name} may not use {other}"));
            }
            continue;
        }
        if PURE.contains(&name) && is_shipped && !FOR_PURE.contains(&other) {
            problems.push(format!("{name} is pure: it may not use {other}"));
        }
        if let Some((_, homes)) = HOMES.iter().find(|(known, _)| *known == other).filter(|(_, homes)| !homes.contains(&name)) {
            problems.push(format!("{name} may not use {other}, which belongs in {}", homes.join(" or ")));
        }
    }
    problems
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(name: &str, uses: &[&str]) -> Value {
        let dependencies: Vec<_> = uses.iter().map(|name| json!({"name": name, "kind": null})).collect();
        json!({"packages": [{"name": name, "source": null, "dependencies": dependencies}, {"name": "serde", "source": "registry"}]})
    }

    #[test]
    fn forbidden_edges_are_found() {
        let cases: [(&str, &[&str], usize); 7] = [
            ("insightgate-report", &["insightgate-identity", "serde", "chrono"], 0),
            ("insightgate-report", &["insightgate-store"], 1),
            ("insightgate-query", &["tokio"], 1),
            ("insightgate-api", &["axum", "insightgate-engine", "sqlx"], 2),
            ("insightgate-client", &["reqwest", "tokio"], 0),
            ("xtask", &["insightgate-query"], 1),
            ("insightgate-utils", &[], 1),
        ];
        for (name, uses, expected) in cases {
            let found = problems(&package(name, uses));
            assert_eq!(found.len(), expected, "{name} {uses:?}: {found:?}");
        }
    }
}
