//! `cargo xtask dist`: the packages that are handed out, made from one binary: a wheel, an npm package, a Debian package and the root of a container,
//! with an inventory of what is in them, all licences and checksums.
//!
//! The binary is built here, or comes from `--binary`. `packaging/` says what lies in each package, and makes them: its files are Python without other
//! packages, as what lies in wheels and archives is bytes in a known order, for which nothing has to be compiled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::steps::{self, Steps, built, cargo, metadata, output, root, target_directory};

#[derive(clap::Args)]
pub struct Options {
    /// Pack this binary instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Where the packages go; target/dist-packages if not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Compress nothing, for a try
    #[arg(long)]
    fast: bool,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(if options.binary.is_some() { 1 } else { 2 });
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            steps.announce("cargo build --profile dist, which takes some twenty minutes");
            let mut build = cargo();
            build.args(["build", "--profile", "dist", "--locked", "-p", "insightgate", "--bin", "insightgate"]);
            if cfg!(target_arch = "aarch64") {
                // Some of these machines have pages of 64 KiB, on which an allocator that was built for smaller ones does not start.
                build.env("JEMALLOC_SYS_WITH_LG_PAGE", "16");
            }
            steps::run(&mut build)?;
            built(&target, "dist", "insightgate")
        }
    };
    steps.announce("packages");
    let out = options.out.clone().unwrap_or_else(|| target.join("dist-packages"));
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let host = host()?;
    // What cargo knows of each crate of this platform: versions, licences, where its files lie.
    let known = target.join("dist-metadata.json");
    let metadata: Value = metadata(Some(&host))?;
    fs::write(&known, metadata.to_string()).map_err(|error| format!("{}: {error}", known.display()))?;
    let mut pack = Command::new(std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
    pack.arg(root().join("packaging/pack.py")).arg("--binary").arg(&binary).arg("--out").arg(&out).arg("--metadata").arg(&known);
    pack.args(["--target", &host]).env("PYTHONDONTWRITEBYTECODE", "1");
    if options.fast {
        pack.arg("--fast");
    }
    if std::env::var_os("SOURCE_DATE_EPOCH").is_none() {
        // The same commit gives the same bytes, whenever it is packed.
        let time = output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))?;
        pack.env("SOURCE_DATE_EPOCH", String::from_utf8_lossy(&time).trim());
    }
    steps::run(&mut pack)?;
    eprintln!("\nthe packages lie in {} after {}", shown(&out), steps.taken());
    Ok(())
}

/// The platform that cargo builds for by itself.
fn host() -> Result<String, String> {
    let told = output(Command::new("rustc").args(["--version", "--verbose"]).current_dir(root()))?;
    let told = String::from_utf8_lossy(&told).into_owned();
    told.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or_else(|| "rustc names no host".to_owned())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
