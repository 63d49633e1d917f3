//! `cargo xtask bench tokens`: grants and authenticated reads a second, beside npm's oidc-provider and the rates of the cryptography itself.

use super::{Measured, program};
use crate::steps::{self, Steps, built, cargo, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    measured: Measured,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(4);
    steps.announce("Python from PyPI, wrk from Debian");
    let python = tooling::python(&target)?;
    let wrk = tooling::wrk(&target)?;
    steps.announce("oidc-provider, from npm");
    let provider = tooling::oidc_provider(&target)?;
    steps.announce("cargo build --release");
    // Of one build: apart, each could choose other features of what they share and build it twice.
    let chosen = ["-p", "insightgate", "--bin", "insightgate", "-p", "insightgate-operations", "--example", "crypto_rates"];
    steps::run(cargo().args(["build", "--release", "--locked"]).args(chosen))?;
    steps.announce("grants and reads");
    let mut bench = program(python, "tokens", &built(&target, "release", "insightgate"), &target);
    bench.arg("--rates").arg(built(&target, "release/examples", "crypto_rates")).arg("--node").arg("node").arg("--provider").arg(provider);
    bench.args(wrk.options()).args(options.measured.passed_on());
    steps::run(bench.env("POSTGRES_BIN", tooling::postgres()?))
}
