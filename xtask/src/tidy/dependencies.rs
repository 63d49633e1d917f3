//! Dependencies that nothing uses, and those of shipped code that only tests use.
//!
//! As cargo-shear does it, and with its list of exceptions: `ignored` in `[package.metadata.cargo-shear]`, for a crate that is there for a feature alone.

use std::collections::BTreeSet;
use std::fs;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};
use serde_json::Value;
use toml::Table;

use super::crates::Built;
use super::modules::scopes::Scopes;
use crate::steps::root;

/// `files` are all of the repository.
///
/// # Errors
///
/// When the workspace's `Cargo.toml` cannot be read.
pub fn problems(metadata: &Value, crates: &[Built], files: &[String]) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let workspace: Table = text.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
    let packages = metadata.get("packages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let ours: Vec<_> = packages.iter().filter(|package| package.get("source").is_none_or(Value::is_null)).collect();
    let mut problems = Vec::new();
    for package in &ours {
        let name = text_of(package, "name");
        let shipped = crates.iter().filter(|built| built.name == name).flat_map(named).collect();
        problems.extend(of_package(package, &shipped, &idents(&files_of(package, files))));
    }
    let used: BTreeSet<_> = ours.iter().flat_map(|package| dependencies(package)).map(|dependency| text_of(dependency, "name")).collect();
    let listed = workspace.get("workspace").and_then(|table| table.get("dependencies")).and_then(toml::Value::as_table);
    let unused = listed.into_iter().flatten().filter(|(name, _)| !used.contains(name.as_str()));
    problems.extend(unused.map(|(name, _)| format!("Cargo.toml: no crate of the workspace uses {name}")));
    Ok(problems)
}

/// Given the names that paths of shipped code begin with, and all names of its files.
fn of_package(package: &Value, shipped: &BTreeSet<String>, anywhere: &BTreeSet<String>) -> Vec<String> {
    let ignored = package.pointer("/metadata/cargo-shear/ignored").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut problems = Vec::new();
    for dependency in dependencies(package).iter().filter(|dependency| !ignored.iter().any(|name| *name == text_of(dependency, "name"))) {
        let name = dependency.get("rename").and_then(Value::as_str).unwrap_or(text_of(dependency, "name"));
        let ident = name.replace('-', "_");
        let is_shipped = dependency.get("kind").is_none_or(Value::is_null);
        let of = text_of(package, "name");
        if !anywhere.contains(&ident) {
            problems.push(format!("{of} does not use {name}"));
        } else if is_shipped && !shipped.contains(&ident) {
            problems.push(format!("{of} uses {name} in tests alone: it belongs in [dev-dependencies]"));
        }
    }
    problems
}

/// What the paths of a crate begin with.
fn named(built: &Built) -> Vec<String> {
    let names = Scopes::of(&built.modules).names;
    let first = |segments: &[String]| segments.first().cloned();
    let of_module = names.iter().flat_map(|names| {
        let imports = names.imports.iter().map(|import| &import.path);
        names.paths.iter().chain(imports).chain(names.globs.iter().map(|glob| &glob.path)).filter_map(|path| first(&path.segments))
    });
    of_module.collect()
}

fn files_of(package: &Value, files: &[String]) -> Vec<String> {
    let root = root();
    let manifest = std::path::Path::new(text_of(package, "manifest_path"));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(&root).ok());
    let ours =
        files.iter().filter(|path| path.ends_with(".rs") && folder.is_some_and(|folder| std::path::Path::new(path).starts_with(folder)));
    ours.filter_map(|path| fs::read_to_string(root.join(path)).ok()).collect()
}

/// Every name in these texts, whatever it stands for; comments and strings hold none.
fn idents(texts: &[String]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting: Vec<TokenStream> = texts.iter().filter_map(|text| TokenStream::from_str(text).ok()).collect();
    while let Some(tokens) = waiting.pop() {
        for token in tokens {
            match token {
                TokenTree::Group(group) => waiting.push(group.stream()),
                TokenTree::Ident(ident) => drop(found.insert(ident.to_string())),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
    found
}

fn dependencies(package: &Value) -> &[Value] {
    package.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text_of<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unused_dependencies_are_found() {
        let package = json!({"name": "ours", "metadata": {"cargo-shear": {"ignored": ["for-a-feature"]}}, "dependencies": [
            {"name": "used-here", "kind": null}, {"name": "for-a-feature", "kind": null}, {"name": "long-name", "rename": "short", "kind": null},
            {"name": "unused", "kind": null}, {"name": "for-tests", "kind": null}, {"name": "tried", "kind": "dev"}, {"name": "untried", "kind": "dev"},
        ]});
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let found = of_package(&package, &names(&["used_here", "short"]), &names(&["used_here", "short", "for_tests", "tried"]));
        assert_eq!(
            found,
            [
                "ours does not use unused",
                "ours uses for-tests in tests alone: it belongs in [dev-dependencies]",
                "ours does not use untried"
            ]
        );
    }

    #[test]
    fn names_in_comments_and_strings_are_none() {
        let texts = ["// one\nfn two() { three!(\"four\", five::six) }".to_owned()];
        assert_eq!(idents(&texts).into_iter().collect::<Vec<_>>(), ["five", "fn", "six", "three", "two"]);
    }
}
