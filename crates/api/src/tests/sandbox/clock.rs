//! Moves of the clock that take several requests, and who may see what on the way.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use super::*;

/// A move that ends at the first slot, as one whose time is over. Its answer, if it did not come to its end.
async fn stride(deployment: &Deployment, to: Value) -> Option<Value> {
    let answer = ask(deployment, Method::POST, "clock", with(to, json!({"within": "PT0S"}))).await;
    match answer.status.as_u16() {
        200 => None,
        409 => Some(answer.json()),
        other => panic!("{other}: {}", answer.text()),
    }
}

#[tokio::test]
async fn a_move_that_takes_too_long_says_how_far_it_came_and_the_next_goes_on() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let stopped = stride(&deployment, json!({"advance": "P1D"})).await.unwrap();
    assert_eq!(
        (&stopped["now"], &stopped["mode"], &stopped["target"]),
        (&json!("2026-11-22T16:00:00Z"), &json!("manual"), &json!("2026-11-23T12:00:00Z"))
    );
    let error = stopped["error"].as_str().unwrap();
    assert!(
        error.starts_with("The clock stands at 2026-11-22T16:00:00Z:") && error.contains(r#"{"now": "2026-11-23T12:00:00Z"}"#),
        "{error}"
    );
    assert_eq!(deployment.executions(ANA, &report).await.len(), 1, "what fell due until then is queued");
    assert_eq!(deployment.context.store.setting("manual_clock").await.unwrap().unwrap(), deployment.now().to_rfc3339());
    let mut strides = 1;
    while stride(&deployment, json!({"now": stopped["target"]})).await.is_some() {
        strides += 1;
    }
    // Five more slots. The end is the sixth.
    assert_eq!((strides, deployment.work().await), (6 - 1, 6));
    let generated: BTreeSet<String> =
        deployment.executions(ANA, &report).await.iter().map(|run| run["reportGeneratedTime"].as_str().unwrap().to_owned()).collect();
    assert_eq!(generated.len(), 6);
    assert_eq!(ask(&deployment, Method::GET, "clock", Value::Null).await.json()["now"], "2026-11-23T12:00:00Z");
    for (within, allowed) in [("PT60S", true), ("PT0.5S", true), ("PT61S", false), ("1s", false)] {
        let answer = ask(&deployment, Method::POST, "clock", json!({"advance": "PT1S", "within": within})).await;
        assert_eq!(answer.status == 200, allowed, "{within}");
        assert!(allowed || answer.json()["error"].as_str().unwrap().contains("at most PT60S"), "{}", answer.text());
    }
}

#[tokio::test]
async fn of_two_moves_at_once_none_is_lost() {
    let deployment = Deployment::sandbox().await;
    let moves = ["P2D", "P1D", "PT4H"].map(|by| ask(&deployment, Method::POST, "clock", json!({ "advance": by })));
    for answer in futures::future::join_all(moves).await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(ask(&deployment, Method::GET, "clock", Value::Null).await.json()["now"], "2026-11-25T16:00:00Z");
}

#[tokio::test]
async fn a_field_that_no_move_has_is_named() {
    let deployment = Deployment::sandbox().await;
    let answer = ask(&deployment, Method::POST, "clock", json!({"advance": "P1D", "whithin": "PT1S"})).await;
    assert!(answer.status == 400 && answer.text().contains("whithin"), "{}", answer.text());
    assert_eq!(ask(&deployment, Method::GET, "clock", Value::Null).await.json()["now"], NOW);
}

/// The owner is shut out after the second of six slots of one move.
#[tokio::test]
async fn what_falls_due_after_its_owner_lost_access_gives_nothing() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(BEN, ALL_SALES).await;
    let report = deployment.create_report(BEN, &query, every_four_hours(None)).await;
    let target = json!({"now": "2026-11-23T12:00:00Z"});
    for _ in 0..2 {
        stride(&deployment, target.clone()).await.unwrap();
        assert_eq!(deployment.work().await, 1);
    }
    deployment.context.store.set_user_enabled(BEN.user.unwrap(), false).await.unwrap();
    assert_eq!(stride(&deployment, target.clone()).await.unwrap()["now"], "2026-11-23T00:00:00Z");
    // Refused, and its schedule is paused: the rest of the way has no slot of it.
    assert_eq!(deployment.work().await, 1);
    assert!(stride(&deployment, target).await.is_none());
    assert_eq!(deployment.work().await, 0);
    deployment.context.store.set_user_enabled(BEN.user.unwrap(), true).await.unwrap();
    let runs = deployment.executions(BEN, &report).await;
    let statuses: Vec<&str> = runs.iter().rev().map(|run| run["executionStatus"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["Completed", "Completed", "Failed"]);
    assert!(runs[0]["reportAccessSecureLink"].is_null(), "{}", runs[0]);
    assert_eq!(deployment.report_status(BEN, &report).await, "Paused");
}

/// Nothing of one move has run yet when the owner is shut out: what may be seen is asked when a run begins.
#[tokio::test]
async fn what_waits_when_its_owner_loses_access_gives_nothing() {
    let deployment = Deployment::sandbox().await;
    let query = deployment.create_query(BEN, ALL_SALES).await;
    let report = deployment.create_report(BEN, &query, every_four_hours(None)).await;
    advance(&deployment, "P1D").await;
    deployment.context.store.set_user_enabled(BEN.user.unwrap(), false).await.unwrap();
    deployment.work().await;
    deployment.context.store.set_user_enabled(BEN.user.unwrap(), true).await.unwrap();
    let runs = deployment.executions(BEN, &report).await;
    assert!(runs.iter().all(|run| run["executionStatus"] != "Completed" && run["reportAccessSecureLink"].is_null()), "{runs:?}");
    assert_eq!(deployment.report_status(BEN, &report).await, "Paused");
}
