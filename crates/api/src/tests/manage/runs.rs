//! Reports and executions as operators and administrators see them, what they do with them, the pause of a tenant's runs, and its quotas.

use axum::http::Method;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

const OPEN: &str = "getLatestExecution=false&executionStatus=Pending;Running;Failed;Cancelled;Completed";

async fn once(desk: &Desk) -> (String, String) {
    let deployment = &desk.deployment;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true, "CallbackUrl": "https://127.0.0.1/hook?key=1"})).await;
    let execution = deployment.get(ANA, &format!("ScheduledReport/execution/{report}?{OPEN}")).await.ok().remove(0);
    (report, execution["executionId"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn operators_and_administrators_see_and_end_what_runs() {
    let desk = Desk::with(|settings| {
        settings.callbacks.addresses = insightgate_outbound::AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap()] }
    })
    .await;
    let (report, execution) = once(&desk).await;
    for who in [OPERATOR, GLOBAL, ACCOUNT, ROBOT] {
        let listed = desk.get(who, &contoso("/executions?status=pending")).await;
        let found = &listed["value"][0];
        assert_eq!((&found["id"], &found["waitsFor"], &listed["totalCount"]), (&json!(execution), &json!("its turn"), &json!(1)));
        assert_eq!((&found["user"], &found["attempts"], &found["waitingSeconds"]), (&json!("ana@contoso.example"), &json!(0), &json!(0)));
        let reports = desk.get(who, "/reports").await;
        let shown = &reports["value"][0];
        assert_eq!((&shown["id"], &shown["executions"]["pending"]), (&json!(report), &json!(1)));
        assert_eq!(shown["callbackUrl"], "https://127.0.0.1/hook?…");
        assert_eq!(&desk.get(who, &contoso(&format!("/reports/{report}"))).await, shown);
        assert_eq!(desk.get(who, "/executions?from=2026-11-22T11:00:00Z&to=2026-11-22T12:00:00Z").await["totalCount"], 0);
    }
    assert_eq!(desk.get(FOREIGNER, "/executions").await["totalCount"], 0);
    assert_eq!(desk.get(FOREIGNER, "/reports").await["totalCount"], 0);
    let foreign = format!("/tenants/fabrikam.example/executions/{execution}");
    desk.refused(FOREIGNER, "GET", &foreign, Value::Null, "notFound").await;
    desk.refused(FOREIGNER, "POST", &format!("{foreign}/cancel"), Value::Null, "notFound").await;
    desk.refused(OPERATOR, "POST", &format!("{foreign}/cancel"), Value::Null, "notFound").await;
    let own = contoso(&format!("/executions/{execution}"));
    desk.refused(ACCOUNT, "POST", &format!("{own}/cancel"), Value::Null, "forbidden").await;
    for wrong in ["status=running%20late", "from=yesterday", "owner=ana", "pageSize=0", "skipToken=x"] {
        desk.refused(OPERATOR, "GET", &contoso(&format!("/executions?{wrong}")), Value::Null, "invalid").await;
    }
    let cancelled = desk.done(GLOBAL, "POST", &format!("{own}/cancel"), Value::Null).await;
    assert_eq!(cancelled["status"], "Cancelled");
    assert_eq!(cancelled["failureReason"], "The run was cancelled by an administrator of the organisation.");
    desk.refused(OPERATOR, "POST", &format!("{own}/cancel"), Value::Null, "conflict").await;
    let queued = desk.done(OPERATOR, "POST", &format!("{own}/retry"), Value::Null).await;
    assert_eq!((&queued["status"], &queued["failureReason"]), (&json!("Pending"), &Value::Null));
    assert_eq!(desk.deployment.work().await, 1);
    let completed = desk.get(OPERATOR, &own).await;
    assert_eq!((&completed["status"], &completed["progress"], &completed["rowCount"]), (&json!("Completed"), &json!(100), &json!(3)));
    assert_eq!((&completed["attempts"], &completed["runningSeconds"]), (&json!(1), &json!(0)));
    let told = desk.refused(OPERATOR, "POST", &format!("{own}/retry"), Value::Null, "conflict").await;
    assert_eq!(told, "The run has completed.");
}

#[tokio::test]
async fn a_failed_run_says_why_and_is_tried_again() {
    let desk = Desk::new().await;
    let broken = desk.deployment.data_folder(insightgate_identity::program::Program::Mpn, "Sales", CONTOSO).join("b.parquet");
    std::fs::write(&broken, "no Parquet").unwrap();
    let query = desk.deployment.create_query(ANA, ALL_SALES).await;
    desk.deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!(desk.deployment.work().await, 1);
    let failed = desk.get(OPERATOR, "/executions?status=Failed").await["value"][0].clone();
    assert!(failed["failureReason"].as_str().unwrap().contains("b.parquet"), "{failed}");
    assert_eq!((&failed["attempts"], &failed["failures"]), (&json!(1), &json!(1)));
    std::fs::remove_file(&broken).unwrap();
    desk.done(GLOBAL, "POST", &contoso(&format!("/executions/{}/retry", failed["id"].as_str().unwrap())), Value::Null).await;
    assert_eq!(desk.deployment.work().await, 1);
    assert_eq!(desk.get(OPERATOR, "/executions?status=Completed").await["totalCount"], 1);
}

#[tokio::test]
async fn an_operator_holds_a_tenants_runs_back() {
    let desk = Desk::new().await;
    let runs = contoso("/runs");
    desk.refused(GLOBAL, "POST", &format!("{runs}/pause"), json!({"reason": "x"}), "forbidden").await;
    desk.refused(OPERATOR, "POST", &format!("{runs}/pause"), json!({}), "invalid").await;
    let paused = desk.done(OPERATOR, "POST", &format!("{runs}/pause"), json!({"reason": "the lake moves"})).await;
    assert_eq!((&paused["paused"], &paused["pausedReason"]), (&json!(true), &json!("the lake moves")));
    let query = desk.deployment.create_query(ANA, ALL_SALES).await;
    desk.deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!(desk.deployment.work().await, 0);
    let shown = desk.get(GLOBAL, &runs).await;
    assert_eq!((&shown["pending"], &shown["oldestPending"]), (&json!(1), &json!("2026-11-22T12:00:00Z")));
    let waiting = desk.get(GLOBAL, &contoso("/executions")).await;
    assert_eq!(waiting["value"][0]["waitsFor"], "the organisation's runs, which are paused");
    assert_eq!(desk.done(OPERATOR, "POST", &format!("{runs}/resume"), Value::Null).await["paused"], false);
    assert_eq!(desk.deployment.work().await, 1);
}

#[tokio::test]
async fn an_operator_raises_one_tenants_quotas() {
    let desk = Desk::new().await;
    let limits = contoso("/limits");
    let documented = json!({"quotas": true, "activeReports": 50, "executeNowReports": 5, "queries": 100, "artifactGib": 100, "own": []});
    assert_eq!(desk.get(GLOBAL, &limits).await, documented);
    desk.refused(GLOBAL, "PATCH", &limits, json!({"queries": 7}), "forbidden").await;
    for wrong in [json!({"queries": -1}), json!({"activeReports": 1_000_001}), json!({"queries": "7"})] {
        desk.refused(OPERATOR, "PATCH", &limits, wrong, "invalid").await;
    }
    let own = desk.done(OPERATOR, "PATCH", &limits, json!({"executeNowReports": 6, "queries": 1})).await;
    assert_eq!((&own["executeNowReports"], &own["own"]), (&json!(6), &json!(["executeNowReports", "queries"])));
    let query = desk.deployment.create_query(ANA, ALL_SALES).await;
    let body = json!({"Name": "another", "Query": ALL_SALES});
    desk.deployment.call(ANA, Method::POST, "ScheduledQueries", body).await.refused(400);
    for _ in 0..6 {
        desk.deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    }
    let seventh = desk.deployment.call(ANA, Method::POST, "ScheduledReport", report_body(&query, json!({"ExecuteNow": true}))).await;
    assert_eq!(seventh.refused(400), "User has exceeded its ExecuteNow report creation quota of 6 reports/60 mins");
    let one = desk.done(OPERATOR, "PATCH", &limits, json!({"artifactGib": 0})).await;
    assert_eq!(one["artifactGib"], 0);
    desk.deployment.work().await;
    let failed = desk.get(OPERATOR, "/executions?status=Failed").await["value"][0]["failureReason"].clone();
    assert!(failed.as_str().unwrap().starts_with("The files of the organization would have more than"), "{failed}");
    let removed = json!({"executeNowReports": null, "queries": null, "artifactGib": null});
    let again = desk.done(OPERATOR, "PATCH", &limits, removed).await;
    assert_eq!(again, documented);
}
