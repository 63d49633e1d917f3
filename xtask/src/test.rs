//! `cargo xtask test`: every test there is, in the profile that the demo uses, so that nothing is built twice.

use std::process::Command;

use crate::steps::{self, Steps, built, cargo, root, target_directory};
use crate::{differential, tooling};

#[derive(clap::Args)]
pub struct Options {
    /// A part of them
    #[arg(long, value_enum)]
    only: Option<Part>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    Rust,
    #[value(name = "e2e")]
    EndToEnd,
}

pub fn run(options: &Options) -> Result<(), String> {
    let total = match options.only {
        None => 10,
        Some(Part::Rust) => 3,
        Some(Part::EndToEnd) => 7,
    };
    let mut steps = Steps::of(total);
    if options.only != Some(Part::EndToEnd) {
        steps.announce("cargo test --workspace");
        steps::run(cargo().args(["test", "--workspace", "--locked"]))?;
        on_postgres(&mut steps)?;
    }
    if options.only != Some(Part::Rust) {
        end_to_end(&mut steps)?;
    }
    eprintln!("\nall tests passed");
    Ok(())
}

/// What is to be tried on a Postgres too, as it was built: the store's tests, and those of the background loops.
fn on_postgres(steps: &mut Steps) -> Result<(), String> {
    // Of the whole workspace, for the features that it chose: alone, the store would be built again.
    let built = steps::output(cargo().args(["test", "--workspace", "--locked", "--lib", "--no-run", "--message-format", "json"]))?;
    let built = String::from_utf8_lossy(&built);
    let host = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    for (what, library, filter) in [
        ("the store's tests on a Postgres", "insightgate_store", None),
        ("background loops on a Postgres that falls silent", "insightgate_operations", Some("background_loops")),
    ] {
        steps.announce(what);
        let executable =
            built.lines().find_map(|line| tests_of(library, line)).ok_or_else(|| format!("cargo names no tests of {library}"))?;
        let mut tests = Command::new(&host);
        tests.current_dir(root()).arg("tests-e2e/harness/postgres.py").arg(executable).args(filter);
        steps::run(tests.env("POSTGRES_BIN", tooling::postgres()?).env("PYTHONDONTWRITEBYTECODE", "1"))?;
    }
    Ok(())
}

/// The library's test program, if this line of cargo's tells of it.
fn tests_of(library: &str, line: &str) -> Option<String> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let at = |pointer: &str| message.pointer(pointer);
    let is_it = at("/target/name")? == library && *at("/profile/test")? == true;
    at("/executable")?.as_str().filter(|_| is_it).map(str::to_owned)
}

fn end_to_end(steps: &mut Steps) -> Result<(), String> {
    let target = target_directory()?;
    tooling::curl()?;
    steps.announce("Python with requests, duckdb, pyarrow, moto, msal and what else the tests use, from PyPI");
    let python = tooling::python(&target)?;
    steps.announce("published tables (vega-datasets), from npm");
    let tables = tooling::vega_datasets(&target)?;
    steps.announce("an issuer of tokens (oidc-provider), from npm");
    let issuer = tooling::oidc_provider(&target)?;
    steps.announce("Microsoft's authentication library for Node (@azure/msal-node), from npm");
    let msal_node = tooling::msal_node(&target)?;
    steps.announce("Microsoft's credentials for Node (@azure/identity), from npm");
    let azure_identity = tooling::azure_identity(&target)?;
    steps.announce("an object store (azurite), from npm");
    let azurite = tooling::azurite(&target)?;
    steps.announce("cargo build: what the end-to-end tests run");
    steps::run(cargo().args(["build", "--locked"]).args(differential::WITH_EXAMPLE))?;
    steps.announce("end-to-end tests");
    let binary = built(&target, "debug", "insightgate");
    let mut pytest = Command::new(python);
    pytest.current_dir(root()).args(["-m", "pytest", "-p", "no:cacheprovider", "tests-e2e"]);
    pytest.env("INSIGHTGATE_BIN", binary).env("ANSWER_QUERIES_BIN", differential::example(&target, false)).env("VEGA_DATASETS", tables);
    pytest
        .env("OIDC_PROVIDER_FOLDER", issuer)
        .env("MSAL_NODE_FOLDER", msal_node)
        .env("AZURITE_FOLDER", azurite)
        .env("AZURE_IDENTITY_FOLDER", azure_identity);
    pytest.env("POSTGRES_BIN", tooling::postgres()?);
    steps::run(pytest.env("PYTHONDONTWRITEBYTECODE", "1"))
}
