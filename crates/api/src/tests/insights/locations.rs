//! A role for some locations: rows of other locations are hidden, whatever the query is.

use insightgate_identity::role::{Locations, Role, RoleAssignment};
use serde_json::{Value, json};

use crate::tests::harness::*;

async fn preview(deployment: &Deployment, who: Who, query: &str) -> Answer {
    let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
    deployment.get(who, &format!("ScheduledQueries/testQueryResult?exportQuery={query}")).await
}

#[tokio::test]
async fn rows_of_other_locations_are_hidden() {
    let deployment = Deployment::new().await;
    for (query, all, some) in [
        (
            "SELECT Name FROM Sales ORDER BY Name ASC",
            json!([{"Name": "alpha"}, {"Name": "beta"}, {"Name": "gamma"}]),
            json!([{"Name": "alpha"}, {"Name": "beta"}]),
        ),
        ("SELECT TotalAmount FROM Sales", json!([{"TotalAmount": 12.5}]), json!([{"TotalAmount": 3.5}])),
        ("SELECT Name FROM Sales WHERE MPNId = '1000002'", json!([{"Name": "gamma"}]), json!([])),
        ("SELECT Name FROM Sales WHERE MPNId != '1000001'", json!([{"Name": "gamma"}]), json!([])),
    ] {
        assert_eq!(Value::from(preview(&deployment, ANA, query).await.ok()), all, "{query}");
        assert_eq!(Value::from(preview(&deployment, LEA, query).await.ok()), some, "{query}");
    }
    let file = deployment.export(LEA, ALL_SALES, json!({})).await;
    assert_eq!(deployment.fetch(&file, &[]).await.text(), "Name,Amount\nalpha,1.00\nbeta,2.50\n");
}

/// What a report may read is decided when it is executed.
#[tokio::test]
async fn a_run_sees_the_locations_of_its_own_time() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, "SELECT TotalAmount FROM Sales").await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    for (locations, total) in [
        (Locations::Only(vec!["1000002".into()]), "9.00"),
        (Locations::Only(vec!["1000001".into(), "1000002".into()]), "12.50"),
        (Locations::Organization, "12.50"),
    ] {
        let role = RoleAssignment { role: Role::ExecutiveReportViewer, locations };
        deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &role).await.unwrap();
        deployment.advance(chrono::TimeDelta::hours(4));
        assert_eq!(deployment.work().await, 1);
        let link = deployment.executions(ANA, &report).await[0]["reportAccessSecureLink"].as_str().unwrap().to_owned();
        assert_eq!(deployment.fetch(&link, &[]).await.text(), format!("TotalAmount\n{total}\n"));
    }
}

/// An artifact that was made while its owner could see more is no longer accessible, until the owner can see as much again.
#[tokio::test]
async fn fewer_locations_revoke_earlier_files() {
    let deployment = Deployment::new().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let report = deployment.get(ANA, "ScheduledReport").await.ok()[0]["reportId"].as_str().unwrap().to_owned();
    let assign = async |locations| {
        let role = RoleAssignment { role: Role::ExecutiveReportViewer, locations };
        deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &role).await.unwrap();
    };
    assign(Locations::Only(vec!["1000001".into(), "1000002".into()])).await;
    let reason = "The file holds rows of locations that you may not see any more.";
    assert_eq!(deployment.fetch(&link, &[]).await.refused(403), reason);
    assert_eq!(deployment.audited("access.refuse").await[0].detail, reason);
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!(execution["executionStatus"], "Completed");
    for name in ["reportLocation", "reportAccessSecureLink", "reportExpiryTime"] {
        assert_eq!(execution[name], Value::Null, "{name}");
    }
    let narrow = deployment.export(ANA, ALL_SALES, json!({})).await;
    assert_eq!(deployment.fetch(&narrow, &[]).await.status, 200);
    assign(Locations::Only(vec!["1000002".into()])).await;
    assert_eq!(deployment.fetch(&narrow, &[]).await.refused(403), reason);
    assign(Locations::Organization).await;
    for link in [&link, &narrow] {
        assert_eq!(deployment.fetch(link, &[]).await.status, 200);
    }
}

#[tokio::test]
async fn a_dataset_without_locations_is_refused_with_the_reason() {
    let deployment = Deployment::new().await;
    let reason = "'Plain' cannot be limited to locations: only a viewer of the whole organization may query it.";
    assert_eq!(preview(&deployment, ANA, "SELECT Name FROM Plain").await.ok(), [json!({"Name": "row"})]);
    assert_eq!(preview(&deployment, LEA, "SELECT Name FROM Plain").await.refused(403), reason);
    let query = deployment.create_query(LEA, "SELECT Name FROM Plain").await;
    let report = deployment.create_report(LEA, &query, json!({"ExecuteNow": true})).await;
    deployment.work().await;
    let execution = deployment.executions(LEA, &report).await.remove(0);
    assert_eq!((&execution["executionStatus"], &execution["failureReason"]), (&json!("Failed"), &json!(reason)));
    assert_eq!(execution["attempts"], 1, "another attempt would end the same");
    assert_eq!(execution["reportAccessSecureLink"], Value::Null);
}
