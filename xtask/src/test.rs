//! `cargo xtask test`: every test there is, in the profile that the demo uses, so that nothing is built twice.
//!
//! What only computes runs in the background from the start, while a core has nothing else to do; of what measures how a server answers nothing else
//! runs beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::compiler::{Role, this_program};
use crate::steps::{self, Background, Steps, built, cargo, root, target_directory};
use crate::tidy::sources;
use crate::{bundled, console, differential, fuzz, tooling};

/// Processes that the end-to-end tests are spread over. Most tests wait rather than compute, so that they may be more than there are cores.
const WORKERS: &str = "4";
/// The tests that ask hundreds of processor seconds of two processes.
const DIFFERENTIAL: &str = "tests-e2e/rows/test_differential.py";

#[derive(clap::Args)]
pub struct Options {
    /// A part of them
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Also fail for what clippy and rustdoc warn of; the build tells on the way
    #[arg(long)]
    lints: bool,
    /// Also build what `cargo xtask fuzz` runs, while the last tests leave a core idle
    #[arg(long)]
    fuzz_targets: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    Rust,
    #[value(name = "e2e")]
    EndToEnd,
}

pub fn run(options: &Options) -> Result<(), String> {
    let (rust, end_to_end) = (options.only != Some(Part::EndToEnd), options.only != Some(Part::Rust));
    let mut steps = Steps::of(1 + if rust { 3 } else { 0 } + if end_to_end { 5 } else { 0 });
    let target = target_directory()?;
    // Both before the first build, which puts another program in this one's place.
    let compiler = if options.lints { Some(this_program(&target, Role::Lints)?) } else { None };
    let fuzz_compiler = if options.fuzz_targets { Some(this_program(&target, Role::Coverage)?) } else { None };
    let cargo_as_built = || {
        let mut cargo = cargo();
        if let Some(compiler) = &compiler {
            Role::Lints.play(&mut cargo, compiler);
        }
        cargo
    };
    let (mut tools, mut background) = (None, None);
    if end_to_end {
        // The longest computation of all begins as soon as what it needs is built. Our largest crates, which wait for each other, are compiled beside it.
        steps.announce("cargo build of what answers generated queries, and packages from PyPI and npm");
        // Fetching waits for others, and building for nobody.
        let fetched = {
            let target = target.clone();
            thread::spawn(move || Tools::fetch(&target))
        };
        steps::run(cargo_as_built().args(["build", "--locked"]).args(differential::EXAMPLE_ALONE))?;
        let fetched = fetched.join().map_err(|_| "the packages could not be fetched".to_owned())??;
        steps.announce("generated queries beside DuckDB, in the background; what they print comes at the end");
        // What takes so long beside all else does not hang.
        let patient = ["-o", "faulthandler_timeout=3600", DIFFERENTIAL];
        background = Some(Background::start(fetched.pytest(&target).args(patient), &target.join("differential.log"))?);
        tools = Some(fetched);
    }
    steps.announce("cargo build --workspace --all-targets");
    steps::run(cargo_as_built().args(["build", "--workspace", "--all-targets", "--locked"]))?;
    if rust {
        steps.announce("cargo test --workspace");
        steps::run(cargo_as_built().args(["test", "--workspace", "--locked"]))?;
        on_postgres(cargo_as_built(), &mut steps)?;
    }
    if let Some(tools) = &tools {
        let rest = ["tests-e2e", "--ignore", DIFFERENTIAL];
        steps.announce("end-to-end tests, several at a time");
        steps::run(tools.pytest(&target).args(rest).args(["-m", "not alone", "-n", WORKERS, "--dist", "loadfile"]))?;
        let targets = match &fuzz_compiler {
            Some(compiler) => Some(fuzz::build_in_background(&target, compiler)?),
            None => None,
        };
        // What computes in the background goes on: it gives way at once.
        steps.announce("end-to-end tests that measure how a server answers, one at a time");
        steps::run(tools.pytest(&target).args(rest).args(["-m", "alone"]))?;
        if let Some(background) = background {
            steps.announce("generated queries beside DuckDB, what is left of them");
            background.finish()?;
        }
        targets.map_or(Ok(()), Background::finish)?;
    }
    eprintln!("\nall tests passed after {}", steps.taken());
    Ok(())
}

/// What is to be tried on a Postgres too, as it was built: the store's tests, and those of the background loops.
fn on_postgres(mut cargo: Command, steps: &mut Steps) -> Result<(), String> {
    // Of the whole workspace, for the features that it chose: alone, the store would be built again.
    let built = steps::output(cargo.args(["test", "--workspace", "--locked", "--lib", "--no-run", "--message-format", "json"]))?;
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

/// What the end-to-end tests need that is not ours.
struct Tools {
    /// With requests, duckdb, pyarrow, moto, msal and what else they use.
    python: PathBuf,
    /// Published tables.
    tables: PathBuf,
    /// An issuer of tokens.
    issuer: PathBuf,
    /// Microsoft's authentication library for Node.
    msal_node: PathBuf,
    /// Microsoft's credentials for Node.
    azure_identity: PathBuf,
    /// What makes types for TypeScript, and its compiler.
    openapi_typescript: PathBuf,
    /// An object store.
    azurite: PathBuf,
    /// What tells whether pages are accessible.
    axe: PathBuf,
    /// What runs programs in C#, where it is to be had.
    dotnet: Option<PathBuf>,
    /// What compiles them.
    roslyn: PathBuf,
    postgres: PathBuf,
    /// What reads rules and metrics as Prometheus does, where it is to be had.
    promtool: Option<PathBuf>,
    /// JUnit's archives.
    junit: PathBuf,
}

impl Tools {
    fn fetch(target: &Path) -> Result<Self, String> {
        tooling::curl()?;
        bundled::compare(target, &sources::listed()?)?;
        console::compare(target)?;
        Ok(Tools {
            python: tooling::python(target)?,
            tables: tooling::vega_datasets(target)?,
            issuer: tooling::oidc_provider(target)?,
            msal_node: tooling::msal_node(target)?,
            azure_identity: tooling::azure_identity(target)?,
            openapi_typescript: tooling::openapi_typescript(target)?,
            azurite: tooling::azurite(target)?,
            axe: tooling::axe(target)?,
            dotnet: tooling::dotnet(target)?,
            roslyn: tooling::roslyn(target)?,
            postgres: tooling::postgres()?,
            promtool: tooling::promtool(target),
            junit: tooling::junit(target)?,
        })
    }

    /// pytest with all that the tests are told by the environment.
    fn pytest(&self, target: &Path) -> Command {
        let mut pytest = Command::new(&self.python);
        pytest.current_dir(root()).args(["-m", "pytest", "-p", "no:cacheprovider"]).env("PYTHONDONTWRITEBYTECODE", "1");
        pytest.env("INSIGHTGATE_BIN", built(target, "debug", "insightgate"));
        pytest.env("ANSWER_QUERIES_BIN", differential::example(target, false));
        pytest.env("VEGA_DATASETS", &self.tables).env("OIDC_PROVIDER_FOLDER", &self.issuer).env("AZURITE_FOLDER", &self.azurite);
        pytest.env("MSAL_NODE_FOLDER", &self.msal_node).env("AZURE_IDENTITY_FOLDER", &self.azure_identity);
        pytest.env("OPENAPI_TYPESCRIPT_FOLDER", &self.openapi_typescript);
        pytest.env("AXE_FOLDER", &self.axe).env("PICTURES_FOLDER", target.join("pictures"));
        pytest.env("POSTGRES_BIN", &self.postgres).env("JUNIT_FOLDER", &self.junit).env("ROSLYN_FOLDER", &self.roslyn);
        if let Some(dotnet) = &self.dotnet {
            pytest.env("DOTNET_FOLDER", dotnet);
        }
        if let Some(promtool) = &self.promtool {
            pytest.env("PROMTOOL", promtool);
        }
        pytest
    }
}
