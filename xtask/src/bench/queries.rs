//! `cargo xtask bench queries`: scans, time spans, metrics, distinct and text conditions beside DuckDB and Polars, on the same Parquet in the same run.

use std::process::Command;

use crate::steps::{self, Steps, cargo, root, target_directory};
use crate::tooling;

/// Takes what stands behind `bench queries`; `benches/queries.py` knows the same options and their defaults.
pub fn run(options: &[&str]) -> Result<(), String> {
    let options = checked(options)?;
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("Python with duckdb and polars, from PyPI");
    let python = tooling::bench_python(&target)?;
    steps.announce("cargo build --release");
    // With the program, as everything else is built: alone, the engine would choose other features of its dependencies and build them again.
    let chosen = ["-p", "insightgate", "--bin", "insightgate", "-p", "insightgate-engine", "--example", "time_query"];
    steps::run(cargo().args(["build", "--release", "--locked"]).args(chosen))?;
    steps.announce("queries");
    let binary = target.join("release/examples").join(format!("time_query{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(python);
    bench.current_dir(root()).arg("benches/queries.py").arg("--binary").arg(binary).args(options);
    steps::run(bench.arg("--out").arg(target.join("bench")).env("PYTHONDONTWRITEBYTECODE", "1"))
}

fn checked(options: &[&str]) -> Result<Vec<String>, String> {
    let mut checked = Vec::new();
    for pair in options.chunks(2) {
        let value = match pair {
            ["--rows" | "--rounds", number] => match number.replace('_', "").parse::<u64>() {
                Ok(1..) => number.replace('_', ""),
                _ => return Err(format!("--rows and --rounds take a number from 1, not '{number}'")),
            },
            ["--only", name] => (*name).to_owned(),
            _ => return Err(format!("bench queries takes [--rows N] [--rounds N] [--only NAME], not '{}'", pair.join(" "))),
        };
        checked.extend(pair.first().map(|option| (*option).to_owned()));
        checked.push(value);
    }
    Ok(checked)
}
