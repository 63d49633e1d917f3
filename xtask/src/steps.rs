//! Commands run one after the other, each announced, the first failure ending all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Says what happens next, how much is left, and how long all has taken.
pub struct Steps {
    done: usize,
    total: usize,
    started: Instant,
}

impl Steps {
    #[allow(clippy::disallowed_methods, reason = "what a person reads, and nothing depends on")]
    pub fn of(total: usize) -> Self {
        Steps { done: 0, total, started: Instant::now() }
    }

    pub fn announce(&mut self, what: &str) {
        self.done += 1;
        eprintln!("\n[{}/{} after {}] {what}", self.done, self.total, self.taken());
    }

    /// Minutes and seconds since the first step.
    pub fn taken(&self) -> String {
        let seconds = self.started.elapsed().as_secs();
        format!("{}:{:02}", seconds / 60, seconds % 60)
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
    let of_this_package = |name: &str| name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| of_this_package(&name.to_string_lossy())) {
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

/// A command that runs beside others and gives way to them: what it computes is worth the processor's time that nobody else wants.
pub struct Background {
    child: Child,
    command: String,
    log: PathBuf,
}

impl Background {
    /// # Errors
    ///
    /// When the command cannot be started, or its log not be written.
    pub fn start(command: &Command, log: &Path) -> Result<Self, String> {
        let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let both = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let mut niced = Command::new("nice");
        niced.args(["-n", "19"]).arg(command.get_program()).args(command.get_args());
        niced
            .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .current_dir(command.get_current_dir().unwrap_or(&root()));
        let child =
            niced.stdout(file).stderr(both).stdin(Stdio::null()).spawn().map_err(|error| format!("nice cannot be started: {error}"))?;
        Ok(Background { child, command: spelled(command), log: log.to_owned() })
    }

    /// Waits for its end, and says what it has printed.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn finish(mut self) -> Result<(), String> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.command))?;
        eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", self.command)) }
    }
}

impl Drop for Background {
    /// Where something else has failed, nobody waits for it any more.
    fn drop(&mut self) {
        drop(self.child.kill());
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

/// A number of an option, from 1. `1_000_000` is one.
///
/// # Errors
///
/// When it is none.
pub fn count(text: &str) -> Result<u64, String> {
    match text.replace('_', "").parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("a number from 1 is expected".to_owned()),
    }
}

/// The options that were given, as they are passed on to a program that knows the same ones and their defaults.
pub fn passed_on<T: ToString>(options: &[(&str, Option<T>)]) -> Vec<String> {
    let given = options.iter().filter_map(|(name, value)| value.as_ref().map(|value| [(*name).to_owned(), value.to_string()]));
    given.flatten().collect()
}

/// A program that cargo has built.
pub fn built(target: &Path, profile: &str, name: &str) -> PathBuf {
    target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
