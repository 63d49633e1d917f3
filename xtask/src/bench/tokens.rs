//! `cargo xtask bench tokens`: grants and authenticated reads a second, beside npm's oidc-provider and the rates of the cryptography itself.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, root, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// How long each is measured
    #[arg(long, value_name = "N", value_parser = count, default_value = "5")]
    seconds: u64,
    /// How often
    #[arg(long, value_name = "N", value_parser = count, default_value = "3")]
    rounds: u64,
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
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/tokens.py").arg("--binary").arg(built(&target, "release", "insightgate"));
    bench.arg("--rates").arg(built(&target, "release/examples", "crypto_rates")).arg("--node").arg("node").arg("--provider").arg(provider);
    bench.arg("--wrk").arg(wrk.program);
    if let Some(libraries) = wrk.libraries {
        bench.arg("--wrk-libraries").arg(libraries);
    }
    bench.args(["--seconds", &options.seconds.to_string(), "--rounds", &options.rounds.to_string()]).arg("--out").arg(target.join("bench"));
    steps::run(bench.env("POSTGRES_BIN", tooling::postgres()?).env("PYTHONDONTWRITEBYTECODE", "1"))
}
