//! `cargo xtask bench`: what the release build does, beside peers in the same run. `benches/` has the programs that measure, and the defaults.

mod downloads;
mod export;
mod export_memory;
mod queries;
mod schedules;
mod telemetry;
mod tokens;

use clap::{Args, Subcommand};

use crate::steps::count;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    which: Option<Which>,
    /// Rows of the exported table
    #[arg(long, value_name = "N", value_parser = count, default_value = "10_000_000")]
    rows: u64,
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
    /// Downloads of one artifact beside nginx (1024 MiB, 5 rounds, 5 seconds of ranges)
    Downloads(downloads::Options),
    /// The most memory that an export holds, by format (50 million rows)
    ExportMemory(export_memory::Options),
}

pub fn run(options: &Options) -> Result<(), String> {
    match &options.which {
        None => export::run(options.rows),
        Some(Which::Queries(options)) => queries::run(options),
        Some(Which::Tokens(options)) => tokens::run(options),
        Some(Which::Telemetry(options)) => telemetry::run(options),
        Some(Which::Schedules(options)) => schedules::run(options),
        Some(Which::Downloads(options)) => downloads::run(options),
        Some(Which::ExportMemory(options)) => export_memory::run(options),
    }
}
