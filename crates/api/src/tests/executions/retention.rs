//! What is removed and when: artifacts by age and for lack of room, executions after their history, orphaned artifacts.

use chrono::TimeDelta;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::executions::sweeper::{remove_strays, sweep};
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn export(deployment: &Deployment) -> (String, Value) {
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!(deployment.work().await, 1);
    let execution = deployment.executions(ANA, &report).await.remove(0);
    (report, execution)
}

fn link(execution: &Value) -> &str {
    execution["reportAccessSecureLink"].as_str().unwrap()
}

#[tokio::test]
async fn artifacts_go_by_their_age_and_executions_later() {
    let deployment = Deployment::with(|settings| {
        settings.artifact_days = 5;
        settings.history_days = 30;
        settings.link_lifetime = TimeDelta::days(90);
        settings.quotas = false;
    })
    .await;
    let (report, execution) = export(&deployment).await;
    deployment.advance(TimeDelta::days(5));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(deployment.fetch(link(&execution), &[]).await.status, 200, "not older than that");
    deployment.advance(TimeDelta::seconds(1));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(deployment.fetch(link(&execution), &[]).await.status, 404);
    let listed = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&listed["executionStatus"], &listed["rowCount"]), (&json!("Completed"), &json!(3)));
    for field in ["reportAccessSecureLink", "reportLocation", "reportExpiryTime"] {
        assert_eq!(listed[field], Value::Null, "{field}");
    }
    assert!(
        !deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}")).read_dir().is_ok_and(|mut files| files.next().is_some())
    );
    deployment.advance(TimeDelta::days(26));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    deployment.get(ANA, &format!("ScheduledReport/execution/{report}?getLatestExecution=false")).await.refused(404);
    assert_eq!(deployment.report_status(ANA, &report).await, "Inactive", "the report itself stays");
}

#[tokio::test]
async fn the_oldest_artifacts_make_room() {
    let mut size = 0;
    for budget in [0, 1] {
        let deployment = Deployment::with(|settings| {
            settings.quotas = false;
            // Room for two artifacts and nearly a third, once the size of one is known.
            settings.artifact_bytes = Some(if budget == 0 { u64::MAX } else { 3 * size - 1 });
        })
        .await;
        let mut exported = Vec::new();
        for _ in 0..4 {
            exported.push(export(&deployment).await.1);
            deployment.advance(TimeDelta::minutes(1));
        }
        size = exported[0]["byteCount"].as_u64().unwrap();
        sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
        let mut found = Vec::new();
        for execution in &exported {
            found.push(deployment.fetch(link(execution), &[]).await.status.as_u16());
        }
        assert_eq!(found, if budget == 0 { [200; 4] } else { [404, 404, 200, 200] });
    }
}

#[tokio::test]
async fn artifacts_that_no_execution_published_are_removed() {
    let deployment = Deployment::new().await;
    let (report, execution) = export(&deployment).await;
    let folder = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}"));
    let id = execution["executionId"].as_str().unwrap();
    let published = folder.join(format!("{id}-1.csv"));
    let strays = [folder.join(format!("{id}-2.csv")), folder.join(format!("{id}-3.tsv.gz"))];
    for stray in &strays {
        std::fs::write(stray, "left").unwrap();
    }
    // Files that are not artifacts, or whose execution is unknown, belong to somebody else.
    let others = [folder.join("notes.txt"), folder.join(format!("{}-1.csv", uuid::Uuid::from_u128(9)))];
    for other in &others {
        std::fs::write(other, "theirs").unwrap();
    }
    // A running execution may be writing its artifact.
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let running = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let claimed = deployment.context.store.claim_execution(1, i64::MAX).await.unwrap().unwrap();
    let writing = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{running}"));
    std::fs::create_dir_all(&writing).unwrap();
    let writing = writing.join(format!("{}-1.csv", claimed.execution.id));
    std::fs::write(&writing, "half").unwrap();
    remove_strays(&deployment.context, &Turn::alone()).await.unwrap();
    assert!(published.exists() && writing.exists() && others.iter().all(|other| other.exists()));
    assert!(strays.iter().all(|stray| !stray.exists()));
}

#[tokio::test]
async fn an_artifact_that_is_too_large_fails_its_execution_and_is_gone() {
    for (largest, tenant, named) in [(20, u64::MAX, "artifacts.largest_mib"), (u64::MAX, 20, "artifacts.tenant_mib")] {
        let deployment = Deployment::with(|settings| (settings.largest_artifact, settings.tenant_artifact_bytes) = (largest, tenant)).await;
        let query = deployment.create_query(ANA, ALL_SALES).await;
        let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
        assert_eq!(deployment.work().await, 1);
        let execution = deployment.executions(ANA, &report).await.remove(0);
        assert_eq!(
            (&execution["executionStatus"], &execution["attempts"]),
            (&json!("Failed"), &json!(1)),
            "another attempt would end the same"
        );
        assert!(execution["failureReason"].as_str().unwrap().contains(named), "{execution}");
        let folder = deployment.folder.path().join(format!("artifacts/{CONTOSO}/{report}"));
        assert!(!folder.read_dir().is_ok_and(|mut files| files.next().is_some()));
    }
}

#[tokio::test]
async fn room_is_made_by_those_who_have_the_most() {
    let mut size = 0;
    for measured in [false, true] {
        let deployment = Deployment::with(|settings| {
            settings.quotas = false;
            settings.artifact_bytes = Some(if measured { 3 * size } else { u64::MAX });
        })
        .await;
        let mut exported = Vec::new();
        // The other organisation's only artifact is the oldest of all.
        for who in [ZOE, ANA, ANA, ANA, ANA] {
            let query = deployment.create_query(who, ALL_SALES).await;
            let report = deployment.create_report(who, &query, json!({"ExecuteNow": true})).await;
            assert_eq!(deployment.work().await, 1);
            exported.push(deployment.executions(who, &report).await.remove(0));
            deployment.advance(TimeDelta::minutes(1));
        }
        size = exported.iter().filter_map(|execution| execution["byteCount"].as_u64()).max().unwrap();
        sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
        let mut found = Vec::new();
        for execution in &exported {
            found.push(deployment.fetch(link(execution), &[]).await.status.as_u16());
        }
        assert_eq!(found, if measured { [200, 404, 404, 200, 200] } else { [200; 5] });
    }
}
