//! Sends spans to a collector: OTLP over HTTP, as JSON (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use insightgate_operations::background::driver::Loop;
use insightgate_operations::background::turn::Next;
use insightgate_operations::failure::Failure;
use insightgate_outbound::{AddressRules, Limits, Message, Outbound, OutboundError};
use ipnet::IpNet;
use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, mpsc};

use super::TraceSettings;
use super::layer::{Ended, Value};

/// How long spans wait for others.
const PERIOD: Duration = Duration::from_secs(2);
/// How long the collector may take for one batch.
const LIMITS: Limits = Limits { time: Duration::from_secs(10), body: 0, https_only: false };
/// The last spans of a process that ends wait no longer.
const LAST: Duration = Duration::from_secs(2);
/// Spans of one request to the collector.
const BATCH: usize = 512;

const SERVER: u8 = 2;
const INTERNAL: u8 = 1;
const FAILED: u8 = 2;

pub struct Exporter {
    url: url::Url,
    client: Outbound,
    waiting: Mutex<mpsc::Receiver<Ended>>,
    /// Spans that found no room.
    lost: Arc<AtomicU64>,
}

impl Exporter {
    pub(super) fn new(settings: &TraceSettings, waiting: mpsc::Receiver<Ended>, lost: Arc<AtomicU64>) -> Result<Exporter, OutboundError> {
        // The operator names the collector, which may be anywhere.
        let everywhere =
            [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)].map(|address| IpNet::new_assert(address, 0));
        let client = Outbound::new(AddressRules { allowed: everywhere.to_vec() }, None)?;
        Ok(Exporter { url: settings.url.clone(), client, waiting: Mutex::new(waiting), lost })
    }

    /// The loop that sends what waits.
    pub fn keep_sending(self: Arc<Self>) -> Loop {
        Loop::new("traces", "traces could not be sent; those of this time are lost", PERIOD, move |_| {
            let exporter = Arc::clone(&self);
            async move { Ok(if exporter.send().await? { Next::Now } else { Next::Period }) }
        })
    }

    /// Sends what still waits when the process ends.
    pub async fn finish(&self) {
        let rest = async { while matches!(self.send().await, Ok(true)) {} };
        if tokio::time::timeout(LAST, rest).await.is_err() {
            tracing::warn!("the last traces could not be sent");
        }
    }

    /// Sends one batch. Whether more may wait.
    async fn send(&self) -> Result<bool, Failure> {
        let mut waiting = self.waiting.lock().await;
        let spans: Vec<Ended> = std::iter::from_fn(|| waiting.try_recv().ok()).take(BATCH).collect();
        drop(waiting);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "spans found no room: more come than the collector takes");
        }
        if spans.is_empty() {
            return Ok(false);
        }
        let body = axum::body::Bytes::from(batch(&spans).to_string());
        let message = Message { url: self.url.clone(), body: Some(body), headers: Vec::new() };
        match self.client.send(message, LIMITS).await.map_err(Failure::internal)? {
            200..300 => Ok(spans.len() == BATCH),
            status => Err(Failure::internal(format!("the collector answered with {status}"))),
        }
    }
}

fn batch(spans: &[Ended]) -> Json {
    let resource = [("service.name", "insightgate"), ("service.version", env!("CARGO_PKG_VERSION"))];
    let resource = resource.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let scope = json!({"name": "insightgate", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
}

/// Ids are hexadecimal, and numbers of 64 bits are texts, as OTLP writes them in JSON.
fn span(span: &Ended) -> Json {
    let attributes: Vec<Json> = span.attributes.iter().map(|(key, value)| json!({"key": key, "value": attribute(value)})).collect();
    json!({
        "traceId": format!("{:032x}", span.trace),
        "spanId": format!("{:016x}", span.id),
        "parentSpanId": span.parent.map(|parent| format!("{parent:016x}")).unwrap_or_default(),
        "name": span.name,
        "kind": if span.is_server { SERVER } else { INTERNAL },
        "startTimeUnixNano": span.began.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes,
        "status": if span.failed { json!({"code": FAILED}) } else { json!({}) },
    })
}

fn attribute(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({"stringValue": text}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::Flag(flag) => json!({"boolValue": flag}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_the_protocol_says() {
        let ended = Ended {
            trace: 0xaf,
            id: 0x1b,
            parent: None,
            name: "GET /x".into(),
            is_server: true,
            failed: true,
            began: 1_000,
            ended: 2_000,
            attributes: vec![("correlation", Value::Text("c".into())), ("n", Value::Number(3)), ("f", Value::Flag(true))],
        };
        let written = batch(&[ended]);
        let scope = &written["resourceSpans"][0]["scopeSpans"][0];
        let expected = json!({
            "traceId": "000000000000000000000000000000af", "spanId": "000000000000001b", "parentSpanId": "", "name": "GET /x", "kind": 2,
            "startTimeUnixNano": "1000", "endTimeUnixNano": "2000", "status": {"code": 2},
            "attributes": [
                {"key": "correlation", "value": {"stringValue": "c"}}, {"key": "n", "value": {"intValue": "3"}},
                {"key": "f", "value": {"boolValue": true}},
            ],
        });
        assert_eq!(scope["spans"][0], expected);
    }
}
