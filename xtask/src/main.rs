//! Repository chores: `cargo xtask tidy | test | crash | siege | differential | fuzz | linear | bench`. It drives cargo, Python and the built binary, and uses no crate of ours.

mod bench;
mod bench_downloads;
mod bench_export_memory;
mod bench_queries;
mod bench_schedules;
mod bench_tokens;
mod crash;
mod differential;
mod fuzz;
mod linear;
mod siege;
mod steps;
mod test;
mod tidy;
mod tooling;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask tidy                      the repository's own rules: edges between crates, sizes, names, licences, doubles
cargo xtask test [--only rust|e2e]    every test; installs what the end-to-end ones need into target/
cargo xtask crash [--reports N] [--seed N]
                                      servers, a database and a store that fail at random (reports: 1000, seed: 1)
cargo xtask siege [--only NAME] [--seconds N] [--short] [--release]
                                      attacks on a running server beside an honest caller, each for so long (seconds: 20)
cargo xtask differential [--queries N] [--seed N] [--release]
                                      generated queries beside DuckDB, row by row (queries: 1000000, seed: any)
cargo xtask fuzz [--seconds N] [--only TARGET]
                                      the fuzz targets, each for so long (seconds: 30)
cargo xtask linear [--only KIND]      that hard texts are read in linear time, by counting instructions
cargo xtask bench [--rows N]          full exports over HTTP beside DuckDB, in the release profile (rows: 10000000)
cargo xtask bench queries [--rows N] [--rounds N] [--only NAME]
                                      queries beside DuckDB and Polars, in the release profile (rows: 20000000, rounds: 5)
cargo xtask bench tokens [--seconds N --rounds N]
                                      grants and reads a second beside npm's oidc-provider (seconds: 5, rounds: 3)
cargo xtask bench schedules [--reports N] [--executions N] [--tenants N]
                                      a scheduler's tick, and runs due at once, on SQLite and Postgres (reports: 100000, executions: 10000, tenants: 200)
cargo xtask bench downloads [--mebibytes N] [--rounds N] [--seconds N]
                                      downloads of one artifact beside nginx (mebibytes: 1024, rounds: 5, seconds of ranges: 5)
cargo xtask bench export-memory [--rows N]
                                      the most memory that an export holds, by format (rows: 50000000)";

fn main() -> ExitCode {
    if fuzz::is_wrapping() {
        return fuzz::compile();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["test"] => test::run(test::Part::All),
        ["test", "--only", "rust"] => test::run(test::Part::Rust),
        ["test", "--only", "e2e"] => test::run(test::Part::EndToEnd),
        ["crash", options @ ..] => crash::run(options),
        ["siege", options @ ..] => siege::run(options),
        ["differential", options @ ..] => differential::run(options),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["linear"] => linear::run(""),
        ["linear", "--only", kind] => linear::run(kind),
        ["bench"] => bench::run(10_000_000),
        ["bench", "--rows", rows] => match rows.replace('_', "").parse() {
            Ok(rows) => bench::run(rows),
            Err(_) => Err(format!("--rows takes a number, not '{rows}'")),
        },
        ["bench", "tokens"] => bench_tokens::run(5, 3),
        ["bench", "tokens", "--seconds", seconds, "--rounds", rounds] => match (seconds.parse(), rounds.parse()) {
            (Ok(seconds @ 1..), Ok(rounds @ 1..)) => bench_tokens::run(seconds, rounds),
            _ => Err(format!("--seconds and --rounds take numbers from 1, not '{seconds}' and '{rounds}'")),
        },
        ["bench", "queries", options @ ..] => bench_queries::run(options),
        ["bench", "schedules", options @ ..] => bench_schedules::run(options),
        ["bench", "downloads", options @ ..] => bench_downloads::run(options),
        ["bench", "export-memory", options @ ..] => bench_export_memory::run(options),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}
