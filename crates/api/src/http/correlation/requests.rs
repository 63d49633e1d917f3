//! What is counted about requests: their number by method, route and status, their time, and the bytes of their answers.
//!
//! A route is the pattern that the router matched, never the path that was sent; what matched none is counted as one route. Methods that no endpoint has
//! are one method. So nobody can make more numbers than there are endpoints.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The route of requests that no pattern matches.
pub(crate) const UNMATCHED: &str = "(none)";
/// Upper bounds in seconds. Reads and grants take milliseconds, polls may be held for two seconds, and a preview may take 100.
const BOUNDS: [f64; 13] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 100.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    method: &'static str,
    route: Arc<str>,
    status: u16,
}

/// The numbers of all listeners.
#[derive(Debug)]
pub(crate) struct RequestTelemetry {
    answers: Family<AnswerLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    bytes: Family<RouteLabels, Counter>,
    under_way: Gauge,
    registry: Registry,
    /// The numbers of each route, by its methods, so that a request finds them with one look.
    routes: RwLock<HashMap<Box<str>, Vec<Arc<Route>>>>,
}

/// The numbers of one route with one method.
#[derive(Debug)]
pub(crate) struct Route {
    labels: RouteLabels,
    seconds: Histogram,
    bytes: Counter,
    by_status: RwLock<Vec<(u16, Counter)>>,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(crate) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl RequestTelemetry {
    pub(crate) fn new(prefix: &str) -> RequestTelemetry {
        let mut telemetry = RequestTelemetry {
            answers: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BOUNDS)),
            bytes: Family::default(),
            under_way: Gauge::default(),
            registry: Registry::with_prefix(prefix),
            routes: RwLock::default(),
        };
        let registry = &mut telemetry.registry;
        registry.register("http_requests", "Requests by method, route and status", telemetry.answers.clone());
        let about = "Time from the head of a request to the head of its answer";
        registry.register_with_unit("http_request_duration", about, Unit::Seconds, telemetry.seconds.clone());
        registry.register_with_unit("http_response", "Size of the bodies of answers that were sent", Unit::Bytes, telemetry.bytes.clone());
        registry.register("http_requests_under_way", "Requests that are not answered yet", telemetry.under_way.clone());
        telemetry
    }

    pub(crate) fn begin(&self) -> UnderWay {
        self.under_way.inc();
        UnderWay(self.under_way.clone())
    }

    /// The numbers of the route with this pattern, or of those without one.
    pub(crate) fn route(&self, pattern: Option<&str>, method: &Method) -> Arc<Route> {
        let (pattern, method) = (pattern.unwrap_or(UNMATCHED), name(method));
        let found = |routes: &HashMap<Box<str>, Vec<Arc<Route>>>| {
            routes.get(pattern).and_then(|methods| methods.iter().find(|route| route.labels.method == method)).map(Arc::clone)
        };
        if let Some(route) = found(&self.routes.read().unwrap_or_else(PoisonError::into_inner)) {
            return route;
        }
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(route) = found(&routes) {
            return route;
        }
        let labels = RouteLabels { method, route: pattern.into() };
        let route = Arc::new(Route {
            seconds: self.seconds.get_or_create_owned(&labels),
            bytes: self.bytes.get_or_create_owned(&labels),
            by_status: RwLock::default(),
            labels,
        });
        routes.entry(pattern.into()).or_default().push(Arc::clone(&route));
        route
    }

    pub(crate) fn answered(&self, route: &Route, status: StatusCode, took: Duration) {
        route.seconds.observe(took.as_secs_f64());
        let status = status.as_u16();
        let known =
            route.by_status.read().unwrap_or_else(PoisonError::into_inner).iter().find(|(of, _)| *of == status).map(|(_, count)| {
                count.inc();
            });
        if known.is_some() {
            return;
        }
        let RouteLabels { method, route: pattern } = route.labels.clone();
        let count = self.answers.get_or_create_owned(&AnswerLabels { method, route: pattern, status });
        count.inc();
        let mut by_status = route.by_status.write().unwrap_or_else(PoisonError::into_inner);
        if by_status.iter().all(|(of, _)| *of != status) {
            by_status.push((status, count));
        }
    }

    pub(crate) fn write(&self, text: &mut String) -> std::fmt::Result {
        prometheus_text::encode(text, &self.registry)
    }
}

impl Route {
    pub(crate) fn pattern(&self) -> &str {
        &self.labels.route
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.bytes.inc_by(bytes);
    }
}

fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_what_the_server_chose() {
        let telemetry = RequestTelemetry::new("x");
        let take = |pattern, method: &str, status| {
            let route = telemetry.route(pattern, &method.parse().unwrap());
            telemetry.answered(&route, StatusCode::from_u16(status).unwrap(), Duration::from_millis(3));
            route.sent(10);
        };
        for number in 0..200 {
            take(Some("/a/{b}"), "GET", 200);
            take(None, &format!("M{number}"), 404);
        }
        take(Some("/a/{b}"), "GET", 500);
        take(Some("/a/{b}"), "DELETE", 200);
        let under_way = [telemetry.begin(), telemetry.begin()];
        let text = || {
            let mut text = String::new();
            telemetry.write(&mut text).unwrap();
            text
        };
        let written = text();
        for line in [
            "x_http_requests_total{method=\"GET\",route=\"/a/{b}\",status=\"200\"} 200",
            "x_http_requests_total{method=\"GET\",route=\"/a/{b}\",status=\"500\"} 1",
            "x_http_requests_total{method=\"other\",route=\"(none)\",status=\"404\"} 200",
            "x_http_request_duration_seconds_count{method=\"GET\",route=\"/a/{b}\"} 201",
            "x_http_request_duration_seconds_bucket{le=\"0.0025\",method=\"GET\",route=\"/a/{b}\"} 0",
            "x_http_response_bytes_total{method=\"DELETE\",route=\"/a/{b}\"} 10",
            "x_http_requests_under_way 2",
        ] {
            let sorted = |line: &str| {
                let mut parts: Vec<_> = line.split(['{', '}', ',', ' ']).map(str::to_owned).collect();
                parts.sort();
                parts
            };
            assert!(written.lines().any(|found| sorted(found) == sorted(line)), "{line} in {written}");
        }
        assert_eq!(written.lines().filter(|line| line.starts_with("x_http_requests_total")).count(), 4);
        drop(under_way);
        assert!(text().contains("x_http_requests_under_way 0\n"));
    }
}
