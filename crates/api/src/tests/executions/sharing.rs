//! One tenant's previews and executions beside those of others: which are refused for lack of room, with which status, and which execution comes next.

use insightgate_engine::Sharing;
use insightgate_store::Lease;
use serde_json::json;
use uuid::Uuid;

use crate::tests::harness::*;

const PREVIEW: &str = "ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales%20ORDER%20BY%20Name%20ASC";
const EXPLANATION: &str = "ScheduledQueries/explainQuery?exportQuery=SELECT%20Name%20FROM%20Sales";

/// Four in total, and one for each tenant.
async fn deployment() -> Deployment {
    Deployment::with(|settings| settings.sharing = Sharing { waiting: 4, ..Sharing::default() }).await
}

#[tokio::test]
async fn a_tenant_with_too_many_previews_is_told_to_wait_and_others_are_not() {
    let deployment = deployment().await;
    let under_way = deployment.context.engine.seat(CONTOSO).unwrap();
    for path in [PREVIEW, EXPLANATION] {
        for who in [ANA, BEN] {
            let refused = deployment.get(who, path).await;
            assert_eq!(refused.header("retry-after"), "5");
            assert!(refused.refused(429).contains("Your organisation"), "{path}");
        }
        assert_eq!(deployment.get(ZOE, path).await.status, 200, "{path}");
    }
    drop(under_way);
    for path in [PREVIEW, EXPLANATION] {
        assert_eq!(deployment.get(ANA, path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn too_many_previews_of_all_are_no_fault_of_the_caller() {
    let deployment = deployment().await;
    let under_way: Vec<_> = (1..=4).map(|tenant| deployment.context.engine.seat(Uuid::from_u128(tenant)).unwrap()).collect();
    for path in [PREVIEW, EXPLANATION] {
        let refused = deployment.get(ANA, path).await;
        assert_eq!(refused.header("retry-after"), "5");
        assert!(refused.refused(503).contains("Try again"), "{path}");
    }
    drop(under_way);
    assert_eq!(deployment.get(ANA, PREVIEW).await.status, 200);
}

#[tokio::test]
async fn executions_of_a_tenant_that_has_its_places_taken_are_passed_over() {
    let deployment = Deployment::new().await;
    let mut reports = Vec::new();
    for who in [ANA, ANA, ZOE] {
        let query = deployment.create_query(who, "SELECT Name FROM Sales").await;
        reports.push(deployment.create_report(who, &query, json!({"ExecuteNow": true, "RecurrenceInterval": 1})).await);
    }
    let claimed = async |busy: &[Uuid]| {
        let claimed = deployment.context.store.claim_execution_beside(Lease::between(0, i64::MAX / 2), busy, None).await.unwrap();
        claimed.map(|claimed| claimed.report.tenant)
    };
    assert_eq!(claimed(&[CONTOSO]).await, Some(FABRIKAM));
    assert_eq!(claimed(&[CONTOSO]).await, None);
    assert_eq!(claimed(&[FABRIKAM]).await, Some(CONTOSO));
    let none_of_them =
        deployment.context.store.claim_execution_beside(Lease::between(0, i64::MAX / 2), &[FABRIKAM], Some(&[])).await.unwrap();
    assert!(none_of_them.is_none());
    assert_eq!(claimed(&[]).await, Some(CONTOSO));
    assert_eq!(claimed(&[]).await, None);
}
