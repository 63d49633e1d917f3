//! `explainQuery`: explains what a query would do, to callers who may preview it, from their own rows only.

use axum::http::Method;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_query::column::Value as Cell;
use serde_json::{Value, json};

use crate::tests::harness::*;

/// A dataset with a date column and sensitive amounts.
const VISITS: &str = r#"
name = "Visits"
title = "Visits by day"
program = "mpn"
date_column = "Day"
location_column = "MPNId"
columns = [
  { name = "Day", type = "date" },
  { name = "Page", type = "string" },
  { name = "Spent", type = "int64", sensitive = true },
  { name = "MPNId", type = "string" },
]
metrics = [{ name = "TotalSpent", expression = "SUM(Spent)" }, { name = "Pages", expression = "COUNT(DISTINCT Page)", sensitive = true }]
"#;

/// Two files: one with two rows of last year, and one with three rows of this year's October.
async fn deployment() -> Deployment {
    let deployment = Deployment::with(|settings| settings.access_rules.allow_report_viewer = true).await;
    std::fs::write(deployment.folder.path().join("definitions/mpn/Visits.toml"), VISITS).unwrap();
    let text = |texts: &[&str]| texts.iter().map(|text| Some(Cell::String((*text).to_owned()))).collect::<Vec<_>>();
    let day = |days: &[&str]| days.iter().map(|day| Some(Cell::Date(day.parse().unwrap()))).collect::<Vec<_>>();
    let number = |numbers: &[i64]| numbers.iter().map(|number| Some(Cell::Int(*number))).collect::<Vec<_>>();
    let (old, new) = (["2025-03-01", "2025-03-02"], ["2026-10-01", "2026-10-02", "2026-10-03"]);
    let old = [day(&old), text(&["a", "b"]), number(&[1, 2]), text(&["1000001", "1000002"])];
    let new = [day(&new), text(&["a", "b", "c"]), number(&[4, 8, 16]), text(&["1000001", "1000001", "1000002"])];
    deployment.write(Program::Mpn, "Visits", CONTOSO, "2025.parquet", &old);
    deployment.write(Program::Mpn, "Visits", CONTOSO, "2026.parquet", &new);
    let foreign = [day(&["2026-10-04"; 50]), text(&["z"; 50]), number(&[9; 50]), text(&["2000001"; 50])];
    deployment.write(Program::Mpn, "Visits", FABRIKAM, "2026.parquet", &foreign);
    deployment
}

async fn give(deployment: &Deployment, who: Who, role: Role, locations: Locations) {
    let user = who.user.unwrap();
    for held in [Role::ExecutiveReportViewer, Role::ReportViewer] {
        deployment.context.store.revoke_role(user, held).await.unwrap();
    }
    deployment.context.store.put_role(who.tenant, user, &RoleAssignment { role, locations }).await.unwrap();
}

async fn ask(deployment: &Deployment, who: Who, query: &str, more: &str) -> Answer {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    deployment.get(who, &format!("ScheduledQueries/explainQuery?exportQuery={query}{more}")).await
}

async fn explained(deployment: &Deployment, who: Who, query: &str, more: &str) -> Value {
    let answer = ask(deployment, who, query, more).await;
    assert_eq!(answer.json()["message"], Value::Null);
    let [explanation] = <[Value; 1]>::try_from(answer.ok()).unwrap();
    explanation
}

fn sentences(explanation: &Value) -> Vec<&str> {
    explanation["sentences"].as_array().unwrap().iter().map(|sentence| sentence.as_str().unwrap()).collect()
}

const QUERY: &str = "SELECT Page, TotalSpent FROM Visits WHERE Page != 'x' AND TotalSpent > 1.5 ORDER BY TotalSpent LIMIT 10";

#[tokio::test]
async fn it_says_what_a_query_would_do() {
    let deployment = deployment().await;
    let mut explanation = explained(&deployment, ANA, QUERY, "").await;
    let (bytes, written) = (explanation["estimatedBytes"].take(), explanation["dataAsOf"].take());
    let said = sentences(&explanation).iter().map(|sentence| (*sentence).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        said,
        [
            "Reads the dataset Visits (Visits by day).",
            "Sees the rows of your whole organisation.",
            "Takes rows with Day from 2026-05-01T00:00:00Z to before 2026-11-01T00:00:00Z (LAST_6_MONTHS, since the query has no TIMESPAN).",
            "Keeps rows where Page is not 'x'.",
            "Groups rows by Page, and computes TotalSpent = SUM(Spent) for each group.",
            "Keeps groups where TotalSpent is at least 2.",
            "Letter case makes no difference, and a null meets no condition.",
            "Returns Page and TotalSpent.",
            "Orders by TotalSpent descending, nulls last; equal groups come in ascending order of Page.",
            "Ends after 10 rows.",
            &format!("Looks at 3 rows at most, of 5 that you can see: {bytes} bytes in 1 of 2 files and 1 of 2 row groups."),
            &format!("The newest file was written at {}.", written.as_str().unwrap()),
        ]
    );
    explanation["sentences"].take();
    assert_eq!(
        explanation,
        json!({
            "sentences": null,
            "dataset": "Visits",
            "timeBounds": {
                "column": "Day", "from": "2026-05-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "source": "default", "timeSpan": "LAST_6_MONTHS"
            },
            "rowsOf": {"locations": null, "redactedColumns": [], "redactedMetrics": []},
            "selected": ["Page", "TotalSpent"],
            "distinct": false,
            "conditions": ["Page is not 'x'"],
            "groupedBy": ["Page"],
            "metrics": [{"name": "TotalSpent", "expression": "SUM(Spent)"}],
            "groupConditions": ["TotalSpent is at least 2"],
            "orderedBy": [{"name": "TotalSpent", "descending": true}],
            "limit": 10,
            "visibleRows": 5,
            "estimatedRows": 3,
            "estimatedBytes": null,
            "files": {"read": 1, "skipped": 1},
            "rowGroups": {"read": 1, "skipped": 1},
            "columnsRead": ["Day", "Page", "Spent"],
            "dataAsOf": null,
            "notes": [],
        })
    );
    // A saved query, and one on a dataset without dates.
    let id = deployment.create_query(ANA, QUERY).await;
    let saved = deployment.get(ANA, &format!("ScheduledQueries/explainQuery?queryId={id}")).await.ok();
    assert_eq!(saved[0]["sentences"][2], said[2]);
    let plain = explained(&deployment, ANA, "SELECT Name FROM Plain WHERE Name = 'a' TIMESPAN LIFETIME", "").await;
    let none = json!({"column": null, "from": null, "to": null, "source": "none", "timeSpan": null});
    assert_eq!((&plain["timeBounds"], &plain["groupedBy"], &plain["limit"]), (&none, &Value::Null, &Value::Null));
}

#[tokio::test]
async fn time_bounds_say_where_they_come_from() {
    let deployment = deployment().await;
    let query = |rest: &str| format!("SELECT Page FROM Visits {rest}");
    let (from, to) = ("2026-01-01T00:00:00Z", "2026-10-02T00:00:00Z");
    for (query, more, expected, rows) in [
        (query("TIMESPAN TODAY"), String::new(), json!(["2026-11-22T00:00:00Z", NOW, "timespan", "TODAY"]), 0),
        (query("TIMESPAN LAST_MONTH"), String::new(), json!(["2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "timespan", "LAST_MONTH"]), 3),
        (query("TIMESPAN LIFETIME"), String::new(), json!([null, null, "timespan", "LIFETIME"]), 5),
        (query("TIMESPAN TODAY"), format!("&startTime={from}&endTime={to}"), json!([from, to, "startAndEndTime", null]), 3),
        (query(""), format!("&startTime={from}"), json!([from, NOW, "startAndEndTime", null]), 3),
        (query(""), format!("&endTime={from}"), json!([null, from, "startAndEndTime", null]), 2),
    ] {
        let explanation = explained(&deployment, ANA, &query, &more).await;
        let bounds = &explanation["timeBounds"];
        assert_eq!(json!([bounds["from"], bounds["to"], bounds["source"], bounds["timeSpan"]]), expected, "{query} {more}");
        assert_eq!((&explanation["estimatedRows"], &explanation["visibleRows"]), (&json!(rows), &json!(5)), "{query} {more}");
    }
}

/// An explanation never counts, names or measures what the caller may not see.
#[tokio::test]
async fn it_speaks_of_the_callers_own_rows_alone() {
    let deployment = deployment().await;
    let query = "SELECT Page, Spent FROM Visits TIMESPAN LIFETIME";
    for (who, visible, locations) in [(ANA, 5, json!(null)), (LEA, 3, json!(["1000001"])), (ZOE, 50, json!(null))] {
        let explanation = explained(&deployment, who, query, "").await;
        assert_eq!((&explanation["visibleRows"], &explanation["rowsOf"]["locations"]), (&json!(visible), &locations), "{who:?}");
        assert!(explanation["estimatedRows"].as_u64().unwrap() <= visible, "{explanation}");
    }
    let lea = explained(&deployment, LEA, query, "").await;
    assert_eq!(sentences(&lea)[1], "Sees the rows of your location 1000001.");
    // The rows of others change nothing.
    let before = explained(&deployment, LEA, query, "").await;
    let text = |text: &str| vec![Some(Cell::String(text.to_owned()))];
    let more = [
        vec![Some(Cell::Date("2026-10-05".parse().unwrap()))],
        text("long".repeat(500).as_str()),
        vec![Some(Cell::Int(1))],
        text("2000001"),
    ];
    deployment.write(Program::Mpn, "Visits", FABRIKAM, "more.parquet", &more);
    assert_eq!(explained(&deployment, LEA, query, "").await, before);

    give(&deployment, LEA, Role::ReportViewer, Locations::Only(vec!["1000002".into(), "1000001".into()])).await;
    let query = "SELECT Page, TotalSpent, Pages FROM Visits WHERE Spent > 3 TIMESPAN LIFETIME";
    let answer = ask(&deployment, LEA, query, "").await;
    assert_eq!(answer.json()["dataRedacted"], true);
    let explanation = answer.ok().remove(0);
    let rows_of = json!({"locations": ["1000002", "1000001"], "redactedColumns": ["Spent"], "redactedMetrics": ["Pages"]});
    let mut found = explanation["rowsOf"].clone();
    found["locations"].as_array_mut().unwrap().sort_by_key(|id| std::cmp::Reverse(id.to_string()));
    assert_eq!(found, rows_of);
    let hidden = "Sensitive columns are null: Spent.";
    let left_out = "Sensitive metrics leave out rows whose sensitive data you may not see: Pages.";
    assert!(sentences(&explanation).contains(&hidden) && sentences(&explanation).contains(&left_out), "{explanation}");
}

#[tokio::test]
async fn it_is_refused_as_a_preview_is() {
    let deployment = deployment().await;
    let id = deployment.create_query(ANA, QUERY).await;
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let text = encode(QUERY);
    let cases = [
        String::new(),
        format!("?exportQuery={text}&queryId={id}"),
        format!("?exportQuery={}", encode("SELECT Page FROM Vsits")),
        format!("?exportQuery={}", encode("SELECT Pge, Dy FROM Visits WHERE Page LIKE 'a\\' ORDER Page")),
        format!("?exportQuery={}", encode("SELECT Day, Pages FROM Visits ORDER BY Page")),
        format!("?exportQuery={text}&startTime=soon"),
        format!("?exportQuery={text}&startTime={NOW}&endTime={NOW}"),
        "?queryId=00000000-0000-0000-0000-00000000dead".to_owned(),
        format!("?exportQuery={}", encode("SELECT Name FROM Plain")),
    ];
    for case in cases {
        for who in [ANA, LEA, ZOE] {
            let answers = ["explainQuery", "testQueryResult"].map(|endpoint| format!("ScheduledQueries/{endpoint}{case}"));
            let [explained, previewed] = [deployment.get(who, &answers[0]).await, deployment.get(who, &answers[1]).await];
            assert_eq!(explained.status, previewed.status, "{case} {who:?}");
            if explained.status != 200 {
                assert_eq!(explained.envelope(), previewed.envelope(), "{case} {who:?}");
            }
        }
    }
    // Both refusals of Lea are in the audit trail, with the reason and the dataset.
    let audited = deployment.audited("access.refuse").await;
    assert_eq!(audited.len(), 2);
    assert!(audited.iter().all(|event| event.subject == "dataset Plain" && event.detail.contains("cannot be limited to locations")));
    let posted = deployment.call(ANA, Method::POST, "ScheduledQueries/explainQuery", json!({})).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn what_is_no_error_is_noted() {
    let deployment = deployment().await;
    let note = "'many' is not a number, so the condition on Spent matches no row";
    let explanation = explained(&deployment, ANA, "SELECT Page FROM Visits WHERE Spent = 'many'", "").await;
    assert_eq!(explanation["notes"], json!([note]));
    assert_eq!(explanation["conditions"], json!(["Spent has a value that it cannot have, so that nothing is left"]));
    let empty = VISITS.replace("\"Visits\"", "\"Empty\"");
    std::fs::write(deployment.folder.path().join("definitions/mpn/Empty.toml"), empty).unwrap();
    let explanation = explained(&deployment, ANA, "SELECT Page FROM Empty", "").await;
    assert_eq!(explanation["notes"], json!(["Empty holds no data of your organisation yet"]));
    assert_eq!((&explanation["dataAsOf"], &explanation["files"]), (&Value::Null, &json!({"read": 0, "skipped": 0})));
}
