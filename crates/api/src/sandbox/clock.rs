//! `/sandbox/v1/clock`: shows the clock and moves it, as far as one request may take.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::{DateTime, SubsecRound as _, Utc};
use insightgate_operations::executions::move_clock::{Moved, move_clock};
use insightgate_operations::failure::Failure;
use insightgate_report::instant;
use serde::Deserialize;
use serde_json::{Value, json};

use super::durations::{delay, duration};
use super::{Call, Given, unread};
use crate::manage::object::{BODY_LIMIT, Object};
use crate::state::ApiState;

pub(super) async fn show_clock(call: Call) -> Given {
    Ok((StatusCode::OK, clock(&call.state, call.state.context.clock.now())))
}

pub(super) async fn set_clock(call: Call) -> Given {
    call.is_json()?;
    let Call { state, body, .. } = call;
    let sent: Move = Object::parse(&body.read(BODY_LIMIT).await.map_err(unread)?)?.read_all()?;
    // The clock shows no less than milliseconds.
    let target = |now| Ok(sent.target(now)?.trunc_subsecs(3));
    let Moved { now, target } = move_clock(&state.context, target, sent.within()?).await?;
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
