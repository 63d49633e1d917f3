//! `cargo xtask bench downloads`: one large artifact over HTTP, whole and in small stretches, beside nginx with the very same file.

use super::program;
use crate::steps::{self, Steps, count, passed_on, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// Size of the artifact
    #[arg(long, value_name = "N", value_parser = count)]
    mebibytes: Option<u64>,
    /// How often each is measured
    #[arg(long, value_name = "N", value_parser = count)]
    rounds: Option<u64>,
    /// How long ranges are asked for
    #[arg(long, value_name = "N", value_parser = count)]
    seconds: Option<u64>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and requests from PyPI, wrk and nginx from Debian");
    tooling::curl()?;
    let python = tooling::python(&target)?;
    let (wrk, nginx) = (tooling::wrk(&target)?, tooling::nginx(&target)?);
    let binary = steps::server(&mut steps, &target, None, true)?;
    steps.announce("downloads");
    let mut bench = program(python, "downloads", &binary, &target);
    bench.arg("--nginx").arg(nginx).args(wrk.options());
    steps::run(bench.args(passed_on(&[("--mebibytes", options.mebibytes), ("--rounds", options.rounds), ("--seconds", options.seconds)])))
}
