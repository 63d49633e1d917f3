//! `cargo xtask bench export-memory`: the most that a process holds while it exports very many rows, beside the limit that it is to keep.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, passed_on, root, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// Rows of the exported table
    #[arg(long, value_name = "N", value_parser = count)]
    rows: Option<u64>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate", "--bin", "insightgate"]))?;
    steps.announce("exports");
    let binary = built(&target, "release", "insightgate");
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/export_memory.py").arg("--binary").arg(binary).args(passed_on(&[("--rows", options.rows)]));
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
