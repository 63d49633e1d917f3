//! What a suspension stops at once: tokens, links, schedules and the running execution.

use std::pin::pin;
use std::task::Poll;

use chrono::TimeDelta;
use insightgate_operations::executions::runner::execute_next;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

const SUSPENDED: &str = "The organisation's enrollment in the partner program 'mpn' is Suspended, not Accepted.";

async fn step(desk: &Desk, name: &str) {
    desk.done(OPERATOR, "POST", &contoso(&format!("/enrollments/mpn/{name}")), json!({"reason": "unpaid"})).await;
}

#[tokio::test]
async fn tokens_links_and_schedules_stop_at_once() {
    let desk = Desk::new().await;
    let deployment = &desk.deployment;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let foreign_query = deployment.create_query(ZOE, ALL_SALES).await;
    let foreign = deployment.create_report(ZOE, &foreign_query, every_four_hours(None)).await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    assert_eq!(deployment.fetch(&link, &[]).await.status, 200);
    step(&desk, "suspend").await;
    assert_eq!(deployment.get(ANA, "ScheduledDataset").await.refused(403), SUSPENDED);
    assert_eq!(deployment.fetch(&link, &[]).await.refused(403), SUSPENDED);
    let event = deployment.audited("enrollment.suspend").await.remove(0);
    assert_eq!((event.detail.as_str(), event.tenant), ("unpaid; 1 report paused", Some(CONTOSO)));
    deployment.advance(TimeDelta::hours(5));
    assert_eq!(deployment.work().await, 1, "the other organisation's alone");
    assert_eq!(deployment.report_status(ZOE, &foreign).await, "Active");
    assert!(deployment.audited("run.refuse").await.is_empty(), "a paused report is not tried");
    step(&desk, "reactivate").await;
    assert_eq!(deployment.report_status(ANA, &report).await, "Paused", "its owner resumes it");
    assert_eq!(deployment.fetch(&link, &[]).await.status, 200);
}

/// A pending execution of an ExecuteNow report is refused when it is executed.
#[tokio::test]
async fn what_waits_is_refused() {
    let desk = Desk::new().await;
    let query = desk.deployment.create_query(ANA, ALL_SALES).await;
    let report = desk.deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    step(&desk, "suspend").await;
    assert_eq!(desk.deployment.work().await, 1);
    step(&desk, "reactivate").await;
    let execution = desk.deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["failureReason"]), (&json!("Failed"), &json!(SUSPENDED)));
    assert_eq!(desk.deployment.audited("run.refuse").await.len(), 1);
}

/// Access is checked again when the artifact is written, before it is published.
#[tokio::test]
async fn a_run_that_is_being_made_is_not_published() {
    let desk = Desk::new().await;
    // More than one part of an upload, so that the first one is visible while others are still to come.
    let name = "n".repeat(16 << 10);
    let rows: Vec<_> = (0..2000).map(|_| (name.as_str(), 1, "1000001")).collect();
    desk.deployment.write_sales(CONTOSO, "b.parquet", &rows);
    let query = desk.deployment.create_query(ANA, "SELECT Name, Amount FROM Sales").await;
    let report = desk.deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let files = desk.deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}"));
    let written = || std::fs::read_dir(&files).map_or(0, Iterator::count);
    {
        let mut execution = pin!(execute_next(&desk.deployment.context));
        while written() == 0 {
            let Poll::Pending = futures::poll!(&mut execution) else { panic!("{:?}", desk.deployment.executions(ANA, &report).await) };
            tokio::task::yield_now().await;
        }
        step(&desk, "suspend").await;
        assert!(execution.await.unwrap());
    }
    assert_eq!(written(), 0);
    step(&desk, "reactivate").await;
    let execution = desk.deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["failureReason"]), (&json!("Failed"), &json!(SUSPENDED)));
    assert_eq!(execution["reportAccessSecureLink"], Value::Null);
}

/// The same for a role that an administrator removes: the next execution is refused, and pauses its report.
#[tokio::test]
async fn a_removed_prerequisite_pauses_the_report_at_its_next_execution() {
    let assignments = format!("/roleAssignments/{}/executive_report_viewer", ANA.user.unwrap());
    let user = format!("/users/{}", ANA.user.unwrap());
    let consent = format!("/applications/{APP}/consents/user_impersonation");
    let permission = format!("/applications/{APP}/permissions/user_impersonation");
    let application = format!("/applications/{APP}");
    for (method, path, body, reason) in [
        ("PATCH", &user, json!({"enabled": false}), "The user account is disabled."),
        ("DELETE", &assignments, Value::Null, "The user lacks the role Executive report viewer."),
        (
            "DELETE",
            &consent,
            Value::Null,
            "The organisation has not consented to the application's permission to the Microsoft Partner API (user_impersonation).",
        ),
        ("DELETE", &permission, Value::Null, "The application lacks the permission to the Microsoft Partner API (user_impersonation)."),
        ("PATCH", &application, json!({"enabled": false}), "The application is disabled."),
    ] {
        let desk = Desk::new().await;
        let query = desk.deployment.create_query(ANA, ALL_SALES).await;
        desk.deployment.create_report(ANA, &query, every_four_hours(None)).await;
        desk.done(GLOBAL, method, &contoso(path), body).await;
        assert_eq!(desk.deployment.get(ANA, "ScheduledDataset").await.refused(403), reason);
        desk.deployment.advance(TimeDelta::hours(4));
        assert_eq!(desk.deployment.work().await, 1);
        assert_eq!(desk.deployment.audited("run.refuse").await.remove(0).detail, reason);
        desk.deployment.advance(TimeDelta::hours(8));
        assert_eq!(desk.deployment.work().await, 0, "{path}");
    }
}
