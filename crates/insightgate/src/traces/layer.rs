//! Records spans. A trace begins with a request or an execution; a request may continue its caller's trace (W3C `traceparent`).
//! Whether it is recorded is drawn, unless a proxy that the operator trusts has decided: a stranger must not have more recorded than was asked for.
//!
//! A span outside of a recorded trace leaves nothing behind.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use insightgate_operations::clock::Clock;
use insightgate_operations::random::Random;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// The spans with which a trace may begin.
const BEGINNINGS: [&str; 2] = ["request", "execution"];

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// A span that has ended. Times are nanoseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) trace: u128,
    pub(super) id: u64,
    pub(super) parent: Option<u64>,
    pub(super) name: String,
    pub(super) is_server: bool,
    pub(super) failed: bool,
    pub(super) began: u64,
    pub(super) ended: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
}

/// A span that is under way.
struct Open {
    span: Ended,
    /// When the trace began, by both clocks: all of its spans are measured from there, so that they lie within each other.
    origin: (u64, Instant),
}

pub(super) struct Recorder {
    sender: mpsc::Sender<Ended>,
    lost: Arc<AtomicU64>,
    percent: u8,
    random: Random,
}

impl Recorder {
    pub(super) fn new(sender: mpsc::Sender<Ended>, lost: Arc<AtomicU64>, percent: u8) -> Recorder {
        Recorder { sender, lost, percent, random: Random::default() }
    }

    /// The trace and the span that this one belongs to, if it is recorded.
    fn begin(&self, told: &Told) -> Option<(u128, Option<u64>)> {
        let callers = told.traceparent.as_deref().and_then(parse);
        if let Some(Parent { trace, span, sampled }) = &callers
            && told.decides
        {
            return sampled.then_some((*trace, Some(*span)));
        }
        // Never from the caller's id, which may be chosen so that it is drawn.
        let fresh = self.random.uuid().ok()?.as_u128();
        // The last byte is random.
        let drawn = u8::try_from(fresh % 256).unwrap_or_default();
        let (trace, parent) = callers.map_or((fresh, None), |Parent { trace, span, .. }| (trace, Some(span)));
        (u32::from(drawn) * 100 < u32::from(self.percent) * 256).then_some((trace, parent))
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut told = Told::default();
        attributes.record(&mut told);
        let parent = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            extensions.get::<Open>().map(|open| (open.span.trace, Some(open.span.id), open.origin))
        });
        let now = Instant::now();
        let (trace, parent, origin) = match parent {
            Some(found) => found,
            None if BEGINNINGS.contains(&attributes.metadata().name()) => match self.begin(&told) {
                Some((trace, parent)) => (trace, parent, (system_nanoseconds(), now)),
                None => return,
            },
            None => return,
        };
        let Ok(id) = self.random.bytes::<8>().map(u64::from_be_bytes) else { return };
        let began = since(origin, now);
        let name = attributes.metadata().name().to_owned();
        let mut open = Open {
            span: Ended { trace, id, parent, name, is_server: false, failed: false, began, ended: began, attributes: Vec::new() },
            origin,
        };
        open.take(told);
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            let mut told = Told::default();
            values.record(&mut told);
            open.take(told);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(mut open) = span.extensions_mut().remove::<Open>() else { return };
        open.span.ended = since(open.origin, Instant::now());
        if self.sender.try_send(open.span).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Open {
    fn take(&mut self, told: Told) {
        let span = &mut self.span;
        if let Some(name) = told.name {
            span.name = name;
        }
        span.is_server |= told.is_server;
        span.failed |= told.failed;
        span.attributes.extend(told.attributes);
    }
}

fn system_nanoseconds() -> u64 {
    let milliseconds = Clock::of_system().timestamp_millis();
    u64::try_from(milliseconds).unwrap_or_default().saturating_mul(1_000_000)
}

fn since((nanoseconds, then): (u64, Instant), now: Instant) -> u64 {
    let elapsed = now.saturating_duration_since(then).as_nanos();
    nanoseconds.saturating_add(u64::try_from(elapsed).unwrap_or(u64::MAX))
}

/// The fields of a span.
#[derive(Default)]
struct Told {
    name: Option<String>,
    is_server: bool,
    failed: bool,
    traceparent: Option<String>,
    /// Whether the caller's trace says if this one is recorded.
    decides: bool,
    attributes: Vec<(&'static str, Value)>,
}

impl Told {
    fn number(&mut self, field: &Field, value: i64) {
        self.failed |= field.name() == "http.response.status_code" && value >= 500;
        self.attributes.push((field.name(), Value::Number(value)));
    }

    fn text(&mut self, field: &Field, value: String) {
        match field.name() {
            "otel.name" => self.name = Some(value),
            "otel.kind" => self.is_server = value == "server",
            "traceparent" => self.traceparent = Some(value),
            name => self.attributes.push((name, Value::Text(value))),
        }
    }
}

impl Visit for Told {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "failed" => self.failed |= value,
            "traceparent.decides" => self.decides = value,
            name => self.attributes.push((name, Value::Flag(value))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, format!("{value:?}"));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Parent {
    trace: u128,
    span: u64,
    sampled: bool,
}

/// Reads a `traceparent` of version 00, whose later versions begin in the same way (<https://www.w3.org/TR/trace-context/>).
fn parse(text: &str) -> Option<Parent> {
    let is_hex =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2) && version != "ff";
    if !fits || version == "00" && parts.next().is_some() {
        return None;
    }
    let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    (trace != 0 && span != 0).then_some(Parent { trace, span, sampled })
}

#[cfg(test)]
mod tests {
    use insightgate_operations::telemetry::SPANS;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    const CALLERS: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_callers_trace_is_read_and_nothing_else() {
        let read = parse(CALLERS).unwrap();
        assert_eq!((read.trace, read.span, read.sampled), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331, true));
        assert!(!parse(&CALLERS.replace("-01", "-00")).unwrap().sampled);
        assert!(parse(&format!("{}-more", CALLERS.replace("00-0a", "01-0a"))).is_some(), "of a later version");
        let zero = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        for bad in ["", "00", &CALLERS.to_uppercase(), &CALLERS.replace("00-0a", "ff-0a"), &format!("{CALLERS}-x"), &zero, "00-ä-b-01"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    fn recorded(percent: u8, work: impl FnOnce()) -> Vec<Ended> {
        let (sender, mut receiver) = mpsc::channel(8);
        let subscriber = tracing_subscriber::registry().with(Recorder::new(sender, Arc::default(), percent));
        tracing::subscriber::with_default(subscriber, work);
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    fn request(traceparent: Option<&str>) {
        request_of(traceparent, false);
    }

    fn request_of(traceparent: Option<&str>, decides: bool) {
        let span = tracing::info_span!(
            target: SPANS, parent: None, "request", otel.name = Empty, otel.kind = "server", traceparent, traceparent.decides = decides,
            correlation = "c-1", http.response.status_code = Empty
        );
        span.in_scope(|| drop(tracing::info_span!(target: SPANS, "database", lane = "reading")));
        span.record("otel.name", "GET /x");
        span.record("http.response.status_code", 503);
    }

    #[test]
    fn the_spans_of_a_request_belong_together() {
        let spans = recorded(100, || {
            request(Some(CALLERS));
            // Not within a trace.
            drop(tracing::info_span!(target: SPANS, "database", lane = "reading"));
        });
        let [inner, outer] = spans.as_slice() else { panic!("{spans:?}") };
        assert_eq!((outer.name.as_str(), outer.is_server, outer.failed, outer.parent), ("GET /x", true, true, Some(0xb7ad_6b71_6920_3331)));
        assert_eq!((inner.name.as_str(), inner.parent, inner.trace), ("database", Some(outer.id), outer.trace));
        assert_eq!(outer.trace, parse(CALLERS).unwrap().trace);
        let expected = [("correlation", Value::Text("c-1".into())), ("http.response.status_code", Value::Number(503))];
        assert_eq!(outer.attributes, expected);
        assert!(outer.began <= inner.began && inner.ended <= outer.ended && outer.began > 1_000_000_000_000_000_000);
    }

    #[test]
    fn what_is_not_drawn_is_not_recorded() {
        assert_eq!(recorded(0, || request(None)), []);
        let unsampled = CALLERS.replace("-01", "-00");
        assert_eq!(recorded(0, || request_of(Some(CALLERS), true)).len(), 2, "a trusted proxy decides");
        assert_eq!(recorded(100, || request_of(Some(&unsampled), true)), []);
        assert_eq!(recorded(0, || request(Some(CALLERS))), [], "a stranger does not");
        assert_eq!(recorded(100, || request(Some(&unsampled))).len(), 2);
        assert_eq!(recorded(100, || request(None)).len(), 2);
    }
}
