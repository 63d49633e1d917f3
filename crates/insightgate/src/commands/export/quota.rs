//! Quotas that are used up: when a place is free, and waiting for one.

use std::time::Duration;

use chrono::{TimeDelta, Timelike as _};
use insightgate_client::{ClientError, Refusal};
use insightgate_operations::clock::Clock;

use crate::command_error::CommandError;
use crate::terminal::progress::Progress;
use crate::terminal::words::{counted, lasting};

/// Between two tries, at most.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reports that run at once, of the last hour.
    AtOnce,
    /// Reports that are active.
    Active,
    /// Saved queries.
    Queries,
}

/// By the documented messages.
fn kind(refusal: &Refusal) -> Option<Kind> {
    let message = refusal.message.as_deref()?.to_lowercase();
    [
        ("executenow report creation quota", Kind::AtOnce),
        ("report creation quota", Kind::Active),
        ("number of queries exceeded", Kind::Queries),
    ]
    .into_iter()
    .find_map(|(words, kind)| message.contains(words).then_some(kind))
}

/// Whether the error is of a quota.
pub fn is(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(refusal) if kind(refusal).is_some())
}

/// The error, with when a place is free. For commands that do not wait.
pub fn told(error: ClientError) -> CommandError {
    let free = match &error {
        ClientError::Refused(refusal) => kind(refusal).map(|kind| free(kind, refusal.retry_after())),
        _ => None,
    };
    match free {
        Some(free) => CommandError::from(error).hint(free),
        None => error.into(),
    }
}

/// What to make of a refusal: another try after a wait where that was asked for, or the error with when a place is free.
pub async fn wait_or_tell(error: ClientError, wait: bool, progress: &Progress) -> Result<(), CommandError> {
    let ClientError::Refused(refusal) = &error else { return Err(error.into()) };
    let Some(kind) = kind(refusal) else { return Err(error.into()) };
    let seconds = refusal.retry_after();
    if !wait {
        let hint = hint(kind, seconds);
        return Err(CommandError::from(error).hint(hint));
    }
    let pause = seconds.map_or(LOOK_AGAIN, Duration::from_secs).clamp(Duration::from_secs(1), LOOK_AGAIN);
    progress.say(&format!("waiting for a free place: {}", free(kind, seconds)));
    tokio::time::sleep(pause).await;
    Ok(())
}

fn hint(kind: Kind, seconds: Option<u64>) -> String {
    let free = free(kind, seconds);
    match kind {
        Kind::AtOnce => format!("{free}; --wait waits for it"),
        Kind::Active => format!("{free}: `insightgate report list` shows them; --wait waits for a place"),
        Kind::Queries => format!("{free}: `insightgate query list --own` shows them; --wait waits for a place"),
    }
}

/// Only that of reports that run at once comes free by itself.
fn free(kind: Kind, seconds: Option<u64>) -> String {
    match (kind, seconds) {
        (Kind::AtOnce, Some(seconds)) => format!("a place is free in {}, at {} UTC", span(seconds), at(seconds)),
        (Kind::AtOnce, None) => "a place is free once the first of the last five reports is an hour old".to_owned(),
        (Kind::Active, _) => "a place is free once a report is deleted or paused".to_owned(),
        (Kind::Queries, _) => "a place is free once a query is deleted".to_owned(),
    }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..=90 => counted(seconds, "second"),
        _ => lasting(Duration::from_secs(seconds.div_ceil(60).saturating_mul(60))),
    }
}

fn at(seconds: u64) -> String {
    let later = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or_default();
    let time = Clock::System.now() + later;
    format!("{:02}:{:02}", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_quotas_are_known_by_their_messages() {
        let of = |message: &str| {
            kind(&Refusal { status: 400, message: Some(message.to_owned()), request_id: None, headers: Default::default() })
        };
        assert_eq!(of("User has exceeded its ExecuteNow report creation quota of 5 reports/60 mins"), Some(Kind::AtOnce));
        assert_eq!(of("User has exceeded its report creation quota of 50 active reports"), Some(Kind::Active));
        assert_eq!(of("Number of queries exceeded. Delete few queries before creating new queries"), Some(Kind::Queries));
        assert_eq!(of("Invalid table name"), None);
    }

    #[test]
    fn it_is_said_when_a_place_is_free() {
        assert!(hint(Kind::AtOnce, Some(1800)).starts_with("a place is free in 30 minutes, at "));
        assert!(hint(Kind::AtOnce, Some(61)).contains("in 61 seconds") && hint(Kind::AtOnce, None).contains("an hour old"));
        assert!(hint(Kind::Active, Some(3600)).contains("report list") && hint(Kind::Queries, None).contains("query list --own"));
    }
}
