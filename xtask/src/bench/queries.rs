//! `cargo xtask bench queries`: scans, time spans, metrics, distinct and text conditions beside DuckDB and Polars, on the same Parquet in the same run.

use super::program;
use crate::steps::{self, Steps, built, cargo, count, passed_on, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// Rows of the table
    #[arg(long, value_name = "N", value_parser = count)]
    rows: Option<u64>,
    /// How often each is measured
    #[arg(long, value_name = "N", value_parser = count)]
    rounds: Option<u64>,
    /// Queries whose name has this in it
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and polars, from PyPI");
    let python = tooling::bench_python(&target)?;
    steps.announce("cargo build --release");
    // With the program, as everything else is built: alone, the engine would choose other features of its dependencies and build them again.
    let chosen = ["-p", "insightgate", "--bin", "insightgate", "-p", "insightgate-engine", "--example", "time_query"];
    steps::run(cargo().args(["build", "--release", "--locked"]).args(chosen))?;
    steps.announce("queries");
    let binary = built(&target, "release/examples", "time_query");
    let mut bench = program(python, "queries", &binary, &target);
    bench.args(passed_on(&[("--rows", options.rows), ("--rounds", options.rounds)])).args(passed_on(&[("--only", options.only.as_ref())]));
    steps::run(&mut bench)
}
