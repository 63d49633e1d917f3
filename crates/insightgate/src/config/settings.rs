//! Every setting, once: its key, its meaning, its default, and how it is read.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use insightgate_operations::context::Settings;
use insightgate_outbound::AddressRules;
use toml::Value;

use super::Configuration;
use super::values::{
    address, catch_up, collector_url, data_root, database_url, flag, host_names, links, log_filter, log_format, mail_security, mail_sender,
    most_runs, networks, number, origins, public_url, text, texts, weights,
};

/// One setting. Its environment variable is `INSIGHTGATE_` followed by the key in uppercase, with `_` for the dot.
pub struct Setting<Target = Configuration> {
    /// The key as `section.name`.
    pub key: &'static str,
    pub about: &'static str,
    /// The default as TOML; if there is none, `Err` has an example to show instead.
    pub default: Result<&'static str, &'static str>,
    pub read: fn(&mut Target, &Value) -> Result<(), String>,
}

pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data.folder",
        about: "Where the database, the data and the files lie. Made if it is missing.",
        default: Ok("\"insightgate-data\""),
        read: |c, v| text(v).map(|text| c.data_dir = PathBuf::from(text)),
    },
    Setting {
        key: "data.root",
        about: "Where the rows lie, if not in the data folder: another folder, or the URL of a place in an object store (docs/object-stores.md).",
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
        read: |c, v| links(v).map(|store| c.service.store_links = store),
    },
    Setting {
        key: "artifacts.days",
        about: "Files are removed after this many days. Their executions stay listed.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.service.artifact_days = days),
    },
    Setting {
        key: "artifacts.budget_gib",
        about: "Room for files; beyond it the oldest files of the tenants with the most are removed. As much as there is if not given.",
        default: Err("100"),
        read: |c, v| number(v, 1, 1 << 20).map(|gibibytes| c.service.artifact_bytes = Some(u64::from(gibibytes) << 30)),
    },
    Setting {
        key: "artifacts.largest_mib",
        about: "The largest size of one file, in MiB; an execution that would make a larger one fails.",
        default: Ok("10240"),
        read: |c, v| number(v, 1, 1 << 30).map(|mebibytes| c.service.largest_artifact = u64::from(mebibytes) << 20),
    },
    Setting {
        key: "artifacts.tenant_mib",
        about: "The total size of one tenant's files, in MiB; an execution that would exceed it fails.",
        default: Ok("102400"),
        read: |c, v| number(v, 1, 1 << 30).map(|mebibytes| c.service.tenant_artifact_bytes = u64::from(mebibytes) << 20),
    },
    Setting {
        key: "limits.calls_per_minute",
        about: "Calls of the Insights API that one tenant may make in a minute, all of them at once or spread out (docs/limits.md). 0: no limit.",
        default: Ok("60000"),
        read: |c, v| number(v, 0, MOST_A_MINUTE).map(|count| c.service.limits.calls = count),
    },
    Setting {
        key: "limits.previews_per_minute",
        about: "The same for previews and explanations, which are calls too.",
        default: Ok("6000"),
        read: |c, v| number(v, 0, MOST_A_MINUTE).map(|count| c.service.limits.previews = count),
    },
    Setting {
        key: "limits.downloads_per_minute",
        about: "The same for downloads; each part of a file that is asked for by itself counts.",
        default: Ok("60000"),
        read: |c, v| number(v, 0, MOST_A_MINUTE).map(|count| c.service.limits.downloads = count),
    },
    Setting {
        key: "limits.application_percent",
        about: "How much of its tenant's limits one application may use.",
        default: Ok("50"),
        read: |c, v| number(v, 1, 100).map(|percent| c.service.limits.application_percent = percent),
    },
    Setting {
        key: "downloads.at_once",
        about: "Downloads under way at once. Each takes up to 1 MiB and a file or a connection to the store; a quarter is left to tenants with few.",
        default: Ok("128"),
        read: |c, v| number(v, 1, 1 << 16).map(|count| c.service.downloads.at_once = count as usize),
    },
    Setting {
        key: "downloads.per_tenant",
        about: "The most of them for one tenant.",
        default: Ok("64"),
        read: |c, v| number(v, 1, 1 << 16).map(|count| c.service.downloads.per_tenant = count as usize),
    },
    Setting {
        key: "downloads.per_file",
        about: "The most of them for one file, whatever links lead to it.",
        default: Ok("16"),
        read: |c, v| number(v, 1, 1 << 16).map(|count| c.service.downloads.per_file = count as usize),
    },
    Setting {
        key: "downloads.least_kib_per_second",
        about: "A reader that takes less while the server waits for it is cut off; readers of all other answers too. 0: only one that takes nothing.",
        default: Ok("8"),
        read: |c, v| number(v, 0, 1 << 20).map(|kibibytes| c.service.downloads.least_rate = u64::from(kibibytes) << 10),
    },
    Setting {
        key: "downloads.slow_seconds",
        about: "The time of waiting for a reader that the rate is averaged over.",
        default: Ok("60"),
        read: |c, v| number(v, 1, 3600).map(|seconds| c.service.downloads.slow = whole_seconds(seconds)),
    },
    Setting {
        key: "downloads.hours",
        about: "How long a download may take.",
        default: Ok("24"),
        read: |c, v| number(v, 1, 24 * 30).map(|hours| c.service.downloads.longest = Duration::from_secs(u64::from(hours) * 3600)),
    },
    Setting {
        key: "downloads.always_gzip",
        about: "Whether a whole file is sent with Content-Encoding: gzip even if the client did not ask for it, as Microsoft's store does.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.downloads.always_gzip = flag),
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
        about: "The address that clients use. Issuers of tokens and links begin with it; needed where it is not the listener's own, as with 0.0.0.0.",
        default: Err("\"https://insights.example.com\""),
        read: |c, v| public_url(v).map(|url| c.service.public_url = Some(url)),
    },
    Setting {
        key: "server.trusted_proxies",
        about: "Networks of proxies in front of this server: the address that they name in X-Forwarded-For is taken for the client's.",
        default: Ok("[]"),
        read: |c, v| networks(v).map(|networks| c.trusted_proxies = networks),
    },
    Setting {
        key: "server.connections",
        about: "Connections at once, of all clients. When there are more, one that waits for its client is closed for the new one.",
        default: Ok("1024"),
        read: |c, v| number(v, 16, 1 << 20).map(|count| c.connections = count as usize),
    },
    Setting {
        key: "server.connections_per_address",
        about: "Of one IPv4 address, or of one IPv6 network (/64). Trusted proxies have no such share.",
        default: Ok("256"),
        read: |c, v| number(v, 8, 1 << 20).map(|count| c.connections_per_address = count as usize),
    },
    Setting {
        key: "server.idle_seconds",
        about: "How long a connection may stay open without a request. Longer than proxies keep theirs, which is 60 seconds with most.",
        default: Ok("75"),
        read: |c, v| number(v, 5, 3600).map(|seconds| c.idle_seconds = seconds),
    },
    Setting {
        key: "server.cors_origins",
        about: "Origins of browser applications, such as [\"https://app.example.com\"], whose scripts may get tokens, call the Insights API and download.",
        default: Ok("[]"),
        read: |c, v| origins(v).map(|origins| c.cors_origins = origins),
    },
    Setting {
        key: "server.hsts_seconds",
        about: "How many seconds browsers are told to use only https (Strict-Transport-Security), where clients use https; 0 for not at all.",
        default: Ok("0"),
        read: |c, v| number(v, 0, 63_072_000).map(|seconds| c.hsts_seconds = seconds),
    },
    Setting {
        key: "server.console",
        about: "Whether there are pages for people at /: the console, on the same operations as the APIs.",
        default: Ok("true"),
        read: |c, v| flag(v).map(|flag| c.console = flag),
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
        about: "How long requests and executions may go on once the process is asked to end. Executions that take longer are given back and begin anew.",
        default: Ok("20"),
        read: |c, v| number(v, 0, 3600).map(|seconds| c.service.drain = whole_seconds(seconds)),
    },
    Setting {
        key: "authority.resources",
        about: "Resources that a token for the Insights API may name, besides the two ids that the API has on the platform (docs/sign-in.md).",
        default: Ok("[\"https://api.partnercenter.microsoft.com\"]"),
        read: |c, v| match texts(v)? {
            names if names.is_empty() => Err("name at least one".to_owned()),
            names => {
                c.service.resources = Settings::with_api_ids(names);
                Ok(())
            }
        },
    },
    Setting {
        key: "authority.built_in",
        about: "Whether this server issues tokens itself. Without that, tokens come from the issuers below alone.",
        default: Ok("true"),
        read: |c, v| flag(v).map(|flag| c.service.built_in_authority = flag),
    },
    Setting {
        key: "authority.signing_key_days",
        about: "A signing key is replaced after this many days. The one before continues to verify until its last token has expired.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.service.signing_key_days = days),
    },
    Setting {
        key: "authority.strict_refresh",
        about: "Whether a refresh token works only once, even for a confidential application and within the first minute. One that comes back ends its sign-in (docs/sign-in.md).",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.strict_refresh = flag),
    },
    Setting {
        key: "access.allow_report_viewer",
        about: "Whether the role Report viewer opens data, with sensitive columns redacted. Otherwise Executive report viewer is needed.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.access_rules.allow_report_viewer = flag),
    },
    Setting {
        key: "access.require_mfa",
        about: "Whether users must sign in with a second factor. The password grant cannot ask for one: it then ends with an error.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.require_mfa = flag),
    },
    Setting {
        key: "reports.quotas",
        about: "Whether the documented quotas hold: 100 queries, 50 active reports, 5 ExecuteNow reports an hour.",
        default: Ok("true"),
        read: |c, v| flag(v).map(|flag| c.service.quotas = flag),
    },
    Setting {
        key: "reports.start_lead_hours",
        about: "How far ahead the StartTime of a report must lie.",
        default: Ok("4"),
        read: |c, v| number(v, 0, 24 * 365).map(|hours| c.service.report_rules.start_lead_hours = hours),
    },
    Setting {
        key: "reports.most_runs",
        about: "The largest RecurrenceCount in v1.1 of cmp: a table of intervals in hours and the number from each of them on (docs/operating.md). Empty: any.",
        default: Ok("{}"),
        read: |c, v| most_runs(v).map(|most| c.service.report_rules.most_runs = most),
    },
    Setting {
        key: "reports.dataset_minimum_interval",
        about: "Whether the minimum interval of a dataset holds for its reports. Otherwise 4 hours do, and the dataset's is only shown.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.report_rules.dataset_minimum_interval = flag),
    },
    Setting {
        key: "reports.hold_poll_seconds",
        about: "How long a poll for executions waits for a first execution before its 404.",
        default: Ok("2"),
        read: |c, v| number(v, 0, 60).map(|seconds| c.service.hold_poll = whole_seconds(seconds)),
    },
    Setting {
        key: "reports.preview_seconds",
        about: "How long a preview may take.",
        default: Ok("100"),
        read: |c, v| {
            let seconds = number(v, 1, 120)?;
            c.service.preview_timeout = whole_seconds(seconds);
            c.service.sharing.longest_wait = whole_seconds(seconds) / 2;
            Ok(())
        },
    },
    Setting {
        key: "reports.link_hours",
        about: "How long a link to a file works.",
        default: Ok("168"),
        read: |c, v| number(v, 1, 24 * 90).map(|hours| c.service.link_lifetime = TimeDelta::hours(i64::from(hours))),
    },
    Setting {
        key: "reports.catch_up",
        about: "Executions that were missed while no scheduler ran: latest (the newest is made up for), all or none.",
        default: Ok("\"latest\""),
        read: |c, v| catch_up(v).map(|policy| c.service.catch_up = policy),
    },
    Setting {
        key: "reports.run_minutes",
        about: "How long an execution may take; one that takes longer fails.",
        default: Ok("60"),
        read: |c, v| number(v, 1, 24 * 60).map(|minutes| c.service.run_limit = whole_seconds(minutes * 60)),
    },
    Setting {
        key: "reports.history_days",
        about: "How long finished executions are listed.",
        default: Ok("90"),
        read: |c, v| number(v, 1, 3650).map(|days| c.service.history_days = days),
    },
    Setting {
        key: "audit.days",
        about: "Audit events are removed after this many days.",
        default: Ok("365"),
        read: |c, v| number(v, 1, 36_500).map(|days| c.service.audit_days = days),
    },
    Setting {
        key: "access_log.days",
        about: "Events of the access log (who read what, docs/usage.md) are removed after this many days; 0 for no access log.",
        default: Ok("365"),
        read: |c, v| number(v, 0, 36_500).map(|days| c.service.access_log_days = days),
    },
    Setting {
        key: "engine.memory_mib",
        about: "Memory that all running queries may hold together, with what they read of files; beyond it they wait, or use the disk.",
        default: Ok("256"),
        read: |c, v| number(v, 32, 1 << 20).map(|mebibytes| c.limits.memory = (mebibytes as usize) << 20),
    },
    Setting {
        key: "engine.spill_gib",
        about: "Disk that one query may use for what does not fit into its memory; four at most do so at once.",
        default: Ok("20"),
        read: |c, v| number(v, 1, 1 << 20).map(|gibibytes| c.limits.spill = u64::from(gibibytes) << 30),
    },
    Setting {
        key: "engine.threads",
        about: "Executions of a tenant at once (half as many are left to others), and parts of a query; as many as the machine has cores if not given.",
        default: Err("8"),
        read: |c, v| number(v, 1, 1024).map(|threads| c.limits.partitions = threads as usize),
    },
    Setting {
        key: "engine.waiting",
        about: "Previews and explanations that are under way or wait, in all; one tenant may have a fourth of them. More are refused (429, 503).",
        default: Ok("400"),
        read: |c, v| number(v, 4, 100_000).map(|waiting| c.service.sharing.waiting = waiting as usize),
    },
    Setting {
        key: "engine.tenant_weights",
        about: "Tenants that get more turns than others: a table of their ids and weights (docs/operating.md). A tenant that is not named has the weight 1.",
        default: Ok("{}"),
        read: |c, v| weights(v).map(|weights| c.service.sharing.weights = weights),
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
        read: |c, v| networks(v).map(|networks| c.service.callbacks.addresses = AddressRules { allowed: networks }),
    },
    Setting {
        key: "callbacks.https_only",
        about: "Whether callbacks go to https addresses alone (docs/callbacks.md).",
        default: Ok("false"),
        read: |c, v| {
            let flag = flag(v)?;
            c.service.callbacks.https_only = flag;
            c.service.report_rules.https_callbacks = flag;
            Ok(())
        },
    },
    Setting {
        key: "callbacks.on_failure",
        about: "Whether every callback tells of failed executions too; otherwise those whose owners asked for it (CallbackOnFailure).",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.callbacks.on_failure = flag),
    },
    Setting {
        key: "mail.server",
        about: "The mail server (SMTP) that mail goes to, by name; it may be private (docs/mail.md). No mail is sent if not given.",
        default: Err("\"smtp.example.com\""),
        read: |c, v| text(v).map(|text| c.mail.server = Some(text)),
    },
    Setting {
        key: "mail.port",
        about: "Its port; 587 for starttls, 465 for tls and 25 for none if not given.",
        default: Err("587"),
        read: |c, v| number(v, 1, 65_535).map(|port| c.mail.port = u16::try_from(port).ok()),
    },
    Setting {
        key: "mail.security",
        about: "How the connection is encrypted: starttls (by a command), tls (from the first byte) or none. Where it cannot be encrypted so, nothing is sent.",
        default: Ok("\"starttls\""),
        read: |c, v| mail_security(v).map(|security| c.mail.security = security),
    },
    Setting {
        key: "mail.username",
        about: "The name with which the server signs in at the mail server, if that asks for one.",
        default: Err("\"insightgate\""),
        read: |c, v| text(v).map(|text| c.mail.username = Some(text)),
    },
    Setting {
        key: "mail.password_file",
        about: "A file with the password, and nothing else. INSIGHTGATE_MAIL_PASSWORD goes before it.",
        default: Err("\"/etc/insightgate/mail-password\""),
        read: |c, v| text(v).map(|text| c.mail.password_file = Some(PathBuf::from(text))),
    },
    Setting {
        key: "mail.from",
        about: "The sender of every mail. The domain stands in the Message-ID too.",
        default: Err("\"Insightgate <insightgate@example.com>\""),
        read: |c, v| mail_sender(v).map(|text| c.mail.from = Some(text)),
    },
    Setting {
        key: "mail.ca_certificate",
        about: "Certificates to trust beside the system's when the mail server is connected to, as a PEM file.",
        default: Err("\"/etc/insightgate/mail-ca.pem\""),
        read: |c, v| text(v).map(|text| c.mail.ca_certificate = Some(PathBuf::from(text))),
    },
    Setting {
        key: "telemetry.address",
        about: "Address of a listener for operators: /healthz, /readyz and /metrics, of processes of every role (docs/monitoring.md). Empty: none.",
        default: Ok("\"\""),
        read: |c, v| address(v).map(|address| c.telemetry = address),
    },
    Setting {
        key: "telemetry.tenants",
        about: "Whether the metrics have numbers of each tenant, named by its id.",
        default: Ok("false"),
        read: |c, v| flag(v).map(|flag| c.service.tenant_telemetry = flag),
    },
    Setting {
        key: "telemetry.traces_url",
        about: "Where traces go: the address of an OpenTelemetry collector (OTLP over HTTP). None are made if not given.",
        default: Err("\"http://127.0.0.1:4318/v1/traces\""),
        read: |c, v| collector_url(v).map(|url| c.traces_url = Some(url)),
    },
    Setting {
        key: "telemetry.traces_percent",
        about: "How many of a hundred requests and executions are traced. A trusted proxy that sends a traceparent decides about its requests.",
        default: Ok("100"),
        read: |c, v| number(v, 0, 100).map(|percent| c.traces_percent = u8::try_from(percent).unwrap_or(100)),
    },
    Setting {
        key: "log.format",
        about: "\"text\", or \"json\" for one object a line (docs/monitoring.md).",
        default: Ok("\"text\""),
        read: |c, v| log_format(v).map(|format| c.log_format = format),
    },
    Setting {
        key: "log.level",
        about: "error, warn, info, debug or trace; or a filter such as \"warn,insightgate_operations=debug\".",
        default: Ok("\"info\""),
        read: |c, v| log_filter(v).map(|text| c.log_level = text),
    },
];

/// Beyond it, nothing would be limited.
const MOST_A_MINUTE: u32 = 60_000_000;

fn whole_seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}
