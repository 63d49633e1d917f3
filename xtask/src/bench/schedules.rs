//! `cargo xtask bench schedules`: what a scheduler's tick costs among many reports, and how fast runs that are due at once are done, on both databases.

use super::program;
use crate::steps::{self, Steps, built, cargo, count, passed_on, target_directory};

#[derive(clap::Args)]
pub struct Options {
    /// Reports that a tick looks among
    #[arg(long, value_name = "N", value_parser = count)]
    reports: Option<u64>,
    /// Executions that are due at once
    #[arg(long, value_name = "N", value_parser = count)]
    executions: Option<u64>,
    /// Tenants that they belong to
    #[arg(long, value_name = "N", value_parser = count)]
    tenants: Option<u64>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(2);
    steps.announce("cargo build --release");
    // With the program, as everything else is built: alone, the example would choose other features of its dependencies and build them again.
    let chosen = ["-p", "insightgate", "--bin", "insightgate", "-p", "insightgate-operations", "--example", "time_schedules"];
    steps::run(cargo().args(["build", "--release", "--locked"]).args(chosen))?;
    steps.announce("ticks and runs, on SQLite and on a Postgres of its own");
    let binary = built(&target, "release/examples", "time_schedules");
    // Nothing but Python itself is needed.
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let mut bench = program(python, "schedules", &binary, &target);
    bench.args(passed_on(&[("--reports", options.reports), ("--executions", options.executions), ("--tenants", options.tenants)]));
    steps::run(&mut bench)
}
