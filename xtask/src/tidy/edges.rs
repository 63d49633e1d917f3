//! The edges between crates: ARCHITECTURE.md draws them, each `Cargo.toml` has exactly those, and outer crates belong where this says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::steps::root;

/// Each of our crates and the ones it may use.
type Edges = BTreeMap<String, BTreeSet<String>>;

/// Not meant by `all`: they use the others, and nothing uses them.
const CHORES: &[&str] = &["insightgate-fuzz", "xtask"];

/// No IO, no runtime, no clock: these are all that they may use.
const PURE: &[&str] = &["insightgate-identity", "insightgate-query", "insightgate-report", "insightgate-wire"];
const FOR_PURE: &[&str] = &["chrono", "memchr", "serde", "strum", "thiserror", "toml", "unicode-width", "url", "uuid"];
/// What one pure crate may use beside them.
const FOR_ONE: &[(&str, &str)] = &[("insightgate-wire", "schemars"), ("insightgate-wire", "serde_json")];

/// Outer crates that have one home.
const HOMES: &[(&str, &[&str])] = &[
    ("sqlx", &["insightgate-store"]),
    ("datafusion", &["insightgate-engine"]),
    ("object_store", &["insightgate-engine"]),
    ("axum", &["insightgate-api", "insightgate"]),
    ("schemars", &["insightgate-wire", "insightgate-api"]),
    ("reqwest", &["insightgate-client", "insightgate-outbound"]),
    ("argon2", &["insightgate-operations"]),
    ("jsonwebtoken", &["insightgate-operations"]),
];

/// What differs between the drawing and what cargo knows.
///
/// # Errors
///
/// When ARCHITECTURE.md draws no edges.
pub fn problems(metadata: &Value) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).map_err(|error| format!("ARCHITECTURE.md: {error}"))?;
    Ok(compare(&drawn(&text)?, metadata))
}

/// The block of the document whose lines are `crates → crates they use`.
fn drawn(document: &str) -> Result<Edges, String> {
    let blocks = document.split("```").skip(1).step_by(2).map(|block| block.lines().skip(1).filter(|line| !line.trim().is_empty()));
    let mut blocks = blocks.map(|lines| lines.map(|line| line.split_once(" → ")).collect::<Option<Vec<_>>>());
    let lines = blocks.find_map(|lines| lines.filter(|lines| !lines.is_empty()));
    let lines = lines.ok_or("ARCHITECTURE.md has no block whose lines are `crates → crates that they use`")?;
    let names = |words: &str| words.split(',').map(|word| full_name(word.trim())).collect::<BTreeSet<_>>();
    let known: BTreeSet<_> = lines.iter().flat_map(|(crates, _)| names(crates)).collect();
    let mut edges = Edges::new();
    for (crates, uses) in lines {
        for name in names(crates) {
            let used = match uses.trim() {
                "none of ours" => BTreeSet::new(),
                "all" => known.iter().filter(|other| **other != name && !CHORES.contains(&other.as_str())).cloned().collect(),
                uses => names(uses),
            };
            if let Some(stranger) = used.iter().find(|used| !known.contains(*used)) {
                return Err(format!("ARCHITECTURE.md: {name} uses {stranger}, which has no line of its own"));
            }
            edges.insert(name, used);
        }
    }
    Ok(edges)
}

/// `insightgate-query`, which the document calls `query`.
fn full_name(short: &str) -> String {
    if matches!(short, "insightgate" | "xtask") { short.to_owned() } else { format!("insightgate-{short}") }
}

fn compare(drawn: &Edges, metadata: &Value) -> Vec<String> {
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // Those without a source are ours.
    let ours: Vec<_> = packages.iter().filter(|package| package.get("source").is_none_or(Value::is_null)).collect();
    let mut problems: Vec<_> = ours.iter().flat_map(|package| of_package(drawn, package)).collect();
    let gone = drawn.keys().filter(|name| !ours.iter().any(|package| text(package, "name") == **name));
    problems.extend(gone.map(|name| format!("ARCHITECTURE.md draws {name}, which is no crate")));
    for known in FOR_PURE {
        let is_used = ours.iter().filter(|package| PURE.contains(&text(package, "name"))).any(|package| uses(package, known));
        if !is_used {
            problems.push(format!("xtask/src/tidy/edges.rs: no pure crate uses {known} any more"));
        }
    }
    for (outer, homes) in HOMES {
        let deserted = ours.iter().filter(|package| homes.contains(&text(package, "name")) && !uses(package, outer));
        problems.extend(deserted.map(|package| format!("xtask/src/tidy/edges.rs: {} does not use {outer}", text(package, "name"))));
    }
    problems
}

fn of_package(drawn: &Edges, package: &Value) -> Vec<String> {
    let name = text(package, "name");
    let Some(allowed) = drawn.get(name) else {
        return vec![format!("{name} has no line among the edges in ARCHITECTURE.md")];
    };
    let mut problems = Vec::new();
    for dependency in dependencies(package) {
        let other = text(dependency, "name");
        // Tests may use more: they stand a real store and engine behind what they test. What is shipped may not.
        let is_shipped = is_shipped(dependency);
        if drawn.contains_key(other) {
            if is_shipped && !allowed.contains(other) && other != name {
                problems.push(format!("{name} may not use {other}"));
            }
            continue;
        }
        if PURE.contains(&name) && is_shipped && !FOR_PURE.contains(&other) && !FOR_ONE.contains(&(name, other)) {
            problems.push(format!("{name} is pure: it may not use {other}"));
        }
        if let Some((_, homes)) = HOMES.iter().find(|(known, _)| *known == other).filter(|(_, homes)| !homes.contains(&name)) {
            problems.push(format!("{name} may not use {other}, which belongs in {}", homes.join(" or ")));
        }
    }
    let unused =
        allowed.iter().filter(|other| !dependencies(package).iter().any(|known| is_shipped(known) && text(known, "name") == **other));
    problems.extend(unused.map(|other| format!("ARCHITECTURE.md lets {name} use {other}, which its Cargo.toml does not name")));
    problems
}

fn dependencies(package: &Value) -> &[Value] {
    package.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether it is there for more than tests and build scripts.
fn is_shipped(dependency: &Value) -> bool {
    dependency.get("kind").is_none_or(Value::is_null)
}

fn uses(package: &Value, other: &str) -> bool {
    dependencies(package).iter().any(|dependency| text(dependency, "name") == other)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DOCUMENT: &str = "
```text
query   what may be asked
```

```text
identity, query, client, xtask  → none of ours
report       → identity, query

api          → query
fuzz         → api
insightgate  → all
```
";

    /// A crate that uses these, beside others that use all that they should.
    fn workspace(name: &str, uses: &[&str]) -> Value {
        let drawn = drawn(DOCUMENT).unwrap();
        let mut packages = vec![json!({"name": "serde", "source": "registry"})];
        for (other, used) in drawn.iter().filter(|(other, _)| *other != name) {
            let mut used: Vec<_> = used.iter().map(String::as_str).collect();
            used.extend(HOMES.iter().filter(|(_, homes)| homes.contains(&other.as_str())).map(|(outer, _)| *outer));
            used.extend(FOR_PURE.iter().filter(|_| PURE.contains(&other.as_str())));
            packages.push(package(other, &used));
        }
        packages.push(package(name, uses));
        json!({ "packages": packages })
    }

    fn package(name: &str, uses: &[&str]) -> Value {
        let dependencies: Vec<_> = uses.iter().map(|name| json!({"name": name, "kind": null})).collect();
        json!({"name": name, "source": null, "dependencies": dependencies})
    }

    #[test]
    fn forbidden_edges_are_found() {
        let report = ["insightgate-identity", "insightgate-query"];
        let cases: [(&str, Vec<&str>, usize); 9] = [
            ("insightgate-report", [&report[..], &["serde", "chrono"]].concat(), 0),
            ("insightgate-report", [&report[..], &["insightgate-api"]].concat(), 1),
            ("insightgate-query", vec!["tokio"], 1),
            ("insightgate-api", vec!["axum", "schemars", "insightgate-query", "insightgate-client", "sqlx"], 2),
            ("insightgate-client", vec!["reqwest", "tokio"], 0),
            ("xtask", vec!["insightgate-query"], 1),
            ("insightgate-utils", vec![], 1),
            // Drawn, and in no Cargo.toml.
            ("insightgate-report", vec!["insightgate-query"], 1),
            ("insightgate-client", vec![], 1),
        ];
        for (name, uses, expected) in cases {
            let found = compare(&drawn(DOCUMENT).unwrap(), &workspace(name, &uses));
            assert_eq!(found.len(), expected, "{name} {uses:?}: {found:?}");
        }
    }

    #[test]
    fn the_drawing_is_read() {
        let drawn = drawn(DOCUMENT).unwrap();
        let of = |name: &str| drawn.get(name).unwrap().iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(of("insightgate-report"), ["insightgate-identity", "insightgate-query"]);
        let all = ["insightgate-api", "insightgate-client", "insightgate-identity", "insightgate-query", "insightgate-report"];
        assert_eq!(of("insightgate"), all);
        assert_eq!(of("xtask"), [""; 0]);
        assert!(super::drawn("```text\na and b\n```").is_err() && super::drawn("```text\na → b\n```").is_err());
    }
}
