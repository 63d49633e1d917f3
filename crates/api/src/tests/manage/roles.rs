//! Role assignments: locations of the tenant, who may assign which roles, and which roles applications can have.

use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

async fn assign(desk: &Desk, who: Who, body: Value) -> Answer {
    desk.ask(who, "POST", &contoso("/roleAssignments"), body).await
}

#[tokio::test]
async fn a_scope_of_locations_is_of_the_tenants_own() {
    let desk = Desk::new().await;
    for (who, id) in [(ACCOUNT, "1000001"), (GLOBAL, "1000002")] {
        let location = json!({"mpnId": id, "name": "Contoso", "country": "Germany"});
        assert_eq!(desk.done(who, "POST", &contoso("/locations"), location.clone()).await, location);
        desk.refused(who, "POST", &contoso("/locations"), location, "conflict").await;
    }
    for (change, named) in [
        (json!({"mpnId": ""}), "'mpnId' is missing."),
        (json!({"mpnId": "1 2"}), "'mpnId'"),
        (json!({"mpnId": 1000003}), "'mpnId' should be a string, but holds a number."),
        (json!({"country": null}), "'country' is missing."),
    ] {
        let location = with(json!({"mpnId": "1000003", "name": "Contoso", "country": "Germany"}), change);
        assert!(desk.refused(GLOBAL, "POST", &contoso("/locations"), location, "invalid").await.contains(named), "{named}");
    }
    let role = |locations: Value| json!({"assignee": "ben@contoso.example", "role": "executive_report_viewer", "locations": locations});
    let assigned = assign(&desk, ACCOUNT, role(json!(["1000002", "1000001", "1000002"]))).await;
    assert_eq!((assigned.status.as_u16(), &assigned.json()["locations"]), (201, &json!(["1000001", "1000002"])));
    for (locations, named) in [
        (json!(["1000001", "2000001", "x"]), "2000001, x"),
        (json!([]), "at least one location"),
        (json!([""]), "at least one location"),
        (json!("1000001"), "'locations' should be an array of strings"),
        (json!(vec!["1000001"; 1001]), "1000 entries"),
    ] {
        let refused = assign(&desk, ACCOUNT, role(locations)).await.json()["error"].clone();
        assert!(refused["code"] == "invalid" && refused["message"].as_str().unwrap().contains(named), "{refused}");
    }
    let names = async || {
        let rows = desk.deployment.get(BEN, "ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales").await.ok();
        rows.len()
    };
    assert_eq!(names().await, 3);
    assign(&desk, ACCOUNT, role(json!(["1000002"]))).await;
    assert_eq!(names().await, 1, "assigned again, the role covers something else");
    assign(&desk, ACCOUNT, role(Value::Null)).await;
    assert_eq!(names().await, 3);
}

#[tokio::test]
async fn who_may_give_which_role() {
    let desk = Desk::new().await;
    let user = "lea@contoso.example";
    for (who, role, may) in [
        (OPERATOR, "global_admin", true),
        (GLOBAL, "global_admin", true),
        (GLOBAL, "developer", true),
        (ROBOT, "global_admin", true),
        (ACCOUNT, "global_admin", false),
        (ACCOUNT, "account_admin", true),
        (ACCOUNT, "mpn_partner_admin", true),
        (ACCOUNT, "admin_agent", true),
        (ACCOUNT, "executive_report_viewer", true),
        (ACCOUNT, "report_viewer", true),
        (ACCOUNT, "no_permission", true),
        (ACCOUNT, "manager", false),
        (PARTNER, "executive_report_viewer", false),
        (PARTNER, "global_admin", false),
        (VIEWER, "executive_report_viewer", false),
    ] {
        let answer = assign(&desk, who, json!({"assignee": user, "role": role})).await;
        let path = contoso(&format!("/roleAssignments/{user}/{role}"));
        if may {
            assert_eq!(answer.status, 201, "{role} {}", answer.text());
            desk.done(who, "DELETE", &path, Value::Null).await;
            desk.refused(who, "DELETE", &path, Value::Null, "notFound").await;
        } else {
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(answer.status == 403 && message.contains("the role "), "{role} {message}");
            desk.refused(who, "DELETE", &path, Value::Null, "forbidden").await;
        }
    }
    // An administrator who may not change them may still read them.
    assert!(desk.get(PARTNER, &contoso("/roleAssignments")).await["totalCount"].as_u64().unwrap() > 3);
    desk.refused(VIEWER, "GET", &contoso("/roleAssignments"), Value::Null, "forbidden").await;
}

#[tokio::test]
async fn assignments_that_cannot_be() {
    let desk = Desk::new().await;
    let app = APP.to_string();
    for (body, named) in [
        (json!({}), "'assignee' is missing."),
        (json!({"assignee": "ana@contoso.example"}), "'role' is missing."),
        (json!({"assignee": "ana@contoso.example", "role": "owner"}), "'role' should be one of"),
        (json!({"assignee": "zoe@fabrikam.example", "role": "manager"}), "'assignee'"),
        (json!({"assignee": FOREIGN_APP, "role": "manager"}), "'assignee'"),
        (json!({"assignee": ZOE.user, "role": "manager"}), "'assignee'"),
        (json!({"assignee": "nobody", "role": "manager"}), "'assignee'"),
        (json!({"assignee": app, "role": "executive_report_viewer"}), "an application cannot hold it"),
        (json!({"assignee": app, "role": "global_admin"}), "an application cannot hold it"),
        (json!({"assignee": "ana@contoso.example", "role": "global_admin", "locations": ["1"]}), "takes no locations"),
    ] {
        let text = desk.refused(GLOBAL, "POST", &contoso("/roleAssignments"), body, "invalid").await;
        assert!(text.contains(named), "{text}");
    }
    desk.done(GLOBAL, "POST", &contoso("/roleAssignments"), json!({"assignee": app.to_uppercase(), "role": "Developer"})).await;
    for path in
        [format!("/roleAssignments/{app}/owner"), format!("/roleAssignments/{FOREIGN_APP}/manager"), "/roleAssignments/x/manager".into()]
    {
        desk.refused(GLOBAL, "DELETE", &contoso(&path), Value::Null, "notFound").await;
    }
    desk.done(GLOBAL, "DELETE", &contoso(&format!("/roleAssignments/{app}/DEVELOPER")), Value::Null).await;
}
