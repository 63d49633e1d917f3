//! The crates of the workspace as cargo knows them, and the modules of each.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::modules::tree::Tree;
use crate::steps::root;

/// What is built from one `lib.rs` or `main.rs`.
pub struct Built {
    pub name: String,
    pub is_library: bool,
    pub modules: Tree,
}

/// Every library and program of ours. Tests, examples and build scripts are no part of them.
///
/// # Errors
///
/// When a file is missing or no Rust.
pub fn read(metadata: &Value) -> Result<Vec<Built>, String> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let root = root();
    let files = |path: &Path| std::fs::read_to_string(root.join(path)).ok();
    let mut crates = Vec::new();
    // Those without a source are ours.
    for package in list(metadata.get("packages")).iter().filter(|package| package.get("source").is_none_or(Value::is_null)) {
        for target in list(package.get("targets")) {
            let kinds = list(target.get("kind"));
            let is = |kind: &str| kinds.iter().any(|known| known == kind);
            if !is("lib") && !is("bin") {
                continue;
            }
            let start = PathBuf::from(text(&target, "src_path"));
            let start = start.strip_prefix(&root).map(Path::to_owned).unwrap_or(start);
            crates.push(Built { name: text(package, "name"), is_library: is("lib"), modules: Tree::read(&start, &files)? });
        }
    }
    Ok(crates)
}
