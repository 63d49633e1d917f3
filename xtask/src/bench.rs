//! `cargo xtask bench`: what the release build does, beside peers in the same run. `benches/` has the programs that measure, and the defaults.

mod downloads;
mod export;
mod export_memory;
mod queries;
mod rates;
mod schedules;
mod telemetry;
mod tokens;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::steps::{count, passed_on, root};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    which: Option<Which>,
    /// Rows of the exported table
    #[arg(long, value_name = "N", value_parser = count, default_value = "10_000_000")]
    rows: u64,
}

/// How much is measured.
#[derive(Args)]
struct Measured {
    /// How long each is measured
    #[arg(long, value_name = "N", value_parser = count)]
    seconds: Option<u64>,
    /// How often
    #[arg(long, value_name = "N", value_parser = count)]
    rounds: Option<u64>,
}

impl Measured {
    fn passed_on(&self) -> Vec<String> {
        passed_on(&[("--seconds", self.seconds), ("--rounds", self.rounds)])
    }
}

#[derive(Subcommand)]
enum Which {
    /// Queries beside DuckDB and Polars (20 million rows, 5 rounds)
    Queries(queries::Options),
    /// Grants and reads a second beside npm's oidc-provider (5 seconds, 3 rounds)
    Tokens(tokens::Options),
    /// What metrics and the log cost, beside a build without them (5 seconds, 5 rounds)
    Telemetry(telemetry::Options),
    /// A scheduler's tick, and executions due at once, on SQLite and Postgres (100,000 reports, 10,000 executions, 200 tenants)
    Schedules(schedules::Options),
    /// Times of grants, reads, downloads and a small answer at fixed rates, beside oidc-provider and nginx (5 seconds, 3 rounds)
    Rates(rates::Options),
    /// Downloads of one artifact beside nginx (1024 MiB, 5 rounds, 5 seconds of ranges)
    Downloads(downloads::Options),
    /// The most memory that an export holds, by format (50 million rows)
    ExportMemory(export_memory::Options),
}

/// The program of `benches` with this name, for this binary.
fn program(python: impl AsRef<OsStr>, name: &str, binary: &Path, target: &Path) -> Command {
    let mut program = Command::new(python);
    program.current_dir(root()).arg(format!("benches/{name}.py")).arg("--binary").arg(binary).arg("--out").arg(target.join("bench"));
    program.env("PYTHONDONTWRITEBYTECODE", "1");
    program
}

pub fn run(options: &Options) -> Result<(), String> {
    match &options.which {
        None => export::run(options.rows),
        Some(Which::Queries(options)) => queries::run(options),
        Some(Which::Tokens(options)) => tokens::run(options),
        Some(Which::Telemetry(options)) => telemetry::run(options),
        Some(Which::Schedules(options)) => schedules::run(options),
        Some(Which::Rates(options)) => rates::run(options),
        Some(Which::Downloads(options)) => downloads::run(options),
        Some(Which::ExportMemory(options)) => export_memory::run(options),
    }
}
