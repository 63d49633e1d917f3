//! `cargo xtask mutants`: changes the pure crates in one small place at a time and looks whether a test fails. A change that none notices is a rule without a test.
//!
//! Each change is built and tested anew, which takes hours for all of them: it is for people, and no part of what every change has to pass.

use crate::steps::{self, Steps, cargo, target_directory};
use crate::tooling;

/// They build in seconds, and say with their own tests whether they are right.
const CRATES: [&str; 3] = ["identity", "query", "report"];

#[derive(clap::Args)]
pub struct Options {
    /// One crate
    #[arg(long, value_name = "CRATE", value_parser = CRATES)]
    only: Option<String>,
    /// Changes of files whose path has this in it
    #[arg(long, value_name = "GLOB")]
    file: Option<String>,
    /// Only names the changes
    #[arg(long)]
    list: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(2);
    steps.announce("cargo-mutants, from crates.io");
    let path = tooling::cargo_mutants(&target)?;
    steps.announce("changes, and the tests of what was changed");
    let mut mutants = cargo();
    mutants.arg("mutants").env("PATH", path);
    for name in CRATES.iter().filter(|name| options.only.as_ref().is_none_or(|only| only == **name)) {
        mutants.arg("--package").arg(format!("insightgate-{name}"));
    }
    if let Some(file) = &options.file {
        mutants.arg("--file").arg(file);
    }
    if options.list {
        mutants.arg("--list");
    }
    steps::run(mutants.arg("--output").arg(&target))
}
