//! Executions that their owner cancels.

use axum::http::Method;
use insightgate_operations::executions::runner;
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn cancel(deployment: &Deployment, who: Who, execution: &str) -> Answer {
    deployment.call(who, Method::DELETE, &format!("ScheduledReport/execution/{execution}"), Value::Null).await
}

async fn once(deployment: &Deployment, query: &str) -> (String, String) {
    let report = deployment.create_report(ANA, query, json!({"ExecuteNow": true})).await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    (report, execution["executionId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_owner_cancels_what_waits_and_nobody_else() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let (report, execution) = once(&deployment, &query).await;
    for who in [BEN, ZOE] {
        assert_eq!(cancel(&deployment, who, &execution).await.refused(404), "No item found with given filters.");
    }
    for id in [report.as_str(), "nonsense", "00000000-0000-0000-0000-00000000dead"] {
        cancel(&deployment, ANA, id).await.refused(404);
    }
    let answer = cancel(&deployment, ANA, &execution.to_uppercase()).await;
    assert_eq!(answer.envelope()["message"], "Execution cancelled successfully");
    let shown = &answer.ok()[0];
    assert_eq!((&shown["executionStatus"], &shown["failureReason"]), (&json!("Cancelled"), &json!("The run was cancelled by its owner.")));
    assert_eq!(deployment.work().await, 0);
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
    assert_eq!(cancel(&deployment, ANA, &execution).await.refused(409), "The run is over: Cancelled.");
    let events = deployment.audited("run.cancel").await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((event.actor.clone(), event.subject.clone()), (ANA.user.unwrap().to_string(), format!("execution {execution}")));

    // Clients that do not know the status see nothing of it unless they ask.
    let path = format!("ScheduledReport/execution/{report}");
    let told = deployment.get(ANA, &path).await.refused(404);
    assert!(told.ends_with("A run was cancelled: executionStatus=Cancelled shows it with the reason"), "{told}");
    for filter in ["executionStatus=Cancelled", "executionStatus=failed;cancelled", "getLatestExecution=false"] {
        let found = deployment.get(ANA, &format!("{path}?{filter}")).await.ok();
        assert_eq!(found[0]["executionStatus"], "Cancelled", "{filter}");
    }
}

#[tokio::test]
async fn a_running_execution_ends_and_leaves_no_file() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let (report, execution) = once(&deployment, &query).await;
    // Another process holds it.
    let store = &deployment.context.store;
    let now = store.lease_time().await.unwrap();
    let claimed = store.claim_execution(now, now + 60_000).await.unwrap().unwrap();
    cancel(&deployment, ANA, &execution).await.ok();
    let id = claimed.execution.id;
    assert!(!store.extend_lease(id, claimed.execution.epoch, now + 90_000, 50).await.unwrap(), "its next heartbeat tells it");
    assert!(!runner::execute_next(&deployment.context).await.unwrap());
    let artifacts = deployment.folder.path().join("artifacts");
    assert!(std::fs::read_dir(&artifacts).map_or(0, Iterator::count) == 0);
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive");
}

#[tokio::test]
async fn what_has_completed_or_waits_for_its_time_is_not_cancelled() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let (_, execution) = once(&deployment, &query).await;
    assert_eq!(deployment.work().await, 1);
    assert_eq!(cancel(&deployment, ANA, &execution).await.refused(409), "The run is over: Completed.");
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let path = format!("ScheduledReport/execution/{report}?executionStatus=Pending");
    let waiting = deployment.get(ANA, &path).await;
    assert_eq!(waiting.header("retry-after"), "3600", "at most an hour, for a run that waits for its time");
    let id = waiting.ok()[0]["executionId"].as_str().unwrap().to_owned();
    let told = cancel(&deployment, ANA, &id).await.refused(409);
    assert_eq!(told, "The run waits for its time: pause or delete its report instead.");
}

#[tokio::test]
async fn a_poll_says_when_to_ask_again_while_a_run_is_open() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let (report, _) = once(&deployment, &query).await;
    let path = format!("ScheduledReport/execution/{report}");
    for (minutes, wait) in [(0, "1"), (2, "12"), (60, "30")] {
        deployment.advance(chrono::TimeDelta::minutes(minutes));
        for (filter, status) in [("", 404), ("?executionStatus=Pending;Running", 200)] {
            let answer = deployment.get(ANA, &format!("{path}{filter}")).await;
            assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (status, wait), "{filter} {minutes}");
        }
    }
    assert_eq!(deployment.work().await, 1);
    let done = deployment.get(ANA, &path).await;
    assert!(!done.headers.contains_key("retry-after"));
    assert_eq!(done.ok()[0]["progress"], 100);
}
