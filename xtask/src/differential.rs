//! `cargo xtask differential`: generated queries, answered by the engine and by DuckDB, and compared row by row.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, passed_on, root, target_directory};
use crate::tooling;

/// The engine's example that answers queries.
const EXAMPLE: &str = "answer_queries";

#[derive(clap::Args)]
pub struct Options {
    /// How many; 20,000 of them are part of `cargo xtask test`
    #[arg(long, value_name = "N", value_parser = count)]
    queries: Option<u64>,
    /// The queries and the data follow from it; any, when it is left out
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Six times as fast, once it is built
    #[arg(long)]
    release: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let release = options.release;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and pyarrow, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce(if release { "cargo build --release" } else { "cargo build" });
    let mut build = cargo();
    build.args(["build", "--locked"]).args(WITH_EXAMPLE);
    if release {
        build.arg("--release");
    }
    steps::run(&mut build)?;
    steps.announce("queries");
    let mut queries = Command::new(python);
    queries.current_dir(root().join("tests-e2e")).args(["-m", "differential", "--binary"]).arg(example(&target, release));
    queries.args(passed_on(&[("--queries", options.queries), ("--seed", options.seed)]));
    steps::run(queries.env("PYTHONDONTWRITEBYTECODE", "1"))
}

/// What to build. With the program, as everything else is built: alone, the engine would choose other features of its dependencies and build them
/// again.
pub const WITH_EXAMPLE: [&str; 5] = ["--workspace", "--bin", "insightgate", "--example", EXAMPLE];

/// The example without the program, chosen so that its dependencies have the features of all tests.
pub const EXAMPLE_ALONE: [&str; 3] = ["--workspace", "--example", EXAMPLE];

/// Where the build leaves the example.
pub fn example(target: &Path, release: bool) -> PathBuf {
    built(target, if release { "release/examples" } else { "debug/examples" }, EXAMPLE)
}
