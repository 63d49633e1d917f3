//! `cargo xtask fuzz`: builds the fuzz targets with coverage counters in our own crates alone, so that dependencies are not built again, and
//! runs each for a while from its kept corpus, as many at once as there are cores. Those who have cargo-fuzz can use it on the same targets.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::compiler::{Role, this_program};
use crate::steps::{self, Background, Steps, built, cargo, count, root, target_directory};

const TARGETS: [&str; 7] =
    ["token_form", "access_token", "query_text", "query_literal", "text_predicate", "metric_expression", "dataset_definition"];

/// Places that are counted in a target at the least; its own file has some hundred.
const LEAST_COUNTERS: u32 = 600;

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
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    let mut steps = Steps::of(1 + targets.len().div_ceil(at_once));
    let target = target_directory()?;
    steps.announce("the fuzz targets, with coverage");
    steps::run(&mut build(&this_program(&target, Role::Coverage)?, targets))?;
    for name in targets {
        guided(&target, name)?;
    }
    for some in targets.chunks(at_once) {
        steps.announce(&format!("{}, {seconds} seconds", some.join(" and ")));
        let fuzzers = some.iter().map(|name| start(&target, name, seconds)).collect::<Result<Vec<_>, _>>()?;
        fuzzers.into_iter().try_for_each(Background::finish)?;
    }
    Ok(())
}

/// The build of all targets, which [`run`] then finds done. `compiler` is [`this_program`], copied before a build replaced it.
pub fn build_in_background(target: &Path, compiler: &Path) -> Result<Background, String> {
    Background::start(&build(compiler, &TARGETS), &target.join("fuzz-build.log"))
}

fn build(compiler: &Path, targets: &[&str]) -> Command {
    let mut build = cargo();
    // Of the whole workspace, for the features that it chose: alone, they would have more of DataFusion built again.
    build.args(["build", "--locked", "--workspace"]).args(targets.iter().flat_map(|name| ["--bin", name]));
    Role::Coverage.play(&mut build, compiler);
    build
}

/// Refuses a target whose libraries were built without coverage: it would find next to nothing, and nobody would notice.
fn guided(target: &Path, name: &str) -> Result<(), String> {
    let output = Command::new(built(target, "debug", name)).arg("-runs=0").output().map_err(|error| format!("{name}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match counters(&said) {
        Some(count) if count >= LEAST_COUNTERS => Ok(()),
        found => Err(format!(
            "{name} has {} places that are counted, fewer than {LEAST_COUNTERS}: its crates have no coverage",
            found.unwrap_or(0)
        )),
    }
}

/// From libFuzzer's line `INFO: Loaded 1 modules   (17092 inline 8-bit counters): …`.
fn counters(said: &str) -> Option<u32> {
    said.split(" inline 8-bit counters").next()?.rsplit('(').next()?.parse().ok()
}

fn start(target: &Path, name: &str, seconds: u64) -> Result<Background, String> {
    // What is found on the way stays here; the corpus in the repository is chosen by people.
    let found = target.join("fuzz").join(name);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
    let mut artifacts = found.clone().into_os_string();
    artifacts.push("-failure-");
    let mut fuzzer = Command::new(built(target, "debug", name));
    // Words that chance would take long to find.
    let words = Path::new("fuzz/dictionaries").join(name);
    if root().join(&words).exists() {
        fuzzer.arg(format!("-dict={}", words.display()));
    }
    fuzzer.current_dir(root()).arg(&found).arg(Path::new("fuzz/corpus").join(name));
    fuzzer.arg(format!("-artifact_prefix={}", artifacts.to_string_lossy()));
    // A bound on input, time and memory, so that a blow-up is a failure too.
    fuzzer.args(["-max_len=70000", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", "-verbosity=0"]);
    Background::start(fuzzer.arg(format!("-max_total_time={seconds}")), &target.join("fuzz").join(format!("{name}.log")))
}
