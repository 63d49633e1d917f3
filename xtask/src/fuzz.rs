//! `cargo xtask fuzz`: builds the fuzz targets with coverage counters in our own crates alone, so that dependencies are not built again, and
//! runs each for a while from its kept corpus. Those who have cargo-fuzz can use it on the same targets.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::compiler::{Role, this_program};
use crate::steps::{self, Steps, cargo, count, root, target_directory};

const TARGETS: [&str; 7] =
    ["token_form", "access_token", "query_text", "query_literal", "text_predicate", "metric_expression", "dataset_definition"];

#[derive(clap::Args)]
pub struct Options {
    /// How long each target runs
    #[arg(long, value_name = "N", value_parser = count, default_value = "30")]
    seconds: u64,
    /// One target
    #[arg(long, value_name = "TARGET", value_parser = TARGETS)]
    only: Option<String>,
}

pub fn run(options: &Options) -> Result<(), String> {
    let chosen = |name: &&&str| options.only.as_ref().is_none_or(|only| only == **name);
    run_targets(&TARGETS.iter().filter(chosen).copied().collect::<Vec<_>>(), options.seconds)
}

fn run_targets(targets: &[&str], seconds: u64) -> Result<(), String> {
    let mut steps = Steps::of(1 + targets.len());
    let target = target_directory()?;
    steps.announce("the fuzz targets, with coverage");
    let mut build = cargo();
    build.args(["build", "--locked", "-p", "insightgate-fuzz"]);
    Role::Coverage.play(&mut build, &this_program(&target)?);
    steps::run(&mut build)?;
    for name in targets {
        steps.announce(&format!("{name}, {seconds} seconds"));
        run_target(&target, name, seconds)?;
    }
    Ok(())
}

fn run_target(target: &Path, name: &str, seconds: u64) -> Result<(), String> {
    // What is found on the way stays here; the corpus in the repository is chosen by people.
    let found = target.join("fuzz").join(name);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let mut artifacts = found.clone().into_os_string();
    artifacts.push("-failure-");
    let mut fuzzer = Command::new(target.join("debug").join(name));
    // Words that chance would take long to find.
    let words = Path::new("fuzz/dictionaries").join(name);
    if root().join(&words).exists() {
        fuzzer.arg(format!("-dict={}", words.display()));
    }
    fuzzer.current_dir(root()).arg(&found).arg(Path::new("fuzz/corpus").join(name));
    fuzzer.arg(format!("-artifact_prefix={}", artifacts.to_string_lossy()));
    // A bound on input, time and memory, so that a blow-up is a failure too.
    fuzzer.args(["-max_len=70000", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
    steps::run(fuzzer.arg(format!("-max_total_time={seconds}")))
}
