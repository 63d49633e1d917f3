//! Traces by OpenTelemetry: which parts of a request or an execution took how long, sent to a collector (OTLP over HTTP, as JSON).
//!
//! The spans are made where the work is done, under the target [`SPANS`], and cost nothing while nobody collects them. `layer` keeps those of a trace that
//! is recorded, and `export` sends them. Neither waits for the collector, and both give up what it does not take.

mod export;
mod layer;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use insightgate_operations::telemetry::SPANS;
use tokio::sync::mpsc;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::command_error::CommandError;
pub use export::Exporter;
use layer::Recorder;

/// Spans that wait to be sent. More are given up.
const MOST: usize = 8_192;

/// Where traces go, and how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// The address of the collector's OTLP over HTTP.
    pub url: url::Url,
    /// How many of a hundred requests and executions that no caller's own trace includes.
    pub percent: u8,
}

/// Makes the layer that records spans, and the exporter that sends them.
pub fn begin<S>(settings: &TraceSettings) -> Result<(impl Layer<S> + use<S>, Arc<Exporter>), CommandError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let (sender, receiver) = mpsc::channel(MOST);
    let lost = Arc::new(AtomicU64::new(0));
    let exporter = Exporter::new(settings, receiver, Arc::clone(&lost));
    let exporter = exporter.map_err(|error| CommandError::failed(format!("traces cannot be sent: {error}")))?;
    let recorder = Recorder::new(sender, lost, settings.percent);
    Ok((recorder.with_filter(Targets::new().with_target(SPANS, LevelFilter::INFO)), Arc::new(exporter)))
}
