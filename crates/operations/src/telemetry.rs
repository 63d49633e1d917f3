//! What a process counts about its own work, for whoever watches it: tokens, executions, callbacks, mails. What is not counted but looked at when somebody
//! asks is in `sampled`; `scrape` looks.
//!
//! Every label has a bounded number of values, none of which a caller can choose. No label names a tenant unless the settings ask for it.

pub(crate) mod sampled;
pub mod tenants;

use std::time::Duration;

use insightgate_engine::Engine;
use insightgate_store::Store;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use self::sampled::Sampled;
use self::tenants::Tenants;

/// The target of spans, which whoever collects traces asks for. It is the same in every crate.
pub const SPANS: &str = "insightgate_traces";

/// What the name of each of our own numbers begins with.
pub const PREFIX: &str = "insightgate";

/// Upper bounds in seconds of the time that an attempt at an execution takes.
const EXECUTION_BOUNDS: [f64; 9] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];
/// Upper bounds in seconds of an exchange with the receiver of a callback, which may take 15, or with a mail server, which may take 30.
const CALLBACK_BOUNDS: [f64; 8] = [0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// The grants of the token endpoint, as labels.
const GRANTS: [&str; 5] = ["password", "refresh_token", "authorization_code", "device_code", "client_credentials"];
/// What comes of an attempt at a callback, as labels.
const CALLBACK_OUTCOMES: [&str; 4] = ["delivered", "retried", "failed", "cancelled"];

/// What comes of an attempt at a mail, as labels.
const MAIL_OUTCOMES: [&str; 3] = ["delivered", "retried", "failed"];

/// How a token request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TokenOutcome {
    Issued,
    /// The platform's number.
    Refused(u32),
    /// The server could not answer.
    Failed,
}

impl EncodeLabelValue for TokenOutcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        use std::fmt::Write as _;
        match self {
            TokenOutcome::Issued => encoder.write_str("issued"),
            TokenOutcome::Refused(number) => write!(encoder, "AADSTS{number}"),
            TokenOutcome::Failed => encoder.write_str("failed"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    grant: &'static str,
    outcome: TokenOutcome,
}

type Ends = Family<[(&'static str, &'static str); 1], Counter>;

/// How an attempt at an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Completed {
        rows: u64,
        bytes: u64,
    },
    /// It failed, and is not tried again.
    Failed,
    /// The owner may not read the data any more.
    Refused,
    /// It is tried again.
    Retried,
    /// Its report was deleted, or another process took it over.
    Lost,
    /// The process ends, and another one begins it anew.
    GivenBack,
}

impl End {
    const NAMES: [&str; 6] = ["completed", "failed", "refused", "retried", "lost", "given_back"];

    fn name(self) -> &'static str {
        match self {
            End::Completed { .. } => "completed",
            End::Failed => "failed",
            End::Refused => "refused",
            End::Retried => "retried",
            End::Lost => "lost",
            End::GivenBack => "given_back",
        }
    }
}

pub struct Telemetry {
    tokens: Family<TokenLabels, Counter>,
    executions: Ends,
    execution_times: Histogram,
    rows: Counter,
    bytes: Counter,
    callbacks: Ends,
    callback_times: Histogram,
    mails: Ends,
    mail_times: Histogram,
    tenants: Option<Tenants>,
    pub(crate) sampled: Sampled,
    /// When the database was last asked how much waits. Whoever holds it is the only one that looks and encodes.
    pub(crate) looked: Mutex<Option<Instant>>,
    registry: Registry,
    /// Names that every program of the world has, without our prefix.
    of_process: Registry,
}

impl Telemetry {
    /// `of_tenants`: whether numbers are also kept for each tenant.
    pub fn new(store: &Store, engine: &Engine, of_tenants: bool) -> Telemetry {
        let mut telemetry = Telemetry {
            tokens: Family::default(),
            executions: Ends::default(),
            execution_times: Histogram::new(EXECUTION_BOUNDS),
            rows: Counter::default(),
            bytes: Counter::default(),
            callbacks: Ends::default(),
            callback_times: Histogram::new(CALLBACK_BOUNDS),
            mails: Ends::default(),
            mail_times: Histogram::new(CALLBACK_BOUNDS),
            tenants: of_tenants.then(Tenants::default),
            sampled: Sampled::default(),
            looked: Mutex::default(),
            registry: Registry::with_prefix(PREFIX),
            of_process: Registry::default(),
        };
        telemetry.register();
        telemetry.begin_at_zero();
        store.register(&mut telemetry.registry);
        engine.register(&mut telemetry.registry);
        telemetry
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("build", "The version of the server", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register("tokens", "Requests of the token endpoint by grant and outcome", self.tokens.clone());
        registry.register("executions", "Attempts at executions by how they ended", self.executions.clone());
        let about = "Time of an attempt at an execution, from its claim to its end";
        registry.register_with_unit("execution", about, Unit::Seconds, self.execution_times.clone());
        registry.register("execution_rows", "Rows of completed executions", self.rows.clone());
        registry.register_with_unit("execution", "Size of the files of completed executions", Unit::Bytes, self.bytes.clone());
        registry.register("callbacks", "Attempts at callbacks by what came of them", self.callbacks.clone());
        let about = "Time of an exchange with the receiver of a callback";
        registry.register_with_unit("callback", about, Unit::Seconds, self.callback_times.clone());
        registry.register("mails", "Attempts at mails by what came of them", self.mails.clone());
        let about = "Time of an exchange with the mail server";
        registry.register_with_unit("mail", about, Unit::Seconds, self.mail_times.clone());
        if let Some(tenants) = &self.tenants {
            tenants.register(registry);
        }
        self.sampled.register(registry);
        self.sampled.process.register(&mut self.of_process);
    }

    /// A number that is there from the start can be compared with, and a name that is never met cannot be told from one that does not exist.
    fn begin_at_zero(&self) {
        for grant in GRANTS {
            drop(self.tokens.get_or_create(&TokenLabels { grant, outcome: TokenOutcome::Issued }));
        }
        for end in End::NAMES {
            drop(self.executions.get_or_create(&[("end", end)]));
        }
        for outcome in CALLBACK_OUTCOMES {
            drop(self.callbacks.get_or_create(&[("outcome", outcome)]));
        }
        for outcome in MAIL_OUTCOMES {
            drop(self.mails.get_or_create(&[("outcome", outcome)]));
        }
    }

    pub(crate) fn token(&self, grant: &'static str, outcome: TokenOutcome) {
        self.tokens.get_or_create(&TokenLabels { grant, outcome }).inc();
    }

    pub(crate) fn execution(&self, tenant: Uuid, end: End, took: Duration) {
        self.executions.get_or_create(&[("end", end.name())]).inc();
        self.execution_times.observe(took.as_secs_f64());
        if let End::Completed { rows, bytes } = end {
            self.rows.inc_by(rows);
            self.bytes.inc_by(bytes);
        }
        if let Some(tenants) = &self.tenants {
            tenants.execution(tenant, end);
        }
    }

    /// `took` if something was sent.
    pub(crate) fn callback(&self, outcome: &'static str, took: Option<Duration>) {
        self.callbacks.get_or_create(&[("outcome", outcome)]).inc();
        if let Some(took) = took {
            self.callback_times.observe(took.as_secs_f64());
        }
    }

    pub(crate) fn mail(&self, outcome: &'static str, took: Duration) {
        self.mails.get_or_create(&[("outcome", outcome)]).inc();
        self.mail_times.observe(took.as_secs_f64());
    }

    /// Counts a request of a caller who is known.
    pub fn request_of(&self, tenant: Uuid) {
        if let Some(tenants) = &self.tenants {
            tenants.request(tenant);
        }
    }

    /// Everything in Prometheus's text format, as it was last looked at.
    pub(crate) fn write(&self, text: &mut String) -> std::fmt::Result {
        prometheus_text::encode(text, &self.registry)?;
        prometheus_text::encode(text, &self.of_process)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_platform_is_a_label() {
        let mut registry = Registry::default();
        let tokens = Family::<TokenLabels, Counter>::default();
        registry.register("tokens", "tokens", tokens.clone());
        for outcome in [TokenOutcome::Issued, TokenOutcome::Refused(50126), TokenOutcome::Failed] {
            tokens.get_or_create(&TokenLabels { grant: "password", outcome }).inc();
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        for outcome in ["issued", "AADSTS50126", "failed"] {
            assert!(text.contains(&format!("tokens_total{{grant=\"password\",outcome=\"{outcome}\"}} 1\n")), "{text}");
        }
    }
}
