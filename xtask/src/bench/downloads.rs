//! `cargo xtask bench downloads`: one large artifact over HTTP, whole and in small stretches, beside nginx with the very same file.

use std::process::Command;

use crate::steps::{self, Steps, cargo, counts, root, target_directory};
use crate::tooling;

/// Takes what stands behind `bench downloads`; `benches/downloads.py` knows the same options and their defaults.
pub fn run(options: &[&str]) -> Result<(), String> {
    let options = counts(options, &["--mebibytes", "--rounds", "--seconds"])?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and requests from PyPI, wrk and nginx from Debian");
    tooling::curl()?;
    let python = tooling::python(&target)?;
    let (wrk, nginx) = (tooling::wrk(&target)?, tooling::nginx(&target)?);
    steps.announce("cargo build --release");
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate", "--bin", "insightgate"]))?;
    steps.announce("downloads");
    let binary = target.join("release").join(format!("insightgate{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/downloads.py").arg("--binary").arg(binary).arg("--nginx").arg(nginx);
    bench.arg("--wrk").arg(wrk.program);
    if let Some(libraries) = wrk.libraries {
        bench.arg("--wrk-libraries").arg(libraries);
    }
    steps::run(bench.args(options).arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}
