//! The access log: who sees whose events, what is an event, how long events are kept, and the queries of `docs/usage.md`.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use chrono::TimeDelta;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_operations::background::turn::Turn;
use insightgate_operations::executions::sweeper::sweep;
use insightgate_operations::usage::files::{write_down, write_files};
use serde_json::{Value, json};

use crate::tests::harness::*;

const PAGE: &str = include_str!("../../../../../docs/usage.md");
const DOWNLOADS: &str = "SELECT User, Dataset, Bytes, Status FROM AccessLog WHERE Event = 'Download' ORDER BY Bytes ASC TIMESPAN LIFETIME";
const NEEDED: &str = "'AccessLog' is for administrators: it needs the role Global admin or Account admin.";

/// The operator's application, alone.
const OPERATOR: Who = Who { tenant: CONTOSO, application: OPERATOR_APP, user: None };

async fn make_administrator(deployment: &Deployment, who: Who) {
    let role = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(who.tenant, who.user.unwrap(), &role).await.unwrap();
}

/// Writes the log down as the background loops do.
async fn write_log(deployment: &Deployment) {
    write_down(&deployment.context, true).await.unwrap();
    write_files(&deployment.context, &Turn::alone()).await.unwrap();
}

fn preview_of(query: &str) -> String {
    format!("ScheduledQueries/testQueryResult?exportQuery={}", url::form_urlencoded::byte_serialize(query.as_bytes()).collect::<String>())
}

async fn ask(deployment: &Deployment, who: Who, program: &str, query: &str) -> Answer {
    deployment.call_program(who, program, Method::GET, &preview_of(query), Value::Null).await
}

/// Downloads from an address, and waits until the download is over for the server too.
async fn download(deployment: &Deployment, link: &str, range: Option<&str>) -> Answer {
    let before = noted(deployment, "Download");
    let mut request = Request::get(link.strip_prefix(BASE).unwrap());
    if let Some(range) = range {
        request = request.header("range", range);
    }
    let peer: SocketAddr = "203.0.113.7:4711".parse().unwrap();
    let answer = deployment.send(request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap()).await;
    while answer.status.is_success() && noted(deployment, "Download") == before {
        tokio::task::yield_now().await;
    }
    answer
}

/// How many events of that name wait in memory.
fn noted(deployment: &Deployment, event: &str) -> usize {
    deployment.context.usage.waiting().iter().filter(|noted| noted.access.event.name() == event).count()
}

fn downloads_of(rows: &[Value]) -> Vec<(String, u64)> {
    rows.iter().map(|row| (row["User"].as_str().unwrap().to_owned(), row["Bytes"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn an_administrator_sees_the_own_tenant_and_an_operator_all() {
    let deployment = Deployment::new().await;
    let of_ana = deployment.export(ANA, ALL_SALES, json!({})).await;
    let of_zoe = deployment.export(ZOE, ALL_SALES, json!({})).await;
    let ana = download(&deployment, &of_ana, None).await.body.len() as u64;
    let zoe = download(&deployment, &of_zoe, None).await.body.len() as u64;
    make_administrator(&deployment, BEN).await;
    make_administrator(&deployment, ZOE).await;
    // A person of locations only, who administers all the same.
    make_administrator(&deployment, LEA).await;
    write_log(&deployment).await;
    let (of_ana, of_zoe) = (("ana@contoso.example".to_owned(), ana), ("zoe@fabrikam.example".to_owned(), zoe));
    for (who, program, expected) in [
        (BEN, "mpn", vec![of_ana.clone()]),
        (LEA, "mpn", vec![of_ana.clone()]),
        (ZOE, "mpn", vec![of_zoe.clone()]),
        (OPERATOR, "cmp", vec![of_zoe, of_ana]),
    ] {
        let rows = ask(&deployment, who, program, DOWNLOADS).await.ok();
        assert_eq!(downloads_of(&rows), expected, "{who:?}");
        assert!(rows.iter().all(|row| row["Dataset"] == "Sales" && row["Status"] == "Succeeded"), "{rows:?}");
        let listed = deployment.call_program(who, program, Method::GET, "ScheduledDataset", Value::Null).await.ok();
        assert!(listed.iter().any(|dataset| dataset["datasetName"] == "AccessLog"), "{who:?}");
    }
    // No condition of a query leads to another tenant's rows.
    let foreign = format!("SELECT TenantId, EventCount FROM AccessLog WHERE TenantId = '{FABRIKAM}' TIMESPAN LIFETIME");
    assert!(ask(&deployment, BEN, "mpn", &foreign).await.ok().is_empty());
    assert_eq!(ask(&deployment, OPERATOR, "cmp", &foreign).await.ok().len(), 1);
}

#[tokio::test]
async fn who_administers_nothing_sees_nothing() {
    let deployment = Deployment::new().await;
    write_log(&deployment).await;
    for (who, program) in [(ANA, "mpn"), (ALONE, "cmp")] {
        assert_eq!(ask(&deployment, who, program, DOWNLOADS).await.refused(403), NEEDED);
        let listed = deployment.call_program(who, program, Method::GET, "ScheduledDataset", Value::Null).await.ok();
        assert!(!listed.is_empty() && listed.iter().all(|dataset| dataset["datasetName"] != "AccessLog"), "{listed:?}");
    }
    // What opens the log opens nothing else.
    let orders = ask(&deployment, OPERATOR, "cmp", "SELECT Name FROM Orders").await.refused(403);
    assert!(orders.starts_with("An operator's application opens 'AccessLog' only"), "{orders}");
    ask(&deployment, OPERATOR, "mpn", DOWNLOADS).await.refused(403);
    let listed = deployment.call_program(OPERATOR, "cmp", Method::GET, "ScheduledDataset", Value::Null).await.ok();
    assert_eq!(listed.iter().map(|dataset| dataset["datasetName"].as_str().unwrap()).collect::<Vec<_>>(), ["AccessLog"]);
    // A report can be made, as of every dataset; its execution is refused.
    let query = deployment.create_query(ANA, DOWNLOADS).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["failureReason"]), (&json!("Failed"), &json!(NEEDED)));
}

#[tokio::test]
async fn a_link_to_the_log_ends_with_the_role() {
    let deployment = Deployment::new().await;
    make_administrator(&deployment, BEN).await;
    ask(&deployment, BEN, "mpn", ALL_SALES).await.ok();
    write_log(&deployment).await;
    let link = deployment.export(BEN, "SELECT Event, User FROM AccessLog TIMESPAN LIFETIME", json!({})).await;
    assert_eq!(download(&deployment, &link, None).await.text(), "Event,User\nPreview,ben@contoso.example\n");
    deployment.context.store.revoke_role(BEN.user.unwrap(), Role::GlobalAdmin).await.unwrap();
    let refusals = noted(&deployment, "Refused");
    let refused = download(&deployment, &link, None).await;
    assert_eq!(noted(&deployment, "Refused"), refusals + 1);
    assert_eq!(refused.refused(403), "The file holds the access log, which you may not see any more.");
}

#[tokio::test]
async fn each_request_of_a_download_is_an_event() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let size = download(&deployment, &link, None).await.body.len();
    for range in ["bytes=0-3", "bytes=0-3", "bytes=4-9"] {
        assert_eq!(download(&deployment, &link, Some(range)).await.status, 206);
    }
    assert_eq!(download(&deployment, &link, Some("bytes=9999-")).await.status, 416);
    make_administrator(&deployment, BEN).await;
    write_log(&deployment).await;
    let query = "SELECT Bytes, Rows, Address, Occurrences, ReportName, CorrelationId FROM AccessLog WHERE Event = 'Download'
        ORDER BY Bytes ASC TIMESPAN LIFETIME";
    let rows = ask(&deployment, BEN, "mpn", query).await.ok();
    let seen: Vec<_> = rows.iter().map(|row| (row["Bytes"].as_u64().unwrap(), row["Rows"].as_u64())).collect();
    assert_eq!(seen, [(4, None), (4, None), (6, None), (size as u64, Some(3))]);
    assert!(rows.iter().all(|row| row["Address"] == "203.0.113.7" && row["Occurrences"] == 1 && row["ReportName"] == "report"), "{rows:?}");
    assert!(rows.iter().all(|row| row["CorrelationId"].as_str().is_some_and(|id| !id.is_empty())), "{rows:?}");
    let all = "SELECT Event, EventCount FROM AccessLog ORDER BY Event ASC TIMESPAN LIFETIME";
    let counts: Vec<_> =
        ask(&deployment, BEN, "mpn", all).await.ok().iter().map(|row| (row["Event"].clone(), row["EventCount"].clone())).collect();
    assert_eq!(counts, [(json!("Download"), json!(4)), (json!("Link"), json!(1)), (json!("Run"), json!(1))]);
}

#[tokio::test]
async fn a_day_is_complete_after_its_end_and_goes_after_its_time() {
    let deployment = Deployment::with(|settings| settings.access_log_days = 10).await;
    make_administrator(&deployment, BEN).await;
    let files = || {
        let folder = deployment.folder.path().join(format!("artifacts/access-log/tenant={CONTOSO}"));
        let mut names: Vec<_> =
            folder.read_dir().into_iter().flatten().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let waiting = async || deployment.context.store.unwritten_access_days(i64::MAX, 10).await.unwrap().len();
    let previews = "SELECT EventCount FROM AccessLog WHERE Event = 'Preview' TIMESPAN LIFETIME";
    let count = async || ask(&deployment, BEN, "mpn", previews).await.ok()[0]["EventCount"].as_u64().unwrap();
    ask(&deployment, ANA, "mpn", ALL_SALES).await.ok();
    write_log(&deployment).await;
    let named = |names: &[&str]| names.iter().map(|name| format!("{name}.parquet")).collect::<Vec<_>>();
    assert_eq!((files(), waiting().await), (named(&["2026-11-22.0.0000000001"]), 1));
    assert_eq!(count().await, 1, "the question itself is not written yet");
    write_log(&deployment).await;
    assert_eq!(files(), named(&["2026-11-22.0.0000000001", "2026-11-22.0.0000000002"]), "whoever reads the version before reads on");
    assert_eq!(count().await, 2, "of two versions the newer counts");
    deployment.advance(TimeDelta::hours(13));
    write_log(&deployment).await;
    assert_eq!(files(), named(&["2026-11-22.0.0000000002", "2026-11-23.0.0000000001"]));
    assert_eq!(waiting().await, 1, "the first day is complete");
    assert_eq!(count().await, 3);
    deployment.advance(TimeDelta::days(10));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(files(), named(&["2026-11-23.0.0000000001"]));
    deployment.advance(TimeDelta::days(1));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert!(files().is_empty() && waiting().await == 0, "what waited went with it");
}

#[tokio::test]
async fn without_days_there_is_no_log() {
    let deployment = Deployment::with(|settings| settings.access_log_days = 0).await;
    ask(&deployment, ANA, "mpn", ALL_SALES).await.ok();
    assert_eq!(noted(&deployment, "Preview"), 0);
}

/// The blocks of the page: each query, and the rows that follow it.
fn examples() -> Vec<(String, Vec<String>)> {
    let block = |kind: &str| {
        PAGE.split(&format!("```{kind}\n")).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let rows = block("rows").into_iter().map(|text| text.lines().map(str::to_owned).collect());
    block("sql").into_iter().zip(rows).collect()
}

#[tokio::test]
async fn the_queries_of_the_page_answer_as_it_says() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    download(&deployment, &link, None).await;
    ask(&deployment, BEN, "mpn", DOWNLOADS).await.refused(403);
    make_administrator(&deployment, BEN).await;
    write_log(&deployment).await;
    // A span ends before now.
    deployment.advance(TimeDelta::minutes(1));
    let examples = examples();
    assert!(examples.len() >= 3);
    for (query, expected) in examples {
        let rows = ask(&deployment, BEN, "mpn", &query).await.ok();
        let selected = query.lines().next().unwrap().strip_prefix("SELECT ").unwrap().to_owned();
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let of_row = |row: &Value| selected.split(", ").map(|name| shown(&row[name])).collect::<Vec<_>>().join(",");
        assert_eq!(rows.iter().map(of_row).collect::<Vec<_>>(), expected, "{query}");
    }
}
