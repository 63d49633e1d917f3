//! Creating, listing and changing queries and reports: documented messages, defaults and quotas.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::tests::harness::*;

const PREFIX: &str = "Invalid report parameters for creation - ";

async fn create(deployment: &Deployment, body: Value) -> Answer {
    deployment.call(ANA, Method::POST, "ScheduledReport", body).await
}

#[tokio::test]
async fn every_bad_field_of_a_report_is_refused_with_its_message() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let good = report_body(&query, every_four_hours(Some(2)));
    let long = "x".repeat(257);
    let cases = [
        (json!({"ReportName": null}), "Null or missing value: ReportName".to_owned()),
        (json!({"ReportName": "  "}), "Null or missing value: ReportName".into()),
        (json!({"QueryId": ""}), "Null or missing value: QueryId".into()),
        (json!({"StartTime": null}), "Null or missing value: StartTime".into()),
        (json!({"RecurrenceInterval": null}), "Null or missing value: RecurrenceInterval".into()),
        (json!({"QueryId": "00000000-0000-0000-0000-000000000009"}), "Invalid QueryId".into()),
        (json!({"QueryId": "string"}), "Invalid QueryId".into()),
        (json!({"RecurrenceInterval": 3}), "Recurrence Interval must be between 4 and 2160".into()),
        (json!({"RecurrenceInterval": 2161}), "Recurrence Interval must be between 4 and 2160".into()),
        (json!({"RecurrenceInterval": -1}), "Recurrence Interval must be between 4 and 2160".into()),
        (json!({"RecurrenceInterval": i64::MAX}), "Recurrence Interval must be between 4 and 2160".into()),
        (
            json!({"StartTime": "2026-11-22T15:59:59Z"}),
            format!("{PREFIX}Start time of report should at least be 4 hours from current UTC time"),
        ),
        (
            json!({"StartTime": "2020-01-01T00:00:00Z"}),
            format!("{PREFIX}Start time of report should at least be 4 hours from current UTC time"),
        ),
        (json!({"StartTime": "tomorrow"}), format!("{PREFIX}StartTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (json!({"Format": "xls"}), format!("{PREFIX}Report format should be csv/tsv")),
        (json!({"ReportName": "a;b"}), format!("{PREFIX}Invalid character (;) in ReportName")),
        (json!({"ReportName": long}), format!("{PREFIX}Limit ReportName and Description length to 256 characters or less")),
        (json!({"Description": long}), format!("{PREFIX}Limit ReportName and Description length to 256 characters or less")),
        (json!({"CallbackUrl": "https://example.org", "CallbackMethod": "PUT"}), format!("{PREFIX}CallbackMethod can only be GET or POST")),
        (
            json!({"CallbackUrl": "ftp://example.org"}),
            format!("{PREFIX}CallbackUrl should be an absolute http or https address of at most 2048 characters"),
        ),
        (json!({"RecurrenceCount": 0}), format!("{PREFIX}Recurrence count has to be a positive integer value")),
        (json!({"RecurrenceCount": -3}), format!("{PREFIX}Recurrence count has to be a positive integer value")),
        (json!({"ExecuteNow": true, "QueryStartTime": "x"}), format!("{PREFIX}QueryStartTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (json!({"ExecuteNow": true, "QueryEndTime": "x"}), format!("{PREFIX}EndTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (
            json!({"ExecuteNow": true, "QueryStartTime": "2026-01-02T00:00:00Z", "QueryEndTime": "2026-01-02T00:00:00Z"}),
            format!("{PREFIX}EndTime should be greater than StartTime"),
        ),
        (json!({"RecurrenceInterval": "often"}), "RecurrenceInterval should be a whole number, but is 'often'.".into()),
        (json!({"RecurrenceCount": 1.5}), "RecurrenceCount should be a whole number, but is the number 1.5.".into()),
        (json!({"ExecuteNow": "maybe"}), "ExecuteNow should be true or false, but is 'maybe'.".into()),
        (json!({"ReportName": ["a"]}), "ReportName should be a string, but is an array.".into()),
        (json!({"QueryId": {"id": 1}}), "QueryId should be a string, but is an object.".into()),
    ];
    for (change, message) in cases {
        let answer = create(&deployment, with(good.clone(), change.clone())).await;
        assert_eq!(answer.refused(400), message, "{change}");
    }
    assert_eq!(deployment.get(ANA, "ScheduledReport").await.ok(), Vec::<Value>::new(), "nothing of them was kept");
    create(&deployment, good).await.ok();
    // All faults are reported at once.
    let several = create(&deployment, json!({"RecurrenceInterval": 1, "Format": "pdf"})).await.refused(400);
    for part in ["ReportName", "QueryId", "StartTime", "between 4 and 2160", "csv/tsv"] {
        assert!(several.contains(part), "{several}");
    }
}

#[tokio::test]
async fn queries_are_checked_before_they_are_saved() {
    let deployment = Deployment::new().await;
    for (body, message) in [
        (json!({"Name": "n"}), "Null or missing value: Query"),
        (json!({"Query": ALL_SALES}), "Null or missing value: Name"),
        (json!({}), "Null or missing value: Name, Query"),
        (json!({"Name": "n", "Query": "SELECT a FROM Nothing"}), "Invalid table name"),
        (json!({"Name": "n", "Query": "SELECT Nme FROM Sales"}), "Incorrect column name"),
        (json!({"Name": "x".repeat(257), "Query": ALL_SALES}), "Limit Name and Description length to 256 characters or less"),
    ] {
        let refused = deployment.call(ANA, Method::POST, "ScheduledQueries", body.clone()).await.refused(400);
        assert!(refused.contains(message), "{body}: {refused}");
    }
    let spelled = json!({"NAME": " größe ", "queryDescription": "unknown fields are ignored", "query": ALL_SALES});
    let made = deployment.call(ANA, Method::POST, "ScheduledQueries", spelled).await;
    assert_eq!(made.envelope()["message"], "Query created successfully");
    let made = &made.ok()[0];
    assert_eq!((&made["name"], &made["user"], &made["createdTime"]), (&json!("größe"), &json!("ana@contoso.example"), &json!(NOW)));
    for (parameters, message) in [
        ("", "Give exactly one of exportQuery and queryId."),
        ("?exportQuery=SELECT%20Name%20FROM%20Sales&queryId=1", "Give exactly one of exportQuery and queryId."),
        ("?exportQuery=SELECT%20Name%20FROM%20Sales&startTime=soon", "startTime should follow format: yyyy-MM-ddTHH:mm:ssZ"),
        ("?exportQuery=SELECT", "SELECT"),
    ] {
        let refused = deployment.get(ANA, &format!("ScheduledQueries/testQueryResult{parameters}")).await.refused(400);
        assert!(refused.contains(message) || message == "SELECT", "{parameters}: {refused}");
    }
}

#[tokio::test]
async fn a_hundred_queries_and_no_more() {
    let deployment = Deployment::new().await;
    let mut last = String::new();
    for _ in 0..100 {
        last = deployment.create_query(ANA, ALL_SALES).await;
    }
    let body = json!({"Name": "query", "Query": ALL_SALES});
    let refused = deployment.call(ANA, Method::POST, "ScheduledQueries", body.clone()).await;
    assert_eq!(refused.refused(400), "Number of queries exceeded. Delete few queries before creating new queries");
    assert_eq!(refused.header("retry-after"), "3600");
    // Each owner has a quota, and a deleted query no longer counts.
    deployment.create_query(BEN, ALL_SALES).await;
    deployment.call(ANA, Method::DELETE, &format!("ScheduledQueries/{last}"), Value::Null).await.ok();
    deployment.call(ANA, Method::POST, "ScheduledQueries", body).await.ok();
}

#[tokio::test]
async fn fifty_active_reports_and_no_more() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut last = String::new();
    for _ in 0..50 {
        last = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    }
    let body = report_body(&query, every_four_hours(None));
    let message = "User has exceeded its report creation quota of 50 active reports";
    let refused = create(&deployment, body.clone()).await;
    assert_eq!((refused.refused(400).as_str(), refused.header("retry-after")), (message, "3600"));
    // Pausing a report makes room for another one, and then there is no room to resume it.
    let change = async |action: &str| deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{action}/{last}"), Value::Null).await;
    change("pause").await.ok();
    let other = create(&deployment, body.clone()).await.ok().remove(0);
    assert_eq!(change("resume").await.refused(400), message);
    assert_eq!(deployment.report_status(ANA, &last).await, "Paused");
    deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{}", other["reportId"].as_str().unwrap()), Value::Null).await.ok();
    change("resume").await.ok();
    assert_eq!(create(&deployment, body.clone()).await.refused(400), message);
    deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{last}"), Value::Null).await.ok();
    create(&deployment, body).await.ok();
}

#[tokio::test]
async fn an_exhausted_report_wakes_only_within_the_quota() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let exhausted = deployment.create_report(ANA, &query, every_four_hours(Some(1))).await;
    deployment.advance(TimeDelta::hours(4));
    assert_eq!((deployment.work().await, deployment.report_status(ANA, &exhausted).await), (1, "Inactive".into()));
    let later = with(every_four_hours(None), json!({"StartTime": "2026-12-01T00:00:00Z"}));
    for _ in 0..50 {
        deployment.create_report(ANA, &query, later.clone()).await;
    }
    let path = format!("ScheduledReport/{exhausted}");
    let refused = deployment.call(ANA, Method::PUT, &path, json!({"RecurrenceCount": 2})).await.refused(400);
    assert_eq!(refused, "User has exceeded its report creation quota of 50 active reports");
    // A change that does not make the report active again is not refused.
    let renamed = deployment.call(ANA, Method::PUT, &path, json!({"ReportName": "renamed"})).await.ok().remove(0);
    assert_eq!((&renamed["reportStatus"], &renamed["recurrenceCount"]), (&json!("Inactive"), &json!(1)));
}

#[tokio::test]
async fn lowering_the_count_to_what_ran_ends_a_report() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(5))).await;
    deployment.advance(TimeDelta::hours(8));
    assert_eq!(deployment.work().await, 2);
    let path = format!("ScheduledReport/{report}");
    let lowered = deployment.call(ANA, Method::PUT, &path, json!({"RecurrenceCount": 2})).await.ok().remove(0);
    assert_eq!((&lowered["reportStatus"], &lowered["recurrenceCount"]), (&json!("Inactive"), &json!(2)));
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
    // A higher count makes it active again.
    let raised = deployment.call(ANA, Method::PUT, &path, json!({"RecurrenceCount": 3})).await.ok().remove(0);
    assert_eq!(raised["reportStatus"], "Active");
    deployment.advance(TimeDelta::hours(4));
    assert_eq!((deployment.work().await, deployment.report_status(ANA, &report).await), (1, "Inactive".into()));
}

#[tokio::test]
async fn five_reports_at_once_in_an_hour() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let body = report_body(&query, json!({"ExecuteNow": true}));
    let mut first = String::new();
    for _ in 0..5 {
        first = create(&deployment, body.clone()).await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    }
    deployment.work().await;
    let message = "User has exceeded its ExecuteNow report creation quota of 5 reports/60 mins";
    let refused = create(&deployment, body.clone()).await;
    assert_eq!((refused.refused(400).as_str(), refused.header("retry-after")), (message, "3600"));
    // Deleting a report does not free its quota, since the report was created.
    deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{first}"), Value::Null).await.ok();
    assert_eq!(create(&deployment, body.clone()).await.refused(400), message);
    // Reports on a schedule do not count.
    deployment.create_report(ANA, &query, every_four_hours(None)).await;
    for (minutes, wait) in [(20, "2400"), (39, "60")] {
        deployment.advance(TimeDelta::minutes(minutes));
        assert_eq!(create(&deployment, body.clone()).await.header("retry-after"), wait);
    }
    deployment.advance(TimeDelta::seconds(59));
    let refused = create(&deployment, body.clone()).await;
    assert_eq!((refused.refused(400).as_str(), refused.header("retry-after")), (message, "1"));
    deployment.advance(TimeDelta::seconds(1));
    create(&deployment, body).await.ok();
}

#[tokio::test]
async fn without_quotas_there_are_none() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    // One more of each than the documented quotas allow.
    for _ in 0..5 + 1 {
        deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    }
    for _ in 0..50 + 1 {
        deployment.create_report(ANA, &query, every_four_hours(None)).await;
    }
    for _ in 0..100 {
        deployment.create_query(ANA, ALL_SALES).await;
    }
}

#[tokio::test]
async fn a_report_shows_what_it_was_made_with() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let fields = with(
        every_four_hours(Some(2)),
        json!({"Description": "d", "Format": "tsv", "CallbackUrl": "https://example.org/hook", "CallbackMethod": "get", "QueryStartTime": "ignored"}),
    );
    let answer = create(&deployment, report_body(&query, fields)).await;
    assert_eq!(answer.envelope()["message"], "Report created successfully");
    let report = answer.ok().remove(0);
    for (name, value) in [
        ("reportName", json!("report")),
        ("description", json!("d")),
        ("queryId", json!(query)),
        ("query", json!(ALL_SALES)),
        ("user", json!("ana@contoso.example")),
        ("createdTime", json!(NOW)),
        ("modifiedTime", Value::Null),
        ("executeNow", json!(false)),
        ("startTime", json!("2026-11-22T16:00:00Z")),
        ("reportStatus", json!("Active")),
        ("recurrenceInterval", json!(4)),
        ("recurrenceCount", json!(2)),
        ("callbackUrl", json!("https://example.org/hook")),
        ("callbackMethod", json!("GET")),
        ("format", json!("tsv")),
    ] {
        assert_eq!(report[name], value, "{name}");
    }
    let id = report["reportId"].as_str().unwrap();
    for filter in
        [format!("reportId={id}"), "reportName=REPORT".into(), format!("queryId={query}"), format!("REPORTID={id}&reportName=report")]
    {
        assert_eq!(deployment.get(ANA, &format!("ScheduledReport?{filter}")).await.ok(), std::slice::from_ref(&report));
    }
    assert_eq!(deployment.get(ANA, "ScheduledReport?reportName=other").await.refused(404), "No item found with given filters.");
    // A report executes the text with which it was created.
    deployment.call(ANA, Method::DELETE, &format!("ScheduledQueries/{query}"), Value::Null).await.ok();
    deployment.advance(TimeDelta::hours(4));
    deployment.work().await;
    assert_eq!(deployment.executions(ANA, id).await[0]["executionStatus"], "Completed");
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, with(every_four_hours(Some(2)), json!({"Description": "kept"}))).await;
    let path = format!("ScheduledReport/{report}");
    deployment.advance(TimeDelta::hours(1));
    let change = json!({"ReportName": "renamed", "Format": "TSV", "RecurrenceInterval": 24, "StartTime": "2026-11-23T00:00:00Z"});
    let answer = deployment.call(ANA, Method::PUT, &path, change).await;
    assert_eq!(answer.envelope()["message"], "Report updated successfully");
    let updated = &answer.ok()[0];
    for (name, value) in [
        ("reportName", json!("renamed")),
        ("description", json!("kept")),
        ("format", json!("tsv")),
        ("recurrenceInterval", json!(24)),
        ("recurrenceCount", json!(2)),
        ("startTime", json!("2026-11-23T00:00:00Z")),
        ("modifiedTime", json!("2026-11-22T13:00:00Z")),
        ("createdTime", json!(NOW)),
    ] {
        assert_eq!(updated[name], value, "{name}");
    }
    for (change, message) in [
        (json!({"RecurrenceInterval": 1}), "between 4 and 2160"),
        (json!({"StartTime": "2026-11-22T13:00:00Z"}), "at least be 4 hours"),
        (json!({"Format": "pdf"}), "csv/tsv"),
        (json!({"ReportName": "a;b"}), "Invalid character (;)"),
    ] {
        let refused = deployment.call(ANA, Method::PUT, &path, change).await.refused(400);
        assert!(refused.contains(message), "{refused}");
    }
    assert_eq!(deployment.get(ANA, &format!("ScheduledReport?reportId={report}")).await.ok()[0], *updated);
    // The old start passes without an execution, and the new one has one.
    deployment.advance(TimeDelta::hours(10));
    assert_eq!(deployment.work().await, 0);
    deployment.advance(TimeDelta::hours(1));
    assert_eq!(deployment.work().await, 1);

    let once = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let refused = deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{once}"), json!({"ReportName": "n"})).await.refused(400);
    assert!(refused.contains("runs once and cannot be updated"), "{refused}");
}
