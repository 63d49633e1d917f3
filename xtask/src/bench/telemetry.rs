//! `cargo xtask bench telemetry`: what metrics and the log cost, beside a build without them.

use super::{Measured, program};
use crate::steps::{self, Steps, target_directory};
use crate::tooling;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    /// A release build of a commit that has neither; else only memory and the time of a start are measured
    #[arg(long, value_name = "FILE")]
    without: Option<PathBuf>,
    /// An optimised binary that is built, instead of one that is built for this
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    #[command(flatten)]
    measured: Measured,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python from PyPI, wrk from Debian");
    let python = tooling::python(&target)?;
    let wrk = tooling::wrk(&target)?;
    let binary = steps::server(&mut steps, &target, options.binary.as_deref(), true)?;
    steps.announce("grants and reads, memory and starts");
    let mut bench = program(python, "telemetry", &binary, &target);
    if let Some(without) = &options.without {
        bench.arg("--without").arg(without);
    }
    bench.args(wrk.options());
    steps::run(bench.args(options.measured.passed_on()))
}
