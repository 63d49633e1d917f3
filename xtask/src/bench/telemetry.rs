//! `cargo xtask bench telemetry`: what metrics and the log cost, beside a build without them.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, root, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// A release build of a commit that has neither
    #[arg(long, value_name = "BINARY")]
    without: PathBuf,
    /// How long each is measured
    #[arg(long, value_name = "N", value_parser = count, default_value = "5")]
    seconds: u64,
    /// How often
    #[arg(long, value_name = "N", value_parser = count, default_value = "5")]
    rounds: u64,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python from PyPI, wrk from Debian");
    let python = tooling::python(&target)?;
    let wrk = tooling::wrk(&target)?;
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate", "--bin", "insightgate"]))?;
    steps.announce("grants and reads");
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/telemetry.py").arg("--binary").arg(built(&target, "release", "insightgate"));
    bench.arg("--without").arg(&options.without).arg("--wrk").arg(wrk.program);
    if let Some(libraries) = wrk.libraries {
        bench.arg("--wrk-libraries").arg(libraries);
    }
    bench.args(["--seconds", &options.seconds.to_string(), "--rounds", &options.rounds.to_string()]).arg("--out").arg(target.join("bench"));
    steps::run(bench.env("PYTHONDONTWRITEBYTECODE", "1"))
}
