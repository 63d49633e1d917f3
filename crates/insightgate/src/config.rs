//! The configuration: TOML and environment, typed, checked as a whole.
//!
//! One table (`config/settings.rs`) says everything about a setting: reading, the environment variables and the commented example all follow from it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use insightgate_engine::{DEFAULT_WAITING, DataRoot};
use insightgate_operations::executions::downloads::DownloadSettings;
use insightgate_report::schedule::CatchUp;
use ipnet::IpNet;
use toml::{Table, Value};
use uuid::Uuid;

use crate::command_error::CommandError;
use crate::data_folder::fault;
use crate::origin;

mod issuers;
mod settings;
mod values;

pub use issuers::IssuerConfiguration;
use settings::{SETTINGS, Setting};

/// What `insightgate serve` runs with.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    pub data_dir: PathBuf,
    /// A folder or the URL of a place in an object store; None: `data` in the data folder.
    pub data_root: Option<String>,
    /// None: a SQLite file in the data folder. May hold a password.
    pub database_url: Option<String>,
    /// As `data_root`; None: `artifacts` in the data folder.
    pub artifact_root: Option<String>,
    pub store_links: bool,
    pub downloads: DownloadSettings,
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    /// An origin in its one form.
    pub public_url: Option<String>,
    pub trusted_proxies: Vec<IpNet>,
    pub cors_origins: Vec<String>,
    pub connections: usize,
    pub connections_per_address: usize,
    pub idle_seconds: u32,
    pub hsts_seconds: u32,
    pub tls_names: Vec<String>,
    pub certificate: Option<PathBuf>,
    pub certificate_key: Option<PathBuf>,
    pub resources: Vec<String>,
    pub built_in_authority: bool,
    pub issuers: Vec<IssuerConfiguration>,
    /// Beside public addresses.
    pub allowed_networks: Vec<IpNet>,
    /// For callbacks, whose addresses partners choose.
    pub callback_networks: Vec<IpNet>,
    /// Trusted beside the system's when callbacks are sent.
    pub callback_ca: Option<PathBuf>,
    pub https_callbacks: bool,
    pub callbacks_on_failure: bool,
    pub signing_key_days: u32,
    pub strict_refresh: bool,
    pub allow_report_viewer: bool,
    pub require_mfa: bool,
    pub quotas: bool,
    pub start_lead_hours: u32,
    pub most_runs: BTreeMap<u32, u32>,
    pub dataset_minimum_interval: bool,
    pub hold_poll_seconds: u32,
    pub preview_seconds: u32,
    pub link_hours: u32,
    pub catch_up: CatchUp,
    pub run_minutes: u32,
    pub history_days: u32,
    pub audit_days: u32,
    pub artifact_days: u32,
    /// None: as much as there is.
    pub artifact_gib: Option<u32>,
    pub largest_artifact_mib: u32,
    pub tenant_artifact_mib: u32,
    pub drain_seconds: u32,
    pub memory_mib: usize,
    /// Previews and explanations at once, those that wait too.
    pub waiting: usize,
    pub tenant_weights: HashMap<Uuid, u32>,
    pub spill_gib: u32,
    /// None: as many as the machine has cores.
    pub threads: Option<usize>,
    pub log_level: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            data_dir: PathBuf::from(crate::cli::DEFAULT_DATA_DIR),
            data_root: None,
            database_url: None,
            artifact_root: None,
            store_links: false,
            downloads: DownloadSettings::default(),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7080))),
            https: Some(SocketAddr::from(([127, 0, 0, 1], 7443))),
            public_url: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            connections: 1024,
            connections_per_address: 256,
            idle_seconds: 75,
            hsts_seconds: 0,
            tls_names: Vec::new(),
            certificate: None,
            certificate_key: None,
            resources: vec!["https://api.partnercenter.microsoft.com".to_owned()],
            built_in_authority: true,
            issuers: Vec::new(),
            allowed_networks: Vec::new(),
            callback_networks: Vec::new(),
            callback_ca: None,
            https_callbacks: false,
            callbacks_on_failure: false,
            signing_key_days: 90,
            strict_refresh: false,
            allow_report_viewer: false,
            require_mfa: false,
            quotas: true,
            start_lead_hours: 4,
            most_runs: BTreeMap::new(),
            dataset_minimum_interval: false,
            hold_poll_seconds: 2,
            preview_seconds: 100,
            link_hours: 168,
            catch_up: CatchUp::default(),
            run_minutes: 60,
            history_days: 90,
            audit_days: 365,
            artifact_days: 90,
            artifact_gib: None,
            largest_artifact_mib: 10_240,
            tenant_artifact_mib: 102_400,
            drain_seconds: 20,
            memory_mib: 256,
            waiting: DEFAULT_WAITING,
            tenant_weights: HashMap::new(),
            spill_gib: 20,
            threads: None,
            log_level: "info".to_owned(),
        }
    }
}

/// The file with the environment over it. All problems are reported at once.
pub fn load(path: &Path) -> Result<Configuration, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => CommandError::not_found(format!("there is no configuration file at {}", path.display()))
            .hint(format!("write one with: insightgate init --config {}", path.display())),
        _ => fault(path, &error),
    })?;
    read(&text, |name| std::env::var(name).ok()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        CommandError::usage(format!("{} is not valid:\n{}", path.display(), lines.join("\n")))
            .hint("insightgate init --config - prints every setting with its meaning")
    })
}

fn read(text: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Configuration, Vec<String>> {
    let file: Table = text.parse().map_err(|error| vec![not_toml(text, &error)])?;
    let mut problems = unknown_keys(&file);
    let mut configuration = Configuration::default();
    for setting in SETTINGS {
        let variable = variable(setting.key);
        let (value, place) = match environment(&variable) {
            Some(text) => (Some(from_environment(&text)), variable),
            None => (find(&file, setting.key).cloned(), setting.key.to_owned()),
        };
        if let Some(value) = value
            && let Err(problem) = (setting.read)(&mut configuration, &value)
        {
            problems.push(format!("{place}: {problem}"));
        }
    }
    issuers::read(&file, &mut configuration, &mut problems);
    if configuration.certificate.is_some() != configuration.certificate_key.is_some() {
        problems.push("server.certificate and server.certificate_key: give both or neither".to_owned());
    }
    let artifacts = DataRoot::parse(configuration.artifact_root.as_deref().unwrap_or_default(), []);
    if configuration.store_links
        && let Ok(Some(why)) = artifacts.map(|root| root.why_unsigned())
    {
        problems.push(format!("artifacts.links: \"store\" does not fit artifacts.root: {why}"));
    }
    let every = [("server.http", configuration.http), ("server.https", configuration.https)];
    for (key, address) in every.into_iter().filter_map(|(key, address)| Some((key, address?))) {
        if configuration.public_url.is_none() && origin::is_every(address) {
            problems.push(format!("{key}: {address} is not an address that a client can ask: say in server.public_url what clients use"));
        }
    }
    if configuration.http.is_none() && configuration.https.is_none() {
        problems.push("server.http and server.https: give at least one".to_owned());
    }
    if configuration.resources.is_empty() {
        problems.push("authority.resources: name at least one".to_owned());
    }
    if configuration.tls_names.is_empty() {
        configuration.tls_names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    }
    if problems.is_empty() { Ok(configuration) } else { Err(problems) }
}

/// Where the file is no TOML, and why. The line itself is not shown: it may hold a password.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// A commented configuration file in which every setting stands at its default.
pub fn example() -> String {
    let mut text = String::from(
        "# Insightgate's configuration. Every setting can be given in the environment instead, which then goes before the file:\n\
         # server.http is INSIGHTGATE_SERVER_HTTP.\n\
         # The key that secrets in the database are encrypted with comes from INSIGHTGATE_ENCRYPTION_KEY (64 hexadecimal digits),\n\
         # or from a file in the data folder, which the first start makes. To replace it, start once with the new key there and the old one in\n\
         # INSIGHTGATE_OLD_ENCRYPTION_KEYS (several: separated by commas), or with the file moved aside to encryption.key.old.\n",
    );
    let mut section = "";
    for Setting { key, about, default, .. } in SETTINGS {
        let (own, name) = key.split_once('.').unwrap_or(("", key));
        if own != section {
            section = own;
            text.push_str(&format!("\n[{section}]\n"));
        }
        text.push_str(&match default {
            Ok(value) => format!("# {about}\n{name} = {value}\n"),
            Err(value) => format!("# {about}\n# {name} = {value}\n"),
        });
    }
    text + &issuers::example()
}

/// The environment's variables of all settings.
pub fn variables() -> Vec<String> {
    SETTINGS.iter().map(|setting| variable(setting.key)).collect()
}

fn variable(key: &str) -> String {
    format!("INSIGHTGATE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// As TOML where it is TOML, else as text: `true`, `4` and `["a"]` need no quotes, and neither does an address.
fn from_environment(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>();
    parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn find<'a>(file: &'a Table, key: &str) -> Option<&'a Value> {
    let (section, name) = key.split_once('.')?;
    file.get(section)?.as_table()?.get(name)
}

fn unknown_keys(file: &Table) -> Vec<String> {
    let mut problems = Vec::new();
    let sections: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.key.split_once('.')).map(|(section, _)| section).collect();
    for (section, content) in file.iter().filter(|(section, _)| *section != issuers::NAME) {
        match content {
            Value::Table(table) if sections.contains(&section.as_str()) => {
                let names: Vec<&str> =
                    SETTINGS.iter().filter_map(|setting| setting.key.strip_prefix(section.as_str())?.strip_prefix('.')).collect();
                let unknown = table.keys().filter(|name| !names.contains(&name.as_str()));
                problems.extend(unknown.map(|name| format!("{section}.{name}: unknown; [{section}] has {}", names.join(", "))));
            }
            _ => {
                let mut known = sections.clone();
                known.dedup();
                problems.push(format!("{section}: unknown; there are [{}] and [[{}]]", known.join("], ["), issuers::NAME));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests;
