//! npm packages of which files are built into the product: they lie in `crates/*/assets/`, each in a folder that is laid out as its package is.
//!
//! What is bundled from many packages has a `packages.json` instead; `cargo xtask console` makes it.
//!
//! `package.json` beside the files names the version. A file that ends with `.gz` is the package's, compressed to keep the product small. `cargo xtask test` compares them with what npm has, byte for byte; `cargo xtask tidy` looks at
//! licences, which takes no network.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::steps::{output, root};
use crate::tooling;

/// One of them.
pub struct Bundled {
    /// Its folder, from the repository's root.
    pub folder: String,
    pub name: String,
    pub version: String,
    pub licence: String,
    /// Its files, from its folder.
    pub files: Vec<String>,
}

/// The packages among the files of the repository.
pub fn packages(files: &[String]) -> Result<Vec<Bundled>, String> {
    let described = files.iter().filter_map(|path| path.strip_suffix("/package.json"));
    described.filter(|folder| folder.starts_with("crates/") && folder.contains("/assets/")).map(|folder| read(folder, files)).collect()
}

fn read(folder: &str, files: &[String]) -> Result<Bundled, String> {
    let path = root().join(folder).join("package.json");
    let failed = |error: String| format!("{}: {error}", path.display());
    let text = fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let below = |path: &String| path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
    Ok(Bundled {
        folder: folder.to_owned(),
        name: field("name"),
        version: field("version"),
        licence: field("license"),
        files: files.iter().filter_map(below).collect(),
    })
}

/// The packages of which something is in a bundle, by the `packages.json` that is made with it; the texts of their licences are in it.
///
/// # Errors
///
/// When it cannot be read.
pub fn in_bundles(files: &[String]) -> Result<Vec<Bundled>, String> {
    let lists = files.iter().filter(|path| path.starts_with("crates/") && path.contains("/assets/") && path.ends_with("/packages.json"));
    let mut packages = Vec::new();
    for path in lists {
        let failed = |error: String| format!("{path}: {error}");
        let text = fs::read_to_string(root().join(path)).map_err(|error| failed(error.to_string()))?;
        let listed: Vec<Value> = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        packages.extend(listed.iter().map(|value| {
            let field = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let has_text = !field("text").is_empty();
            Bundled {
                folder: format!("{path}, {}", field("name")),
                name: field("name"),
                version: field("version"),
                licence: field("license"),
                files: has_text.then(|| "LICENSE".to_owned()).into_iter().collect(),
            }
        }));
    }
    Ok(packages)
}

/// Fetches each package, and compares its files with ours.
pub fn compare(target: &Path, files: &[String]) -> Result<(), String> {
    for package in packages(files)? {
        let published = tooling::published(target, &package.name, &package.version)?;
        for file in &package.files {
            let ours = root().join(&package.folder).join(file);
            let (ours, theirs) = match file.strip_suffix(".gz").filter(|_| !published.join(file).exists()) {
                Some(plain) => (Some(content(&ours)?), published.join(plain)),
                None => (fs::read(&ours).ok(), published.join(file)),
            };
            let theirs = fs::read(theirs).ok();
            if ours.is_none() || ours != theirs {
                return Err(format!("{}/{file} is not that of {} {}", package.folder, package.name, package.version));
            }
        }
    }
    Ok(())
}

/// What a file holds; of one that ends with `.gz`, what was compressed.
///
/// # Errors
///
/// When it cannot be read.
pub fn content(path: &Path) -> Result<Vec<u8>, String> {
    match path.extension().is_some_and(|extension| extension == "gz") {
        true => output(Command::new("gzip").arg("-dc").arg(path)),
        false => fs::read(path).map_err(|error| format!("{}: {error}", path.display())),
    }
}
