//! Queries, reports, executions and rows belong to their owner. Those of another owner cannot be distinguished from missing ones.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::{Value, json};

use crate::insights::routes;
use crate::tests::harness::*;

const NOT_FOUND: &str = "No item found with given filters.";
const UNKNOWN: &str = "00000000-0000-0000-0000-00000000dead";

/// Endpoints that name no object of an owner, with the reason.
const NAMING_NOTHING: [(&str, &str, &str); 7] = [
    ("GET", "scheduleddataset", "datasets are the same for all callers of a program"),
    ("POST", "scheduledqueries", "what is created is the caller's"),
    ("POST", "scheduledreport", "what is created is the caller's; the query that it names is tried beside the others"),
    ("GET", "limits", "the limits of whoever asks"),
    ("GET", "openapi.json", "the document is the same for everybody"),
    ("GET", "swagger", "leads to the page"),
    ("GET", "swagger/index.html", "the page is the same for everybody"),
];

/// Every other endpoint, with these objects.
fn naming(query: &str, report: &str, execution: &str) -> Vec<(Method, String)> {
    vec![
        (Method::DELETE, format!("ScheduledQueries/{query}")),
        (Method::GET, format!("ScheduledQueries?queryId={query}")),
        (Method::GET, format!("ScheduledQueries/testQueryResult?queryId={query}")),
        (Method::POST, "ScheduledQueries/testQueryResult".to_owned()),
        (Method::GET, format!("ScheduledQueries/explainQuery?queryId={query}")),
        (Method::GET, format!("ScheduledReport?reportId={report}")),
        (Method::PUT, format!("ScheduledReport/{report}")),
        (Method::PUT, format!("ScheduledReport?reportId={report}")),
        (Method::PUT, format!("ScheduledReport/pause/{report}")),
        (Method::PUT, format!("ScheduledReport/pause?reportId={report}")),
        (Method::PUT, format!("ScheduledReport/resume/{report}")),
        (Method::PUT, format!("ScheduledReport/resume?reportId={report}")),
        (Method::DELETE, format!("ScheduledReport/{report}")),
        (Method::DELETE, format!("ScheduledReport?reportId={report}")),
        (Method::GET, format!("ScheduledReport/execution/{report}")),
        (Method::GET, format!("ScheduledReport/execution?reportId={report}")),
        (Method::DELETE, format!("ScheduledReport/execution/{report}")),
        (Method::GET, format!("ScheduledReport/execution/{report}?executionId={execution}")),
    ]
}

/// An endpoint that is in neither of the two lists fails here.
#[test]
fn every_endpoint_is_tried_on_anothers_things() {
    let tried = naming("{queryid}", "{reportid}", "{executionid}").into_iter().map(|(method, path)| {
        let path = path.split('?').next().unwrap();
        let parts = path.split('/').map(|part| if part.starts_with('{') { part.to_owned() } else { part.to_ascii_lowercase() });
        (method.to_string(), parts.collect::<Vec<_>>().join("/"))
    });
    let reviewed = NAMING_NOTHING.map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    let covered: BTreeSet<_> = tried.chain(reviewed).collect();
    let served = routes("").into_iter().map(|route| (route.method.unwrap().to_string(), route.path.trim_start_matches('/').to_owned()));
    assert_eq!(covered, served.collect());
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
        for (method, path) in naming(query, report, &execution) {
            let body = if method == Method::PUT { json!({"ReportName": "taken over"}) } else { Value::Null };
            let body = if path == "ScheduledQueries/testQueryResult" { json!({"queryId": query}) } else { body };
            assert_eq!(deployment.call(who, method, &path, body).await.refused(404), NOT_FOUND, "{path}");
        }
        let created = deployment.call(who, Method::POST, "ScheduledReport", report_body(query, json!({"ExecuteNow": true}))).await;
        assert_eq!(created.refused(400), "Invalid QueryId");
    }
    // Another owner's report beside an own one adds nothing.
    let own = deployment.create_query(BEN, ALL_SALES).await;
    let own = deployment.create_report(BEN, &own, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let listed = deployment.get(BEN, &format!("ScheduledReport/execution/{report};{own}")).await.ok();
    assert_eq!(listed.iter().map(|execution| execution["reportId"].as_str().unwrap()).collect::<Vec<_>>(), [own.as_str()]);
    let by_id = deployment.get(BEN, &format!("ScheduledReport/execution/{own}?executionId={execution}")).await;
    assert!(by_id.refused(404).starts_with("There are no executions"));
    // Everything is unchanged.
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
