//! An execution: one run of a report, with its attempts, its artifact, and the backoff after a failure.
//!
//! Pure: who claims an execution and when is decided in `store`.

use chrono::{DateTime, Utc};
use insightgate_identity::scope::Locations;
use uuid::Uuid;

use crate::scheduled_report::ReportFormat;

/// Failed attempts before an execution fails.
pub const MAXIMUM_FAILURES: u32 = 5;
/// Attempts at which an object store refused the credentials, before an execution fails: a day of them, so that somebody has the time to replace the
/// credentials.
pub const MAXIMUM_REFUSALS: u32 = 30;
/// Attempts that may end with the death of their process: an execution that kills every process must not continue for ever.
pub const MAXIMUM_DEATHS: u32 = 20;
/// The longest wait before a run is tried again whose processes died with it, in seconds.
const LONGEST_WAIT: i64 = 300;
/// Days for which finished executions are listed. Source: the documented history.
pub const HISTORY_DAYS: i64 = 90;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionStatus {
    Pending,
    Running,
    Paused,
    Completed,
    /// Not documented: only sent to those who ask for it.
    Failed,
}

impl ExecutionStatus {
    pub const ALL: [ExecutionStatus; 5] =
        [ExecutionStatus::Pending, ExecutionStatus::Running, ExecutionStatus::Paused, ExecutionStatus::Completed, ExecutionStatus::Failed];

    pub fn name(self) -> &'static str {
        match self {
            ExecutionStatus::Pending => "Pending",
            ExecutionStatus::Running => "Running",
            ExecutionStatus::Paused => "Paused",
            ExecutionStatus::Completed => "Completed",
            ExecutionStatus::Failed => "Failed",
        }
    }

    pub fn from_name(name: &str) -> Option<ExecutionStatus> {
        ExecutionStatus::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(name))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    pub id: Uuid,
    pub report: Uuid,
    /// The time that time spans are relative to: the slot, or the creation of an ExecuteNow report. Retries keep it.
    pub anchor: DateTime<Utc>,
    pub status: ExecutionStatus,
    /// The number of claims. Whoever finishes an execution must still hold the epoch of its claim.
    pub epoch: i64,
    pub attempts: u32,
    /// Attempts that failed. The others ended with their process.
    pub failures: u32,
    /// Failures at which an object store refused the credentials.
    pub refusals: u32,
    /// Why the last attempt failed, in words for the owner.
    pub failure: Option<String>,
    pub artifact: Option<Artifact>,
    /// When the file was removed, because of its age or because there was no room.
    pub artifact_removed: Option<DateTime<Utc>>,
    /// What the owner should know although the execution succeeded.
    pub note: Option<String>,
}

/// The artifact: the file of a completed execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Part of the artifact's key: the epoch of the claim that wrote it.
    pub epoch: i64,
    /// The report's format at that time: a later change of the report does not change finished files.
    pub format: ReportFormat,
    pub rows: u64,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub generated: DateTime<Utc>,
    /// When the newest of the files that were read was changed; None without files.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The locations whose rows it may contain: what its owner could see when it was made.
    pub locations: Locations,
    /// The locations whose sensitive columns it shows: a part of `locations`, or all of them.
    pub unredacted: Locations,
}

/// What happens to an execution whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// Try again after so many seconds.
    Retry {
        wait_seconds: i64,
    },
    GiveUp,
}

/// What kind of failure ended an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The same would happen again.
    Lasting,
    /// It may pass by itself.
    Passing,
    /// An object store refused the credentials. Those are replaced now and then, by people.
    Refused,
}

/// The backoff: four times as long each time, from two seconds on; after refused credentials twice as long each time, from a minute up to an hour.
/// `failures` is the number of this kind, with the one that just happened.
pub fn after_failure(failures: u32, kind: FailureKind) -> AfterFailure {
    let before = failures.saturating_sub(1);
    let (most, wait_seconds) = match kind {
        FailureKind::Lasting => return AfterFailure::GiveUp,
        FailureKind::Passing => (MAXIMUM_FAILURES, 2_i64.saturating_mul(4_i64.saturating_pow(before))),
        FailureKind::Refused => (MAXIMUM_REFUSALS, 60_i64.saturating_mul(2_i64.saturating_pow(before)).min(3600)),
    };
    if failures >= most { AfterFailure::GiveUp } else { AfterFailure::Retry { wait_seconds } }
}

/// Seconds from the death of an attempt's process to the next attempt; `deaths` includes that one. The first death costs nothing, so that a restart
/// is not noticed. An execution that kills every process leaves more and more time to the others.
pub fn wait_after_deaths(deaths: u32) -> i64 {
    match deaths.checked_sub(2) {
        None => 0,
        Some(further) => 2_i64.saturating_pow(further).min(LONGEST_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(most: u32, kind: FailureKind) -> Vec<i64> {
        let after = (1..=most).map(|failures| after_failure(failures, kind));
        after.map_while(|after| if let AfterFailure::Retry { wait_seconds } = after { Some(wait_seconds) } else { None }).collect()
    }

    #[test]
    fn deaths_wait_longer_each_time() {
        assert_eq!([0, 1, 2, 3, 4, 10, 11, u32::MAX].map(wait_after_deaths), [0, 0, 1, 2, 4, 256, 300, 300]);
        assert!((1..=4).map(wait_after_deaths).sum::<i64>() < 10, "a few restarts must not hold a run up");
        assert!((1..=MAXIMUM_DEATHS).map(wait_after_deaths).sum::<i64>() > 3000, "a run must not end a process every second");
    }

    #[test]
    fn retries_are_few_and_wait_longer_each_time() {
        assert_eq!(waits(100, FailureKind::Passing), [2, 8, 32, 128]);
        assert_eq!(waits(100, FailureKind::Lasting), [0_i64; 0]);
    }

    #[test]
    fn refused_credentials_have_a_day_to_be_replaced_in() {
        let waits = waits(100, FailureKind::Refused);
        assert_eq!(waits.iter().take(7).copied().collect::<Vec<_>>(), [60, 120, 240, 480, 960, 1920, 3600]);
        assert!(waits.len() == 29 && (86_400..100_000).contains(&waits.iter().sum::<i64>()), "{waits:?}");
    }
}
