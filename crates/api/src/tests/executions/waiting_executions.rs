//! The execution of the next slot, which polls show before the slot is due, and which begins under the id that they showed.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_operations::executions::scheduler::queue_due;
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn poll(deployment: &Deployment, path: &str) -> Vec<Value> {
    deployment.get(ANA, &format!("ScheduledReport/execution/{path}")).await.ok()
}

/// The only row of a poll: its id and status.
async fn only(deployment: &Deployment, path: &str) -> (String, String) {
    let rows = poll(deployment, path).await;
    assert_eq!(rows.len(), 1, "{path}: {rows:?}");
    let text = |name: &str| rows[0][name].as_str().unwrap().to_owned();
    (text("executionId"), text("executionStatus"))
}

async fn put(deployment: &Deployment, path: &str) {
    deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{path}"), Value::Null).await.ok();
}

async fn refused(deployment: &Deployment, path: &str) -> String {
    deployment.get(ANA, &format!("ScheduledReport/execution/{path}")).await.refused(404)
}

#[tokio::test]
async fn the_documented_row_is_shown_between_slots() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let fields = with(every_four_hours(Some(3)), json!({"Format": "TSV", "CallbackUrl": "https://example.org/a", "CallbackMethod": "GET"}));
    let report = deployment.create_report(ANA, &query, fields).await;
    let row = poll(&deployment, &format!("{report}?executionStatus=Pending")).await.remove(0);
    let expected = json!({
        "executionId": row["executionId"], "reportId": report, "recurrenceInterval": 4, "recurrenceCount": 3,
        "callbackUrl": "https://example.org/a", "callbackMethod": "GET", "format": "tsv", "executionStatus": "Pending",
        "reportLocation": null, "reportAccessSecureLink": null, "reportExpiryTime": null, "reportGeneratedTime": null,
        "failureReason": null, "attempts": 0, "progress": null, "rowCount": null, "byteCount": null, "sha256": null, "dataAsOf": null,
        "dataVersion": null,
        "message": "The run waits for its time: 2026-11-22T16:00:00Z",
    });
    assert_eq!(row, expected);
    let id = row["executionId"].as_str().unwrap();
    for path in [
        format!("{report}?executionStatus=Pending"),
        format!("{report}?executionStatus=Running;pending&getLatestExecution=false"),
        format!("{report}?executionStatus=Pending;Completed"),
        format!("{report}?executionId={id}&executionStatus=Pending"),
        // By the execution's own id, whatever its status is.
        id.to_owned(),
        format!("{}?executionStatus=Pending", id.to_uppercase()),
    ] {
        assert_eq!(only(&deployment, &path).await, (id.to_owned(), "Pending".to_owned()), "{path}");
    }
    // Without a status the documented default applies.
    for path in [
        report.clone(),
        format!("{report}?getLatestExecution=false"),
        format!("{report}?executionId={id}"),
        format!("{report}?executionStatus=Paused"),
        format!("{report}?executionStatus=Running;Completed;Failed"),
        format!("{report}?executionId={report}&executionStatus=Pending"),
        format!("{id}?executionStatus=Completed"),
    ] {
        assert!(refused(&deployment, &path).await.starts_with("There are no executions"), "{path}");
    }
    // No other user finds it.
    for path in [format!("ScheduledReport/execution/{id}"), format!("ScheduledReport/execution/{id}?executionStatus=Pending")] {
        assert_eq!(deployment.get(BEN, &path).await.refused(404), "No item found with given filters.");
        assert_eq!(
            deployment.call_program(ALONE, "cmp", Method::GET, &path, Value::Null).await.refused(404),
            "No item found with given filters"
        );
    }
}

#[tokio::test]
async fn the_run_begins_under_the_id_that_was_shown() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(2))).await;
    let pending = format!("{report}?executionStatus=Pending");
    let (first, _) = only(&deployment, &pending).await;
    deployment.advance(TimeDelta::hours(4));
    queue_due(&deployment.context, deployment.now()).await.unwrap();
    assert_eq!(only(&deployment, &pending).await, (first.clone(), "Pending".into()), "queued, it is the same row");
    let all = poll(&deployment, &format!("{pending}&getLatestExecution=false")).await;
    assert_eq!(all.len(), 2, "and the next one waits: {all:?}");
    let next = all[0]["executionId"].as_str().unwrap().to_owned();
    assert_eq!((&all[1]["executionId"], next == first), (&json!(first), false));
    assert_eq!(deployment.work().await, 1);
    assert_eq!(only(&deployment, &report).await, (first.clone(), "Completed".into()));
    assert_eq!(only(&deployment, &first).await, (first.clone(), "Completed".into()), "by its own id");
    assert_eq!(only(&deployment, &format!("{report}?executionId={first}")).await, (first.clone(), "Completed".into()));
    // Of several executions one is wanted: one that has begun comes before one that waits.
    assert_eq!(only(&deployment, &format!("{report}?executionStatus=Pending;Completed")).await.0, first);
    assert_eq!(only(&deployment, &pending).await, (next.clone(), "Pending".into()));
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    assert_eq!(only(&deployment, &report).await, (next, "Completed".into()));
    // No further execution is to come.
    assert!(refused(&deployment, &pending).await.starts_with("There are no executions"));
    // A report that is executed at once has no slot.
    let once = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let (execution, status) = only(&deployment, &format!("{once}?executionStatus=Pending&getLatestExecution=false")).await;
    assert_eq!(status, "Pending");
    assert_eq!(deployment.work().await, 1);
    assert_eq!(only(&deployment, &once).await.0, execution);
}

#[tokio::test]
async fn a_paused_report_shows_the_same_run_as_paused() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let with = |status: &str| format!("{report}?executionStatus={status}");
    let (execution, _) = only(&deployment, &with("Pending")).await;
    put(&deployment, &format!("pause/{report}")).await;
    // As long as the report is paused, also when slots pass.
    for _ in 0..3 {
        assert_eq!(only(&deployment, &with("Paused")).await, (execution.clone(), "Paused".into()));
        assert_eq!(only(&deployment, &execution).await, (execution.clone(), "Paused".into()));
        assert!(refused(&deployment, &with("Pending")).await.starts_with("There are no executions"));
        deployment.advance(TimeDelta::hours(5));
        assert_eq!(deployment.work().await, 0);
    }
    put(&deployment, &format!("resume/{report}")).await;
    assert_eq!(only(&deployment, &with("Pending")).await, (execution.clone(), "Pending".into()));
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    assert_eq!(only(&deployment, &report).await, (execution, "Completed".into()));
}

/// The documented 404 stays, and its message says why.
#[tokio::test]
async fn a_poll_of_a_run_that_failed_says_so() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(2))).await;
    let broken = deployment.data_folder(insightgate_identity::program::Program::Mpn, "Sales", CONTOSO).join("b.parquet");
    std::fs::write(&broken, "no Parquet").unwrap();
    let idle = refused(&deployment, &report).await;
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    let failed = format!("{idle}. A run failed: executionStatus=Failed shows it with the reason");
    let (execution, _) = only(&deployment, &format!("{report}?executionStatus=Failed")).await;
    for path in [
        report.clone(),
        format!("{report}?executionStatus=Completed"),
        format!("{report}?executionStatus=Running;Paused&getLatestExecution=false"),
        format!("{report}?executionId={execution}"),
    ] {
        assert_eq!(refused(&deployment, &path).await, failed, "{path}");
    }
    assert_eq!(refused(&deployment, &format!("{report}?executionId={report}")).await, idle, "another execution was meant");
    assert_eq!(only(&deployment, &execution).await, (execution.clone(), "Failed".into()), "by its own id it is shown");
    assert_eq!(refused(&deployment, &format!("{execution}?executionStatus=Completed")).await, failed);
    // Once an execution was completed, that one is shown.
    std::fs::remove_file(broken).unwrap();
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    assert_eq!(only(&deployment, &report).await.1, "Completed");
}

/// Some pages of the documents show it so.
#[tokio::test]
async fn a_parameter_names_the_report_too() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let call = async |method: Method, path: &str, body: Value| deployment.call(ANA, method, &format!("ScheduledReport{path}"), body).await;
    let parameter = format!("?REPORTID=%20{report}");
    for (path, message, status) in
        [("/pause", "Report paused successfully", "Paused"), ("/resume/", "Report resumed successfully", "Active")]
    {
        let answer = call(Method::PUT, &format!("{path}{parameter}"), Value::Null).await;
        assert_eq!(answer.envelope()["message"], message);
        assert_eq!(answer.ok()[0]["reportStatus"], status);
        assert_eq!(call(Method::PUT, path, Value::Null).await.refused(400), "Null or missing value: reportId");
        let unknown = call(Method::PUT, &format!("{path}?reportId=nonsense"), Value::Null).await;
        assert_eq!(unknown.refused(404), "No item found with given filters.");
    }
    assert_eq!(call(Method::PUT, &parameter, json!({"ReportName": "renamed"})).await.ok()[0]["reportName"], "renamed");
    assert_eq!(call(Method::GET, &format!("/execution{parameter}&executionStatus=Pending"), Value::Null).await.ok()[0]["reportId"], report);
    // The report in the path takes precedence.
    let both = call(Method::PUT, &format!("/pause/{report}?reportId=nonsense"), Value::Null).await;
    assert_eq!(both.ok()[0]["reportId"], report);
    assert_eq!(call(Method::DELETE, &parameter, Value::Null).await.ok()[0]["reportId"], report);
    assert_eq!(call(Method::DELETE, "", Value::Null).await.refused(400), "Null or missing value: reportId");
}
