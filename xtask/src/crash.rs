//! `cargo xtask crash`: servers that are killed at random, a database that is restarted, a store that fails; at any size.

use std::process::Command;

use crate::steps::{self, Steps, cargo, root, target_directory};
use crate::{differential, tooling};

/// Takes what stands behind `crash`.
pub fn run(options: &[&str]) -> Result<(), String> {
    let (reports, seed) = checked(options)?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with moto and duckdb, from PyPI; Postgres");
    let python = tooling::python(&target)?;
    let postgres = tooling::postgres()?;
    steps.announce("cargo build");
    steps::run(cargo().args(["build", "--locked"]).args(differential::WITH_EXAMPLE))?;
    steps.announce(&format!("{reports} reports, seed {seed}"));
    let binary = target.join("debug").join(format!("insightgate{}", std::env::consts::EXE_SUFFIX));
    let mut pytest = Command::new(python);
    pytest.current_dir(root()).args(["-m", "pytest", "-p", "no:cacheprovider", "-s", "tests-e2e/failures/test_crash.py"]);
    pytest.env("INSIGHTGATE_BIN", binary).env("POSTGRES_BIN", postgres).env("PYTHONDONTWRITEBYTECODE", "1");
    steps::run(pytest.env("CRASH_REPORTS", reports.to_string()).env("CRASH_SEED", seed.to_string()))
}

/// Reports and seed.
fn checked(options: &[&str]) -> Result<(u64, u64), String> {
    let (mut reports, mut seed) = (1000, 1);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        let number = rest.next().and_then(|number| number.replace('_', "").parse().ok());
        let number = number.ok_or_else(|| format!("{option} takes a number"))?;
        match *option {
            "--reports" => reports = number,
            "--seed" => seed = number,
            other => return Err(format!("crash takes [--reports N] [--seed N], not '{other}'")),
        }
    }
    Ok((reports, seed))
}
