//! Repository chores; `cargo xtask help` lists them. They drive cargo, Python and the built binary, and use no crate of ours.

mod audit;
mod bench;
mod bundled;
mod compiler;
mod console;
mod crash;
mod differential;
mod dist;
mod fuzz;
mod linear;
mod mutants;
mod siege;
mod steps;
mod test;
mod tidy;
mod tooling;
mod trials;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Chores of this repository. CONTRIBUTING.md says when to use which.")]
enum Chore {
    /// The repository's own rules: edges between crates and modules, folders, sizes, names, documented errors, licences, doubles
    Tidy,
    /// Every test; what the end-to-end ones need is installed into target/
    Test(test::Options),
    /// Bundles the scripts and styles of the console from their npm packages
    Console,
    /// Servers, a database and a store that fail at random
    Crash(crash::Options),
    /// Attacks on a running server beside an honest caller
    Siege(siege::Options),
    /// Half an hour of work, and whether memory, files and threads are level at its end
    Soak(trials::soak::Options),
    /// Generated queries beside DuckDB, row by row
    Differential(differential::Options),
    /// The fuzz targets
    Fuzz(fuzz::Options),
    /// That hard texts are read in linear time, by counting instructions
    Linear(linear::Options),
    /// Whether the tests of the pure crates notice a change of any of their rules; takes hours
    Mutants(mutants::Options),
    /// Licences, bans, sources and advisories by cargo-deny; takes a network
    Audit(audit::Options),
    /// The packages that are handed out: a wheel, an npm package, a Debian package, the root of a container; with licences, inventory and checksums
    Dist(dist::Options),
    /// What an operator tries, by the scripts of `drills/`
    Drills(trials::drills::Options),
    /// Measures the release build; without a name, full exports over HTTP beside DuckDB
    Bench(bench::Options),
}

fn main() -> ExitCode {
    if let Some(role) = compiler::Role::current() {
        return role.compile();
    }
    let done = match Chore::parse() {
        Chore::Tidy => tidy::run(),
        Chore::Test(options) => test::run(&options),
        Chore::Console => console::run(),
        Chore::Crash(options) => crash::run(&options),
        Chore::Siege(options) => siege::run(&options),
        Chore::Soak(options) => trials::soak::run(&options),
        Chore::Differential(options) => differential::run(&options),
        Chore::Fuzz(options) => fuzz::run(&options),
        Chore::Linear(options) => linear::run(&options),
        Chore::Mutants(options) => mutants::run(&options),
        Chore::Audit(options) => audit::run(&options),
        Chore::Dist(options) => dist::run(&options),
        Chore::Drills(options) => trials::drills::run(&options),
        Chore::Bench(options) => bench::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_are_consistent() {
        Chore::command().debug_assert();
    }

    #[test]
    fn numbers_may_be_grouped_and_begin_at_one() {
        for right in [
            "differential --queries 1_000_000 --seed 7 --release",
            "bench",
            "bench --rows 5",
            "bench tokens --rounds 2",
            "test --only e2e",
            "dist --fast",
            "soak --minutes 5 --release",
            "drills repair limits",
        ] {
            assert!(Chore::try_parse_from(words(right)).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "differential --queries",
            "differential --queries many",
            "bench --rows 0",
            "siege limits",
            "soak --minutes 0",
            "fuzz --only nothing",
            "test --only",
        ] {
            assert!(Chore::try_parse_from(words(wrong)).is_err(), "{wrong}");
        }
    }

    fn words(line: &str) -> impl Iterator<Item = &str> {
        std::iter::once("xtask").chain(line.split_whitespace())
    }
}
