//! This program in the place of the compiler: cargo calls it for our own crates alone, so that dependencies are built once for all that is done with them.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Set for the calls in which this program stands for the compiler; says which of the roles it has.
const ROLE: &str = "INSIGHTGATE_COMPILER";

/// What is to come of a build.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Role {
    /// Programs for libFuzzer: it is guided by what is counted in them.
    Coverage,
    /// What an ordinary build makes, or an error for anything that clippy and rustdoc warn of. Their own commands would compile DataFusion a second
    /// time, and a third, since cargo keeps what it checks apart from what it builds.
    Lints,
}

const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

impl Role {
    /// The role that this program was started in; None when people started it.
    pub fn current() -> Option<Self> {
        match std::env::var(ROLE).ok()?.as_str() {
            "coverage" => Some(Role::Coverage),
            "lints" => Some(Role::Lints),
            _ => None,
        }
    }

    /// Makes a call of cargo build our crates in this role. `program` is this one, where no build replaces it.
    pub fn play(self, cargo: &mut Command, program: &Path) {
        let name = self.name();
        // Clippy's driver takes further flags from there, as `cargo clippy -- -Dwarnings` hands them on.
        cargo.env("RUSTC_WORKSPACE_WRAPPER", program).env(ROLE, name).env("CLIPPY_ARGS", "-Dwarnings");
    }

    fn name(self) -> &'static str {
        match self {
            Role::Coverage => "coverage",
            Role::Lints => "lints",
        }
    }

    /// Calls the compiler that is named first.
    pub fn compile(self) -> ExitCode {
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        let Some((compiler, flags)) = arguments.split_first() else { return ExitCode::from(2) };
        let compiled = match self {
            Role::Coverage => code(Command::new(compiler).args(flags).args(COVERAGE)),
            Role::Lints => code(Command::new("clippy-driver").args(&arguments)),
        };
        match (compiled, documentation(flags)) {
            (0, Some(flags)) if self == Role::Lints => ExitCode::from(code(Command::new(beside(compiler)).args(flags))),
            _ => ExitCode::from(compiled),
        }
    }
}

/// A copy of this program that no build replaces: cargo builds this one too. Each role has its own, since cargo tells what it has built by the path of
/// the program that stood for the compiler, and by nothing else that the role changes.
///
/// # Errors
///
/// When it cannot be copied.
pub fn this_program(target: &Path, role: Role) -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let copy = target.join(format!("xtask-{}", role.name()));
    let bytes = fs::read(&this).map_err(|error| format!("{}: {error}", this.display()))?;
    // One that is the same stays: what was built through it is still good.
    if !fs::read(&copy).is_ok_and(|known| known == bytes) {
        fs::copy(&this, &copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    }
    Ok(copy)
}

fn code(command: &mut Command) -> u8 {
    let status = command.status().map(|status| status.code());
    match status {
        Ok(Some(code)) => u8::try_from(code).unwrap_or(1),
        _ => 1,
    }
}

fn beside(compiler: &OsString) -> OsString {
    Path::new(compiler).with_file_name("rustdoc").into_os_string()
}

/// What rustdoc takes of a compiler's flags: the crate and what it is built on. None for tests and build scripts, and where cargo only asks.
fn documentation(flags: &[OsString]) -> Option<Vec<OsString>> {
    let texts: Vec<_> = flags.iter().filter_map(|flag| flag.to_str()).collect();
    let after = |name: &str| texts.iter().zip(texts.iter().skip(1)).find(|(flag, _)| **flag == name).map(|(_, value)| *value);
    let name = after("--crate-name")?;
    let folder = after("--out-dir")?;
    if name.starts_with("build_script") || texts.contains(&"--test") {
        return None;
    }
    let mut kept: Vec<OsString> = Vec::new();
    let mut rest = texts.iter();
    while let Some(flag) = rest.next() {
        match *flag {
            "--crate-name" | "--crate-type" | "--cfg" | "--check-cfg" | "--extern" | "-L" => {
                kept.push(flag.into());
                kept.extend(rest.next().map(OsString::from));
            }
            "--out-dir" | "-C" | "--cap-lints" => drop(rest.next()),
            _ if flag.starts_with("--edition")
                || flag.starts_with("--error-format")
                || flag.starts_with("--json")
                || flag.ends_with(".rs") =>
            {
                kept.push(flag.into());
            }
            // How to compile, and which lints clippy has.
            _ => {}
        }
    }
    kept.extend(["--document-private-items", "-Dwarnings", "--out-dir"].map(OsString::from));
    kept.push(Path::new(folder).join("doc").into_os_string());
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn rustdoc_is_told_what_the_crate_is_built_on() {
        let told = "--crate-name ours --edition=2024 src/lib.rs --error-format=json --json=artifacts --crate-type lib --emit=dep-info,metadata,link \
                    -C opt-level=1 --deny=clippy::panic --cfg feature=\"a\" --out-dir target/deps -L dependency=target/deps --extern serde=s.rmeta";
        let expected = "--crate-name ours --edition=2024 src/lib.rs --error-format=json --json=artifacts --crate-type lib --cfg feature=\"a\" \
                        -L dependency=target/deps --extern serde=s.rmeta --document-private-items -Dwarnings --out-dir target/deps/doc";
        assert_eq!(documentation(&flags(told)), Some(flags(expected)));
        for other in [
            "-vV",
            "- --crate-name ___ --print=cfg",
            "--crate-name ours src/lib.rs --test --out-dir a",
            "--crate-name build_script_build build.rs --out-dir a",
        ] {
            assert_eq!(documentation(&flags(other)), None, "{other}");
        }
    }
}
