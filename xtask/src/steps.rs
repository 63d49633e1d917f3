//! Commands run one after the other, each announced, the first failure ending all.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
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
///
/// It has a process group of its own. What is left of the group is killed when this is dropped, and when this program ends in whatever way.
pub struct Background {
    child: Child,
    /// Kills the group as soon as its input ends. The system ends it with this program, which a signal may end at any time.
    guard: Child,
    command: String,
    log: PathBuf,
}

/// A line says that the group may stay; an end without one, that it may not.
const GUARD: &str = "read -r _ || kill -s KILL -- \"-$1\"";

impl Background {
    /// # Errors
    ///
    /// When the command cannot be started, or its log not be written.
    pub fn start(command: &Command, log: &Path) -> Result<Self, String> {
        let file = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let both = file.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let mut yielding = yielding();
        yielding.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => yielding.env(name, value),
                None => yielding.env_remove(name),
            };
        }
        yielding.current_dir(command.get_current_dir().unwrap_or(&root()));
        yielding.stdout(file).stderr(both).stdin(Stdio::null()).process_group(0);
        let mut child = yielding.spawn().map_err(|error| format!("{} cannot be started: {error}", spelled(command)))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(child.id().to_string()).stdin(Stdio::piped());
        // Of a group of its own too: Ctrl-C ends this program, and not the guard.
        let guard = guard.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn().map_err(|error| {
            drop(child.kill());
            format!("sh cannot be started: {error}")
        })?;
        Ok(Background { child, guard, command: spelled(command), log: log.to_owned() })
    }

    /// Waits for its end, and says what it has printed.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn finish(mut self) -> Result<(), String> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.command))?;
        eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        // The number of its group may soon be another's.
        drop(self.guard.stdin.as_mut().map(|guard| guard.write_all(b"done\n")));
        if status.success() { Ok(()) } else { Err(format!("{} failed ({status})", self.command)) }
    }
}

impl Drop for Background {
    /// Where something else has failed, nobody waits for it any more.
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        drop(self.guard.wait());
        drop(self.child.wait());
    }
}

/// What starts a command that gives way. On Linux it runs only while a core has nothing else to do, and leaves it at once when it has: what is measured
/// beside it waits for nothing. Elsewhere it gets the smallest share that there is.
fn yielding() -> Command {
    let idle = ["--idle", "0"];
    if Command::new("chrt").args(idle).arg("true").output().is_ok_and(|tried| tried.status.success()) {
        let mut idly = Command::new("chrt");
        idly.args(idle);
        return idly;
    }
    let mut niced = Command::new("nice");
    niced.args(["-n", "19"]);
    niced
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

/// The server: the one that is given, or one that is built now.
///
/// # Errors
///
/// When it cannot be built, or the current folder is gone.
pub fn server(steps: &mut Steps, target: &Path, given: Option<&Path>, release: bool) -> Result<PathBuf, String> {
    if let Some(binary) = given {
        steps.announce(&format!("{}, which is built", binary.display()));
        // Whatever runs it may run elsewhere.
        return std::path::absolute(binary).map_err(|error| format!("{}: {error}", binary.display()));
    }
    steps.announce(if release { "cargo build --release" } else { "cargo build" });
    let mut build = cargo();
    build.args(["build", "--locked", "-p", "insightgate", "--bin", "insightgate"]);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    Ok(built(target, if release { "release" } else { "debug" }, "insightgate"))
}

/// A program that cargo has built.
pub fn built(target: &Path, profile: &str, name: &str) -> PathBuf {
    target.join(profile).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn spelled(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use super::*;

    #[test]
    fn what_runs_in_the_background_ends_with_all_that_it_has_started() {
        let folder = target_directory().unwrap().join(format!("background-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (pipe, log) = (folder.join("pipe"), folder.join("log"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut shell = Command::new("sh");
        // The pipe ends once nobody has it open any more.
        let script = "exec 3>\"$1\"; (echo up >&3; sleep 60; echo survived >&3) & wait";
        let background = Background::start(shell.args(["-c", script, "sh"]).arg(&pipe), &log).unwrap();
        let (mut said, mut first) = (BufReader::new(File::open(&pipe).unwrap()), String::new());
        said.read_line(&mut first).unwrap();
        assert_eq!(first, "up\n");
        drop(background);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "", "what was started in turn is killed too");
        assert!(Background::start(Command::new("echo").arg("all"), &log).unwrap().finish().is_ok());
        assert!(Background::start(&Command::new("false"), &log).unwrap().finish().is_err());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_runs_in_the_background_gives_way_and_has_the_environment_that_it_was_given() {
        let log = std::env::temp_dir().join(format!("xtask-background-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo $GIVEN ${HOME-gone}; cut -d' ' -f19,41 /proc/self/stat"]).env("GIVEN", "given").env_remove("HOME");
        let done = Background::start(&command, &log).and_then(Background::finish);
        let said = fs::read_to_string(&log).unwrap_or_default();
        drop(fs::remove_file(&log));
        assert_eq!(done, Ok(()));
        // Its share, and the policy that runs it while nothing else wants the core.
        let gives_way = said.lines().nth(1).is_some_and(|line| line.ends_with(" 5") || line.starts_with("19 "));
        assert!(said.starts_with("given gone\n") && gives_way, "{said}");
    }
}
