//! Queries, reports, runs and rows are their owner's. Another's cannot be told from one that is not there.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::tests::harness::*;
use crate::tests::http::every_route::{ID, of_program};

const NOT_FOUND: &str = "No item found with given filters.";
const UNKNOWN: &str = "00000000-0000-0000-0000-00000000dead";

/// Each endpoint that has to do with one thing of somebody's: method, path, body.
const OF_SOMEBODY: [(&str, &str, &str); 17] = [
    ("DELETE", "ScheduledQueries/{query}", ""),
    ("GET", "ScheduledQueries?queryId={query}", ""),
    ("GET", "ScheduledQueries/testQueryResult?queryId={query}", ""),
    ("POST", "ScheduledQueries/testQueryResult", r#"{"queryId": "{query}"}"#),
    ("GET", "ScheduledQueries/explainQuery?queryId={query}", ""),
    ("GET", "ScheduledReport?reportId={report}", ""),
    ("PUT", "ScheduledReport/{report}", TAKEN_OVER),
    ("PUT", "ScheduledReport?reportId={report}", TAKEN_OVER),
    ("PUT", "ScheduledReport/pause/{report}", ""),
    ("PUT", "ScheduledReport/pause?reportId={report}", ""),
    ("PUT", "ScheduledReport/resume/{report}", ""),
    ("PUT", "ScheduledReport/resume?reportId={report}", ""),
    ("DELETE", "ScheduledReport/{report}", ""),
    ("DELETE", "ScheduledReport?reportId={report}", ""),
    ("GET", "ScheduledReport/execution/{report}", ""),
    ("GET", "ScheduledReport/execution/{report}?executionId={execution}", ""),
    ("GET", "ScheduledReport/execution?reportId={report}", ""),
];
const TAKEN_OVER: &str = r#"{"ReportName": "taken over"}"#;
/// The other endpoints, and why another's things are none of their business.
const OF_NOBODY: [(&str, &str, &str); 3] = [
    ("GET", "ScheduledDataset", "the program's datasets are the same for all"),
    ("POST", "ScheduledQueries", "what it makes is the caller's own"),
    ("POST", "ScheduledReport", "what it makes is the caller's own; that it takes nobody else's query is tried beside the others"),
];

/// A new endpoint belongs into one of the lists.
#[tokio::test]
async fn every_endpoint_is_tried_with_anothers_things() {
    let deployment = Deployment::new().await;
    let served = of_program(&deployment, "mpn").await;
    let served: BTreeSet<_> = served
        .iter()
        .map(|(method, path)| (method.to_string(), path.split_once("/mpn/").unwrap().1.replace(ID, "{id}").to_lowercase()))
        .collect();
    let place = |path: &str| {
        let path = path.split('?').next().unwrap();
        path.replace("{query}", "{id}").replace("{report}", "{id}").to_lowercase()
    };
    let listed = OF_SOMEBODY.iter().chain(&OF_NOBODY).map(|(method, path, _)| ((*method).to_owned(), place(path)));
    assert_eq!(served, listed.collect());
}

#[tokio::test]
async fn anothers_things_look_like_things_that_are_not_there() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let scheduled = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    deployment.work().await;
    let execution = deployment.executions(ANA, &report).await[0]["executionId"].as_str().unwrap().to_owned();
    for (who, query, report) in [(BEN, &*query, &*report), (ZOE, &query, &report), (ANA, UNKNOWN, UNKNOWN), (ANA, "not-an-id", "not-an-id")]
    {
        for (method, path, body) in OF_SOMEBODY {
            let named = |text: &str| text.replace("{query}", query).replace("{report}", report).replace("{execution}", &execution);
            let body = if body.is_empty() { Value::Null } else { serde_json::from_str(&named(body)).unwrap() };
            let answer = deployment.call(who, method.parse().unwrap(), &named(path), body).await;
            assert_eq!(answer.refused(404), NOT_FOUND, "{method} {path}");
        }
        let created = deployment.call(who, Method::POST, "ScheduledReport", report_body(query, json!({"ExecuteNow": true}))).await;
        assert_eq!(created.refused(400), "Invalid QueryId");
    }
    // A foreign report beside an own one adds nothing.
    let own = deployment.create_query(BEN, ALL_SALES).await;
    let own = deployment.create_report(BEN, &own, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let listed = deployment.get(BEN, &format!("ScheduledReport/execution/{report};{own}")).await.ok();
    assert_eq!(listed.iter().map(|execution| execution["reportId"].as_str().unwrap()).collect::<Vec<_>>(), [own.as_str()]);
    let by_id = deployment.get(BEN, &format!("ScheduledReport/execution/{own}?executionId={execution}")).await;
    assert!(by_id.refused(404).starts_with("There are no executions"));
    // All of it is as it was.
    assert_eq!(deployment.report_status(ANA, &scheduled).await, "Active");
    assert_eq!(deployment.get(ANA, &format!("ScheduledReport?reportId={report}")).await.ok()[0]["reportName"], "report");
    assert_eq!(deployment.get(ZOE, "ScheduledReport").await.ok(), Vec::<Value>::new());
    assert_eq!(deployment.get(ZOE, "ScheduledQueries?includeSystemQueries=false").await.refused(404), NOT_FOUND);
}

#[tokio::test]
async fn programs_are_apart() {
    let deployment = Deployment::new().await;
    let body = json!({"Name": "orders", "Query": "SELECT Name FROM Orders"});
    let made = deployment.call_program(ALONE, "cmp", Method::POST, "ScheduledQueries", body).await;
    let id = made.ok()[0]["queryId"].as_str().unwrap().to_owned();
    assert_eq!(deployment.get(ANA, &format!("ScheduledQueries?queryId={id}")).await.refused(404), NOT_FOUND);
    let missing = deployment.call_program(ALONE, "cmp", Method::DELETE, &format!("ScheduledQueries/{UNKNOWN}"), Value::Null).await;
    assert_eq!(missing.refused(404), "No item found with given filters", "the marketplace's text has no full stop");
}

#[tokio::test]
async fn rows_are_the_callers_own() {
    let deployment = Deployment::new().await;
    let path = "ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name,Amount%20FROM%20Sales%20ORDER%20BY%20Name%20ASC";
    assert_eq!(deployment.get(ZOE, path).await.ok(), [json!({"Name": "zeta", "Amount": 0.07})]);
    let ana = deployment.get(ANA, path).await.ok();
    assert_eq!(ana.iter().map(|row| row["Name"].as_str().unwrap()).collect::<Vec<_>>(), ["alpha", "beta", "gamma"]);
    let file = deployment.export(ZOE, ALL_SALES, json!({})).await;
    assert_eq!(deployment.fetch(&file, &[]).await.text(), "Name,Amount\nzeta,0.07\n");
}

#[tokio::test]
async fn system_queries_are_everybodys_and_stay() {
    let deployment = Deployment::new().await;
    let system = deployment.get(ANA, "ScheduledQueries?includeOnlySystemQueries=true").await.ok();
    assert!(!system.is_empty() && system.iter().all(|query| query["type"] == "system"));
    let id = system[0]["queryId"].as_str().unwrap();
    let refused = deployment.call(ANA, Method::DELETE, &format!("ScheduledQueries/{id}"), Value::Null).await;
    assert!(refused.refused(400).contains("system query cannot be deleted"));
    assert_eq!(deployment.get(ZOE, &format!("ScheduledQueries?queryId={id}")).await.ok()[0], system[0]);
    let own = deployment.create_query(ANA, ALL_SALES).await;
    let both = deployment.get(ANA, "ScheduledQueries").await.ok();
    assert_eq!(both.len(), system.len() + 1);
    let only_own = deployment.get(ANA, "ScheduledQueries?IncludeSystemQueries=FALSE&queryName=QUERY").await.ok();
    assert_eq!(only_own[0]["queryId"], own);
}
