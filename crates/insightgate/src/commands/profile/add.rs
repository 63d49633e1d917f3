//! `insightgate profile add`.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use insightgate_identity::program::Program;

use crate::command_error::CommandError;
use crate::env_vars;
use crate::files::{fault, read_private};
use crate::profiles::write::to_section;
use crate::profiles::{self, Named, Profile, default_file, named};
use crate::session::Output;
use crate::terminal::secret_input::{ask_password, one_line};
use crate::terminal::{is_interactive, print_json};

#[derive(Debug, Args)]
pub struct AddArguments {
    /// What --profile is to call it; default is used when none is named
    #[arg(value_name = "NAME")]
    name: String,
    /// Take everything from this file, such as a demo's ready file with its operator; other flags go before it
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Who issues tokens: https://host/tenant, or https://host together with --tenant-id
    #[arg(long, value_name = "URL", required_unless_present = "from")]
    authority: Option<String>,
    /// The tenant that signs in: its id or domain
    #[arg(long, value_name = "TENANT")]
    tenant_id: Option<String>,
    /// Where the API is; the authority's own host if not given
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// mpn or cmp; mpn if not given
    #[arg(long, value_name = "PROGRAM")]
    program: Option<Program>,
    /// What tokens for data are for
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// The application's id
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    client_id: Option<String>,
    /// The user's sign-in name
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// A PEM file of certificates to trust besides the system's
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// The application has no secret
    #[arg(long)]
    public: bool,
    /// Read the application's secret from stdin
    #[arg(long, conflicts_with = "public")]
    client_secret_stdin: bool,
    /// Read the application's secret from this file, which its owner alone may read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["public", "client_secret_stdin"])]
    client_secret_file: Option<PathBuf>,
    /// Read the user's password from this file, which its owner alone may read; without one, sign in with `insightgate login`
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take the place of the profile of that name
    #[arg(long)]
    replace: bool,
}

/// Bytes; a longer text is no secret.
const LONGEST: u64 = 4096;

pub fn run(arguments: AddArguments, output: Output) -> Result<(), CommandError> {
    let file = default_file(env_vars::read)?;
    let name = arguments.name.clone();
    if matches!(named(&name), Named::File(_)) || name.is_empty() || name.chars().any(char::is_control) {
        return Err(CommandError::usage(format!("'{name}' is no name: it would be taken for a file")));
    }
    if profiles::section(&file, &name)?.is_some() && !arguments.replace {
        let failed = CommandError::failed(format!("there is a profile {name} in {} already", file.display()));
        return Err(failed.hint("--replace takes its place; `insightgate profile show` shows it"));
    }
    let profile = read(arguments)?;
    // Whatever would be refused at its first use is refused now.
    profile.applications()?;
    profile.program()?;
    to_section(&file, &name, &profile)?;
    eprintln!("added the profile {name} to {}; `insightgate check --profile {name}` says whether all is there", file.display());
    if profile.has_operator() {
        eprintln!("it has the file's operator too, whom the management commands use");
    }
    if output.json { print_json(&super::with_name(&name, false, &profile)) } else { Ok(()) }
}

fn read(arguments: AddArguments) -> Result<Profile, CommandError> {
    let before = arguments.from.as_deref().map_or_else(|| Ok(Profile::default()), profiles::from_file)?;
    let (given, new) = (arguments.client_id.is_some(), before == Profile::default());
    let mut profile = Profile {
        authority: arguments.authority.or(before.authority),
        tenant_id: arguments.tenant_id.or(before.tenant_id),
        endpoint: arguments.endpoint.or(before.endpoint),
        program: arguments.program.map(|program| program.to_string()).or(before.program),
        resource: arguments.resource.or(before.resource),
        client_id: arguments.client_id.or(before.client_id),
        // A secret is one application's.
        client_secret: before.client_secret.filter(|_| !given && !arguments.public),
        username: arguments.username.clone().or(before.username),
        password: before.password.filter(|_| arguments.username.is_none()),
        ca_certificate: before.ca_certificate,
        // It goes with the application of the same file.
        operator: before.operator.filter(|_| !given),
        ..Profile::default()
    }
    .without_empty();
    if let Some(path) = arguments.ca_certificate {
        // Commands run in other folders.
        let whole = std::path::absolute(&path).map_err(|error| fault(&path, &error))?;
        std::fs::metadata(&whole).map_err(|error| fault(&path, &error))?;
        profile.ca_certificate = Some(whole.display().to_string());
    }
    if arguments.client_secret_stdin {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut text);
        read.map_err(|error| CommandError::usage(format!("the secret on stdin cannot be read: {error}")))?;
        profile.client_secret = Some(one_line(&text, "stdin")?);
    } else if let Some(path) = &arguments.client_secret_file {
        profile.client_secret = Some(of_file(path)?);
    } else if (new || given) && !arguments.public {
        if !is_interactive() {
            let failed = CommandError::usage("does the application have a secret?");
            return Err(failed.hint("say --client-secret-stdin, --client-secret-file FILE, or --public if it has none"));
        }
        profile.client_secret = Some(ask_password("The application's secret")?);
    }
    if let Some(path) = &arguments.password_file {
        profile.password = Some(of_file(path)?);
    }
    Ok(profile)
}

fn of_file(path: &Path) -> Result<String, CommandError> {
    let nothing = || CommandError::not_found(format!("there is no file {}", path.display()));
    one_line(&read_private(path)?.ok_or_else(nothing)?, &path.display().to_string())
}
