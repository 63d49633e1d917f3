//! The explanation of a query, as it is sent and printed.

use schemars::JsonSchema;
use serde::Serialize;

/// The explanation as it is sent and printed. It is an addition of this server to the documented API. Its field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct ExplainedQuery {
    /// The whole explanation in words, with some of the numbers.
    pub sentences: Vec<String>,
    pub dataset: String,
    pub time_bounds: TimeBounds,
    pub rows_of: RowsOf,
    pub selected: Vec<String>,
    pub distinct: bool,
    /// The conditions on rows, each in words.
    pub conditions: Vec<String>,
    /// `None` if rows are not grouped; empty if all of them are one group.
    pub grouped_by: Option<Vec<String>>,
    pub metrics: Vec<ExplainedMetric>,
    pub group_conditions: Vec<String>,
    pub ordered_by: Vec<ExplainedOrder>,
    pub limit: Option<u64>,
    /// The rows of the dataset that the caller may see.
    pub visible_rows: u64,
    /// How many of them are read at most.
    pub estimated_rows: u64,
    /// The bytes of the columns that are read.
    pub estimated_bytes: u64,
    pub files: ReadAndSkipped,
    pub row_groups: ReadAndSkipped,
    pub columns_read: Vec<String>,
    pub data_as_of: Option<String>,
    /// The same notes as in the message of a preview.
    pub notes: Vec<String>,
}

/// The time window in UTC, from `from` (inclusive) to `to` (exclusive). Without both, rows of all times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct TimeBounds {
    /// The dataset's date column.
    pub column: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    /// `timespan`, `default`, `startAndEndTime`, or `none` for a dataset without dates.
    pub source: &'static str,
    /// The keyword, if a time span is the source.
    pub time_span: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = false))]
pub struct RowsOf {
    /// The locations whose rows the caller sees; `None` for the whole organisation.
    pub locations: Option<Vec<String>>,
    /// Sensitive columns that the query uses and that the caller sees as null, in some rows or in all.
    pub redacted_columns: Vec<String>,
    /// Sensitive metrics that the query uses. They leave out rows whose sensitive data the caller may not see.
    pub redacted_metrics: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ExplainedMetric {
    pub name: String,
    pub expression: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ExplainedOrder {
    pub name: String,
    pub descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct ReadAndSkipped {
    pub read: u64,
    pub skipped: u64,
}
