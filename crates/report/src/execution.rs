//! One execution of a report, with its attempts, its artifact, and the backoff after a failure.
//!
//! Pure: `store` decides who claims an execution and when.

use std::fmt;

use chrono::{DateTime, Utc};
use insightgate_identity::backoff::Backoff;
use insightgate_identity::role::Locations;
use strum::{EnumString, IntoStaticStr, VariantArray};
use uuid::Uuid;

use insightgate_query::format::Format;

/// After how many failed attempts an execution fails.
pub const MAXIMUM_FAILURES: u32 = 5;
/// After how many attempts at which an object store refused the credentials an execution fails. They take about a day, so that somebody has the time to
/// replace the credentials.
pub const MAXIMUM_REFUSALS: u32 = 30;
/// How many attempts may end with the death of their process. An execution that kills every process must not continue for ever.
pub const MAXIMUM_DEATHS: u32 = 20;
/// The waits before a retry: after deaths of the process, after failures that may pass, and after an object store refused the credentials.
const AFTER_DEATHS: Backoff = Backoff { first: 1, factor: 2, longest: 300 };
const AFTER_PASSING: Backoff = Backoff { first: 2, factor: 4, longest: i64::MAX };
const AFTER_REFUSALS: Backoff = Backoff { first: 60, factor: 2, longest: 3600 };
/// For how many days finished executions are listed. Source: the documented history.
pub const HISTORY_DAYS: i64 = 90;

#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, EnumString, VariantArray)]
#[strum(ascii_case_insensitive)]
pub enum ExecutionStatus {
    Pending,
    Running,
    Paused,
    Completed,
    /// Not documented, and only sent to clients that request it.
    Failed,
    /// Ended by its owner or by somebody who manages it. Not documented, and sent like `Failed`.
    Cancelled,
}

impl ExecutionStatus {
    pub const ALL: &'static [ExecutionStatus] = ExecutionStatus::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<ExecutionStatus> {
        name.parse().ok()
    }

    /// Whether nothing more happens to the execution by itself.
    pub fn is_over(self) -> bool {
        match self {
            ExecutionStatus::Pending | ExecutionStatus::Running | ExecutionStatus::Paused => false,
            ExecutionStatus::Completed | ExecutionStatus::Failed | ExecutionStatus::Cancelled => true,
        }
    }
}

/// Counts the claims of an execution or a callback. It is a fencing token: whoever held an earlier claim can change nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch before the first claim.
    pub const NONE: Epoch = Epoch(0);

    pub const fn new(number: u64) -> Epoch {
        Epoch(number)
    }

    pub const fn number(self) -> u64 {
        self.0
    }
}

impl From<u64> for Epoch {
    fn from(number: u64) -> Epoch {
        Epoch(number)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    pub id: Uuid,
    pub report: Uuid,
    /// The time that time spans are relative to: the slot, or the creation of an ExecuteNow report. Retries keep it.
    pub anchor: DateTime<Utc>,
    /// When it fell due: when its slot was queued, or its report was created, or was resumed after a pause.
    pub queued: DateTime<Utc>,
    pub status: ExecutionStatus,
    /// The number of claims. Only the holder of the latest claim may finish the execution.
    pub epoch: Epoch,
    pub attempts: u32,
    /// The number of failed attempts. The other attempts ended with their process.
    pub failures: u32,
    /// The number of failures at which an object store refused the credentials.
    pub refusals: u32,
    /// Why the last attempt failed, or the execution was cancelled, in words for the owner.
    pub failure: Option<String>,
    /// The percentage of row groups that the running attempt has begun to read, from 0 to 99, and 100 once the execution has completed. `None` without
    /// an attempt.
    pub progress: Option<u32>,
    pub artifact: Option<Artifact>,
    /// When the artifact was removed, because of its age or for lack of room.
    pub artifact_removed: Option<DateTime<Utc>>,
    /// What the owner should know although the execution succeeded.
    pub note: Option<String>,
}

/// The artifact of a completed execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The epoch of the claim that wrote it, which is part of the artifact's key.
    pub epoch: Epoch,
    /// The report's format at that time. A later change of the report does not change finished artifacts.
    pub format: Format,
    pub rows: u64,
    pub bytes: u64,
    /// In hexadecimal.
    pub sha256: String,
    pub generated: DateTime<Utc>,
    /// When the newest of the data files that were read was changed; `None` without files.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The version of the Delta table that was read; `None` for plain files, and for artifacts that were made before it was remembered.
    pub data_version: Option<u64>,
    /// The locations whose rows it may contain: those that its owner could see when it was made.
    pub locations: Locations,
    /// The locations whose sensitive columns it shows: a part of `locations`, or all of them.
    pub unredacted: Locations,
}

/// What happens to an execution after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It is retried after this wait.
    Retry {
        wait_seconds: i64,
    },
    GiveUp,
}

/// The kind of failure that ended an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A retry would fail in the same way.
    Lasting,
    /// A retry may succeed.
    Passing,
    /// An object store refused the credentials, which people may replace.
    Refused,
}

/// The next step after a failed attempt. `failures` is the number of failures of this kind, including this one. Waits begin at two seconds and grow
/// fourfold; after refused credentials they begin at a minute and double, up to an hour.
pub fn after_failure(failures: u32, kind: FailureKind) -> AfterFailure {
    let before = failures.saturating_sub(1);
    let (most, wait_seconds) = match kind {
        FailureKind::Lasting => return AfterFailure::GiveUp,
        FailureKind::Passing => (MAXIMUM_FAILURES, AFTER_PASSING.wait(before)),
        FailureKind::Refused => (MAXIMUM_REFUSALS, AFTER_REFUSALS.wait(before)),
    };
    if failures >= most { AfterFailure::GiveUp } else { AfterFailure::Retry { wait_seconds } }
}

/// How many seconds to wait after the death of an attempt's process; `deaths` includes that one. There is no wait after the first death, so that a restart
/// is not noticed. An execution that kills every process leaves the others more and more time.
pub fn wait_after_deaths(deaths: u32) -> i64 {
    match deaths.checked_sub(2) {
        None => 0,
        Some(further) => AFTER_DEATHS.wait(further),
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
        assert!((1..=4).map(wait_after_deaths).sum::<i64>() < 10, "a few restarts must not hold an execution up");
        assert!((1..=MAXIMUM_DEATHS).map(wait_after_deaths).sum::<i64>() > 3000, "an execution must not end a process every second");
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
