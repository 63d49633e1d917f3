//! Every documented message about queries, at every endpoint that has it, in both programs; and our own messages where the documents leave the text open.

use axum::http::Method;
use serde_json::{Value, json};

use crate::tests::harness::*;

const UNKNOWN: &str = "00000000-0000-0000-0000-00000000dead";

/// A caller, the program, one of its datasets, and a column.
const PROGRAMS: [(Who, &str, &str); 2] = [(ANA, "mpn", "Sales"), (ALONE, "cmp", "Orders")];

async fn create(deployment: &Deployment, who: Who, program: &str, body: Value) -> Answer {
    deployment.call_program(who, program, Method::POST, "ScheduledQueries", body).await
}

async fn ask(deployment: &Deployment, who: Who, program: &str, endpoint: &str, parameters: &[(&str, &str)]) -> Answer {
    let parameters = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    deployment.call_program(who, program, Method::GET, &format!("ScheduledQueries/{endpoint}?{parameters}"), Value::Null).await
}

/// The refusal of a wrong text begins in the same way wherever the text is given; a saved query is also refused when it is executed.
#[tokio::test]
async fn a_wrong_text() {
    let deployment = Deployment::new().await;
    for (who, program, dataset) in PROGRAMS {
        for (text, message) in [
            (
                "SELECT Name FROM Nowhere".to_owned(),
                "Invalid table name: 'Nowhere' at line 1, column 18 is not a dataset of this program; ",
            ),
            (format!("SELECT Nme FROM {dataset}"), "Incorrect column name: 'Nme' at line 1, column 8 is neither a column nor a metric of "),
            (format!("SELECT Name FROM {dataset} WHERE Nme = 1"), "Incorrect column name: 'Nme' at line 1, column "),
            (format!("SELECT Name FROM {dataset} ORDER BY Nme"), "Incorrect column name: 'Nme' at line 1, column "),
            // If there are other errors, the documented text still comes first.
            (format!("SELECT Name Name FROM {dataset} ORDER BY Nme"), "Incorrect column name: 'Nme' at line 1, column "),
            (format!("SELECT * FROM {dataset}"), "SELECT * at line 1, column 8 is not supported; "),
            (format!("SELECT Name FROM {dataset} TIMESPAN LAST_MONTH"), "TIMESPAN LAST_MONTH at line 1, column "),
            (format!("SELECT Name FROM {dataset} LIMIT 0"), "'0' at line 1, column "),
        ] {
            let created = create(&deployment, who, program, json!({"Name": "n", "Query": text})).await.refused(400);
            assert!(created.starts_with(message), "{program} {text}: {created}");
            for endpoint in ["testQueryResult", "explainQuery"] {
                let refused = ask(&deployment, who, program, endpoint, &[("exportQuery", &text)]).await.refused(400);
                assert_eq!(refused, created, "{program} {endpoint} {text}");
            }
        }
    }
}

/// A query that was right when it was saved, on a dataset that has changed since.
#[tokio::test]
async fn a_saved_text_that_became_wrong() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let definition = deployment.folder.path().join("definitions/mpn/Sales.toml");
    for (text, message) in [
        (
            SALES.replace("\"Amount\"", "\"Sum\"").replace("SUM(Amount)", "SUM(Sum)"),
            "Incorrect column name: 'Amount' at line 1, column 14 ",
        ),
        (SALES.replace("name = \"Sales\"", "name = \"Other\""), "Invalid table name: 'Sales' at line 1, column 26 "),
    ] {
        std::fs::remove_file(&definition).unwrap();
        std::fs::write(if text.contains("\"Other\"") { definition.with_file_name("Other.toml") } else { definition.clone() }, text)
            .unwrap();
        for endpoint in ["testQueryResult", "explainQuery"] {
            let refused = ask(&deployment, ANA, "mpn", endpoint, &[("queryId", &query)]).await.refused(400);
            assert!(refused.starts_with(message), "{endpoint}: {refused}");
        }
        std::fs::write(&definition, SALES).unwrap();
    }
}

#[tokio::test]
async fn a_missing_or_long_field() {
    let deployment = Deployment::new().await;
    for (who, program, dataset) in PROGRAMS {
        let text = format!("SELECT Name FROM {dataset}");
        for (body, message) in [
            (json!({"Query": text}), "Null or missing value: Name"),
            (json!({"Name": "n"}), "Null or missing value: Query"),
            (json!({"Name": null, "Query": ""}), "Null or missing value: Name, Query"),
            (json!({"Name": " ", "Query": text}), "Null or missing value: Name"),
            (json!({}), "Null or missing value: Name, Query"),
            (json!({"Name": "n".repeat(257), "Query": text}), "Limit Name and Description length to 256 characters or less"),
            (
                json!({"Name": "n", "Description": "d".repeat(257), "Query": text}),
                "Limit Name and Description length to 256 characters or less",
            ),
        ] {
            assert_eq!(create(&deployment, who, program, body.clone()).await.refused(400), message, "{program} {body}");
        }
        let longest = json!({"Name": "n".repeat(256), "Description": "d".repeat(256), "Query": text});
        assert_eq!(create(&deployment, who, program, longest).await.status, 200);
        for endpoint in ["testQueryResult", "explainQuery"] {
            for parameters in [vec![], vec![("exportQuery", text.as_str()), ("queryId", UNKNOWN)], vec![("exportQuery", "")]] {
                let refused = ask(&deployment, who, program, endpoint, &parameters).await.refused(400);
                assert_eq!(refused, "Give exactly one of exportQuery and queryId.", "{program} {parameters:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_there() {
    let deployment = Deployment::new().await;
    for (who, program, message) in [(ANA, "mpn", "No item found with given filters."), (ALONE, "cmp", "No item found with given filters")] {
        for endpoint in ["testQueryResult", "explainQuery"] {
            assert_eq!(ask(&deployment, who, program, endpoint, &[("queryId", UNKNOWN)]).await.refused(404), message);
        }
        for (method, path) in [
            (Method::GET, format!("ScheduledQueries?queryId={UNKNOWN}")),
            (Method::GET, "ScheduledQueries?queryName=nothing".to_owned()),
            (Method::DELETE, format!("ScheduledQueries/{UNKNOWN}")),
        ] {
            assert_eq!(deployment.call_program(who, program, method, &path, Value::Null).await.refused(404), message, "{path}");
        }
        let report = json!({"ReportName": "r", "QueryId": UNKNOWN, "ExecuteNow": true});
        assert_eq!(deployment.call_program(who, program, Method::POST, "ScheduledReport", report).await.refused(400), "Invalid QueryId");
        let system =
            deployment.call_program(who, program, Method::GET, "ScheduledQueries?includeOnlySystemQueries=true", Value::Null).await.ok();
        let path = format!("ScheduledQueries/{}", system[0]["queryId"].as_str().unwrap());
        let refused = deployment.call_program(who, program, Method::DELETE, &path, Value::Null).await.refused(400);
        assert_eq!(refused, "A system query cannot be deleted; only queries of type userDefined can.");
    }
}

/// An owner may have a hundred queries in each program.
#[tokio::test]
async fn too_many() {
    let deployment = Deployment::new().await;
    for (who, program, dataset) in PROGRAMS {
        let body = json!({"Name": "n", "Query": format!("SELECT Name FROM {dataset}")});
        for _ in 0..100 {
            assert_eq!(create(&deployment, who, program, body.clone()).await.status, 200);
        }
        let message = "Number of queries exceeded. Delete few queries before creating new queries";
        assert_eq!(create(&deployment, who, program, body).await.refused(400), message, "{program}");
    }
}

/// A value that no row has, or that its column cannot have, is not an error.
#[tokio::test]
async fn what_is_no_error() {
    let deployment = Deployment::new().await;
    for (condition, message) in [
        ("Name = 'nobody'", None),
        ("Amount = 'False'", Some("'False' is not a number, so the condition on Amount matches no row")),
        ("Amount NOT IN ('x')", Some("'x' is not a number, so the condition on Amount matches every row with a value")),
    ] {
        let text = format!("SELECT Name FROM Sales WHERE {condition}");
        let answer = ask(&deployment, ANA, "mpn", "testQueryResult", &[("exportQuery", &text)]).await;
        assert_eq!(answer.ok().len(), if condition.contains("NOT") { 3 } else { 0 });
        // The message may be a hint of this server.
        if let Some(message) = message {
            assert!(answer.json()["message"].as_str().unwrap().contains(message), "{condition}");
        }
        assert_eq!(create(&deployment, ANA, "mpn", json!({"Name": "n", "Query": text})).await.status, 200);
    }
}
