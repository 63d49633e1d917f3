//! `cargo xtask bench downloads`: one large artifact over HTTP, whole and in small stretches, beside nginx with the very same file.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, passed_on, root, target_directory};
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
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate", "--bin", "insightgate"]))?;
    steps.announce("downloads");
    let binary = built(&target, "release", "insightgate");
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/downloads.py").arg("--binary").arg(binary).arg("--nginx").arg(nginx);
    bench.arg("--wrk").arg(wrk.program);
    if let Some(libraries) = wrk.libraries {
        bench.arg("--wrk-libraries").arg(libraries);
    }
    bench.args(passed_on(&[("--mebibytes", options.mebibytes), ("--rounds", options.rounds), ("--seconds", options.seconds)]));
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
