//! `cargo xtask linear`: instructions that reading a hard text takes, counted by valgrind: a further byte of a great text takes no more than one
//! of a small text. Counts, unlike times, are the same on every machine that runs the same program.

use std::path::Path;
use std::process::Command;

use crate::steps::{self, Steps, built, cargo, target_directory};
use crate::tooling::{self, Valgrind};

/// How much more a byte of a great text may take than one of a small text.
const SLACK: f64 = 1.3;
/// Instructions a byte that are not looked at: where a limit ends all work, next to none are left to compare.
const FEW: f64 = 20.0;

#[derive(clap::Args)]
pub struct Options {
    /// Only kinds whose name has this in it
    #[arg(long, value_name = "KIND", default_value = "")]
    only: String,
}

pub fn run(options: &Options) -> Result<(), String> {
    let target = target_directory()?;
    let mut steps = Steps::of(3);
    steps.announce("valgrind, from Debian");
    let valgrind = match tooling::valgrind(&target) {
        Ok(valgrind) => valgrind,
        Err(reason) => {
            eprintln!("nothing is counted: {reason}");
            return Ok(());
        }
    };
    steps.announce("the program that reads hard texts");
    // Optimised, as what is handed out; it is a small part of the program.
    steps::run(cargo().args(["build", "--release", "--locked", "-p", "insightgate-query", "--example", "read_text"]))?;
    let program = built(&target, "release/examples", "read_text");
    steps.announce("instructions");
    let listed = String::from_utf8_lossy(&steps::output(&mut Command::new(&program))?).into_owned();
    let mut beyond = Vec::new();
    for line in listed.lines() {
        let [reader, name, from, to] = line.split(' ').collect::<Vec<_>>()[..] else { return Err(format!("a strange line: {line}")) };
        let kind = format!("{reader}/{name}");
        if !kind.contains(&options.only) {
            continue;
        }
        let bytes = |text: &str| text.parse::<u32>().map_err(|error| format!("{line}: {error}"));
        let (from, to) = (bytes(from)?, bytes(to)?);
        let count = |bytes: u32| instructions(&valgrind, &program, &kind, bytes);
        // Between two lengths, so that what every run takes is in neither.
        let small = (count(2 * from)? - count(from)?) / f64::from(from);
        let great = (count(to)? - count(to / 2)?) / f64::from(to / 2);
        let fits = great <= SLACK * small + FEW;
        let remark = if fits { "" } else { ": too many" };
        println!("{kind:40}{small:8.0} instructions for each byte from {from} on, {great:8.0} up to {to}{remark}");
        if !fits {
            beyond.push(kind);
        }
    }
    match beyond.is_empty() {
        true => Ok(()),
        false => Err(format!("what is read in more than linear time: {}", beyond.join(", "))),
    }
}

fn instructions(valgrind: &Valgrind, program: &Path, kind: &str, bytes: u32) -> Result<f64, String> {
    let mut command = valgrind.command();
    command.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]).arg(program).arg(kind).arg(bytes.to_string());
    let told = command.output().map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let text = String::from_utf8_lossy(&told.stderr);
    // ==123== I refs:        1,234,567
    let count = text.lines().find_map(|line| line.split_once("refs:")).map(|(_, count)| count.trim().replace(',', ""));
    match count.and_then(|count| count.parse().ok()).filter(|_| told.status.success()) {
        Some(count) => Ok(count),
        None => Err(format!("valgrind counted nothing for {kind} of {bytes} bytes ({})\n{text}", told.status)),
    }
}
