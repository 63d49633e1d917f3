//! `cargo xtask siege`: attacks on a running server beside an honest caller, and the table of what both of them got.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, count, passed_on, root, target_directory};
use crate::{differential, tooling};

#[derive(clap::Args)]
pub struct Options {
    /// One attack by its name; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How long each attack lasts
    #[arg(long, value_name = "N", value_parser = count)]
    seconds: Option<u64>,
    /// As short as in `cargo xtask test`
    #[arg(long)]
    short: bool,
    /// Attack an optimised server
    #[arg(long)]
    release: bool,
}

impl Options {
    /// What the program is told that makes the attacks. It knows their names.
    fn passed_on(&self) -> Vec<String> {
        let mut passed = passed_on(&self.only.iter().map(|name| ("--only", Some(name))).collect::<Vec<_>>());
        passed.extend(passed_on(&[("--seconds", self.seconds)]));
        passed.extend(self.short.then(|| "--short".to_owned()));
        passed
    }
}

pub fn run(options: &Options) -> Result<(), String> {
    let release = options.release;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with requests, duckdb, pyarrow and moto, from PyPI; Postgres");
    let python = tooling::python(&target)?;
    let postgres = tooling::postgres()?;
    steps.announce(if release { "cargo build --release" } else { "cargo build" });
    let mut build = cargo();
    build.args(["build", "--locked"]).args(differential::WITH_EXAMPLE);
    if release {
        build.arg("--release");
    }
    steps::run(&mut build)?;
    steps.announce("attacks");
    let binary = built(&target, if release { "release" } else { "debug" }, "insightgate");
    let mut siege = Command::new(python);
    siege.current_dir(root().join("tests-e2e")).args(["-m", "siege", "--output"]).arg(target.join("siege.json")).args(options.passed_on());
    siege.env("INSIGHTGATE_BIN", binary).env("POSTGRES_BIN", postgres);
    steps::run(siege.env("PYTHONDONTWRITEBYTECODE", "1"))
}
