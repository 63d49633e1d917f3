//! The configuration: TOML and environment, typed, checked as a whole.
//!
//! One table (`SETTINGS`) says everything about a setting: reading, the environment variables and the commented example all follow from it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use insightgate_engine::DataRoot;
use insightgate_report::schedule::CatchUp;
use ipnet::IpNet;
use toml::{Table, Value};

use crate::command_error::CommandError;
use crate::data_folder::fault;

mod issuers;

pub use issuers::IssuerConfiguration;

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
    pub http: Option<SocketAddr>,
    pub https: Option<SocketAddr>,
    /// Without a final slash.
    pub public_url: Option<String>,
    pub trusted_proxies: Vec<IpNet>,
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
    pub allow_report_viewer: bool,
    pub require_mfa: bool,
    pub quotas: bool,
    pub start_lead_hours: u32,
    pub dataset_minimum_interval: bool,
    pub hold_poll_seconds: u32,
    pub preview_seconds: u32,
    pub link_hours: u32,
    pub catch_up: CatchUp,
    pub run_minutes: u32,
    pub history_days: u32,
    pub artifact_days: u32,
    /// None: as much as there is.
    pub artifact_gib: Option<u32>,
    pub drain_seconds: u32,
    pub memory_mib: usize,
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
            http: Some(SocketAddr::from(([127, 0, 0, 1], 7080))),
            https: Some(SocketAddr::from(([127, 0, 0, 1], 7443))),
            public_url: None,
            trusted_proxies: Vec::new(),
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
            allow_report_viewer: false,
            require_mfa: false,
            quotas: true,
            start_lead_hours: 4,
            dataset_minimum_interval: false,
            hold_poll_seconds: 2,
            preview_seconds: 100,
            link_hours: 168,
            catch_up: CatchUp::default(),
            run_minutes: 60,
            history_days: 90,
            artifact_days: 90,
            artifact_gib: None,
            drain_seconds: 20,
            memory_mib: 80,
            threads: None,
            log_level: "info".to_owned(),
        }
    }
}

/// One setting. Its environment variable is `INSIGHTGATE_` and the key in upper case, with `_` for the dot.
struct Setting<Target = Configuration> {
    /// `section.name`.
    key: &'static str,
    about: &'static str,
    /// As TOML; None where there is no default, with an example instead.
    default: Result<&'static str, &'static str>,
    read: fn(&mut Target, &Value) -> Result<(), String>,
}

const SETTINGS: &[Setting] = &[
    Setting {
        key: "data.folder",
        about: "Where the database, the data and the files lie. Made if it is missing.",
        default: Ok("\"insightgate-data\""),
        read: |c, v| text(v).map(|text| c.data_dir = PathBuf::from(text)),
    },
    Setting {
        key: "data.root",
        about: "Where the rows lie, if not in the data folder: another folder, or the URL of a place in an object store (docs/datasets.md).",
        default: Err("\"s3://bucket/prefix\""),
        read: |c, v| data_root(v).map(|text| c.data_root = Some(text)),
    },
    Setting {
        key: "data.database_url",
        about: "The database; a SQLite file in the data folder if not given. Several processes need a Postgres (docs/operating.md).",
        default: Err("\"postgres://insightgate@db.example.com/insightgate\""),
        read: |c, v| database_url(v).map(|text| c.database_url = Some(text)),
    },
    Setting {
        key: "artifacts.root",
        about: "Where the files of reports lie, if not in the data folder: another folder, or a place in an object store, as for data.root.",
        default: Err("\"s3://bucket/prefix\""),
        read: |c, v| data_root(v).map(|text| c.artifact_root = Some(text)),
    },
    Setting {
        key: "artifacts.links",
        about: "Whose links open them: \"server\", or \"store\" for the object store's own, which cannot be revoked (docs/operating.md).",
        default: Ok("\"server\""),
        read: |c, v| links(v).map(|store| c.store_links = store),
    },
    Setting {
        key: "artifacts.days",
        about: "Files are removed when they are so old. Their runs are listed on.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.artifact_days = days),
    },
    Setting {
        key: "artifacts.budget_gib",
        about: "Room for files; beyond it the oldest are removed. As much as there is if not given.",
        default: Err("100"),
        read: |c, v| number(v, 1, 1 << 20).map(|gibibytes| c.artifact_gib = Some(gibibytes)),
    },
    Setting {
        key: "server.http",
        about: "Address to serve HTTP at; empty for none.",
        default: Ok("\"127.0.0.1:7080\""),
        read: |c, v| address(v).map(|address| c.http = address),
    },
    Setting {
        key: "server.https",
        about: "Address to serve HTTPS at; empty for none.",
        default: Ok("\"127.0.0.1:7443\""),
        read: |c, v| address(v).map(|address| c.https = address),
    },
    Setting {
        key: "server.public_url",
        about: "The address that clients use. Issuers of tokens and links begin with it; needed where it is not the listener's own.",
        default: Err("\"https://insights.example.com\""),
        read: |c, v| public_url(v).map(|url| c.public_url = Some(url)),
    },
    Setting {
        key: "server.trusted_proxies",
        about: "Networks of proxies in front of this server: whom they name in X-Forwarded-For is taken for the client.",
        default: Ok("[]"),
        read: |c, v| networks(v).map(|networks| c.trusted_proxies = networks),
    },
    Setting {
        key: "server.tls_names",
        about: "Host names and addresses in the certificate that the server makes itself.",
        default: Ok("[\"localhost\", \"127.0.0.1\", \"::1\"]"),
        read: |c, v| host_names(v).map(|names| c.tls_names = names),
    },
    Setting {
        key: "server.certificate",
        about: "Your own certificate chain, as a PEM file, instead of one that the server makes.",
        default: Err("\"/etc/insightgate/chain.pem\""),
        read: |c, v| text(v).map(|text| c.certificate = Some(PathBuf::from(text))),
    },
    Setting {
        key: "server.certificate_key",
        about: "Its private key, as a PEM file.",
        default: Err("\"/etc/insightgate/key.pem\""),
        read: |c, v| text(v).map(|text| c.certificate_key = Some(PathBuf::from(text))),
    },
    Setting {
        key: "server.drain_seconds",
        about: "How long requests and runs may go on once the process is asked to end. Runs that take longer are given back and begin anew.",
        default: Ok("20"),
        read: |c, v| number(v, 0, 3600).map(|seconds| c.drain_seconds = seconds),
    },
    Setting {
        key: "authority.resources",
        about: "Resources that a token for the insights API may name.",
        default: Ok("[\"https://api.partnercenter.microsoft.com\"]"),
        read: |c, v| texts(v).map(|names| c.resources = names),
    },
    Setting {
        key: "authority.built_in",
        about: "Whether this server issues tokens itself. Without that, tokens come from the issuers below alone.",
        default: Ok("true"),
        read: |c, v| flag(v).map(|flag| c.built_in_authority = flag),
    },
    Setting {
        key: "authority.signing_key_days",
        about: "A signing key is replaced when it is so old. The one before goes on verifying until its last token has expired.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.signing_key_days = days),
    },
    Setting {
        key: "access.allow_report_viewer",
        about: "Whether the role Report viewer opens data, with sensitive columns redacted. Otherwise Executive report viewer is needed.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.allow_report_viewer = flag),
    },
    Setting {
        key: "access.require_mfa",
        about: "Whether users must sign in with a second factor. The password grant cannot ask for one: it then ends with an error.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.require_mfa = flag),
    },
    Setting {
        key: "reports.quotas",
        about: "Whether the documented quotas hold: 100 queries, 50 active reports, 5 ExecuteNow reports an hour.",
        default: Ok("true"),
        read: |c, v| flag(v).map(|flag| c.quotas = flag),
    },
    Setting {
        key: "reports.start_lead_hours",
        about: "How far ahead the StartTime of a report must lie.",
        default: Ok("4"),
        read: |c, v| number(v, 0, 24 * 365).map(|hours| c.start_lead_hours = hours),
    },
    Setting {
        key: "reports.dataset_minimum_interval",
        about: "Whether the minimum interval of a dataset holds for its reports. Otherwise 4 hours do, and the dataset's is only shown.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.dataset_minimum_interval = flag),
    },
    Setting {
        key: "reports.hold_poll_seconds",
        about: "How long a poll for executions waits for a first run before its 404.",
        default: Ok("2"),
        read: |c, v| number(v, 0, 60).map(|seconds| c.hold_poll_seconds = seconds),
    },
    Setting {
        key: "reports.preview_seconds",
        about: "How long a preview may take.",
        default: Ok("100"),
        read: |c, v| number(v, 1, 120).map(|seconds| c.preview_seconds = seconds),
    },
    Setting {
        key: "reports.link_hours",
        about: "How long a link to a file works.",
        default: Ok("168"),
        read: |c, v| number(v, 1, 24 * 90).map(|hours| c.link_hours = hours),
    },
    Setting {
        key: "reports.catch_up",
        about: "Runs that were missed while no scheduler ran: latest (the newest is made up for), all or none.",
        default: Ok("\"latest\""),
        read: |c, v| catch_up(v).map(|policy| c.catch_up = policy),
    },
    Setting {
        key: "reports.run_minutes",
        about: "How long a run may take; one that takes longer fails.",
        default: Ok("60"),
        read: |c, v| number(v, 1, 24 * 60).map(|minutes| c.run_minutes = minutes),
    },
    Setting {
        key: "reports.history_days",
        about: "How long finished runs are listed.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.history_days = days),
    },
    Setting {
        key: "engine.memory_mib",
        about: "Memory that all running queries may hold together; beyond it they use the disk.",
        default: Ok("80"),
        read: |c, v| number(v, 32, 1 << 20).map(|mebibytes| c.memory_mib = mebibytes as usize),
    },
    Setting {
        key: "engine.threads",
        about: "Runs at once, and parts of a query; as many as the machine has cores if not given.",
        default: Err("8"),
        read: |c, v| number(v, 1, 1024).map(|threads| c.threads = Some(threads as usize)),
    },
    Setting {
        key: "outbound.allowed_networks",
        about: "Networks where issuers of tokens may be, beside public addresses, such as [\"10.0.0.0/8\", \"127.0.0.1\"].",
        default: Ok("[]"),
        read: |c, v| networks(v).map(|networks| c.allowed_networks = networks),
    },
    Setting {
        key: "outbound.ca_certificate",
        about: "Certificates to trust beside the system's when callbacks are sent, as a PEM file.",
        default: Err("\"/etc/insightgate/callback-ca.pem\""),
        read: |c, v| text(v).map(|text| c.callback_ca = Some(PathBuf::from(text))),
    },
    Setting {
        key: "callbacks.allowed_networks",
        about: "Networks that callbacks may go to beside public addresses. Every partner's may then, to any port.",
        default: Ok("[]"),
        read: |c, v| networks(v).map(|networks| c.callback_networks = networks),
    },
    Setting {
        key: "callbacks.https_only",
        about: "Whether callbacks go to https addresses alone (docs/callbacks.md).",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.https_callbacks = flag),
    },
    Setting {
        key: "callbacks.on_failure",
        about: "Whether every callback tells of failed runs too; otherwise those whose owners asked for it (CallbackOnFailure).",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.callbacks_on_failure = flag),
    },
    Setting {
        key: "log.level",
        about: "error, warn, info, debug or trace; or a filter such as \"warn,insightgate_operations=debug\".",
        default: Ok("\"info\""),
        read: |c, v| log_filter(v).map(|text| c.log_level = text),
    },
];

/// The file with the environment over it. All problems are reported at once.
pub fn load(path: &Path) -> Result<Configuration, CommandError> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => CommandError::not_found(format!("there is no configuration file at {}", path.display()))
            .hint(format!("write one with: insightgate init --config {}", path.display())),
        _ => fault(path, &error),
    })?;
    read(&text, |name| std::env::var(name).ok()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        CommandError::usage(format!("{} does not hold:\n{}", path.display(), lines.join("\n")))
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

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        other => Err(format!("should be a text that is not empty, but is {other}")),
    }
}

/// Checked here, so that it is reported with the other problems; opened with the environment's settings later.
fn data_root(value: &Value) -> Result<String, String> {
    let text = text(value).map_err(|_| "should be a folder or a URL".to_owned())?;
    DataRoot::parse(&text, []).map(|_| text).map_err(|error| error.to_string())
}

fn database_url(value: &Value) -> Result<String, String> {
    let text = value.as_str().map(str::trim).unwrap_or_default();
    match text.split_once(':') {
        Some(("postgres" | "postgresql", _)) => Ok(text.to_owned()),
        // It may hold a password, and is not shown.
        _ => {
            Err("should be like \"postgres://user@host/database\"; without it the database is a SQLite file in the data folder".to_owned())
        }
    }
}

fn catch_up(value: &Value) -> Result<CatchUp, String> {
    let found = value.as_str().and_then(CatchUp::from_name);
    found.ok_or_else(|| format!("should be \"latest\", \"all\" or \"none\", but is {value}"))
}

/// Whether they are the store's.
fn links(value: &Value) -> Result<bool, String> {
    match value.as_str() {
        Some("server") => Ok(false),
        Some("store") => Ok(true),
        _ => Err(format!("should be \"server\" or \"store\", but is {value}")),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::String(one) => Ok(one.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()),
        other => Err(format!("should be a list of texts, but is {other}")),
    }
}

fn networks(value: &Value) -> Result<Vec<IpNet>, String> {
    let network = |text: String| {
        let single = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
        text.parse().ok().or_else(single).ok_or_else(|| format!("should hold networks such as \"10.0.0.0/8\", but holds \"{text}\""))
    };
    texts(value)?.into_iter().map(network).collect()
}

fn host_names(value: &Value) -> Result<Vec<String>, String> {
    let names = texts(value)?;
    let is_name = |name: &String| {
        let label = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'*');
        name.parse::<std::net::IpAddr>().is_ok() || name.split('.').all(label)
    };
    match names.iter().find(|name| !is_name(name)) {
        Some(wrong) => Err(format!("should hold host names and addresses, but holds \"{wrong}\"")),
        None => Ok(names),
    }
}

fn log_filter(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    match tracing_subscriber::EnvFilter::try_new(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(format!("should be a level such as \"info\" or a filter, but is \"{text}\": {error}")),
    }
}

fn flag(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("should be true or false, but is {value}"))
}

fn number(value: &Value, least: u32, most: u32) -> Result<u32, String> {
    let number = value.as_integer().and_then(|number| u32::try_from(number).ok()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("should be a whole number from {least} to {most}, but is {value}"))
}

fn address(value: &Value) -> Result<Option<SocketAddr>, String> {
    match value.as_str().map(str::trim) {
        Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("should be an address such as \"127.0.0.1:7080\", but is \"{text}\"")),
        None => Err(format!("should be an address such as \"127.0.0.1:7080\", but is {value}")),
    }
}

fn public_url(value: &Value) -> Result<String, String> {
    let text = text(value)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest.map(|rest| rest.trim_end_matches('/')) {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@']) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(format!("should be an address such as \"https://insights.example.com\", without a path, but is \"{text}\"")),
    }
}

#[cfg(test)]
mod tests;
