//! Who may do what, endpoint by endpoint, as documented.

use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

#[tokio::test]
async fn the_global_account_and_the_whole_record_are_the_operators() {
    let desk = Desk::new().await;
    let only = "Only an operator of this server may do this.";
    for who in [GLOBAL, ACCOUNT, ROBOT, PARTNER, VIEWER] {
        for (method, path, body) in
            [("POST", "/tenants".to_owned(), new_tenant()), ("DELETE", contoso(""), Value::Null), ("GET", "/audit".to_owned(), Value::Null)]
        {
            assert_eq!(desk.refused(who, method, &path, body, "forbidden").await, only);
        }
    }
    for who in [GLOBAL, ACCOUNT, ROBOT] {
        // The global account determines whose rows some datasets return.
        assert_eq!(desk.refused(who, "PATCH", &contoso(""), json!({"globalAccountId": "2000000"}), "forbidden").await, only);
    }
    desk.refused(OPERATOR, "PATCH", &contoso(""), json!({"globalAccountId": "2000000"}), "conflict").await;
    let changed = desk.done(OPERATOR, "PATCH", &contoso(""), json!({"globalAccountId": "1000009"})).await;
    assert_eq!(changed["globalAccountId"], "1000009");
    assert_eq!(desk.done(OPERATOR, "PATCH", &contoso(""), json!({"globalAccountId": null})).await["globalAccountId"], Value::Null);
}

#[tokio::test]
async fn account_admins_look_after_the_company_and_not_the_directory() {
    let desk = Desk::new().await;
    for path in ["", "/users", "/applications", "/locations", "/roleAssignments", "/externalIdentities", "/audit"] {
        for who in [GLOBAL, ACCOUNT, ROBOT, OPERATOR] {
            desk.get(who, &contoso(path)).await;
        }
    }
    let application = format!("/applications/{APP}");
    for (method, path, body) in [
        ("POST", "/users".to_owned(), json!({"username": "nil@contoso.example"})),
        ("PATCH", "/users/ana@contoso.example".to_owned(), json!({"enabled": false})),
        ("PUT", "/users/gil@contoso.example/password".to_owned(), json!({"password": "a new long one"})),
        ("POST", "/applications".to_owned(), json!({"name": "n"})),
        ("PATCH", application.clone(), json!({"enabled": false})),
        ("POST", format!("{application}/secrets"), json!({})),
        ("POST", format!("{application}/permissions"), json!({"permission": "management"})),
        ("DELETE", format!("{application}/permissions/user_impersonation"), Value::Null),
        ("POST", format!("{application}/consents"), json!({"permission": "user_impersonation"})),
        ("DELETE", format!("{application}/consents/user_impersonation"), Value::Null),
    ] {
        let text = desk.refused(ACCOUNT, method, &contoso(&path), body, "forbidden").await;
        assert_eq!(text, "This needs the role Global admin.", "{path}");
    }
}

#[tokio::test]
async fn the_callers_application_needs_permission_and_consent_at_every_call() {
    let desk = Desk::new().await;
    let refused = async |who: Who| desk.refused(who, "GET", "/tenants", Value::Null, "forbidden").await;
    for application in [APP, BARE_APP] {
        let text = refused(Who { application, ..GLOBAL }).await;
        assert_eq!(text, "The application lacks the permission to the management API (management).");
        let text = refused(Who { application, ..ROBOT }).await;
        assert_eq!(text, "The application lacks the permission to the management API (Management.ReadWrite.All).");
    }
    assert_eq!(refused(Who { application: SHUT_APP, ..GLOBAL }).await, "The application is disabled.");
    let consents = contoso(&format!("/applications/{CONSOLE}/consents/management"));
    desk.done(GLOBAL, "DELETE", &consents, Value::Null).await;
    let text = refused(GLOBAL).await;
    assert_eq!(text, "The organisation has not consented to the application's permission to the management API (management).");
    desk.done(OPERATOR, "PATCH", &contoso("/users/gil@contoso.example"), json!({"enabled": false})).await;
    assert_eq!(refused(GLOBAL).await, "The user account is disabled.");
}

#[tokio::test]
async fn datasets_are_shown_to_who_looks_after_them() {
    let desk = Desk::new().await;
    let all = desk.get(OPERATOR, "/datasets").await["totalCount"].as_u64().unwrap();
    let mpn = desk.get(ACCOUNT, "/datasets?program=MPN").await["totalCount"].as_u64().unwrap();
    let cmp = desk.get(GLOBAL, "/datasets?program=cmp").await["totalCount"].as_u64().unwrap();
    assert_eq!(mpn + cmp, all);
    let sales = desk.get(GLOBAL, "/datasets/sales").await;
    assert_eq!((&sales["name"], &sales["program"], &sales["locationColumn"]), (&json!("Sales"), &json!("mpn"), &json!("MPNId")));
    desk.refused(GLOBAL, "GET", "/datasets/sales?program=cmp", Value::Null, "notFound").await;
    desk.refused(GLOBAL, "GET", "/datasets?program=nce", Value::Null, "invalid").await;
    desk.refused(VIEWER, "GET", "/datasets", Value::Null, "forbidden").await;
}
