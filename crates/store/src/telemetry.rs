//! How long the database takes: for each lane, the statements, the waits for a connection, and the statements that met an outage.
//!
//! It keeps numbers, never a statement or its values.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing::Span;

use crate::database::dialect::LaneKind;

/// The target of spans, which whoever collects traces asks for. It is the same in every crate.
pub(crate) const SPANS: &str = "insightgate_traces";

/// Upper bounds in seconds. Most statements take less than a millisecond; the limit of one is 12 seconds.
const BOUNDS: [f64; 12] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 12.0];

type Lane = [(&'static str, &'static str); 1];
type Times = Family<Lane, Histogram, fn() -> Histogram>;

/// The numbers of all lanes. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct StoreTelemetry {
    statements: Times,
    waits: Times,
    outages: Family<Lane, Counter>,
}

/// The numbers of one lane.
#[derive(Debug, Clone)]
pub(crate) struct LaneTelemetry {
    lane: &'static str,
    statements: Histogram,
    waits: Histogram,
    outages: Counter,
}

impl Default for StoreTelemetry {
    fn default() -> Self {
        let times = || Times::new_with_constructor(|| Histogram::new(BOUNDS));
        StoreTelemetry { statements: times(), waits: times(), outages: Family::default() }
    }
}

impl StoreTelemetry {
    pub(crate) fn of(&self, kind: LaneKind) -> LaneTelemetry {
        let lane = [("lane", kind.name())];
        LaneTelemetry {
            lane: kind.name(),
            statements: self.statements.get_or_create_owned(&lane),
            waits: self.waits.get_or_create_owned(&lane),
            outages: self.outages.get_or_create_owned(&lane),
        }
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let about = "Time from sending a statement to the database until its answer";
        registry.register_with_unit("database_statement", about, Unit::Seconds, self.statements.clone());
        let about = "Time that a statement waited for a connection to the database";
        registry.register_with_unit("database_wait", about, Unit::Seconds, self.waits.clone());
        let about = "Statements whose database was away, silent or without room";
        registry.register("database_outages", about, self.outages.clone());
    }
}

impl LaneTelemetry {
    pub(crate) fn answered(&self, took: Duration, by_outage: bool) {
        self.statements.observe(took.as_secs_f64());
        if by_outage {
            self.outages.inc();
        }
    }

    /// A span for one statement.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(target: SPANS, "database", lane = self.lane)
    }

    pub(crate) fn waited(&self, waited: Duration) {
        self.waits.observe(waited.as_secs_f64());
    }
}
