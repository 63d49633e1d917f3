//! The wire types of the API. Answers are camelCase and request bodies PascalCase, as documented.
//!
//! Fields that no document names are kept in `more`, so that nothing in an answer is lost.

pub mod manage;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::null_as_default;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    #[serde(alias = "DatasetName")]
    pub dataset_name: String,
    #[serde(alias = "SelectableColumns", default, deserialize_with = "null_as_default")]
    pub selectable_columns: Vec<String>,
    #[serde(alias = "AvailableMetrics", default, deserialize_with = "null_as_default")]
    pub available_metrics: Vec<String>,
    #[serde(alias = "AvailableDateRanges", default, deserialize_with = "null_as_default")]
    pub available_date_ranges: Vec<String>,
    /// Hours.
    #[serde(alias = "MinimumRecurrenceInterval", default)]
    pub minimum_recurrence_interval: Option<u32>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    #[serde(alias = "QueryId")]
    pub query_id: String,
    #[serde(alias = "Name")]
    pub name: String,
    #[serde(alias = "Description")]
    pub description: Option<String>,
    #[serde(alias = "Query")]
    pub query: String,
    /// `userDefined` or `system`.
    #[serde(alias = "Type", rename = "type")]
    pub kind: String,
    #[serde(alias = "User")]
    pub user: Option<String>,
    #[serde(alias = "CreatedTime")]
    pub created_time: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What a query would do. Only this server has this answer; Microsoft's API does not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedQuery {
    pub dataset: String,
    pub sentences: Vec<String>,
    /// What the caller should know although it is not an error.
    #[serde(default, deserialize_with = "null_as_default")]
    pub notes: Vec<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    #[serde(alias = "ReportId")]
    pub report_id: String,
    #[serde(alias = "ReportName")]
    pub report_name: String,
    #[serde(alias = "Description")]
    pub description: Option<String>,
    #[serde(alias = "QueryId")]
    pub query_id: String,
    #[serde(alias = "Query")]
    pub query: Option<String>,
    #[serde(alias = "User")]
    pub user: Option<String>,
    #[serde(alias = "CreatedTime")]
    pub created_time: Option<String>,
    #[serde(alias = "ModifiedTime")]
    pub modified_time: Option<String>,
    /// Absent from the marketplace's answers.
    #[serde(alias = "ExecuteNow")]
    pub execute_now: Option<bool>,
    #[serde(alias = "QueryStartTime")]
    pub query_start_time: Option<String>,
    #[serde(alias = "QueryEndTime")]
    pub query_end_time: Option<String>,
    #[serde(alias = "StartTime")]
    pub start_time: Option<String>,
    /// `Active`, `Paused` or `Inactive`.
    #[serde(alias = "ReportStatus")]
    pub report_status: String,
    /// Hours; -1 for a run at once.
    #[serde(alias = "RecurrenceInterval")]
    pub recurrence_interval: Option<i64>,
    #[serde(alias = "RecurrenceCount")]
    pub recurrence_count: Option<i64>,
    #[serde(alias = "CallbackUrl")]
    pub callback_url: Option<String>,
    #[serde(alias = "CallbackMethod")]
    pub callback_method: Option<String>,
    #[serde(alias = "Format")]
    pub format: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    #[serde(alias = "ExecutionId")]
    pub execution_id: String,
    #[serde(alias = "ReportId")]
    pub report_id: String,
    #[serde(alias = "RecurrenceInterval")]
    pub recurrence_interval: Option<i64>,
    #[serde(alias = "RecurrenceCount")]
    pub recurrence_count: Option<i64>,
    #[serde(alias = "CallbackUrl")]
    pub callback_url: Option<String>,
    #[serde(alias = "CallbackMethod")]
    pub callback_method: Option<String>,
    #[serde(alias = "Format")]
    pub format: Option<String>,
    /// `Pending`, `Running`, `Paused`, `Completed`, or, if they are requested, `Failed` and `Cancelled`.
    #[serde(alias = "ExecutionStatus")]
    pub execution_status: String,
    #[serde(alias = "ReportLocation")]
    pub report_location: Option<String>,
    /// Opens the file for whoever holds it, until it expires.
    #[serde(alias = "ReportAccessSecureLink")]
    pub report_access_secure_link: Option<String>,
    #[serde(alias = "ReportExpiryTime")]
    pub report_expiry_time: Option<String>,
    #[serde(alias = "ReportGeneratedTime")]
    pub report_generated_time: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewQuery {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub query: String,
}

/// Without `execute_now`, the start time and the interval are required.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewReport {
    pub report_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub query_id: String,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub start_time: Option<DateTime<Utc>>,
    pub execute_now: bool,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub query_start_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub query_end_time: Option<DateTime<Utc>>,
    /// The interval in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_method: Option<String>,
}

/// The query and `ExecuteNow` of a report cannot be changed. A field that is `None` is left unchanged.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReportUpdate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "instant")]
    pub start_time: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_method: Option<String>,
}

/// The query of a preview or an explanation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Subject<'a> {
    /// The text of a query.
    Text(&'a str),
    /// The id of a stored query.
    Id(&'a str),
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QueryFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_name: Option<String>,
    /// The API's default is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_system_queries: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_only_system_queries: Option<bool>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_id: Option<String>,
}

/// Several ids or statuses are separated by semicolons. By default the API lists only the latest completed execution.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub get_latest_execution: Option<bool>,
}

impl Execution {
    /// The link to the file, unless there is none yet.
    pub fn link(&self) -> Option<&str> {
        self.report_access_secure_link.as_deref().filter(|link| !link.is_empty())
    }

    pub fn is_completed(&self) -> bool {
        self.execution_status.eq_ignore_ascii_case("Completed")
    }

    /// Whether it is over without a file: it failed, or was cancelled.
    pub fn is_failed(&self) -> bool {
        ["Failed", "Cancelled"].iter().any(|ended| self.execution_status.eq_ignore_ascii_case(ended))
    }

    /// The percentage of row groups that it has read, while it runs.
    pub fn progress(&self) -> Option<u64> {
        self.more.get("progress")?.as_u64()
    }

    pub fn attempts(&self) -> Option<u64> {
        self.more.get("attempts")?.as_u64()
    }

    /// Rows of the file: an added field of this server, as the next ones are.
    pub fn row_count(&self) -> Option<u64> {
        self.more.get("rowCount")?.as_u64()
    }

    pub fn byte_count(&self) -> Option<u64> {
        self.more.get("byteCount")?.as_u64()
    }

    /// Of the file, in hexadecimal digits.
    pub fn sha256(&self) -> Option<&str> {
        self.more.get("sha256")?.as_str()
    }

    /// The version of the Delta table that was read.
    pub fn data_version(&self) -> Option<u64> {
        self.more.get("dataVersion")?.as_u64()
    }

    pub fn failure_reason(&self) -> Option<&str> {
        self.more.get("failureReason")?.as_str()
    }

    /// What should be known about the execution, though it is no error.
    pub fn message(&self) -> Option<&str> {
        self.more.get("message")?.as_str()
    }
}

/// The API's one format of times.
pub(crate) fn instant_text(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn instant<S: serde::Serializer>(instant: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    instant.map(instant_text).serialize(serializer)
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
