//! `cargo xtask differential`: generated queries, answered by the engine and by DuckDB, and compared row by row.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{self, Steps, cargo, root, target_directory};
use crate::tooling;

/// The engine's example that answers queries.
const EXAMPLE: &str = "answer_queries";

/// Takes what stands behind `differential`.
pub fn run(options: &[&str]) -> Result<(), String> {
    let (options, release) = checked(options)?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and pyarrow, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce(if release { "cargo build --release" } else { "cargo build" });
    let mut build = cargo();
    build.args(["build", "--locked"]).args(WITH_EXAMPLE);
    if release {
        build.arg("--release");
    }
    steps::run(&mut build)?;
    steps.announce("queries");
    let mut queries = Command::new(python);
    queries.current_dir(root().join("tests-e2e")).args(["-m", "differential", "--binary"]).arg(example(&target, release));
    steps::run(queries.args(options).env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// What to build. With the program, as everything else is built: alone, the engine would choose other features of its dependencies and build them
/// again.
pub const WITH_EXAMPLE: [&str; 5] = ["--workspace", "--bin", "insightgate", "--example", EXAMPLE];

/// Where the build leaves the example.
pub fn example(target: &Path, release: bool) -> PathBuf {
    let profile = if release { "release" } else { "debug" };
    target.join(profile).join("examples").join(format!("{EXAMPLE}{}", std::env::consts::EXE_SUFFIX))
}

fn checked(options: &[&str]) -> Result<(Vec<String>, bool), String> {
    let (mut checked, mut release) = (Vec::new(), false);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--release" => release = true,
            "--queries" | "--seed" => {
                let number = rest.next().map(|number| number.replace('_', "")).filter(|number| number.parse::<u64>().is_ok());
                let number = number.ok_or_else(|| format!("{option} takes a number"))?;
                checked.extend([(*option).to_owned(), number]);
            }
            other => return Err(format!("differential takes [--queries N] [--seed N] [--release], not '{other}'")),
        }
    }
    Ok((checked, release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(checked(&[]), Ok((vec![], false)));
        let all = checked(&["--queries", "1_000_000", "--release", "--seed", "7"]);
        assert_eq!(all, Ok((words(&["--queries", "1000000", "--seed", "7"]), true)));
        for wrong in [&["--queries"][..], &["--queries", "many"], &["--seed", "-1"], &["--rows", "5"]] {
            assert!(checked(wrong).is_err(), "{wrong:?}");
        }
    }
}
