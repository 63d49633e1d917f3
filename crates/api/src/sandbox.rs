//! `/sandbox/v1`: the API that only a sandbox has. It needs no token, so the caller's address and host are checked before anything else.

use std::net::SocketAddr;
use std::pin::Pin;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_operations::executions::move_clock::move_clock;
use insightgate_operations::failure::Failure;
use insightgate_report::instant;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::envelope::status;
use crate::http::fields;
use crate::http::json_body::{BodyFault, JsonBody};
use crate::state::ApiState;
use crate::table::{Route, Table};

pub(crate) fn table() -> Table {
    const CLOCK: &str = "/sandbox/v1/clock";
    let routes = vec![Route::get(CLOCK, serve(show_clock)), Route::post(CLOCK, serve(set_clock))];
    Table::new(routes).within(|router, state| router.layer(from_fn_with_state(state.clone(), guard)))
}

/// Admits only callers on this machine (if so configured) that use one of our host names, and neither pages nor proxies.
async fn guard(State(state): State<ApiState>, peer: Option<Extension<ConnectInfo<SocketAddr>>>, request: Request, next: Next) -> Response {
    let Some(access) = &state.sandbox else { return StatusCode::NOT_FOUND.into_response() };
    let headers = request.headers();
    // Over HTTP/2 the host is in the URI.
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    let host = named.or_else(|| request.uri().authority().map(ToString::to_string)).unwrap_or_default();
    let local = peer.is_some_and(|Extension(ConnectInfo(address))| address.ip().to_canonical().is_loopback());
    let refused = if access.loopback_only && !local {
        Some("The sandbox answers callers on its own machine only.")
    } else if !access.hosts.contains(&without_port(&host)) {
        Some("The sandbox does not answer to this Host.")
    } else if passed_on(headers) {
        Some("The sandbox answers neither pages nor proxies.")
    } else {
        None
    };
    match refused {
        Some(message) => (StatusCode::FORBIDDEN, Json(json!({"error": message}))).into_response(),
        None => next.run(request).await,
    }
}

fn passed_on(headers: &HeaderMap) -> bool {
    ["origin", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

fn without_port(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.to_ascii_lowercase()
}

/// The outcome of a handler: a body, or why there is none.
type Given = Result<Value, Failure>;

/// Makes an endpoint from a handler.
fn serve<R>(
    run: fn(ApiState, HeaderMap, JsonBody) -> R,
) -> impl Fn(State<ApiState>, HeaderMap, JsonBody) -> Serving + Clone + Send + Sync + 'static
where
    R: Future<Output = Given> + Send + 'static,
{
    move |State(state), headers, body| {
        Box::pin(async move {
            match run(state, headers, body).await {
                Ok(shown) => Json(shown).into_response(),
                Err(failure) => {
                    if let Failure::Internal(cause) = &failure {
                        tracing::error!(%cause, "the clock could not be moved");
                    }
                    (status(&failure), Json(json!({"error": failure.to_string()}))).into_response()
                }
            }
        })
    }
}

type Serving = Pin<Box<dyn Future<Output = Response> + Send>>;

async fn show_clock(state: ApiState, _: HeaderMap, _: JsonBody) -> Given {
    Ok(clock(&state, state.context.clock.now()))
}

async fn set_clock(state: ApiState, headers: HeaderMap, body: JsonBody) -> Given {
    let json = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !json.is_some_and(|value| value.to_ascii_lowercase().trim_start().starts_with("application/json")) {
        return Err(Failure::Invalid("Send JSON, as Content-Type: application/json.".to_owned()));
    }
    let sent: Move = fields::read(body, &[]).await.map_err(|fault| match fault {
        BodyFault::TooLarge => Failure::Invalid("The request body is too large.".to_owned()),
        BodyFault::Invalid(message) => Failure::Invalid(message),
    })?;
    let now = move_clock(&state.context, sent.target(state.context.clock.now())?).await?;
    Ok(clock(&state, now))
}

fn clock(state: &ApiState, now: DateTime<Utc>) -> Value {
    let mode = if state.context.clock.is_manual() { "manual" } else { "system" };
    json!({"now": instant::format(now), "mode": mode})
}

/// `{"advance": "PT24H"}` or `{"now": "2026-11-22T12:00:00Z"}`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Move {
    advance: Option<String>,
    now: Option<String>,
}

impl Move {
    fn target(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
        let invalid = |message: &str| Failure::Invalid(message.to_owned());
        match (&self.advance, &self.now) {
            (Some(text), None) => {
                let span = duration(text).ok_or_else(|| invalid("advance should be an ISO 8601 duration such as PT4H or P1DT30M."))?;
                now.checked_add_signed(span).ok_or_else(|| invalid("That lies beyond what the calendar holds."))
            }
            (None, Some(text)) => {
                instant::parse(text).ok_or_else(|| Failure::Invalid(format!("now should follow format: {}", instant::PATTERN)))
            }
            _ => Err(invalid("Give exactly one of advance and now.")),
        }
    }
}

/// Parses an ISO 8601 duration of weeks, days, hours, minutes and seconds. Months and years have no fixed length.
fn duration(text: &str) -> Option<TimeDelta> {
    let rest = text.trim().to_ascii_uppercase();
    let rest = rest.strip_prefix('P')?;
    let (days, time) = rest.split_once('T').map_or((rest, None), |(days, time)| (days, Some(time)));
    if days.is_empty() && time.is_none_or(str::is_empty) || time.is_some_and(str::is_empty) {
        return None;
    }
    let seconds =
        sum(days, &[('W', 604_800), ('D', 86_400)])?.checked_add(sum(time.unwrap_or_default(), &[('H', 3600), ('M', 60), ('S', 1)])?)?;
    TimeDelta::try_seconds(seconds)
}

/// The sum, in seconds, of numbers with these units, each at most once and in this order.
fn sum(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut seconds: i64 = 0;
    for (unit, length) in units {
        if let Some((number, rest)) = text.split_once(*unit) {
            let number: u32 = number.parse().ok()?;
            seconds = seconds.checked_add(i64::from(number).checked_mul(*length)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("PT24H", Some(86_400)),
            ("PT4H10M", Some(15_000)),
            ("P1DT1S", Some(86_401)),
            ("p2w", Some(1_209_600)),
            ("PT0S", Some(0)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("P1M", None),
            ("PT1H1H", None),
            ("PT5", None),
            ("PT-5S", None),
            ("24H", None),
        ] {
            assert_eq!(duration(text).map(|span| span.num_seconds()), seconds, "{text}");
        }
    }

    #[test]
    fn hosts_without_their_port() {
        for (host, name) in [("localhost:7080", "localhost"), ("[::1]:7080", "[::1]"), ("[::1]", "[::1]"), ("LOCALHOST", "localhost")] {
            assert_eq!(without_port(host), name);
        }
    }
}
