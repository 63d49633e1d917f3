//! `cargo xtask bench export-memory`: the most that a process holds while it exports very many rows, beside the limit that it is to keep.

use std::process::Command;

use crate::steps::{self, Steps, cargo, counts, root, target_directory};
use crate::tooling;

/// Takes what stands behind `bench export-memory`; `benches/export_memory.py` knows the same options and their defaults.
pub fn run(options: &[&str]) -> Result<(), String> {
    let options = counts(options, &["--rows"])?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate", "--bin", "insightgate"]))?;
    steps.announce("exports");
    let binary = target.join("release").join(format!("insightgate{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/export_memory.py").arg("--binary").arg(binary).args(options);
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
