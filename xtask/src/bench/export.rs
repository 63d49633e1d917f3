//! `cargo xtask bench`: rows and bytes a second of a full export over HTTP, beside DuckDB on the same file in the same run.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, root, target_directory};
use crate::tooling;

pub fn run(rows: u64) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and requests, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate"]))?;
    steps.announce("exports");
    let binary = built(&target, "release", "insightgate");
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/export.py").arg("--binary").arg(binary).arg("--rows").arg(rows.to_string());
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
