//! `cargo xtask soak`: servers that work for half an hour beside callers, schedules, downloads and an operator, and whether what they hold is level.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{self, Steps, count, passed_on, root, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// How long they work
    #[arg(long, value_name = "N", value_parser = count)]
    minutes: Option<u64>,
    /// A binary that is built, instead of one that is built for this
    #[arg(long, value_name = "FILE", conflicts_with = "release")]
    binary: Option<PathBuf>,
    /// Optimised servers
    #[arg(long)]
    release: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with requests, duckdb and pyarrow, from PyPI");
    let python = tooling::python(&target)?;
    let binary = steps::server(&mut steps, &target, options.binary.as_deref(), options.release)?;
    steps.announce("the soak");
    let mut soak = Command::new(python);
    soak.current_dir(root().join("tests-e2e")).args(["-m", "soak", "--output"]).arg(target.join("soak.json"));
    soak.args(passed_on(&[("--minutes", options.minutes)])).env("INSIGHTGATE_BIN", binary);
    steps::run(soak.env("PYTHONDONTWRITEBYTECODE", "1"))
}
