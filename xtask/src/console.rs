//! `cargo xtask console`: bundles scripts and styles into what the programs are built with: those of the console, and those of the page of rows that the
//! commands write.
//!
//! Sources and the lock file lie in `crates/api/console-scripts`, whose `build.mjs` says how; the packages are fetched into the target directory. Whoever
//! only builds the programs needs none of this: what comes out is committed, and `cargo xtask test` compares it with what the lock file makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bundled::content;
use crate::steps::{output, root, target_directory};
use crate::tooling;

const SOURCES: &str = "crates/api/console-scripts";
/// The folders that are made, and where each is committed.
const BUNDLES: [(&str, &str); 2] = [("console", "crates/api/assets/console"), ("rows-page", "crates/insightgate/assets/rows-page")];

pub fn run() -> Result<(), String> {
    let made = make(&target_directory()?)?;
    let mut changed = 0;
    for (folder, place) in BUNDLES {
        let (made, ours) = (made.join(folder), root().join(place));
        fs::create_dir_all(&ours).map_err(|error| format!("{place}: {error}"))?;
        for name in differences(&made, &ours)? {
            let (from, to) = (made.join(&name), ours.join(&name));
            let done = if from.exists() { fs::copy(&from, &to).map(drop) } else { fs::remove_file(&to) };
            done.map_err(|error| format!("{}: {error}", to.display()))?;
            eprintln!("{place}/{name}");
            changed += 1;
        }
    }
    eprintln!("{changed} files have changed");
    Ok(())
}

/// Whether what is committed is what the sources and their lock file make.
///
/// # Errors
///
/// When it is not.
pub fn compare(target: &Path) -> Result<(), String> {
    let made = make(target)?;
    for (folder, place) in BUNDLES {
        if let Some(name) = differences(&made.join(folder), &root().join(place))?.first() {
            return Err(format!("{place}/{name} is not what {SOURCES} and its lock file make: cargo xtask console"));
        }
    }
    Ok(())
}

/// Bundles into a folder of its own.
fn make(target: &Path) -> Result<PathBuf, String> {
    let sources = root().join(SOURCES);
    let packages = tooling::locked_packages(&target.join("npm-console"), &sources)?;
    let made = target.join("bundles");
    if made.exists() {
        fs::remove_dir_all(&made).map_err(|error| format!("{}: {error}", made.display()))?;
    }
    output(Command::new("node").arg(sources.join("build.mjs")).arg(packages).arg(&made))?;
    Ok(made)
}

/// The files that differ, or are in one folder alone. Two programs may compress the same content into different bytes.
fn differences(made: &Path, ours: &Path) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for folder in [made, ours] {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        names.extend(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()));
    }
    names.retain(|name| {
        let (made, ours) = (content(&made.join(name)), content(&ours.join(name)));
        made.is_err() || made.ok() != ours.ok()
    });
    Ok(names)
}
