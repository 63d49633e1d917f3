//! `cargo xtask drills`: what an operator tries by `drills/`, with the program as it is built.

use std::path::PathBuf;
use std::process::Command;

use crate::steps::{self, Steps, root, target_directory};

#[derive(clap::Args)]
pub struct Options {
    /// Drills by their names; all if none is named
    names: Vec<String>,
    /// A binary that is built, instead of one that is built for this
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let mut steps = Steps::of(2);
    let binary = steps::server(&mut steps, &target_directory()?, options.binary.as_deref(), false)?;
    steps.announce("drills");
    // Nothing but Python itself is needed.
    let mut drills = Command::new(std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
    drills.current_dir(root()).arg("drills/all.py").args(&options.names).env("INSIGHTGATE_BIN", binary);
    steps::run(drills.env("PYTHONDONTWRITEBYTECODE", "1"))
}
