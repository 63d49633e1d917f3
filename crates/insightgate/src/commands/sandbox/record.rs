//! `insightgate sandbox record`: stands in front of a service and writes down what clients ask it and what it answers, without secrets.
#![allow(rustdoc::bare_urls, reason = "the comments are what --help prints")]

mod journal;
mod origins;
mod proxy;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::RustlsConfig;
use clap::Args;
use insightgate_client::Forwarder;
use insightgate_operations::clock::Clock;
use insightgate_operations::executions::downloads::DownloadSettings;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::recording::{Heading, VERSION};
use crate::cli::DEFAULT_DATA_DIR;
use crate::command_error::CommandError;
use crate::data_folder::DataFolder;
use crate::env_vars;
use crate::files::{read_named, shown};
use crate::interrupt::signalled;
use crate::origin;
use crate::server::certificates::server_certificate;
use crate::server::connections::{Admission, Timing};
use crate::server::listen;
use crate::server::listener::{self, Doors};
use crate::server::open_files::places;
use crate::server::stalled_writes::LeastRate;
use crate::terminal::{print, print_json};
use journal::Journal;
use origins::Origins;
use proxy::{Desk, Recorder, pass};

/// For downloads that are on their way when the recorder is asked to end.
const DRAIN: Duration = Duration::from_secs(3);
/// The connections of all clients.
const CONNECTIONS: usize = 256;
/// Names by which a client on this machine reaches the recorder.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

#[derive(Debug, Args)]
pub(super) struct RecordArguments {
    /// The service: where the API is, such as https://api.partnercenter.microsoft.com
    #[arg(long, value_name = "URL", value_parser = origin::public)]
    upstream: String,
    /// Who issues its tokens, if another host does, such as https://login.microsoftonline.com
    #[arg(long, value_name = "URL", value_parser = origin::public)]
    authority: Option<String>,
    /// Where clients ask; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where clients ask by HTTPS, which Microsoft's libraries insist on
    #[arg(long, value_name = "ADDR")]
    https: Option<SocketAddr>,
    /// The folder whose own authority (tls/ca.pem) makes the certificate for --https
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Allow addresses that other machines can reach
    #[arg(long)]
    allow_remote: bool,
    /// The recording
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Record the values of data rows, and not only which kinds of values they are
    #[arg(long)]
    values: bool,
}

pub(super) async fn run(arguments: RecordArguments, as_json: bool) -> Result<(), CommandError> {
    refuse_remote(&arguments)?;
    let authority = arguments.authority.clone().unwrap_or_else(|| arguments.upstream.clone());
    let trusted = env_vars::read(&env_vars::CA_CERTIFICATE).map(PathBuf::from);
    let trusted = trusted.map(|path| read_named(&path)).transpose()?;
    let forwarder = Forwarder::new(trusted.as_deref(), &[&arguments.upstream, &authority])?;

    let (http, http_address) = listen(arguments.listen, "--listen")?;
    let secured = match arguments.https {
        Some(address) => Some(secured(&arguments, address).await?),
        None => None,
    };
    let heading = Heading {
        insightgate_recording: VERSION,
        started_at: Clock::System.now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        upstream: arguments.upstream.clone(),
        authority: authority.clone(),
        values: arguments.values,
    };
    let journal = Journal::create(&arguments.output, arguments.force, &heading)?;
    let recorder = Arc::new(Recorder {
        origins: Origins::new(arguments.upstream, authority),
        forwarder,
        journal: journal.clone(),
        values: arguments.values,
        started: Instant::now(),
        next: AtomicU64::new(0),
    });

    let (stop, stopped) = watch::channel(false);
    let doors = doors();
    let mut listening = JoinSet::new();
    let mut addresses = Vec::new();
    let http = Some(("http", http, http_address, None));
    let https = secured.map(|(listener, address, tls)| ("https", listener, address, Some(tls)));
    for (scheme, listener, address, tls) in http.into_iter().chain(https) {
        let own = origin::of_listener(scheme, address);
        addresses.push((scheme, own.clone()));
        let app = Router::new().fallback(pass).with_state(Desk { recorder: Arc::clone(&recorder), scheme, address, own });
        let failed = |error: std::io::Error| CommandError::failed(format!("the listener could not be started: {error}"));
        let listener = listener::prepared(listener).map_err(failed)?;
        listening.spawn(listener::serve(listener, tokio::sync::watch::channel(app).1, tls, doors.clone(), stopped.clone()));
    }
    announce(&addresses, as_json)?;
    eprintln!("recording into {}; Ctrl-C ends it", shown(&arguments.output));

    tokio::select! {
        _ = signalled() => {}
        () = journal.failed() => {}
    }
    stop.send_replace(true);
    if timeout(DRAIN * 2, async { while listening.join_next().await.is_some() {} }).await.is_err() {
        listening.shutdown().await;
    }
    let written = journal.finish()?;
    let exchanges = if written == 1 { "exchange is" } else { "exchanges are" };
    eprintln!("{written} {exchanges} in {}", shown(&arguments.output));
    Ok(())
}

/// The listener for HTTPS with its certificate.
async fn secured(
    arguments: &RecordArguments,
    address: SocketAddr,
) -> Result<(std::net::TcpListener, SocketAddr, RustlsConfig), CommandError> {
    let (listener, bound) = listen(address, "--https")?;
    let folder = DataFolder::open(&arguments.data_dir)?;
    let mut names: Vec<String> = LOCAL_NAMES.iter().map(|name| (*name).to_owned()).collect();
    if !bound.ip().is_loopback() {
        names.push(bound.ip().to_string());
    }
    let made = server_certificate(&folder, &names, Clock::System.now())?;
    eprintln!("clients must trust {}", shown(&made.authority_file));
    let tls = RustlsConfig::from_pem(made.chain.into_bytes(), made.key.into_bytes()).await;
    let tls = tls.map_err(|error| CommandError::failed(format!("the TLS certificate cannot be used: {error}")))?;
    Ok((listener, bound, tls))
}

/// The addresses are what a program that started the recorder waits for.
fn announce(addresses: &[(&str, String)], as_json: bool) -> Result<(), CommandError> {
    if as_json {
        let of = |scheme: &str| addresses.iter().find(|(own, _)| *own == scheme).map(|(_, address)| address.clone());
        return print_json(&json!({"http": of("http"), "https": of("https")}));
    }
    addresses.iter().try_for_each(|(_, address)| print(&format!("{address}\n")))
}

fn refuse_remote(arguments: &RecordArguments) -> Result<(), CommandError> {
    for address in std::iter::once(arguments.listen).chain(arguments.https) {
        if !address.ip().is_loopback() && !arguments.allow_remote {
            let message = format!("{address} can be reached by other machines, which would ask the service through the recorder");
            return Err(CommandError::usage(message).hint("use a loopback address, or say --allow-remote"));
        }
    }
    Ok(())
}

/// The limits of connections, as a server has them.
fn doors() -> Doors {
    let admission = Admission::new(places(CONNECTIONS, CONNECTIONS, &[]));
    Doors { admission, timing: Timing::new(Duration::from_secs(120)), least: LeastRate::of(&DownloadSettings::default()), drain: DRAIN }
}
