#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use chrono::TimeZone;
use serde_json::json;

use super::*;

#[test]
fn reads_a_dataset() {
    let dataset: Dataset = serde_json::from_value(json!({
        "datasetName": "OfficeUsage", "selectableColumns": ["MPNId", "Month"], "availableMetrics": ["MonthlyActiveUsers"],
        "availableDateRanges": ["LAST_MONTH"], "minimumRecurrenceInterval": 24
    }))
    .unwrap();
    assert_eq!((dataset.dataset_name.as_str(), dataset.minimum_recurrence_interval), ("OfficeUsage", Some(24)));
    assert_eq!(dataset.available_metrics, ["MonthlyActiveUsers"]);
    let bare: Dataset = serde_json::from_value(json!({"datasetName": "X", "availableMetrics": null})).unwrap();
    assert!(bare.available_metrics.is_empty() && bare.selectable_columns.is_empty());
}

#[test]
fn reads_a_query() {
    let query: Query = serde_json::from_value(json!({
        "queryId": "q", "name": "n", "description": null, "query": "SELECT a FROM b", "type": "userDefined", "user": "ada@contoso.com",
        "createdTime": "2021-01-06T05:38:34Z", "modifiedTime": null
    }))
    .unwrap();
    assert_eq!((query.kind.as_str(), query.query.as_str(), query.description), ("userDefined", "SELECT a FROM b", None));
    assert_eq!(query.more.get("modifiedTime"), Some(&json!(null)));
}

#[test]
fn reads_an_explanation_and_keeps_its_fields() {
    let sent =
        json!({"dataset": "Sales", "sentences": ["Reads Sales."], "visibleRows": 5, "files": {"read": 1, "skipped": 2}, "notes": []});
    let explained: ExplainedQuery = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!((explained.sentences.len(), explained.more.get("visibleRows")), (1, Some(&json!(5))));
    assert_eq!(serde_json::to_value(&explained).unwrap(), sent);
}

#[test]
fn reads_a_report_and_an_execution_and_keeps_added_fields() {
    let report: Report = serde_json::from_value(json!({
        "reportId": "r", "reportName": "n", "description": "d", "queryId": "q", "query": "SELECT", "user": "u", "createdTime": "2021-01-06T05:46:00Z",
        "modifiedTime": null, "executeNow": false, "startTime": "2021-01-06T19:00:00Z", "reportStatus": "Active", "recurrenceInterval": 48,
        "recurrenceCount": 20, "callbackUrl": "https://www.contoso.com/callback", "callbackMethod": "GET", "format": "csv"
    }))
    .unwrap();
    assert_eq!((report.report_status.as_str(), report.recurrence_interval, report.execute_now), ("Active", Some(48), Some(false)));
    let execution: Execution = serde_json::from_value(json!({
        "executionId": "e", "reportId": "r", "recurrenceInterval": 48, "recurrenceCount": null, "callbackUrl": null, "format": "csv",
        "executionStatus": "Completed", "reportAccessSecureLink": "https://x/y?sig=1", "reportExpiryTime": null,
        "reportGeneratedTime": "2021-01-13T14:40:46Z", "rowCount": 3
    }))
    .unwrap();
    assert_eq!(execution.execution_status, "Completed");
    assert_eq!(execution.report_access_secure_link.as_deref(), Some("https://x/y?sig=1"));
    assert_eq!(execution.more.get("rowCount"), Some(&json!(3)));
    assert_eq!(serde_json::to_value(&execution).unwrap()["rowCount"], json!(3));
}

#[test]
fn writes_bodies_as_documented() {
    let query = NewQuery { name: "n".into(), description: None, query: "SELECT".into() };
    assert_eq!(serde_json::to_value(query).unwrap(), json!({"Name": "n", "Query": "SELECT"}));
    let start = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single();
    let scheduled = NewReport {
        report_name: "n".into(),
        query_id: "q".into(),
        start_time: start,
        recurrence_interval: Some(48),
        recurrence_count: Some(20),
        ..NewReport::default()
    };
    let expected = json!({"ReportName": "n", "QueryId": "q", "StartTime": "2026-01-02T03:04:05Z", "ExecuteNow": false, "RecurrenceInterval": 48,
        "RecurrenceCount": 20});
    assert_eq!(serde_json::to_value(scheduled).unwrap(), expected);
    let update = ReportUpdate { report_name: Some("m".into()), ..ReportUpdate::default() };
    assert_eq!(serde_json::to_value(update).unwrap(), json!({"ReportName": "m"}));
}
