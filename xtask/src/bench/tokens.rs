//! `cargo xtask bench tokens`: grants and authenticated reads a second, beside npm's oidc-provider and the rates of the cryptography itself.

use std::process::Command;

use crate::steps::{self, Steps, cargo, root, target_directory};
use crate::tooling;

pub fn run(seconds: u32, rounds: u32) -> Result<(), String> {
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
    let release = target.join("release");
    let built = |name: &str| release.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/tokens.py").arg("--binary").arg(built("insightgate"));
    bench.arg("--rates").arg(built("examples/crypto_rates")).arg("--node").arg("node").arg("--provider").arg(provider);
    bench.arg("--wrk").arg(wrk.program);
    if let Some(libraries) = wrk.libraries {
        bench.arg("--wrk-libraries").arg(libraries);
    }
    bench.args(["--seconds", &seconds.to_string(), "--rounds", &rounds.to_string()]).arg("--out").arg(target.join("bench"));
    steps::run(bench.env("PYTHONDONTWRITEBYTECODE", "1"))
}
