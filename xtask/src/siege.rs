//! `cargo xtask siege`: attacks on a running server beside an honest caller, and the table of what both of them got.

use std::process::Command;

use crate::steps::{self, Steps, cargo, root, target_directory};
use crate::{differential, tooling};

/// Takes what stands behind `siege`.
pub fn run(options: &[&str]) -> Result<(), String> {
    let (options, release) = checked(options)?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with requests, duckdb, pyarrow and moto, from PyPI; Postgres");
    let python = tooling::python(&target)?;
    let postgres = tooling::postgres()?;
    steps.announce(if release { "cargo build --release" } else { "cargo build" });
    let mut build = cargo();
    build.args(["build", "--locked"]).args(differential::WITH_EXAMPLE);
    if release {
        build.arg("--release");
    }
    steps::run(&mut build)?;
    steps.announce("attacks");
    let profile = target.join(if release { "release" } else { "debug" });
    let binary = profile.join(format!("insightgate{}", std::env::consts::EXE_SUFFIX));
    let mut siege = Command::new(python);
    siege.current_dir(root().join("tests-e2e")).args(["-m", "siege", "--output"]).arg(target.join("siege.json")).args(options);
    siege.env("INSIGHTGATE_BIN", binary).env("POSTGRES_BIN", postgres);
    steps::run(siege.env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// What is passed on, and whether the build is optimised. The names of attacks are known to the program that makes them.
fn checked(options: &[&str]) -> Result<(Vec<String>, bool), String> {
    let (mut passed, mut release) = (Vec::new(), false);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let value = match *option {
            "--release" => {
                release = true;
                continue;
            }
            "--short" => None,
            "--only" => Some(rest.next().map(|name| (*name).to_owned()).ok_or("--only takes the name of an attack")?),
            "--seconds" => {
                let number = rest.next().map(|number| number.replace('_', "")).filter(|number| matches!(number.parse::<u64>(), Ok(1..)));
                Some(number.ok_or("--seconds takes a number from 1")?)
            }
            other => return Err(format!("siege takes [--only NAME] [--seconds N] [--short] [--release], not '{other}'")),
        };
        passed.push((*option).to_owned());
        passed.extend(value);
    }
    Ok((passed, release))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(checked(&[]), Ok((vec![], false)));
        let all = checked(&["--only", "limits", "--release", "--seconds", "1_0", "--only", "refused", "--short"]);
        assert_eq!(all, Ok((words(&["--only", "limits", "--seconds", "10", "--only", "refused", "--short"]), true)));
        for wrong in [&["--only"][..], &["--seconds", "0"], &["--seconds", "long"], &["limits"]] {
            assert!(checked(wrong).is_err(), "{wrong:?}");
        }
    }
}
