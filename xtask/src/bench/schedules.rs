//! `cargo xtask bench schedules`: what a scheduler's tick costs among many reports, and how fast runs that are due at once are done, on both databases.

use std::process::Command;

use crate::steps::{self, Steps, cargo, counts, root, target_directory};

/// Takes what stands behind `bench schedules`; `benches/schedules.py` knows the same options and their defaults.
pub fn run(options: &[&str]) -> Result<(), String> {
    let options = counts(options, &["--reports", "--executions", "--tenants"])?;
    let target = target_directory()?;
    let mut steps = Steps::of(2);
    steps.announce("cargo build --release");
    // With the program, as everything else is built: alone, the example would choose other features of its dependencies and build them again.
    let chosen = ["-p", "insightgate", "--bin", "insightgate", "-p", "insightgate-operations", "--example", "time_schedules"];
    steps::run(cargo().args(["build", "--release", "--locked"]).args(chosen))?;
    steps.announce("ticks and runs, on SQLite and on a Postgres of its own");
    let binary = target.join("release/examples").join(format!("time_schedules{}", std::env::consts::EXE_SUFFIX));
    // Nothing but Python itself is needed.
    let mut bench = Command::new(std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
    bench.current_dir(root()).arg("benches/schedules.py").arg("--binary").arg(binary).args(options);
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
