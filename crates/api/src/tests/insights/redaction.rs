//! What each role gives access to: nothing, everything, or rows without their sensitive columns, and how an answer says so.

use axum::http::Method;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_query::column::Value as Cell;
use serde_json::{Value, json};

use crate::tests::harness::*;

const USAGE: &str = r#"
name = "ISVUsage"
program = "cmp"
columns = [{ name = "Meter", type = "string" }, { name = "Charge", type = "string", sensitive = true }]
"#;
const NEEDED: &str = "The role Report viewer opens no data here: the user needs the role Executive report viewer.";
const LACKING: &str = "The user lacks the role Executive report viewer.";
const AMOUNTS: &str = "SELECT Name, Amount FROM Sales";

fn all() -> Locations {
    Locations::Organization
}

fn only(id: &str) -> Locations {
    Locations::Only(vec![id.to_owned()])
}

/// A deployment whose Sales have sensitive amounts.
async fn deployment(allow_report_viewer: bool) -> Deployment {
    let deployment = Deployment::with(|settings| settings.access_rules.allow_report_viewer = allow_report_viewer).await;
    let sales = SALES.replace("\"decimal(12,2)\" }", "\"decimal(12,2)\", sensitive = true }");
    assert_ne!(sales, SALES);
    for (file, text) in [("mpn/Sales.toml", sales.as_str()), ("cmp/ISVUsage.toml", USAGE)] {
        std::fs::write(deployment.folder.path().join("definitions").join(file), text).unwrap();
    }
    let text = |text: &str| vec![Some(Cell::String(text.to_owned()))];
    deployment.write(Program::Cmp, "ISVUsage", CONTOSO, "a.parquet", &[text("storage"), text("12.50")]);
    deployment
}

/// Gives these roles and removes all others.
async fn give(deployment: &Deployment, who: Who, roles: &[(Role, Locations)]) {
    let (store, assignee) = (&deployment.context.store, who.user.unwrap_or(who.application));
    for &role in Role::ALL {
        store.revoke_role(assignee, role).await.unwrap();
    }
    for (role, locations) in roles {
        store.put_role(CONTOSO, assignee, &RoleAssignment { role: *role, locations: locations.clone() }).await.unwrap();
    }
}

async fn preview(deployment: &Deployment, who: Who, program: &str, query: &str) -> Answer {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    deployment.call_program(who, program, Method::GET, &format!("ScheduledQueries/testQueryResult?exportQuery={query}"), Value::Null).await
}

fn redacted(answer: &Answer) -> bool {
    answer.ok();
    answer.json()["dataRedacted"].as_bool().unwrap()
}

/// Rows of (name, amount) as previews show them.
fn amounts(rows: &[(&str, Option<f64>)]) -> Value {
    rows.iter().map(|(name, amount)| json!({"Name": name, "Amount": amount})).collect()
}

#[tokio::test]
async fn each_combination_of_roles_opens_what_it_should() {
    use Role::{AccountAdmin, AdminAgent, ExecutiveReportViewer as Erv, GlobalAdmin, MpnPartnerAdmin, NoPermission, ReportViewer as Rv};
    let clear = [("alpha", Some(1.0)), ("beta", Some(2.5)), ("gamma", Some(9.0))];
    let hidden = [("alpha", None), ("beta", None), ("gamma", None)];
    let mixed = [("alpha", None), ("beta", None), ("gamma", Some(9.0))];
    let (one, two) = ("1000001", "1000002");
    let taken = "The user was given No permission: the role Executive report viewer is needed.";
    // The roles; what they give access to by default, and where Report viewers are allowed: rows or the refusal.
    type Opened<'a> = Result<&'a [(&'a str, Option<f64>)], &'a str>;
    type Case<'a> = (Vec<(Role, Locations)>, Opened<'a>, Opened<'a>);
    let cases: Vec<Case<'_>> = vec![
        (vec![(Erv, all())], Ok(&clear), Ok(&clear)),
        (vec![(Rv, all())], Err(NEEDED), Ok(&hidden)),
        (vec![(Rv, only(one))], Err(NEEDED), Ok(&hidden[..2])),
        (vec![(Rv, only(one)), (Erv, only(two))], Ok(&clear[2..]), Ok(&mixed)),
        (vec![(Rv, all()), (Erv, only(two))], Ok(&clear[2..]), Ok(&mixed)),
        (vec![(MpnPartnerAdmin, all())], Ok(&clear), Ok(&clear)),
        (vec![(MpnPartnerAdmin, all()), (NoPermission, all())], Err(taken), Err(taken)),
        (vec![(MpnPartnerAdmin, all()), (Erv, only(two))], Ok(&clear[2..]), Ok(&clear[2..])),
        (vec![(MpnPartnerAdmin, all()), (Rv, all())], Err(NEEDED), Ok(&hidden)),
        (vec![(AdminAgent, all())], Err(LACKING), Err(LACKING)),
        (vec![(GlobalAdmin, all()), (AccountAdmin, all())], Err(LACKING), Err(LACKING)),
    ];
    for allowed in [false, true] {
        let deployment = deployment(allowed).await;
        for (roles, by_default, otherwise) in &cases {
            give(&deployment, BEN, roles).await;
            let answer = preview(&deployment, BEN, "mpn", AMOUNTS).await;
            match if allowed { otherwise } else { by_default } {
                Ok(rows) => {
                    assert_eq!(Value::from(answer.ok()), amounts(rows), "{roles:?} {allowed}");
                    assert_eq!(redacted(&answer), rows.iter().any(|(_, amount)| amount.is_none()), "{roles:?} {allowed}");
                    let file = deployment.export(BEN, AMOUNTS, json!({"ReportName": "file"})).await;
                    let shown = |(name, amount): &(&str, Option<f64>)| match amount {
                        Some(amount) => format!("{name},{amount:.2}\n"),
                        None => format!("{name},\n"),
                    };
                    let wanted = rows.iter().map(shown).collect::<String>();
                    assert_eq!(deployment.fetch(&file, &[]).await.text(), format!("Name,Amount\n{wanted}"), "{roles:?} {allowed}");
                    // The quota is five ExecuteNow reports an hour.
                    deployment.advance(chrono::TimeDelta::hours(1));
                }
                Err(reason) => {
                    assert_eq!(answer.refused(403), *reason, "{roles:?} {allowed}");
                    assert_eq!(answer.json()["dataRedacted"], false);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_question_reveals_a_redacted_value() {
    let deployment = deployment(true).await;
    for (roles, who) in [(vec![(Role::ReportViewer, all())], BEN), (vec![(Role::ReportViewer, only("1000002"))], LEA)] {
        give(&deployment, who, &roles).await;
    }
    for (query, everyone, ben, lea) in [
        ("SELECT TotalAmount FROM Sales", json!([{"TotalAmount": 12.5}]), json!([{"TotalAmount": null}]), json!([{"TotalAmount": null}])),
        ("SELECT Name FROM Sales WHERE Amount > 2 AND Amount < 5", json!([{"Name": "beta"}]), json!([]), json!([])),
        ("SELECT Name FROM Sales WHERE Amount != 0 ORDER BY Name ASC LIMIT 1", json!([{"Name": "alpha"}]), json!([]), json!([])),
        (
            "SELECT Name FROM Sales ORDER BY Amount DESC LIMIT 1",
            json!([{"Name": "gamma"}]),
            json!([{"Name": "alpha"}]),
            json!([{"Name": "gamma"}]),
        ),
        (
            "SELECT DISTINCT Amount FROM Sales WHERE MPNId = '1000002'",
            json!([{"Amount": 9.0}]),
            json!([{"Amount": null}]),
            json!([{"Amount": null}]),
        ),
        (
            "SELECT MPNId, TotalAmount FROM Sales WHERE TotalAmount > 4",
            json!([{"MPNId": "1000002", "TotalAmount": 9.0}]),
            json!([]),
            json!([]),
        ),
    ] {
        for (who, wanted) in [(ANA, everyone), (BEN, ben), (LEA, lea)] {
            assert_eq!(Value::from(preview(&deployment, who, "mpn", query).await.ok()), wanted, "{query} {who:?}");
        }
    }
}

/// Datasets, queries, reports and executions say the same as previews.
#[tokio::test]
async fn every_answer_says_whether_data_is_redacted() {
    let deployment = deployment(true).await;
    give(&deployment, BEN, &[(Role::ReportViewer, all())]).await;
    for (who, wanted) in [(ANA, false), (BEN, true)] {
        let call = |method, path: String, body| {
            let deployment = &deployment;
            async move {
                let answer = deployment.call(who, method, &path, body).await;
                assert_eq!(redacted(&answer), wanted, "{path}");
                answer.ok()[0].clone()
            }
        };
        let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
        call(Method::GET, "ScheduledDataset".into(), Value::Null).await;
        let query = text(&call(Method::POST, "ScheduledQueries".into(), json!({"Name": "q", "Query": AMOUNTS})).await, "queryId");
        call(Method::GET, "ScheduledQueries".into(), Value::Null).await;
        call(Method::GET, format!("ScheduledQueries/testQueryResult?queryId={query}"), Value::Null).await;
        call(Method::GET, format!("ScheduledQueries/explainQuery?queryId={query}"), Value::Null).await;
        let body = report_body(&query, every_four_hours(None));
        let report = text(&call(Method::POST, "ScheduledReport".into(), body).await, "reportId");
        call(Method::GET, "ScheduledReport".into(), Value::Null).await;
        call(Method::PUT, format!("ScheduledReport/{report}"), json!({"ReportName": "other"})).await;
        call(Method::PUT, format!("ScheduledReport/pause/{report}"), Value::Null).await;
        call(Method::PUT, format!("ScheduledReport/resume/{report}"), Value::Null).await;
        deployment.export(who, AMOUNTS, json!({"ReportName": "once"})).await;
        let once = deployment.get(who, "ScheduledReport?reportName=once").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
        call(Method::GET, format!("ScheduledReport/execution/{once}"), Value::Null).await;
        call(Method::DELETE, format!("ScheduledReport/{report}"), Value::Null).await;
        call(Method::DELETE, format!("ScheduledQueries/{query}"), Value::Null).await;
    }
}

#[tokio::test]
async fn a_report_viewer_is_refused_by_default_whatever_is_asked() {
    let deployment = deployment(false).await;
    give(&deployment, BEN, &[(Role::ReportViewer, all())]).await;
    for path in ["ScheduledDataset", "ScheduledQueries", "ScheduledReport", "ScheduledReport/execution/x"] {
        assert_eq!(deployment.get(BEN, path).await.refused(403), NEEDED, "{path}");
    }
    let audited = deployment.audited("access.refuse").await;
    assert_eq!((audited.len(), audited[0].detail.as_str()), (4, NEEDED));
}

/// An artifact with values that its owner may no longer see is no longer accessible; later executions of the report are redacted.
#[tokio::test]
async fn losing_the_role_takes_clear_files_away() {
    let deployment = deployment(true).await;
    let clear = deployment.export(ANA, AMOUNTS, json!({"ReportName": "clear"})).await;
    let query = deployment.create_query(ANA, AMOUNTS).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    give(&deployment, ANA, &[(Role::ReportViewer, all())]).await;
    let reason = "The file holds sensitive data that you may not see any more.";
    assert_eq!(deployment.fetch(&clear, &[]).await.refused(403), reason);
    assert_eq!(deployment.audited("access.refuse").await[0].detail, reason);
    let id = deployment.get(ANA, "ScheduledReport?reportName=clear").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    assert_eq!(deployment.executions(ANA, &id).await[0]["reportAccessSecureLink"], Value::Null);

    deployment.advance(chrono::TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    let link = deployment.executions(ANA, &report).await[0]["reportAccessSecureLink"].as_str().unwrap().to_owned();
    let without = "Name,Amount\nalpha,\nbeta,\ngamma,\n";
    assert_eq!(deployment.fetch(&link, &[]).await.text(), without);

    // Access to some locations' sensitive data is enough for artifacts of only these locations.
    give(&deployment, ANA, &[(Role::ReportViewer, all()), (Role::ExecutiveReportViewer, only("1000001"))]).await;
    assert_eq!(deployment.fetch(&clear, &[]).await.refused(403), reason);
    let part = deployment.export(ANA, AMOUNTS, json!({"ReportName": "part"})).await;
    assert_eq!(deployment.fetch(&part, &[]).await.text(), "Name,Amount\nalpha,1.00\nbeta,2.50\ngamma,\n");
    give(&deployment, ANA, &[(Role::ReportViewer, all())]).await;
    assert_eq!(deployment.fetch(&part, &[]).await.refused(403), reason);
    give(&deployment, ANA, &[(Role::ExecutiveReportViewer, all())]).await;
    for file in [&clear, &link, &part] {
        assert_eq!(deployment.fetch(file, &[]).await.status, 200);
    }
}

/// The role of a user, or of an application without a user: one does not replace the other.
#[tokio::test]
async fn the_marketplace_knows_managers_and_developers() {
    let deployment = deployment(false).await;
    let lacking = "The application or user lacks the role Manager or Developer.";
    let usage_only = "The role Developer opens usage reports only: 'Orders' needs the role Manager.";
    let (orders, usage) = ("SELECT Name FROM Orders", "SELECT Meter, Charge FROM ISVUsage");
    for (holder, other) in [(BEN, ALONE), (ALONE, BEN)] {
        give(&deployment, holder, &[]).await;
        give(&deployment, other, &[(Role::Manager, all())]).await;
        assert_eq!(preview(&deployment, holder, "cmp", usage).await.refused(403), lacking);
        give(&deployment, other, &[]).await;

        give(&deployment, holder, &[(Role::Manager, all())]).await;
        for (query, row) in [(orders, json!({"Name": "row"})), (usage, json!({"Meter": "storage", "Charge": "12.50"}))] {
            let answer = preview(&deployment, holder, "cmp", query).await;
            assert_eq!((answer.ok(), redacted(&answer)), (vec![row], false), "{holder:?}");
        }

        give(&deployment, holder, &[(Role::Developer, all())]).await;
        assert_eq!(preview(&deployment, holder, "cmp", orders).await.refused(403), usage_only);
        let audited = deployment.audited("access.refuse").await;
        assert!(audited.iter().any(|event| event.detail == usage_only && event.subject == "dataset Orders"), "{audited:?}");
        let answer = preview(&deployment, holder, "cmp", usage).await;
        assert_eq!((answer.ok(), redacted(&answer)), (vec![json!({"Meter": "storage", "Charge": null})], true), "{holder:?}");

        // An execution is refused like the preview, with the reason.
        let post = |path: &'static str, body| deployment.call_program(holder, "cmp", Method::POST, path, body);
        let query = post("ScheduledQueries", json!({"Name": "q", "Query": orders})).await.ok().remove(0);
        let body = report_body(query["queryId"].as_str().unwrap(), json!({"ExecuteNow": true}));
        let report = post("ScheduledReport", body).await.ok().remove(0);
        deployment.work().await;
        let path = format!("ScheduledReport/execution/{}?executionStatus=Failed", report["reportId"].as_str().unwrap());
        let failed = deployment.call_program(holder, "cmp", Method::GET, &path, Value::Null).await.ok();
        assert_eq!((&failed[0]["failureReason"], &failed[0]["attempts"]), (&json!(usage_only), &json!(1)));
        assert_eq!(deployment.audited("run.refuse").await[0].detail, usage_only);
        give(&deployment, holder, &[]).await;
    }
}
