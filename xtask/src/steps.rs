//! Commands run one after the other, each announced, the first failure ending all.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Says what happens next, and how much is left.
pub struct Steps {
    done: usize,
    total: usize,
}

impl Steps {
    pub fn of(total: usize) -> Self {
        Steps { done: 0, total }
    }

    pub fn announce(&mut self, what: &str) {
        self.done += 1;
        eprintln!("\n[{}/{}] {what}", self.done, self.total);
    }
}

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The cargo that runs this.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // Cargo tells this program of its own package: build scripts that look at it would run again, and DataFusion be built anew.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_MANIFEST_")) {
        command.env_remove(name);
    }
    command
}

/// Runs with the caller's terminal.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|error| format!("{name} cannot be started: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{} failed ({status})", spelled(command))),
    }
}

/// What a command prints.
pub fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name} cannot be started: {error}"))?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(format!("{} failed ({})\n{}", spelled(command), output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// What cargo knows about the workspace. Given a platform, only what is built there.
pub fn metadata(platform: Option<&str>) -> Result<serde_json::Value, String> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--locked"]);
    if let Some(platform) = platform {
        command.args(["--filter-platform", platform]);
    }
    serde_json::from_slice(&output(&mut command)?).map_err(|error| format!("cargo metadata: {error}"))
}

/// Where cargo builds.
pub fn target_directory() -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--locked", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_slice(&output(&mut command)?).map_err(|error| format!("cargo metadata: {error}"))?;
    let directory = metadata.get("target_directory").and_then(|directory| directory.as_str());
    directory.map(PathBuf::from).ok_or_else(|| "cargo metadata names no target directory".to_owned())
}

/// Options that each take a number from 1, as they are passed on: any of the known ones.
pub fn counts(options: &[&str], known: &[&str]) -> Result<Vec<String>, String> {
    let mut checked = Vec::new();
    for pair in options.chunks(2) {
        let number = match pair {
            [name, number] if known.contains(name) => number.replace('_', ""),
            _ => return Err(format!("there is {}, each with a number, not '{}'", known.join(", "), pair.join(" "))),
        };
        if !matches!(number.parse::<u64>(), Ok(1..)) {
            return Err(format!("{} take a number from 1, not '{number}'", known.join(", ")));
        }
        checked.extend(pair.first().map(|name| (*name).to_owned()));
        checked.push(number);
    }
    Ok(checked)
}

fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
