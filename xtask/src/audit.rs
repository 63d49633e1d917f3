//! `cargo xtask audit`: cargo-deny with `deny.toml`, which knows of vulnerabilities and withdrawn versions.
//!
//! It fetches the list of advisories and takes minutes to build, so that it is for where there is a network. Licences, doubles and unused dependencies
//! `cargo xtask tidy` finds by itself in a second.

use crate::steps::{self, Steps, cargo, target_directory};
use crate::tooling;

#[derive(clap::Args)]
pub struct Options {
    /// Without the list of advisories
    #[arg(long)]
    offline: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(2);
    steps.announce("cargo-deny, from crates.io");
    let path = tooling::cargo_deny(&target)?;
    steps.announce("licences, bans and sources; advisories where there is a network");
    let mut deny = cargo();
    deny.args(["deny", "--workspace", "check", "licenses", "bans", "sources"]).env("PATH", path);
    if !options.offline {
        deny.arg("advisories");
    }
    steps::run(&mut deny)
}
