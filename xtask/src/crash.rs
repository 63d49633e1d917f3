//! `cargo xtask crash`: servers that are killed at random, a database that is restarted, a store that fails; at any size.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, root, target_directory};
use crate::{differential, tooling};

#[derive(clap::Args)]
pub struct Options {
    /// How many reports there are; 120 in `cargo xtask test`
    #[arg(long, value_name = "N", value_parser = count, default_value = "1000")]
    reports: u64,
    /// What is killed and when follows from it
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

pub fn run(options: &Options) -> Result<(), String> {
    let Options { reports, seed } = options;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with moto and duckdb, from PyPI; Postgres");
    let python = tooling::python(&target)?;
    let postgres = tooling::postgres()?;
    steps.announce("cargo build");
    steps::run(cargo().args(["build", "--locked"]).args(differential::WITH_EXAMPLE))?;
    steps.announce(&format!("{reports} reports, seed {seed}"));
    let binary = built(&target, "debug", "insightgate");
    let mut pytest = Command::new(python);
    pytest.current_dir(root()).args(["-m", "pytest", "-p", "no:cacheprovider", "-s", "tests-e2e/failures/test_crash.py"]);
    pytest.env("INSIGHTGATE_BIN", binary).env("POSTGRES_BIN", postgres).env("PYTHONDONTWRITEBYTECODE", "1");
    steps::run(pytest.env("CRASH_REPORTS", reports.to_string()).env("CRASH_SEED", seed.to_string()))
}
