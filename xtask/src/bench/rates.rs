//! `cargo xtask bench rates`: times of answers at fixed rates, beside npm's oidc-provider and nginx.

use super::{Measured, program};
use crate::steps::{self, Steps, target_directory};
use crate::tooling;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    /// An optimised binary that is built, instead of one that is built for this
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    #[command(flatten)]
    measured: Measured,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python from PyPI, oidc-provider from npm, wrk and nginx from Debian");
    tooling::curl()?;
    let python = tooling::python(&target)?;
    let (wrk, nginx, provider) = (tooling::wrk(&target)?, tooling::nginx(&target)?, tooling::oidc_provider(&target)?);
    let binary = steps::server(&mut steps, &target, options.binary.as_deref(), true)?;
    steps.announce("answers at fixed rates");
    let mut bench = program(python, "rates", &binary, &target);
    bench.arg("--nginx").arg(nginx).arg("--node").arg("node").arg("--provider").arg(provider).args(wrk.options());
    steps::run(bench.args(options.measured.passed_on()))
}
