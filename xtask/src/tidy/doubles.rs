//! One version of each crate: what stands twice is listed with its reason in `xtask/doubles.txt`, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::steps::root;

type Versions = BTreeMap<String, BTreeSet<String>>;

pub fn problems(metadata: &Value) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(root().join("xtask/doubles.txt")).map_err(|error| format!("xtask/doubles.txt: {error}"))?;
    let (reviewed, mut problems) = read(&text);
    problems.extend(compare(&built(metadata), &reviewed));
    Ok(problems)
}

/// What is built on the platform that the metadata was asked for.
fn built(metadata: &Value) -> Versions {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let nodes: BTreeSet<_> = list(metadata.pointer("/resolve/nodes")).iter().map(|node| text(node, "id")).collect();
    let mut versions = Versions::new();
    for package in list(metadata.get("packages")).iter().filter(|package| nodes.contains(&text(package, "id"))) {
        versions.entry(text(package, "name")).or_default().insert(line(&text(package, "version")));
    }
    versions
}

/// `0.22` of 0.22.1, `2` of 2.0.119: what cargo takes for compatible.
fn line(version: &str) -> String {
    let mut numbers = version.split('.');
    match (numbers.next(), numbers.next()) {
        (Some("0"), Some(minor)) => format!("0.{minor}"),
        (major, _) => major.unwrap_or_default().to_owned(),
    }
}

/// Lines of `crate version version … # reason`; those without a reason are problems.
fn read(text: &str) -> (Versions, Vec<String>) {
    let (mut versions, mut problems) = (Versions::new(), Vec::new());
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let (crates, reason) = line.split_once('#').unwrap_or((line, ""));
        let mut words = crates.split_whitespace().map(str::to_owned);
        if let Some(name) = words.next() {
            versions.insert(name, words.collect());
        }
        if reason.trim().is_empty() {
            problems.push(format!("xtask/doubles.txt: no reason in '{line}'"));
        }
    }
    (versions, problems)
}

fn compare(built: &Versions, reviewed: &Versions) -> Vec<String> {
    let spelled = |versions: &BTreeSet<String>| versions.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let mut problems = Vec::new();
    for (name, versions) in built.iter().filter(|(_, versions)| versions.len() > 1) {
        match reviewed.get(name) {
            None => problems.push(format!("{name} stands more than once: {}", spelled(versions))),
            Some(known) if known != versions => {
                problems.push(format!("{name}: reviewed were {}, there are {}", spelled(known), spelled(versions)))
            }
            Some(_) => {}
        }
    }
    let stale = reviewed.keys().filter(|name| built.get(*name).is_none_or(|versions| versions.len() < 2));
    problems.extend(stale.map(|name| format!("xtask/doubles.txt: {name} stands once now")));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_compared_with_the_list() {
        let built = read("a 1 2 # built\nb 0.3 # built\nc 1 2 # built\nd 1 3 # built").0;
        let (reviewed, problems) = read("# why\na 1 2 # x\nb 0.2 0.3 # x\nd 1 2\n");
        assert_eq!(problems, ["xtask/doubles.txt: no reason in 'd 1 2'"]);
        let found = compare(&built, &reviewed);
        assert_eq!(found, ["c stands more than once: 1 2", "d: reviewed were 1 2, there are 1 3", "xtask/doubles.txt: b stands once now"]);
    }

    #[test]
    fn compatible_versions_count_as_one() {
        assert_eq!([line("0.22.1"), line("2.0.119"), line("1.19.0")], ["0.22", "2", "1"]);
    }
}
