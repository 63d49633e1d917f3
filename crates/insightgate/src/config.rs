//! The configuration: TOML and environment variables, typed and checked as a whole.
//!
//! One table (`config/settings.rs`) has everything about each setting: the reader, the environment variables and the commented example follow from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use insightgate_engine::DataRoot;
use insightgate_operations::context::Settings;
use ipnet::IpNet;
use toml::{Table, Value};
use url::Url;

use crate::command_error::CommandError;
use crate::files::{fault, no_named_pipe};
use crate::log::LogFormat;
use crate::origin;
use crate::server::EngineLimits;

mod in_force;
mod issuers;
mod mail;
pub(crate) mod reference;
mod settings;
mod values;

pub use issuers::IssuerConfiguration;
pub use mail::MailConfiguration;
use settings::{SETTINGS, Setting};

/// The settings that hold at once when the file is read again. Those of the certificate name files, and the files themselves are read again.
pub const LIVE: [&str; 4] = ["log.level", "server.cors_origins", "server.hsts_seconds", "server.trusted_proxies"];

/// The configuration with which `insightgate serve` runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    pub data_dir: PathBuf,
    /// A folder, or the URL of a place in an object store; `None` means `data` in the data folder.
    pub data_root: Option<String>,
    /// `None` means a SQLite file in the data folder. The URL may contain a password.
    pub database_url: Option<String>,
    /// Like `data_root`; `None` means `artifacts` in the data folder.
    pub artifact_root: Option<String>,
    /// The settings of the service itself. Its certificates are read from `callback_ca` when the server starts.
    pub service: Settings,
    pub limits: EngineLimits,
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    pub trusted_proxies: Vec<IpNet>,
    pub cors_origins: Vec<String>,
    pub connections: usize,
    pub connections_per_address: usize,
    pub idle_seconds: u32,
    pub hsts_seconds: u32,
    /// Whether there are pages for people at `/`.
    pub console: bool,
    pub tls_names: Vec<String>,
    pub certificate: Option<PathBuf>,
    pub certificate_key: Option<PathBuf>,
    pub issuers: Vec<IssuerConfiguration>,
    /// The networks that are allowed besides public addresses.
    pub allowed_networks: Vec<IpNet>,
    /// Certificates that are trusted besides the system's when callbacks are sent.
    pub callback_ca: Option<PathBuf>,
    pub mail: MailConfiguration,
    /// Where operators look, if there is a listener for them.
    pub telemetry: Option<SocketAddr>,
    /// `None`: no traces are made.
    pub traces_url: Option<Url>,
    pub traces_percent: u8,
    pub log_level: String,
    pub log_format: LogFormat,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            data_dir: PathBuf::from(crate::cli::DEFAULT_DATA_DIR),
            data_root: None,
            database_url: None,
            artifact_root: None,
            service: Settings::default(),
            limits: EngineLimits::default(),
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7080))),
            https: Some(SocketAddr::from(([127, 0, 0, 1], 7443))),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            connections: 1024,
            connections_per_address: 256,
            idle_seconds: 75,
            hsts_seconds: 0,
            console: true,
            tls_names: ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            certificate: None,
            certificate_key: None,
            issuers: Vec::new(),
            allowed_networks: Vec::new(),
            callback_ca: None,
            mail: MailConfiguration::default(),
            telemetry: None,
            traces_url: None,
            traces_percent: 100,
            log_level: "info".to_owned(),
            log_format: LogFormat::default(),
        }
    }
}

/// Bytes of a configuration file: far more than all settings take.
const LARGEST: u64 = 1 << 20;

/// Reads the file, whose settings the environment overrides. All problems are reported together.
pub fn load(path: &Path) -> Result<Configuration, CommandError> {
    parsed(path, &text_of(path)?)
}

/// Reads the file while a server runs. It has to be a plain file: a pipe would keep the reader waiting.
pub fn load_again(path: &Path) -> Result<(Configuration, Given), CommandError> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(CommandError::usage(format!("{} is no plain file", path.display())));
    }
    load_with_given(path)
}

/// Reads the file, with what it and the environment give.
pub fn load_with_given(path: &Path) -> Result<(Configuration, Given), CommandError> {
    let text = text_of(path)?;
    Ok((parsed(path, &text)?, Given::of(&text, |name| std::env::var(name).ok())))
}

/// A device can go on without end, so that no more than the largest file is read.
fn text_of(path: &Path) -> Result<String, CommandError> {
    no_named_pipe(path)?;
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    let length = read.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => CommandError::not_found(format!("there is no configuration file at {}", path.display()))
            .hint(format!("write one with: insightgate init --config {}", path.display())),
        _ => fault(path, &error),
    })?;
    if length as u64 > LARGEST {
        return Err(CommandError::usage(format!("{} is larger than {} MiB", path.display(), LARGEST >> 20)));
    }
    Ok(text)
}

fn parsed(path: &Path, text: &str) -> Result<Configuration, CommandError> {
    read(text, |name| std::env::var(name).ok()).map_err(|problems| {
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
        let (value, place) = value(setting, &file, &environment);
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
    problems.extend(configuration.mail.problems());
    let artifacts = DataRoot::parse(configuration.artifact_root.as_deref().unwrap_or_default(), []);
    if configuration.service.store_links
        && let Ok(Some(why)) = artifacts.map(|root| root.why_unsigned())
    {
        problems.push(format!("artifacts.links: \"store\" does not fit artifacts.root: {why}"));
    }
    let every = [("server.http", configuration.http), ("server.https", configuration.https)];
    for (key, address) in every.into_iter().filter_map(|(key, address)| Some((key, address?))) {
        if configuration.service.public_url.is_none() && origin::is_every(address) {
            problems.push(format!("{key}: {address} is not an address that a client can ask: say in server.public_url what clients use"));
        }
    }
    if configuration.http.is_none() && configuration.https.is_none() {
        problems.push("server.http and server.https: give at least one".to_owned());
    }
    if configuration.tls_names.is_empty() {
        configuration.tls_names = Configuration::default().tls_names;
    }
    if problems.is_empty() { Ok(configuration) } else { Err(problems) }
}

/// The value that a setting is given, and where: its variable, or its key in the file.
fn value(setting: &Setting, file: &Table, environment: impl Fn(&str) -> Option<String>) -> (Option<Value>, String) {
    let variable = variable(setting.key);
    match environment(&variable) {
        Some(text) => (Some(from_environment(&text)), variable),
        None => (find(file, setting.key).cloned(), setting.key.to_owned()),
    }
}

/// The form of the log that a configuration asks for, whatever else is wrong with it.
pub fn log_format(path: &Path) -> LogFormat {
    // A pipe can be read only once, which is over.
    let is_plain = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let text = if is_plain { text_of(path).unwrap_or_default() } else { String::new() };
    let given = Given::of(&text, |name| std::env::var(name).ok());
    given.0.get("log.format").and_then(|format| values::log_format(format).ok()).unwrap_or_default()
}

/// What a configuration file and the environment give, to be compared with what they gave before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given(BTreeMap<String, Value>);

impl Given {
    fn of(text: &str, environment: impl Fn(&str) -> Option<String>) -> Given {
        let file: Table = text.parse().unwrap_or_default();
        let given = SETTINGS.iter().filter_map(|setting| Some((setting.key.to_owned(), value(setting, &file, &environment).0?)));
        let issuers = file.get(issuers::NAME).map(|issuers| (issuers::NAME.to_owned(), issuers.clone()));
        Given(given.chain(issuers).collect())
    }

    /// The keys whose values differ.
    pub fn differences(&self, other: &Given) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }

    /// Takes the value of this key from another.
    pub fn take(&mut self, key: &str, from: &Given) {
        match from.0.get(key) {
            Some(value) => self.0.insert(key.to_owned(), value.clone()),
            None => self.0.remove(key),
        };
    }
}

/// Says where and why the file is not TOML. The line itself is not shown, since it may contain a password.
fn not_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}: {}", before.matches('\n').count() + 1, error.message())
}

/// A commented configuration file with every setting at its default.
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

/// The environment variables of all settings.
pub fn variables() -> Vec<String> {
    SETTINGS.iter().map(|setting| variable(setting.key)).collect()
}

fn variable(key: &str) -> String {
    format!("INSIGHTGATE_{}", key.replace('.', "_").to_ascii_uppercase())
}

/// Reads the text as TOML if it is TOML, and otherwise as a string: `true`, `4` and `["a"]` need no quotes, and neither does an address.
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
