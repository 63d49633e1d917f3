//! `cargo xtask bench`: rows and bytes a second of a full export over HTTP, beside DuckDB on the same file in the same run.

use super::program;
use crate::steps::{self, Steps, target_directory};
use crate::tooling;

pub fn run(rows: u64) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and requests, from PyPI");
    let python = tooling::python(&target)?;
    let binary = steps::server(&mut steps, &target, None, true)?;
    steps.announce("exports");
    steps::run(program(python, "export", &binary, &target).arg("--rows").arg(rows.to_string()))
}
