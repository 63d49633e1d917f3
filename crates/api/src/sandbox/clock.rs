//! `/sandbox/v1/clock`: shows the clock and moves it, as far as one request may take.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use insightgate_operations::executions::move_clock::move_clock;
use insightgate_operations::failure::Failure;
use insightgate_report::instant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::delay;
use super::{Call, Given, unread};
use crate::http::fields;
use crate::state::ApiState;

pub(super) async fn show_clock(call: Call) -> Given {
    Ok((StatusCode::OK, clock(&call.state, call.state.context.clock.now())))
}

pub(super) async fn set_clock(call: Call) -> Given {
    call.is_json()?;
    let Call { state, body, .. } = call;
    let sent: Move = fields::read(body, &[]).await.map_err(unread)?;
    let (target, within) = (sent.target(state.context.clock.now())?, sent.within()?);
    let now = move_clock(&state.context, target, within).await?;
    let mut shown = clock(&state, now);
    if now >= target {
        return Ok((StatusCode::OK, shown));
    }
    let (reached, target) = (instant::format(now), instant::format(target));
    let error = format!(
        "The clock stands at {reached}: so much falls due on the way to {target} that one request cannot move it there. What fell due until now is \
         queued. Go on with {{\"now\": \"{target}\"}}."
    );
    if let Some(fields) = shown.as_object_mut() {
        fields.extend([("error".to_owned(), error.into()), ("target".to_owned(), target.into())]);
    }
    // No status that a client repeats by itself: an advance that is repeated goes further than it should.
    Ok((StatusCode::CONFLICT, shown))
}

/// How long a move may take, in real time, if nothing is said, and at most. Two that wait for each other end within the limit of a request.
const LONGEST_MOVE: Duration = Duration::from_secs(60);

fn clock(state: &ApiState, now: DateTime<Utc>) -> Value {
    let mode = if state.context.clock.is_manual() { "manual" } else { "system" };
    json!({"now": instant::format(now), "mode": mode})
}

/// `{"advance": "PT24H"}` or `{"now": "2026-11-22T12:00:00Z"}`, each with `"within": "PT10S"` or without.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Move {
    advance: Option<String>,
    now: Option<String>,
    within: Option<String>,
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

    fn within(&self) -> Result<Duration, Failure> {
        let Some(text) = &self.within else { return Ok(LONGEST_MOVE) };
        let most = LONGEST_MOVE.as_secs();
        delay(text).filter(|within| *within <= LONGEST_MOVE).ok_or_else(|| {
            Failure::Invalid(format!("within should be an ISO 8601 duration such as PT10S, of real time and at most PT{most}S."))
        })
    }
}

/// Weeks, days, hours, minutes and seconds of an ISO 8601 duration: months and years have no fixed length.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
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

/// Numbers with these units, each at most once and in this order.
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
}
