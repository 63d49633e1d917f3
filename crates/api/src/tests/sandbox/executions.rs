//! Executions that meet faults.

use axum::http::Method;
use futures::{FutureExt, StreamExt};
use insightgate_store::Lease;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

async fn statuses(deployment: &Deployment, report: &str) -> Vec<String> {
    let mut executions = deployment.executions(ANA, report).await;
    executions.reverse();
    executions.iter().map(|execution| execution["executionStatus"].as_str().unwrap().to_owned()).collect()
}

async fn scheduled(deployment: &Deployment) -> String {
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.create_report(ANA, &query, every_four_hours(None)).await
}

/// Once its only execution is seen Running.
async fn running(deployment: &Deployment, report: &str) {
    while statuses(deployment, report).await != ["Running"] {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn one_fails_for_the_ordered_reason_and_the_next_does_not() {
    let deployment = Deployment::sandbox().await;
    let report = scheduled(&deployment).await;
    order(
        &deployment,
        json!({"kind": "executionFailed", "reason": "The dataset is being rebuilt.", "times": 1, "match": {"dataset": "sales"}}),
    )
    .await;
    order(&deployment, json!({"kind": "executionFailed", "match": {"dataset": "Plain"}})).await;
    order(&deployment, json!({"kind": "executionFailed", "match": {"tenant": FABRIKAM.to_string()}})).await;
    advance(&deployment, "PT8H").await;
    deployment.work().await;
    assert_eq!(statuses(&deployment, &report).await, ["Failed", "Completed"]);
    let failed = deployment.executions(ANA, &report).await.remove(1);
    assert!(failed.to_string().contains("The dataset is being rebuilt."), "{failed}");
}

#[tokio::test]
async fn a_new_fault_waits_for_a_claim_that_has_looked_already_and_for_the_demos_own_calls() {
    let deployment = Deployment::sandbox().await;
    let sandbox = deployment.context.sandbox.as_ref().unwrap();
    for busy in [&sandbox.claim, &sandbox.walk] {
        let guard = busy.lock().await;
        let mut ordering = Box::pin(order(&deployment, json!({"kind": "executionPending", "for": "PT2H"})));
        // Whatever else it has to wait for is over by then: it asks no database.
        for _ in 0..100 {
            assert!((&mut ordering).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        drop(guard);
        ordering.await;
    }
}

#[tokio::test]
async fn what_is_queued_after_a_look_is_claimed_after_the_next() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let once = || deployment.create_report(ANA, &query, json!({"ExecuteNow": true}));
    order(&deployment, json!({"kind": "executionPending", "for": "PT2H"})).await;
    let sandbox = deployment.context.sandbox.as_ref().unwrap();
    let looked = sandbox.before_claim(&deployment.context).await.unwrap();
    let report = once().await;
    let claim =
        async |among: Option<&[Uuid]>| deployment.context.store.claim_execution_beside(Lease::between(0, 1), &[], among).await.unwrap();
    assert!(claim(looked.among.as_deref()).await.is_none());
    drop(looked);
    assert_eq!(deployment.work().await, 0);
    assert_eq!(statuses(&deployment, &report).await, ["Pending"]);
    // Where no fault holds others back, each may be claimed.
    clear(&deployment).await;
    let looked = sandbox.before_claim(&deployment.context).await.unwrap();
    assert!(looked.among.is_none() && claim(looked.among.as_deref()).await.is_some());
}

#[tokio::test]
async fn one_stays_pending_for_its_time_and_runs_then() {
    let deployment = Deployment::sandbox().await;
    let report = scheduled(&deployment).await;
    order(&deployment, json!({"kind": "executionPending", "for": "PT2H", "times": 1, "match": {"report": report}})).await;
    advance(&deployment, "PT5H").await;
    assert_eq!(deployment.work().await, 0);
    assert_eq!(statuses(&deployment, &report).await, ["Pending"]);
    // The next one is not held back by the first.
    advance(&deployment, "PT59M").await;
    assert_eq!(deployment.work().await, 0);
    advance(&deployment, "PT3H").await;
    assert_eq!(deployment.work().await, 2);
    let executions = deployment.executions(ANA, &report).await;
    let generated: Vec<&Value> = executions.iter().map(|execution| &execution["reportGeneratedTime"]).collect();
    assert_eq!(generated, ["2026-11-22T20:00:00Z", "2026-11-22T18:00:00Z"], "the first two hours after its slot");
}

#[tokio::test]
async fn what_is_held_back_goes_on_when_the_fault_is_cleared() {
    let deployment = Deployment::sandbox().await;
    let report = scheduled(&deployment).await;
    order(&deployment, json!({"kind": "executionPending", "for": "P300D"})).await;
    advance(&deployment, "PT4H").await;
    assert_eq!(deployment.work().await, 0);
    clear(&deployment).await;
    assert_eq!(deployment.work().await, 1);
    assert_eq!(statuses(&deployment, &report).await, ["Completed"]);
}

/// A report whose execution is due, and will stay Running for 90 minutes.
async fn held_running(deployment: &Deployment) -> String {
    let report = scheduled(deployment).await;
    order(deployment, json!({"kind": "executionRunning", "for": "PT1H30M", "times": 1})).await;
    advance(deployment, "PT4H").await;
    report
}

#[tokio::test]
async fn one_stays_running_until_the_clock_has_moved() {
    let deployment = Deployment::sandbox().await;
    let report = held_running(&deployment).await;
    let moving = async {
        running(&deployment, &report).await;
        advance(&deployment, "PT1H").await;
        assert_eq!(statuses(&deployment, &report).await, ["Running"]);
        advance(&deployment, "PT30M").await;
    };
    let (ran, ()) = tokio::join!(deployment.work(), moving);
    assert_eq!(ran, 1);
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["reportGeneratedTime"]), (&json!("Completed"), &json!("2026-11-22T17:30:00Z")));
}

#[tokio::test]
async fn one_stays_running_for_longer_than_a_run_may_take() {
    let deployment = Deployment::sandbox().await;
    let report = held_running(&deployment).await;
    let moving = async {
        running(&deployment, &report).await;
        tokio::time::pause();
        tokio::time::advance(2 * deployment.context.settings.run_limit).await;
        tokio::time::resume();
        assert_eq!(statuses(&deployment, &report).await, ["Running"]);
        advance(&deployment, "PT90M").await;
    };
    let (ran, ()) = tokio::join!(deployment.work(), moving);
    assert_eq!((ran, statuses(&deployment, &report).await), (1, vec!["Completed".to_owned()]));
}

#[tokio::test]
async fn one_that_runs_ends_when_its_owner_cancels_it() {
    let deployment = Deployment::sandbox().await;
    let report = held_running(&deployment).await;
    let path = format!("ScheduledReport/execution/{report}?executionStatus=Running;Cancelled");
    let cancelling = async {
        running(&deployment, &report).await;
        let running = deployment.get(ANA, &path).await.ok().remove(0);
        assert_eq!(running["progress"], 0);
        let execution = format!("ScheduledReport/execution/{}", running["executionId"].as_str().unwrap());
        deployment.call(ANA, Method::DELETE, &execution, Value::Null).await.ok();
    };
    // Nobody moves the clock for which it is held.
    let (ran, ()) = tokio::join!(deployment.work(), cancelling);
    assert_eq!((ran, &deployment.get(ANA, &path).await.ok()[0]["executionStatus"]), (1, &json!("Cancelled")));
    assert!(deployment.context.engine.list_artifacts().next().await.is_none());
}

#[tokio::test]
async fn one_is_slow_in_real_time() {
    let deployment = Deployment::sandbox().await;
    let report = scheduled(&deployment).await;
    order(&deployment, json!({"kind": "executionSlow", "delay": "PT0.3S", "times": 1})).await;
    advance(&deployment, "PT4H").await;
    let begun = tokio::time::Instant::now();
    assert_eq!(deployment.work().await, 1);
    assert!(begun.elapsed().as_millis() >= 300);
    assert_eq!(statuses(&deployment, &report).await, ["Completed"]);
}
