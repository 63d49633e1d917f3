//! `cargo xtask bench export-memory`: the most that a process holds while it exports very many rows, beside the limit that it is to keep.

use super::program;
use crate::steps::{self, Steps, count, passed_on, target_directory};
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
    let binary = steps::server(&mut steps, &target, None, true)?;
    steps.announce("exports");
    steps::run(program(python, "export_memory", &binary, &target).args(passed_on(&[("--rows", options.rows)])))
}
