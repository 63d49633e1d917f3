//! Answers about reports and their executions, as those who manage a tenant see them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::More;
use crate::forms::{Count, ExecutionStatusName, Flag, Id, Percent, ProgramName, ReportStatusName, Text, Time};
use crate::null::or_default;

/// A report of any owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Report {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Id")]
    pub tenant: String,
    /// The user that it belongs to, or the application that acts without one.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Id")]
    pub owner: String,
    /// The owner's name when the report was created.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub user: String,
    /// The application that created it.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Id")]
    pub application: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "ProgramName")]
    pub program: String,
    #[schemars(with = "Text")]
    pub name: String,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub description: Option<String>,
    #[schemars(with = "ReportStatusName")]
    pub status: String,
    /// Whether it runs once, at its creation.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Flag")]
    pub execute_now: bool,
    /// The hours between two executions of a schedule.
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub interval_hours: Option<u32>,
    /// When the next execution is due.
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub next_execution: Option<String>,
    #[schemars(with = "Text")]
    pub query: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub format: String,
    /// The URL without its query, which may contain the receiver's key.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub callback_url: Option<String>,
    #[schemars(with = "Time")]
    pub created: String,
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub modified: Option<String>,
    /// How many of its executions are listed, by status.
    #[serde(default, deserialize_with = "or_default")]
    pub executions: ExecutionCounts,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// Numbers of executions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("additionalProperties" = false), inline)]
pub struct ExecutionCounts {
    #[schemars(with = "Count")]
    pub pending: u64,
    #[schemars(with = "Count")]
    pub running: u64,
    #[schemars(with = "Count")]
    pub paused: u64,
    #[schemars(with = "Count")]
    pub completed: u64,
    #[schemars(with = "Count")]
    pub failed: u64,
    #[schemars(with = "Count")]
    pub cancelled: u64,
}

/// An execution of a report of any owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct Execution {
    #[schemars(with = "Id")]
    pub id: String,
    #[schemars(with = "Id")]
    pub tenant: String,
    #[schemars(with = "Id")]
    pub report_id: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub report_name: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Id")]
    pub owner: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub user: String,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "ProgramName")]
    pub program: String,
    #[schemars(with = "ExecutionStatusName")]
    pub status: String,
    /// The percentage of row groups that have been read; 100 once it has completed.
    #[serde(default)]
    #[schemars(with = "Option<Percent>")]
    pub progress: Option<u32>,
    /// What it waits for, in words.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub waits_for: Option<String>,
    /// The time that its time span is relative to.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Time")]
    pub anchor: String,
    /// When it fell due.
    #[schemars(with = "Time")]
    pub queued: String,
    /// How long it has waited, while it waits.
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub waiting_seconds: Option<u64>,
    /// How long the last attempt took, or has taken so far.
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub running_seconds: Option<u64>,
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub finished: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub attempts: u32,
    /// Attempts that failed; the others ended with their process.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub failures: u32,
    /// Why the last attempt failed, or who cancelled it.
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub failure_reason: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Text")]
    pub format: String,
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub row_count: Option<u64>,
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub byte_count: Option<u64>,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub sha256: Option<String>,
    /// The version of the Delta table that was read; null for a dataset of Parquet files.
    #[serde(default)]
    #[schemars(with = "Option<Count>")]
    pub data_version: Option<u64>,
    /// When the file was removed, by its age or for want of room.
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub file_removed: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub message: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// What of a tenant's executions is not over, and whether they are paused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct TenantRuns {
    #[schemars(with = "Flag")]
    pub paused: bool,
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub paused_since: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<Text>")]
    pub paused_reason: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub pending: u64,
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub running: u64,
    /// Those whose report is paused.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub held: u64,
    /// When the oldest pending one fell due.
    #[serde(default)]
    #[schemars(with = "Option<Time>")]
    pub oldest_pending: Option<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}

/// How many queries and reports each owner of a tenant may have, and how much their files may hold together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct TenantLimits {
    /// Whether this server has quotas at all.
    #[schemars(with = "Flag")]
    pub quotas: bool,
    /// Active reports on a schedule.
    #[schemars(with = "Count")]
    pub active_reports: u64,
    /// Reports that run at once, within an hour.
    #[schemars(with = "Count")]
    pub execute_now_reports: u64,
    #[schemars(with = "Count")]
    pub queries: u64,
    /// The GiB of all files together.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Count")]
    pub artifact_gib: u64,
    /// Which of the numbers are this tenant's own.
    #[serde(default, deserialize_with = "or_default")]
    #[schemars(with = "Vec<Text>")]
    pub own: Vec<String>,
    #[serde(flatten)]
    #[schemars(skip)]
    pub more: More,
}
