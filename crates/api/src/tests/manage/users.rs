//! Users: names, passwords, ids, and the last Global admin.

use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::*;
use crate::tests::harness::*;

async fn sign_in(desk: &Desk, username: &str, password: &str) -> u64 {
    let grant = [
        ("grant_type", "password"),
        ("client_id", &APP.to_string()),
        ("client_secret", SECRET),
        ("username", username),
        ("password", password),
        ("resource", RESOURCE),
    ];
    let answer = desk.deployment.post_form("/contoso.example/oauth2/token", &grant).await;
    if answer.status == 200 { 0 } else { answer.json()["error_codes"][0].as_u64().unwrap() }
}

#[tokio::test]
async fn users_are_added_changed_and_shut_out() {
    let desk = Desk::new().await;
    let (first, second) = ("first long phrase", "second long phrase");
    let user = json!({"username": "Nil@Contoso.example", "displayName": " Nil ", "password": first});
    let added = desk.done(GLOBAL, "POST", &contoso("/users"), user).await;
    assert_eq!(
        (&added["username"], &added["displayName"], &added["enabled"]),
        (&json!("nil@contoso.example"), &json!("Nil"), &json!(true))
    );
    let path = contoso(&format!("/users/{}", added["id"].as_str().unwrap()));
    assert_eq!(desk.get(ACCOUNT, &contoso("/users/NIL@contoso.example")).await, added);
    assert_eq!(desk.get(ACCOUNT, &path.to_uppercase().replace("/TENANTS", "/tenants")).await, added);
    assert_eq!(sign_in(&desk, "nil@contoso.example", first).await, 0);
    desk.done(GLOBAL, "PUT", &format!("{path}/password"), json!({"password": second})).await;
    assert_eq!(sign_in(&desk, "nil@contoso.example", first).await, 50_126);
    assert_eq!(sign_in(&desk, "nil@contoso.example", second).await, 0);
    let changed = desk.done(GLOBAL, "PATCH", &path, json!({"displayName": null, "enabled": false})).await;
    assert_eq!((&changed["displayName"], &changed["enabled"]), (&json!(""), &json!(false)));
    assert_eq!(sign_in(&desk, "nil@contoso.example", second).await, 50_057);
    desk.done(GLOBAL, "PATCH", &path, json!({"enabled": true})).await;
    assert_eq!(sign_in(&desk, "nil@contoso.example", second).await, 0);
    desk.done(GLOBAL, "PUT", &format!("{path}/password"), json!({"password": second, "mustChange": true})).await;
    assert_eq!(desk.get(GLOBAL, &path).await["password"], "MustChange");
    let without = desk.done(GLOBAL, "POST", &contoso("/users"), json!({"username": "abel@contoso.example"})).await;
    assert_eq!(without["password"], "Absent");
    desk.assert_kept(&[(first, 0), (second, 0)]).await;
}

#[tokio::test]
async fn a_second_factor_is_shown_once_and_reset() {
    let desk = Desk::new().await;
    let path = contoso("/users/ana@contoso.example/totp");
    desk.refused(ACCOUNT, "POST", &path, Value::Null, "forbidden").await;
    desk.refused(GLOBAL, "DELETE", &path, Value::Null, "conflict").await;
    let added = desk.done(GLOBAL, "POST", &path, Value::Null).await;
    let secret = added["secret"].as_str().unwrap();
    let uri = added["uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/") && uri.contains(secret), "{uri}");
    desk.refused(GLOBAL, "POST", &path, Value::Null, "conflict").await;
    assert_eq!(desk.get(GLOBAL, &contoso("/users/ana@contoso.example")).await["totp"], true);
    // The password alone is no longer enough.
    assert_eq!(sign_in(&desk, "ana@contoso.example", PASSWORD).await, 50_076);
    desk.done(GLOBAL, "DELETE", &path, Value::Null).await;
    assert_eq!(sign_in(&desk, "ana@contoso.example", PASSWORD).await, 0);
    desk.assert_kept(&[(secret, 1)]).await;
}

#[tokio::test]
async fn wrong_names_and_passwords_are_named() {
    let desk = Desk::new().await;
    for (body, named) in [
        (json!({}), "'username' is missing."),
        (json!({"username": 7}), "'username' should be a string, but holds a number."),
        (json!({"username": "nil@fabrikam.example"}), "nil@fabrikam.example"),
        (json!({"username": "nil"}), "name@domain"),
        (json!({"username": "nil@contoso.example", "password": "short"}), "A password needs 8 to 256 characters."),
        (json!({"username": "nilla@contoso.example", "password": "my nilla pass"}), "must not be the sign-in name"),
        (json!({"username": "nil@contoso.example", "password": ["p4ssw0rd-in-array"]}), "'password' should be a string"),
        (json!({"username": "nil@contoso.example", "displayName": "x".repeat(201)}), "'displayName'"),
        (json!({"username": "nil@contoso.example", "displayName": "a\u{0}b"}), "'displayName'"),
        (json!({"username": "nil@contoso.example", "mustChangePassword": "yes"}), "'mustChangePassword'"),
    ] {
        let text = desk.refused(GLOBAL, "POST", &contoso("/users"), body.clone(), "invalid").await;
        assert!(text.contains(named) && !text.contains("p4ssw0rd"), "{body}: {text}");
    }
    desk.refused(GLOBAL, "POST", &contoso("/users"), json!({"username": "ANA@contoso.example"}), "conflict").await;
    for body in [json!({}), json!({"password": ""}), json!({"password": null})] {
        let path = contoso("/users/ana@contoso.example/password");
        assert_eq!(desk.refused(GLOBAL, "PUT", &path, body, "invalid").await, "'password' is missing.");
    }
    for user in ["nobody@contoso.example", "zoe@fabrikam.example", &ZOE.user.unwrap().to_string(), "%20", "%00"] {
        desk.refused(GLOBAL, "GET", &contoso(&format!("/users/{user}")), Value::Null, "notFound").await;
    }
}

/// Roles and reports refer to ids, whatever these belong to: only operators may choose an id, and never one that is in use.
#[tokio::test]
async fn ids_are_chosen_by_operators_and_never_twice() {
    let desk = Desk::new().await;
    let user = |id: Uuid| json!({"username": "nil@contoso.example", "id": id});
    let application = |id: Uuid| json!({"name": "n", "id": id});
    let fresh = Uuid::from_u128(0x99);
    for (path, body) in [("/users", user(fresh)), ("/applications", application(fresh))] {
        let text = desk.refused(GLOBAL, "POST", &contoso(path), body, "forbidden").await;
        assert_eq!(text, "Only an operator of this server may choose the id.");
    }
    for taken in [ZOE.user.unwrap(), FOREIGN_APP, FABRIKAM] {
        desk.refused(OPERATOR, "POST", &contoso("/users"), user(taken), "conflict").await;
        desk.refused(OPERATOR, "POST", &contoso("/applications"), application(taken), "conflict").await;
    }
    assert_eq!(desk.done(OPERATOR, "POST", &contoso("/users"), user(fresh)).await["id"], fresh.to_string());
    desk.refused(OPERATOR, "POST", &contoso("/applications"), application(fresh), "conflict").await;
    desk.refused(OPERATOR, "POST", &contoso("/applications"), json!({"name": "n", "id": "5"}), "invalid").await;
}

#[tokio::test]
async fn the_last_global_admin_stays_unless_an_operator_decides() {
    let desk = Desk::new().await;
    let gil = contoso("/users/gil@contoso.example");
    let role = contoso("/roleAssignments/gil@contoso.example/global_admin");
    for who in [GLOBAL, ROBOT] {
        for (method, path, body) in [("PATCH", &gil, json!({"enabled": false})), ("DELETE", &role, Value::Null)] {
            let text = desk.refused(who, method, path, body, "forbidden").await;
            assert!(text.contains("last Global admin"), "{text}");
        }
    }
    // A disabled user does not count.
    desk.done(GLOBAL, "POST", &contoso("/roleAssignments"), json!({"assignee": "ben@contoso.example", "role": "global_admin"})).await;
    desk.done(GLOBAL, "PATCH", &contoso("/users/ben@contoso.example"), json!({"enabled": false})).await;
    desk.refused(GLOBAL, "DELETE", &role, Value::Null, "forbidden").await;
    desk.done(GLOBAL, "PATCH", &contoso("/users/ben@contoso.example"), json!({"enabled": true})).await;
    desk.done(GLOBAL, "DELETE", &role, Value::Null).await;
    // Access of the same token is checked with each request.
    desk.refused(GLOBAL, "GET", &contoso("/users"), Value::Null, "forbidden").await;
    desk.done(OPERATOR, "DELETE", &contoso("/roleAssignments/ben@contoso.example/global_admin"), Value::Null).await;
}
