//! What the end-to-end tests and benchmarks need from PyPI, npm and Debian, fetched once into the target directory and pinned.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{cargo, output, root, run};

/// Published tables that nobody made for this project.
const VEGA_DATASETS: &str = "vega-datasets@3.2.1";
/// An issuer that is not ours, and the peer of the token benchmark.
const OIDC_PROVIDER: &str = "oidc-provider@9.13.3";
/// wrk and what it is linked to, as Debian and Ubuntu name them.
const WRK_PACKAGES: [&str; 3] = ["wrk", "libluajit-5.1-2", "libluajit-5.1-common"];
/// Microsoft's own authentication library for Node.
const MSAL_NODE: &str = "@azure/msal-node@7.2.1";
/// Microsoft's library on top of it, which their other libraries take tokens from.
const AZURE_IDENTITY: &str = "@azure/identity@4.14.1";
/// Microsoft's own emulator of its object store.
const AZURITE: &str = "azurite@3.37.0";
/// Microsoft's generator of clients, among the files of which their C# compiler is.
const AUTOREST_CSHARP: &str = "@autorest/csharp@3.0.0-beta.20251203.1";

/// What makes types for TypeScript of an OpenAPI document; the compiler comes with it.
const OPENAPI_TYPESCRIPT: &str = "openapi-typescript@7.13.0";

/// JUnit 5 with its console, which runs tests without a build tool.
const JUNIT_PACKAGES: [&str; 3] = ["junit5", "libopentest4j-java", "libapiguardian-java"];

/// What changes code to see whether a test notices.
const CARGO_MUTANTS: &str = "cargo-mutants@27.1.0";
/// What knows of advisories.
const CARGO_DENY: &str = "cargo-deny@0.20.2";

/// A Python with the packages of `tests-e2e/requirements.txt`.
pub fn python(target: &Path) -> Result<PathBuf, String> {
    let requirements = root().join("tests-e2e/requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let (venv, stamp) = (target.join("venv"), target.join("venv/requirements.txt"));
    let python = venv.join("bin/python");
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let host = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let version = "import sys; sys.exit(sys.version_info < (3, 10))";
    output(Command::new(&host).args(["-c", version])).map_err(|error| missing("Python 3.10 or later", "python3 python3-venv", &error))?;
    let made = output(Command::new(&host).args(["-m", "venv", "--clear"]).arg(&venv));
    made.map_err(|error| missing("Python's venv module", "python3-venv", &error))?;
    install(&python, &requirements, &[])?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(python)
}

/// The same with the packages of `benches/requirements.txt`, which no test needs.
pub fn bench_python(target: &Path) -> Result<PathBuf, String> {
    let python = python(target)?;
    let requirements = root().join("benches/requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    // It goes with the folder when that is made anew.
    let stamp = target.join("venv/benches-requirements.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        install(&python, &requirements, &[])?;
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    }
    Ok(python)
}

fn install(python: &Path, requirements: &Path, how: &[&OsStr]) -> Result<(), String> {
    let quietly = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(python).args(quietly).arg(requirements).args(how))
}

/// The folder of .NET's runtime, which `dotnet` in it starts. None where nobody has published one that these tests could fetch: only Linux on x86-64 has it.
pub fn dotnet(target: &Path) -> Result<Option<PathBuf>, String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(None);
    }
    let requirements = root().join("tests-e2e/console/dotnet-requirements.txt");
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let (folder, stamp) = (target.join("dotnet"), target.join("dotnet/requirements.txt"));
    let runtime = folder.join("dnv/net/runtime/.net");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let how = ["--no-deps", "--require-hashes", "--target"].map(OsStr::new);
        install(&python(target)?, &requirements, &[&how[..], &[folder.as_os_str()]].concat())?;
        // In the wheel it may not be started.
        let host = runtime.join("dotnet");
        fs::set_permissions(&host, Permissions::from_mode(0o755)).map_err(|error| format!("{}: {error}", host.display()))?;
        fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    }
    Ok(Some(runtime))
}

/// A folder with Microsoft's C# compiler.
pub fn roslyn(target: &Path) -> Result<PathBuf, String> {
    Ok(npm_package(&target.join("npm-autorest-csharp"), AUTOREST_CSHARP)?.join("node_modules/@autorest/csharp"))
}

/// The folder of the published tables.
pub fn vega_datasets(target: &Path) -> Result<PathBuf, String> {
    Ok(npm_package(&target.join("npm"), VEGA_DATASETS)?.join("node_modules/vega-datasets/data"))
}

/// A folder whose `node_modules` hold oidc-provider.
pub fn oidc_provider(target: &Path) -> Result<PathBuf, String> {
    npm_package(&target.join("npm-oidc-provider"), OIDC_PROVIDER)
}

/// A folder whose `node_modules` hold Microsoft's authentication library.
pub fn msal_node(target: &Path) -> Result<PathBuf, String> {
    npm_package(&target.join("npm-msal-node"), MSAL_NODE)
}

/// A folder whose `node_modules` hold the library of Microsoft's credentials.
pub fn azure_identity(target: &Path) -> Result<PathBuf, String> {
    npm_package(&target.join("npm-azure-identity"), AZURE_IDENTITY)
}

/// A folder whose `node_modules` hold Microsoft's emulator of its object store.
pub fn azurite(target: &Path) -> Result<PathBuf, String> {
    npm_package(&target.join("npm-azurite"), AZURITE)
}

/// A folder whose `node_modules` hold openapi-typescript and TypeScript's compiler.
pub fn openapi_typescript(target: &Path) -> Result<PathBuf, String> {
    npm_package(&target.join("npm-openapi-typescript"), OPENAPI_TYPESCRIPT)
}

/// A folder whose `node_modules` hold what tells whether pages are accessible.
pub fn axe(target: &Path) -> Result<PathBuf, String> {
    locked_packages(&target.join("npm-axe"), &root().join("tests-e2e/console"))
}

/// The files of a package as npm has them.
pub fn published(target: &Path, name: &str, version: &str) -> Result<PathBuf, String> {
    let prefix = npm_package(&target.join(format!("npm-{name}")), &format!("{name}@{version}"))?;
    Ok(prefix.join("node_modules").join(name))
}

/// A folder of its own for each package: npm removes from one what it was not asked for.
fn npm_package(prefix: &Path, package: &str) -> Result<PathBuf, String> {
    let stamp = prefix.join("installed");
    if prefix.join("node_modules").exists() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == package) {
        return Ok(prefix.to_owned());
    }
    fs::create_dir_all(prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error", package, "--prefix"])
        .arg(prefix);
    output(&mut npm).map_err(|error| missing("npm", "npm", &error))?;
    fs::write(&stamp, package).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(prefix.to_owned())
}

/// A folder with the packages that the lock file in `sources` names, each with its digest.
///
/// # Errors
///
/// When npm is not there, or a package is not what the lock file says.
pub fn locked_packages(prefix: &Path, sources: &Path) -> Result<PathBuf, String> {
    let stamp = prefix.join("installed");
    const NAMES: [&str; 2] = ["package.json", "package-lock.json"];
    let mut wanted = Vec::new();
    for name in NAMES {
        wanted.extend(fs::read(sources.join(name)).map_err(|error| format!("{}: {error}", sources.join(name).display()))?);
    }
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(prefix.to_owned());
    }
    fs::create_dir_all(prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    for name in NAMES {
        fs::copy(sources.join(name), prefix.join(name)).map_err(|error| format!("{name}: {error}"))?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(prefix);
    output(&mut npm).map_err(|error| missing("npm", "npm", &error))?;
    fs::write(&stamp, wanted).map_err(|error| format!("{}: {error}", stamp.display()))?;
    Ok(prefix.to_owned())
}

/// The folder of Postgres' own programs, of the newest version that is installed.
pub fn postgres() -> Result<PathBuf, String> {
    let mut found: Vec<PathBuf> = std::env::var_os("POSTGRES_BIN").map(PathBuf::from).into_iter().collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    installed.sort();
    found.extend(installed.into_iter().rev());
    found.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let missing = || missing("Postgres", "postgresql", "there is no initdb");
    found.into_iter().find(|folder| folder.join("initdb").exists()).ok_or_else(missing)
}

/// The folder of JUnit's archives. The JDK that compiles and runs tests is looked for too.
pub fn junit(target: &Path) -> Result<PathBuf, String> {
    output(Command::new("javac").arg("--version")).map_err(|error| missing("A JDK, 17 or later", "openjdk-17-jdk-headless", &error))?;
    let archives = Path::new("/usr/share/java");
    if archives.join("junit-platform-console-standalone.jar").exists() {
        return Ok(archives.to_owned());
    }
    Ok(debian_packages(target, "share/java/junit-platform-console-standalone.jar", &JUNIT_PACKAGES)?.join("usr/share/java"))
}

/// What checks rules and metrics as Prometheus reads them. None, with the reason told, where Debian's package is not to be had.
pub fn promtool(target: &Path) -> Option<PathBuf> {
    if Command::new("promtool").arg("--version").output().is_ok() {
        return Some(PathBuf::from("promtool"));
    }
    let fetched = debian_packages(target, "bin/promtool", &["prometheus"]);
    fetched.map(|folder| folder.join("usr/bin/promtool")).inspect_err(|error| eprintln!("{error}: its test is skipped")).ok()
}

/// The load generator.
pub struct Wrk {
    program: PathBuf,
    /// Where its libraries lie; None when the system's serve.
    libraries: Option<PathBuf>,
}

impl Wrk {
    /// As the programs that measure take it.
    pub fn options(self) -> Vec<OsString> {
        let mut options = vec!["--wrk".into(), self.program.into()];
        if let Some(libraries) = self.libraries {
            options.extend(["--wrk-libraries".into(), libraries.into()]);
        }
        options
    }
}

pub fn wrk(target: &Path) -> Result<Wrk, String> {
    // It prints its version and fails; a program that is not there cannot be started at all.
    if Command::new("wrk").arg("-v").output().is_ok() {
        return Ok(Wrk { program: PathBuf::from("wrk"), libraries: None });
    }
    let folder = debian_packages(target, "bin/wrk", &WRK_PACKAGES)?;
    let libraries = folder.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    Ok(Wrk { program: folder.join("usr/bin/wrk"), libraries: Some(libraries) })
}

/// A server of files: the peer of downloads.
pub fn nginx(target: &Path) -> Result<PathBuf, String> {
    // Debian keeps it where only an administrator's path leads.
    for program in ["nginx", "/usr/sbin/nginx"] {
        if Command::new(program).arg("-v").output().is_ok() {
            return Ok(PathBuf::from(program));
        }
    }
    Ok(debian_packages(target, "sbin/nginx", &["nginx"])?.join("usr/sbin/nginx"))
}

/// What counts instructions.
pub struct Valgrind {
    program: PathBuf,
    /// Where its tools lie; None when it knows itself.
    tools: Option<PathBuf>,
}

impl Valgrind {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(tools) = &self.tools {
            command.env("VALGRIND_LIB", tools);
        }
        command
    }
}

pub fn valgrind(target: &Path) -> Result<Valgrind, String> {
    if Command::new("valgrind").arg("--version").output().is_ok() {
        return Ok(Valgrind { program: PathBuf::from("valgrind"), tools: None });
    }
    let folder = debian_packages(target, "bin/valgrind", &["valgrind"])?;
    // The program beside it is a script that asks for debug information of the system's libraries, which counting does without.
    Ok(Valgrind { program: folder.join("usr/bin/valgrind.bin"), tools: Some(folder.join("usr/libexec/valgrind")) })
}

/// Debian's packages unpacked under the target directory, which needs no rights. The program, as it lies under `usr`, tells that they are there.
fn debian_packages(target: &Path, program: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let folder = target.join(name);
    if !folder.join("usr").join(program).exists() {
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let fetched = output(Command::new("apt-get").arg("download").args(packages).current_dir(&folder));
        fetched.map_err(|error| missing(name, &packages.join(" "), &error))?;
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg").arg("-x").arg(entry.path()).arg(&folder))?;
            }
        }
    }
    Ok(folder)
}

/// A search path on which cargo finds cargo-mutants.
pub fn cargo_mutants(target: &Path) -> Result<OsString, String> {
    cargo_program(target, CARGO_MUTANTS)
}

/// A search path on which cargo finds cargo-deny.
pub fn cargo_deny(target: &Path) -> Result<OsString, String> {
    cargo_program(target, CARGO_DENY)
}

/// Built from source once, under the target directory.
fn cargo_program(target: &Path, program: &str) -> Result<OsString, String> {
    let folder = target.join("tools");
    // Cargo knows what it has installed there, and builds nothing twice.
    run(cargo().args(["install", "--locked", "--quiet", "--root"]).arg(&folder).arg(program))?;
    let known = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(folder.join("bin")).chain(std::env::split_paths(&known));
    std::env::join_paths(path).map_err(|error| format!("PATH: {error}"))
}

/// The documents' own commands use curl, and their tests run them.
pub fn curl() -> Result<(), String> {
    output(Command::new("curl").arg("--version")).map(drop).map_err(|error| missing("curl", "curl", &error))
}

fn missing(what: &str, debian: &str, error: &str) -> String {
    format!(
        "{what} is needed for the end-to-end tests and benchmarks (Debian and Ubuntu: apt-get install {debian}; `cargo xtask test --only rust` does without)\n{error}"
    )
}
