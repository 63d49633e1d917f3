//! `insightgate serve`: the server, as a configuration file describes it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use insightgate_api::{ApiState, Intake};
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::{ExternalIssuers, IssuerSettings};
use insightgate_outbound::AddressRules;

use crate::cli::{ServeArguments, ServerRole};
use crate::command_error::CommandError;
use crate::config::{self, Configuration, Given};
use crate::data_folder::DataFolder;
use crate::files::read_named;
use crate::log::{say, start_log};
use crate::origin;
use crate::server::connections::{Admission, Timing};
use crate::server::listener::Doors;
use crate::server::open_files::places;
use crate::server::stalled_writes::LeastRate;
use crate::server::tls::CertificateSource;
use crate::server::{Purpose, Roots, Running, listen, open_context, until_stopped};
use crate::traces::TraceSettings;

mod reload;

use reload::Reload;

pub async fn run(arguments: ServeArguments) -> Result<(), CommandError> {
    let (configuration, given) = config::load_with_given(&arguments.config)?;
    let traces = configuration.traces_url.clone().map(|url| TraceSettings { url, percent: configuration.traces_percent });
    let traces = start_log(&configuration.log_level, configuration.log_format, traces.as_ref())?;
    let folder = DataFolder::open(&configuration.data_dir)?;
    let lock = folder.lock()?;
    folder.sweep(&lock)?;
    folder.make_private(&lock)?;
    // Only a process that serves takes the addresses: several may share a machine and a configuration.
    let serves = arguments.roles.contains(&ServerRole::Api);
    let listener = |address: Option<SocketAddr>, key| address.filter(|_| serves).map(|address| listen(address, key)).transpose();
    let http = listener(configuration.http, "server.http")?;
    let https = listener(configuration.https, "server.https")?;
    let telemetry = configuration.telemetry.map(|address| listen(address, "telemetry.address")).transpose()?;
    let limits = configuration.limits;
    let database = configuration.database_url.clone().unwrap_or_else(|| folder.database_url());
    let roots = Roots {
        rows: folder.data_root(configuration.data_root.as_deref())?,
        artifacts: folder.artifact_root(configuration.artifact_root.as_deref())?,
    };
    let context =
        open_context(&folder, roots, &database, settings(&configuration)?, issuers(&configuration)?, limits, Purpose::Service).await?;
    if !context.store.is_shared() {
        // Whoever held them is gone.
        context.store.release_leases().await.map_err(|error| CommandError::failed(error.to_string()))?;
    }
    let doors = Doors {
        admission: Admission::new(places(configuration.connections, configuration.connections_per_address, &configuration.trusted_proxies)),
        timing: Timing::new(Duration::from_secs(u64::from(configuration.idle_seconds))),
        least: LeastRate::of(&context.settings.downloads),
        drain: context.settings.drain,
    };
    let intake = Arc::new(Intake::new(configuration.connections, configuration.connections_per_address));
    let certificate = certificate_source(&configuration, &folder);
    let tls = if https.is_some() { Some(certificate.load().await?) } else { None };
    let mut running = Running::start(&context, &arguments.roles, limits.partitions);
    if let Some(traces) = &traces {
        running.start_loop(Arc::clone(traces).keep_sending());
    }
    // A proxy on this machine would reach the metrics beside the API too: it is there where there is a public URL.
    let shows_telemetry = telemetry.is_none() && configuration.service.public_url.is_none();
    if let Some((listener, bound)) = telemetry {
        running.serve_telemetry(listener, Arc::clone(&intake), &doors)?;
        say(&format!("telemetry at http://{bound}"));
    }
    let mut reload = Reload::of(&arguments.config, given.clone());
    if !serves {
        say("working");
    } else {
        // Where clients find the server does not change while it runs: issuers and links begin with it.
        let public_url = configuration.service.public_url.clone();
        let (context, intake) = (context.clone(), Arc::clone(&intake));
        let state = move |configuration: &Configuration, given: &Given, base: &str| ApiState {
            context: context.clone(),
            base_url: public_url.as_deref().unwrap_or(base).into(),
            trusted_proxies: configuration.trusted_proxies.clone().into(),
            cors_origins: configuration.cors_origins.clone().into(),
            hsts_seconds: configuration.hsts_seconds,
            shows_console: configuration.console,
            shows_telemetry,
            settings: given.in_force().into(),
            intake: Arc::clone(&intake),
            sandbox: None,
        };
        if let Some((listener, bound)) = http {
            let base = origin::of_listener("http", bound);
            let replace = running.serve(listener, state(&configuration, &given, &base), None, &doors)?;
            reload.replaces(replace, base, state.clone());
            say(&format!("serving http://{bound}"));
        }
        if let Some((listener, bound)) = https {
            let base = origin::of_listener("https", bound);
            let replace = running.serve(listener, state(&configuration, &given, &base), tls.clone(), &doors)?;
            reload.replaces(replace, base, state);
            if let Some(tls) = tls {
                running.start_loop(certificate.keep_fresh(tls));
            }
            say(&format!("serving https://{bound}"));
        }
    }
    running.start_loop(reload.on_hangup(doors.admission.clone()));
    until_stopped().await;
    say("stopping");
    running.stop().await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    Ok(())
}

/// What the configuration tells the service, with the certificates and the password that it names.
fn settings(configuration: &Configuration) -> Result<Settings, CommandError> {
    let mut settings = configuration.service.clone();
    settings.callbacks.ca_certificate = configuration.callback_ca.as_deref().map(read).transpose()?;
    settings.mail = configuration.mail.settings()?;
    Ok(settings)
}

fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    read_named(file)
}

/// The external issuers, with the certificates that they are reached by.
fn issuers(configuration: &Configuration) -> Result<ExternalIssuers, CommandError> {
    let mut trusted = Vec::new();
    for issuer in &configuration.issuers {
        trusted.push(IssuerSettings { ca_certificate: issuer.ca_certificate.as_deref().map(read).transpose()?, ..issuer.settings.clone() });
    }
    let rules = AddressRules { allowed: configuration.allowed_networks.clone() };
    ExternalIssuers::new(trusted, &rules).map_err(|error| CommandError::failed(format!("the external issuers cannot be asked: {error}")))
}

/// The operator's own certificate, or one of the data folder's authority.
fn certificate_source(configuration: &Configuration, folder: &DataFolder) -> CertificateSource {
    match (&configuration.certificate, &configuration.certificate_key) {
        (Some(certificate), Some(key)) => CertificateSource::Files { certificate: certificate.clone(), key: key.clone() },
        _ => CertificateSource::Own { folder: folder.clone(), names: configuration.tls_names.clone() },
    }
}
