//! `insightgate init`: a commented configuration file, the first operator, and the operator's profile.
//!
//! It may be repeated: what exists stays. The profile is written before its secret becomes valid, so that an interrupted `init` can continue with it.

use std::path::{Path, PathBuf};

use insightgate_operations::context::{Context, Settings};
use insightgate_operations::external_issuers::ExternalIssuers;
use insightgate_operations::failure::Failure;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::make_operator::{Operator, add_operator_secret, make_operator};
use insightgate_operations::written_file;

use crate::cli::InitArguments;
use crate::command_error::CommandError;
use crate::config::{self, Configuration};
use crate::data_folder::DataFolder;
use crate::env_vars;
use crate::files::{fault, shown, write_whole};
use crate::origin;
use crate::profiles::write::{OperatorProfile, is_of, to_file, to_section};
use crate::profiles::{self, Named, Profile};
use crate::server::certificates::authority_file;
use crate::server::{EngineLimits, Purpose, Roots, open_context};
use crate::terminal::print;

/// The section that `init` writes when `--profile` names no other.
const PROFILE: &str = "operator";
/// Stands in the audit trail.
const ACTOR: &str = "insightgate init";

/// Where the operator's credentials go.
enum Destination {
    Section { file: PathBuf, name: String },
    File(PathBuf),
}

pub async fn run(arguments: &InitArguments) -> Result<(), CommandError> {
    if arguments.reference {
        return print(&config::reference::page());
    }
    if arguments.config == Path::new("-") {
        return print(&config::example());
    }
    let file = &arguments.config;
    if !written_file::is_file(file).map_err(|error| fault(file, &error))? {
        // Whoever reads there gets the configuration; it cannot be read back.
        return write_whole(file, config::example().as_bytes());
    }
    let destination = Destination::of(arguments)?;
    // Read now: what cannot be read must not come to light when the operator is made already.
    let before = destination.read()?;
    if arguments.config.exists() {
        eprintln!("{} is there already", arguments.config.display());
    } else {
        write_whole(&arguments.config, config::example().as_bytes())?;
        eprintln!("wrote {}", arguments.config.display());
    }
    let configuration = config::load(&arguments.config)?;
    let address = address(&configuration)?;
    let folder = DataFolder::open(&configuration.data_dir)?;
    let lock = folder.lock()?;
    folder.make_private(&lock)?;
    let database = configuration.database_url.clone().unwrap_or_else(|| folder.database_url());
    let limits = EngineLimits::default();
    let context =
        open_context(&folder, Roots::of(&folder), &database, Settings::default(), ExternalIssuers::default(), limits, Purpose::Service)
            .await?;
    let own_certificate = configuration.https.is_some() && configuration.certificate.is_none();
    let ca_certificate = if own_certificate { Some(authority_file(&folder, context.clock.now())?) } else { None };
    let connect = |operator: &Operator, secret: &str| OperatorProfile {
        authority: format!("{address}/{}", operator.application.tenant),
        endpoint: address.clone(),
        client_id: operator.application.id.to_string(),
        client_secret: secret.to_owned(),
        ca_certificate: ca_certificate.as_ref().map(|path| path.display().to_string()),
    };
    let outcome = give(&context, arguments.new_operator_secret, &destination, before, connect).await;
    context.store.close().await;
    outcome?;
    eprintln!("next:\n  insightgate serve --config {}", arguments.config.display());
    eprintln!("  insightgate tenant enroll DOMAIN --profile-file PROFILE.toml --profile {}", destination.profile());
    Ok(())
}

/// Makes the operator, or finds it, and sees that the destination holds a secret that works.
async fn give(
    context: &Context,
    new_secret: bool,
    destination: &Destination,
    before: Option<Profile>,
    connect: impl Fn(&Operator, &str) -> OperatorProfile,
) -> Result<(), CommandError> {
    // Nobody is served yet, and the folder is locked.
    #[allow(clippy::disallowed_methods)]
    let by = Provisioner::at_start(ACTOR);
    let failed = |failure: Failure| CommandError::failed(format!("the operator could not be made: {failure:?}"));
    let operator = make_operator(context, by).await.map_err(failed)?;
    let id = operator.application.id.to_string();
    if before.as_ref().is_some_and(|before| !is_of(before, &id)) {
        let message = format!("{} is of another server", destination.shown());
        return Err(CommandError::failed(message).hint("name another one with --profile NAME or --operator-file FILE"));
    }
    let known = before.as_ref().and_then(|before| before.client_secret.clone());
    let secret = match known {
        Some(known) if !new_secret && operator.accepts(context, &known) => {
            let current = connect(&operator, &known);
            if before.is_some_and(|before| current.is_in(&before)) {
                eprintln!("the operator is there already: {}", destination.shown());
                return Ok(());
            }
            destination.write(&current)?;
            eprintln!("the operator is there already; wrote its new address into {}", destination.shown());
            return Ok(());
        }
        // Cut off before the secret became valid.
        Some(known) if !new_secret && operator.has_no_secret() => known,
        _ if new_secret || operator.has_no_secret() => context.random.secret().map_err(|error| CommandError::failed(error.to_string()))?,
        _ => {
            let message = format!("the operator is there already, and {} has no secret of its that works", destination.shown());
            return Err(CommandError::failed(message).hint("secrets are never shown again: make a further one with --new-operator-secret"));
        }
    };
    destination.write(&connect(&operator, &secret))?;
    add_operator_secret(context, by, &operator, &secret).await.map_err(failed)?;
    let made = if operator.is_new { "made the first operator" } else { "gave the operator a further secret" };
    eprintln!("{made}; its credentials are in {}", destination.shown());
    Ok(())
}

impl Destination {
    fn of(arguments: &InitArguments) -> Result<Destination, CommandError> {
        if let Some(file) = &arguments.operator_file {
            return Ok(Destination::File(file.clone()));
        }
        let profile = arguments.profile.clone().filter(|name| !name.is_empty()).or_else(|| env_vars::read(&env_vars::PROFILE));
        match profile.as_deref().map_or(Named::Section(PROFILE), profiles::named) {
            Named::Section(name) => Ok(Destination::Section { file: profiles::default_file(env_vars::read)?, name: name.to_owned() }),
            // It may be a demo's ready file.
            Named::File(_) => Err(CommandError::usage("--profile names a file").hint("write the credentials with --operator-file FILE")),
        }
    }

    fn read(&self) -> Result<Option<Profile>, CommandError> {
        match self {
            Destination::Section { file, name } => profiles::section(file, name),
            Destination::File(path) if !path.exists() || !written_file::is_file(path).map_err(|error| fault(path, &error))? => Ok(None),
            Destination::File(path) => profiles::from_file(path).map(Some),
        }
    }

    fn write(&self, profile: &OperatorProfile) -> Result<(), CommandError> {
        match self {
            Destination::Section { file, name } => to_section(file, name, profile),
            Destination::File(path) => to_file(path, profile),
        }
    }

    fn shown(&self) -> String {
        match self {
            Destination::Section { file, name } => format!("profile {name} in {}", shown(file)),
            Destination::File(path) => shown(path),
        }
    }

    /// As `--profile` names it.
    fn profile(&self) -> String {
        match self {
            Destination::Section { name, .. } => name.clone(),
            // A file without a slash or an extension would be taken for a name.
            Destination::File(path) => match profiles::named(&path.to_string_lossy()) {
                Named::File(_) => path.display().to_string(),
                Named::Section(_) => format!("./{}", path.display()),
            },
        }
    }
}

/// Where clients reach the server.
fn address(configuration: &Configuration) -> Result<String, CommandError> {
    if let Some(url) = &configuration.service.public_url {
        return Ok(url.clone());
    }
    let (scheme, address) = match (configuration.https, configuration.http) {
        (Some(https), _) => ("https", https),
        (None, Some(http)) => ("http", http),
        (None, None) => return Err(CommandError::usage("the server listens nowhere")),
    };
    if address.port() == 0 {
        let failed = CommandError::usage(format!("the operator's profile needs the server's address, and server.{scheme} has port 0"));
        return Err(failed.hint("set a port, or server.public_url"));
    }
    Ok(origin::of_listener(scheme, address))
}
