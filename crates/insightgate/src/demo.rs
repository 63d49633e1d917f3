//! `insightgate demo`: starts a server with defaults for everything, and runs one report from end to end as a client of it.

mod credentials;
mod ready_file;
mod sample;
mod sample_files;
mod second_factor;
mod seed;
mod walk;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use insightgate_api::{ApiState, Intake, REFUSED_TOKENS, SandboxAccess};
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::ExternalIssuers;
use insightgate_operations::limits::LimitSettings;
use insightgate_operations::sandbox::reset::remember_first_state;
use insightgate_outbound::AddressRules;
use insightgate_report::scheduled_report::ReportRules;
use ipnet::IpNet;

use crate::cli::{ClockMode, DemoArguments, ServerRole};
use crate::command_error::CommandError;
use crate::config::Configuration;
use crate::data_folder::DataFolder;
use crate::log::QUIET;
use crate::origin;
use crate::server::certificates::server_certificate;
use crate::server::connections::{Admission, Timing};
use crate::server::listener::Doors;
use crate::server::open_files::places;
use crate::server::stalled_writes::LeastRate;
use crate::server::{EngineLimits, Purpose, Roots, Running, listen, open_context, until_stopped};
use ready_file::{Addresses, Ready};

/// The resources of older clients, which `--lenient` accepts too.
const OLDER_RESOURCES: [&str; 2] = ["https://graph.windows.net", "https://graph.microsoft.com"];
/// Names by which a browser or client on this machine reaches the server.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The log filter of the demo, which shows why a token was refused to anybody who tries a client.
pub fn log_filter() -> String {
    format!("{QUIET},{REFUSED_TOKENS}=info")
}

pub async fn run(arguments: DemoArguments) -> Result<(), CommandError> {
    refuse_remote(&arguments)?;
    if let Some(file) = &arguments.ready_file {
        // A program that waits for the file must not read that of an earlier start.
        ready_file::remove(file)?;
    }
    let (http, http_address) = listen(arguments.http, "--http")?;
    let (https, https_address) = listen(arguments.https, "--https")?;
    let folder = DataFolder::open(&arguments.data_dir)?;
    let lock = folder.lock()?;
    folder.sweep(&lock)?;
    folder.make_private(&lock)?;
    let limits = EngineLimits::default();
    let purpose = Purpose::Sandbox { manual_clock: arguments.clock == ClockMode::Manual };
    let database = folder.database_url();
    let context =
        open_context(&folder, Roots::of(&folder), &database, settings(&arguments), ExternalIssuers::default(), limits, purpose).await?;
    let failed = |error: insightgate_store::StoreError| CommandError::failed(error.to_string());
    context.store.release_leases().await.map_err(failed)?;
    context.store.let_all_executions_go().await.map_err(failed)?;
    context.store.let_all_callbacks_go().await.map_err(failed)?;
    let credentials = seed::identities(&context, &folder, &arguments).await?;
    sample_files::write(&context, &folder, &arguments, &credentials)?;
    remember_first_state(&context).await.map_err(|error| CommandError::failed(error.to_string()))?;

    let names = certificate_names(&arguments);
    let certificate = server_certificate(&folder, &names, Clock::System.now())?;
    let tls = RustlsConfig::from_pem(certificate.chain.into_bytes(), certificate.key.into_bytes()).await;
    let tls = tls.map_err(|error| CommandError::failed(format!("the TLS certificate cannot be used: {error}")))?;
    let local = Addresses { http: origin::of_listener("http", http_address), https: origin::of_listener("https", https_address) };
    let ready = Ready::new(&local, arguments.public_url.as_deref(), &certificate.authority_file, &credentials);
    let mut running = Running::start(&context, &[ServerRole::Scheduler, ServerRole::Worker], limits.partitions);
    let sandbox = SandboxAccess { hosts: sandbox_hosts(&names).into(), loopback_only: !arguments.allow_remote };
    let (doors, intake) = doors(&context.settings);
    for (listener, own, tls) in [(http, &ready.http, None), (https, &ready.https, Some(tls))] {
        let state = ApiState {
            context: Arc::clone(&context),
            base_url: arguments.public_url.as_ref().unwrap_or(own).as_str().into(),
            trusted_proxies: Arc::default(),
            cors_origins: arguments.cors_origin.clone().into(),
            hsts_seconds: 0,
            shows_console: true,
            settings: Arc::default(),
            shows_telemetry: arguments.public_url.is_none(),
            intake: Arc::clone(&intake),
            sandbox: Some(sandbox.clone()),
        };
        running.serve(listener, state, tls, &doors)?;
    }
    let walking = match &context.sandbox {
        Some(sandbox) => Some(sandbox.walk.lock().await),
        None => None,
    };
    if let Some(file) = &arguments.ready_file {
        ready.write(file)?;
        eprintln!("ready: {}", file.display());
    }
    let walked = match arguments.require_mfa {
        true => second_factor::run(&context, &ready, &local).await.map(|()| None),
        false => walk::run(&context, &ready, &local, &folder).await.map(Some),
    };
    drop(walking);
    let outcome = match walked {
        Ok(walked) if !arguments.once => {
            print_addresses(&ready);
            match walked {
                Some(walked) => walk::print_curl(&ready, &walked),
                None => second_factor::print_curl(&ready),
            }
            until_stopped().await;
            Ok(())
        }
        // Other programs already have the ready file: a client that moves the clock during the walk must not take the server away from itself.
        Err(error) if !arguments.once && arguments.ready_file.is_some() => {
            error.show();
            eprintln!("the walk ended there; the server goes on at {}", ready.https);
            until_stopped().await;
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    };
    running.stop().await;
    outcome
}

/// Where the demo serves, and who signs in there.
fn print_addresses(ready: &Ready) {
    println!("\nServing {} and {} until you stop it (Ctrl-C).", ready.https, ready.http);
    println!("The console is at {}/: sign in as {} with the password {}", ready.clients(), ready.username, ready.password);
}

/// The limits of connections of a server whose configuration says nothing.
fn doors(settings: &Settings) -> (Doors, Arc<Intake>) {
    let Configuration { connections, connections_per_address, idle_seconds, .. } = Configuration::default();
    let admission = Admission::new(places(connections, connections_per_address, &[]));
    let timing = Timing::new(Duration::from_secs(u64::from(idle_seconds)));
    (
        Doors { admission, timing, least: LeastRate::of(&settings.downloads), drain: settings.drain },
        Arc::new(Intake::new(connections, connections_per_address)),
    )
}

fn settings(arguments: &DemoArguments) -> Settings {
    let quotas = !arguments.no_quotas && !arguments.lenient;
    let (require_mfa, public_url) = (arguments.require_mfa, arguments.public_url.clone());
    let mut settings = Settings { quotas, require_mfa, public_url, ..Settings::default() };
    // Callbacks are tried out with a receiver on this machine, whose other services must stay out of reach for clients from elsewhere.
    if !arguments.allow_remote {
        settings.callbacks.addresses = AddressRules { allowed: LOOPBACK.map(IpNet::from).to_vec() };
    }
    if !quotas {
        settings.limits = LimitSettings::none();
    }
    if arguments.lenient {
        settings.resources.extend(OLDER_RESOURCES.map(str::to_owned));
        settings.report_rules = ReportRules { start_lead_hours: 0, ..ReportRules::default() };
        settings.downloads.always_gzip = true;
    }
    settings
}

fn refuse_remote(arguments: &DemoArguments) -> Result<(), CommandError> {
    for address in [arguments.http, arguments.https] {
        if !address.ip().is_loopback() && !arguments.allow_remote {
            let message = format!("{address} can be reached by other machines, and the demo's sandbox needs no token");
            return Err(CommandError::usage(message).hint("use a loopback address, or say --allow-remote"));
        }
        if origin::is_every(address) && arguments.public_url.is_none() {
            let message = format!("{address} is not an address that a client can ask: links and issuers would lead nowhere");
            return Err(CommandError::usage(message).hint("say with --public-url what clients use, such as https://demo.example.com:7443"));
        }
    }
    Ok(())
}

fn certificate_names(arguments: &DemoArguments) -> Vec<String> {
    let addresses = [arguments.http, arguments.https].map(|address| address.ip()).into_iter().filter(|address| !address.is_unspecified());
    let mut names: Vec<String> = LOCAL_NAMES.iter().map(|name| (*name).to_owned()).collect();
    // A URL has an IPv6 address in brackets.
    let public = arguments.public_url.iter().map(|url| origin::host(url).trim_matches(['[', ']']).to_owned());
    for name in addresses.map(|address| address.to_string()).chain(public).chain(arguments.tls_name.iter().cloned()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The names as a Host header spells them.
fn sandbox_hosts(names: &[String]) -> Vec<String> {
    names.iter().map(|name| if name.contains(':') { format!("[{name}]") } else { name.to_ascii_lowercase() }).collect()
}
