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
    pub dataset_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    pub selectable_columns: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub available_metrics: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub available_date_ranges: Vec<String>,
    /// The interval in hours.
    #[serde(default)]
    pub minimum_recurrence_interval: Option<u32>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    pub query_id: String,
    pub name: String,
    pub description: Option<String>,
    pub query: String,
    /// `userDefined` or `system`.
    #[serde(rename = "type")]
    pub kind: String,
    pub user: Option<String>,
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
    pub report_id: String,
    pub report_name: String,
    pub description: Option<String>,
    pub query_id: String,
    pub query: Option<String>,
    pub user: Option<String>,
    pub created_time: Option<String>,
    pub modified_time: Option<String>,
    /// Absent from the marketplace's answers.
    pub execute_now: Option<bool>,
    pub query_start_time: Option<String>,
    pub query_end_time: Option<String>,
    pub start_time: Option<String>,
    /// `Active`, `Paused` or `Inactive`.
    pub report_status: String,
    /// The interval in hours; -1 for a report that is executed at once.
    pub recurrence_interval: Option<i64>,
    pub recurrence_count: Option<i64>,
    pub callback_url: Option<String>,
    pub callback_method: Option<String>,
    pub format: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    pub execution_id: String,
    pub report_id: String,
    pub recurrence_interval: Option<i64>,
    pub recurrence_count: Option<i64>,
    pub callback_url: Option<String>,
    pub callback_method: Option<String>,
    pub format: Option<String>,
    /// `Pending`, `Running`, `Paused`, `Completed`, or `Failed` if that was requested.
    pub execution_status: String,
    pub report_location: Option<String>,
    /// A link that opens the artifact to whoever has it, until it expires.
    pub report_access_secure_link: Option<String>,
    pub report_expiry_time: Option<String>,
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

/// Formats a time in the only format of the API.
pub(crate) fn instant_text(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn instant<S: serde::Serializer>(instant: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    instant.map(instant_text).serialize(serializer)
}

#[cfg(test)]
#[path = "wire/tests.rs"]
mod tests;
