//! A report's executions: schedules, pausing, failures, retries. The tests call the scheduler and the runner themselves.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::program::Program;
use insightgate_identity::role::Role;
use insightgate_operations::executions::runner::execute_next;
use serde_json::{Value, json};

use crate::tests::harness::*;

fn statuses(executions: &[Value]) -> Vec<&str> {
    executions.iter().map(|execution| execution["executionStatus"].as_str().unwrap()).collect()
}

async fn change(deployment: &Deployment, action: &str, report: &str) -> Answer {
    deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{action}/{report}"), Value::Null).await
}

#[tokio::test]
async fn a_report_at_once_executes_once_and_ends_inactive() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true, "RecurrenceInterval": 1})).await;
    assert_eq!(
        (deployment.report_status(ANA, &report).await, statuses(&deployment.executions(ANA, &report).await)),
        ("Active".into(), vec!["Pending"])
    );
    assert_eq!((deployment.work().await, deployment.work().await), (1, 0));
    let executions = deployment.executions(ANA, &report).await;
    assert_eq!((deployment.report_status(ANA, &report).await, executions.len()), ("Inactive".into(), 1));
    let execution = &executions[0];
    let link = execution["reportAccessSecureLink"].as_str().unwrap();
    let file = deployment.fetch(link, &[]).await;
    assert_eq!(file.text(), "Name,Amount\nalpha,1.00\nbeta,2.50\ngamma,9.00\n");
    for (name, value) in [
        ("recurrenceInterval", json!(-1)),
        ("recurrenceCount", json!(1)),
        ("format", json!("csv")),
        ("executionStatus", json!("Completed")),
        ("reportGeneratedTime", json!(NOW)),
        ("reportExpiryTime", json!("2026-11-29T12:00:00Z")),
        ("failureReason", Value::Null),
        ("attempts", json!(1)),
        ("rowCount", json!(3)),
        ("byteCount", json!(file.body.len())),
    ] {
        assert_eq!(execution[name], value, "{name}");
    }
    assert_eq!(file.header("etag"), format!("\"{}\"", execution["sha256"].as_str().unwrap()));
    assert!(link.starts_with(execution["reportLocation"].as_str().unwrap()));
    for (action, verb) in [("pause", "paused"), ("resume", "resumed")] {
        assert!(change(&deployment, action, &report).await.refused(400).ends_with(&format!("could be {verb}")));
    }
}

#[tokio::test]
async fn a_schedule_runs_once_in_each_interval_until_its_count() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(3))).await;
    let mut executions = Vec::new();
    for _ in 0..20 {
        deployment.advance(TimeDelta::hours(1));
        executions.push(deployment.work().await);
    }
    assert_eq!(executions, [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
    let executions = deployment.executions(ANA, &report).await;
    let generated: Vec<_> = executions.iter().map(|execution| execution["reportGeneratedTime"].as_str().unwrap()).collect();
    assert_eq!(generated, ["2026-11-23T00:00:00Z", "2026-11-22T20:00:00Z", "2026-11-22T16:00:00Z"]);
}

#[tokio::test]
async fn what_fell_due_unseen_is_run_later() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    deployment.advance(TimeDelta::hours(13));
    assert_eq!(deployment.work().await, 3);
    assert_eq!(deployment.report_status(ANA, &report).await, "Active");
}

#[tokio::test]
async fn pausing_holds_and_resuming_skips() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(2))).await;
    assert_eq!(change(&deployment, "pause", &report).await.envelope()["message"], "Report paused successfully");
    change(&deployment, "pause", &report).await.ok();
    deployment.advance(TimeDelta::hours(9));
    assert_eq!((deployment.work().await, deployment.report_status(ANA, &report).await), (0, "Paused".into()));
    assert_eq!(change(&deployment, "resume", &report).await.envelope()["message"], "Report resumed successfully");
    change(&deployment, "resume", &report).await.ok();
    assert_eq!((deployment.work().await, deployment.report_status(ANA, &report).await), (0, "Active".into()));
    // The slots at 16:00 and 20:00 were skipped, and do not count.
    for executions in [1, 1, 0] {
        deployment.advance(TimeDelta::hours(4));
        assert_eq!(deployment.work().await, executions);
    }
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
}

#[tokio::test]
async fn a_run_that_waits_is_paused_with_its_report() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    change(&deployment, "pause", &report).await.ok();
    assert_eq!((deployment.work().await, statuses(&deployment.executions(ANA, &report).await)), (0, vec!["Paused"]));
    change(&deployment, "resume", &report).await.ok();
    assert_eq!((deployment.work().await, statuses(&deployment.executions(ANA, &report).await)), (1, vec!["Completed"]));
}

fn files(folder: &std::path::Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn deleting_a_report_removes_its_artifacts() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let artifacts = deployment.folder.path().join("artifacts");
    assert_eq!(files(&artifacts), 1);
    let report = deployment.get(ANA, "ScheduledReport").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    // An artifact of an unknown execution of this report; and one of another report, which is kept.
    let unknown = format!("{}-1.tsv", uuid::Uuid::from_u128(5));
    std::fs::write(artifacts.join(format!("{CONTOSO}/{report}/{unknown}")), "left").unwrap();
    let other = artifacts.join(format!("{CONTOSO}/{}", uuid::Uuid::from_u128(6)));
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join(&unknown), "kept").unwrap();
    let path = format!("ScheduledReport/{report}");
    let deleted = deployment.call(ANA, Method::DELETE, &path, Value::Null).await;
    assert_eq!((&deleted.envelope()["message"], &deleted.ok()[0]["reportId"]), (&json!("Report deleted successfully"), &json!(report)));
    assert_eq!((files(&artifacts), files(&other)), (1, 1));
    deployment.call(ANA, Method::DELETE, &path, Value::Null).await.refused(404);
    deployment.get(ANA, &format!("ScheduledReport/execution/{report}")).await.refused(404);
    assert_eq!(deployment.fetch(&link, &[]).await.refused(404), "No item found with given filters.");
}

#[tokio::test]
async fn a_run_whose_owner_lost_the_role_fails_and_pauses_the_report() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let user = ANA.user.unwrap();
    deployment.context.store.revoke_role(user, Role::ExecutiveReportViewer).await.unwrap();
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    let audited = deployment.audited("run.refuse").await;
    let reason = "The user lacks the role Executive report viewer.";
    assert_eq!((audited.len(), audited[0].detail.as_str(), audited[0].subject.clone()), (1, reason, format!("report {report}")));
    let role = insightgate_identity::role::RoleAssignment {
        role: Role::ExecutiveReportViewer,
        locations: insightgate_identity::role::Locations::Organization,
    };
    deployment.context.store.put_role(CONTOSO, user, &role).await.unwrap();
    assert_eq!(deployment.report_status(ANA, &report).await, "Paused");
    let path = format!("ScheduledReport/execution/{report}");
    assert!(deployment.get(ANA, &path).await.refused(404).starts_with("There are no executions"));
    let failed = deployment.get(ANA, &format!("{path}?executionStatus=Failed")).await.ok();
    assert_eq!((failed.len(), &failed[0]["failureReason"]), (1, &json!(reason)));
    // The report stays paused until its owner resumes it.
    deployment.advance(TimeDelta::hours(9));
    assert_eq!(deployment.work().await, 0);
    change(&deployment, "resume", &report).await.ok();
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
}

/// A failure that no other attempt would mend ends the execution at once, with a message that names the file but not its path.
#[tokio::test]
async fn data_that_does_not_fit_fails_the_run_at_once() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let folder = deployment.data_folder(Program::Mpn, "Sales", CONTOSO);
    std::fs::write(folder.join("b.parquet"), "no Parquet").unwrap();
    let corrupt = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!((deployment.work().await, deployment.work().await), (1, 0));
    std::fs::remove_file(folder.join("b.parquet")).unwrap();
    let definition = deployment.folder.path().join("definitions/mpn/Sales.toml");
    std::fs::write(&definition, SALES.replace("decimal(12,2)", "timestamp").replace("SUM(Amount)", "COUNT(Amount)")).unwrap();
    let misfitting = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!((deployment.work().await, deployment.work().await), (1, 0));
    for (report, parts) in [(corrupt, vec!["b.parquet"]), (misfitting, vec!["a.parquet", "'Amount'"])] {
        let execution = deployment.executions(ANA, &report).await.remove(0);
        assert_eq!((&execution["executionStatus"], &execution["attempts"]), (&json!("Failed"), &json!(1)), "{execution}");
        let reason = execution["failureReason"].as_str().unwrap();
        assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
        assert!(!reason.contains(deployment.folder.path().to_str().unwrap()), "{reason}");
        assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
    }
}

#[tokio::test]
async fn a_text_that_no_cell_of_excel_holds_fails_the_run_at_once_and_leaves_no_file() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.write_sales(CONTOSO, "b.parquet", &[("x".repeat(32_768).as_str(), 1, "1")]);
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true, "Format": "xlsx"})).await;
    assert_eq!((deployment.work().await, deployment.work().await), (1, 0));
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["attempts"]), (&json!("Failed"), &json!(1)), "{execution}");
    let reason = execution["failureReason"].as_str().unwrap();
    for part in ["column 'Name'", "32768 characters", "a cell of Excel holds 32,767", "choose another format"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert_eq!(execution["reportAccessSecureLink"], Value::Null);
    let artifacts = deployment.folder.path().join("artifacts").join(CONTOSO.to_string()).join(&report);
    assert_eq!(std::fs::read_dir(artifacts).map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn a_dataset_that_is_gone_fails_the_execution() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    std::fs::remove_file(deployment.folder.path().join("definitions/mpn/Sales.toml")).unwrap();
    deployment.work().await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!(execution["executionStatus"], "Failed");
    assert!(execution["failureReason"].as_str().unwrap().contains("Invalid table name"), "{execution}");
}

/// Claims a pending execution, whatever its time, and never finishes it.
async fn claim_and_die(deployment: &Deployment) {
    deployment.context.store.claim_execution(i64::MAX / 2, 0).await.unwrap().expect("something waits");
}

/// Puts a file in the place of the organisation's folder of artifacts.
fn block_storage(deployment: &Deployment) -> std::path::PathBuf {
    let artifacts = deployment.folder.path().join("artifacts");
    std::fs::remove_dir_all(&artifacts).unwrap();
    std::fs::write(&artifacts, "in the way").unwrap();
    artifacts
}

#[tokio::test]
async fn storage_that_fails_is_tried_again_and_a_dead_process_is_replaced() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let artifacts = block_storage(&deployment);
    // The second attempt is not due yet.
    assert_eq!((execute_next(&deployment.context).await.unwrap(), execute_next(&deployment.context).await.unwrap()), (true, false));
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["attempts"]), (&json!("Pending"), &json!(1)));
    let reason = execution["failureReason"].as_str().unwrap();
    assert!(reason.contains("storage") && !reason.contains('/'), "{reason}");
    assert_eq!(deployment.report_status(ANA, &report).await, "Active");
    std::fs::remove_file(&artifacts).unwrap();
    std::fs::create_dir(&artifacts).unwrap();
    claim_and_die(&deployment).await;
    assert_eq!(deployment.work().await, 1);
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["attempts"]), (&json!("Completed"), &json!(3)));
    assert_eq!(execution["failureReason"], Value::Null);
    assert_eq!(deployment.fetch(execution["reportAccessSecureLink"].as_str().unwrap(), &[]).await.status, 200);
}

#[tokio::test]
async fn a_run_is_given_up_after_five_failures_or_many_deaths() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let failing = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    for _ in 0..4 {
        let claimed = store.claim_execution(i64::MAX / 2, 0).await.unwrap().unwrap();
        let retry = insightgate_store::Outcome::Retry { reason: "busy".to_owned(), not_before: 0 };
        assert!(store.finish_execution(&claimed, &retry, None, deployment.now()).await.unwrap());
    }
    let artifacts = block_storage(&deployment);
    assert_eq!(deployment.work().await, 1);
    let execution = deployment.executions(ANA, &failing).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["attempts"]), (&json!("Failed"), &json!(5)));
    std::fs::remove_file(artifacts).unwrap();

    let query = deployment.create_query(ANA, ALL_SALES).await;
    let unlucky = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let deadly = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    for _ in 0..39 {
        claim_and_die(&deployment).await;
    }
    assert_eq!(deployment.work().await, 2);
    let executions = [deployment.executions(ANA, &unlucky).await.remove(0), deployment.executions(ANA, &deadly).await.remove(0)];
    let (given_up, done): (Vec<_>, Vec<_>) = executions.iter().partition(|execution| execution["executionStatus"] == "Failed");
    assert_eq!((given_up.len(), &done[0]["executionStatus"]), (1, &json!("Completed")), "one died twenty times, the other once less");
    assert!(given_up[0]["failureReason"].as_str().unwrap().starts_with("given up: 20 attempts"), "{executions:?}");
    assert_eq!(deployment.report_status(ANA, &deadly).await, "Inactive");
}

#[tokio::test]
async fn a_run_that_takes_too_long_fails() {
    let deployment = Deployment::with(|settings| settings.run_limit = std::time::Duration::ZERO).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!((deployment.work().await, deployment.work().await), (1, 0));
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!(execution["failureReason"], "The run did not finish within 0 minutes.");
    assert_eq!(files(&deployment.folder.path().join("artifacts")), 0);
}
