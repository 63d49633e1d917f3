//! Applications: redirect URIs, overlapping secrets, permissions before consents, and the applications of operators.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::*;
use crate::tests::harness::*;

async fn register(desk: &Desk, body: Value) -> String {
    desk.done(GLOBAL, "POST", &contoso("/applications"), body).await["id"].as_str().unwrap().to_owned()
}

async fn sign_in(desk: &Desk, application: &str, secret: &str, resource: &str) -> u64 {
    let grant = [("grant_type", "client_credentials"), ("client_id", application), ("client_secret", secret), ("resource", resource)];
    let answer = desk.deployment.post_form("/contoso.example/oauth2/token", &grant).await;
    if answer.status == 200 { 0 } else { answer.json()["error_codes"][0].as_u64().unwrap() }
}

#[tokio::test]
async fn secrets_overlap_expire_and_are_removed_one_by_one() {
    let desk = Desk::new().await;
    let id = register(&desk, json!({"name": "Rotating"})).await;
    let path = contoso(&format!("/applications/{id}/secrets"));
    let add = async |body: Value| {
        let added = desk.done(GLOBAL, "POST", &path, body).await;
        let text = |name: &str| added[name].as_str().unwrap().to_owned();
        assert!(text("secret").starts_with(&text("hint")) && text("hint").len() == 3);
        (text("id"), text("secret"), text("expires"))
    };
    let (first_id, first, expires) = add(json!({"description": "old"})).await;
    assert_eq!(expires, "2028-11-21T12:00:00Z");
    let (_, second, expires) = add(json!({"days": 1})).await;
    assert_eq!(expires, "2026-11-23T12:00:00Z");
    assert_eq!((sign_in(&desk, &id, &first, RESOURCE).await, sign_in(&desk, &id, &second, RESOURCE).await), (0, 0));
    desk.deployment.advance(TimeDelta::days(1));
    assert_eq!(sign_in(&desk, &id, &second, RESOURCE).await, 7_000_222);
    let (_, third, _) = add(json!({"days": 730})).await;
    desk.done(GLOBAL, "DELETE", &format!("{path}/{first_id}"), Value::Null).await;
    assert_eq!((sign_in(&desk, &id, &first, RESOURCE).await, sign_in(&desk, &id, &third, RESOURCE).await), (7_000_215, 0));
    desk.refused(GLOBAL, "DELETE", &format!("{path}/{first_id}"), Value::Null, "notFound").await;
    for body in [json!({"days": 0}), json!({"days": 731}), json!({"days": -1}), json!({"days": 1.5}), json!({"days": "5"})] {
        let text = desk.refused(GLOBAL, "POST", &path, body, "invalid").await;
        assert!(text.contains("'days'"), "{text}");
    }
    // Nine more beside the third; the expired one does not count.
    let mut nine = Vec::new();
    for _ in 0..9 {
        nine.insert(0, json!(add(json!({})).await.0));
    }
    desk.refused(GLOBAL, "POST", &path, json!({}), "conflict").await;
    let listed = desk.get(ACCOUNT, &path).await;
    assert_eq!(listed["totalCount"], 11);
    assert!(listed["value"].as_array().unwrap().iter().all(|secret| secret.get("secret").is_none()));
    let latest: Vec<Value> = listed["value"].as_array().unwrap().iter().take(9).map(|secret| secret["id"].clone()).collect();
    assert_eq!(latest, nine, "the latest first, also of one instant");
    desk.assert_kept(&[(&first, 1), (&second, 1), (&third, 1)]).await;
}

#[tokio::test]
async fn redirect_uris_are_checked_and_public_clients_have_no_secrets() {
    let desk = Desk::new().await;
    let uris = json!(["https://app.example/back", " https://app.example/back ", "http://localhost:8400"]);
    let id = register(&desk, json!({"name": "Web", "redirectUris": uris})).await;
    let path = contoso(&format!("/applications/{id}"));
    assert_eq!(desk.get(GLOBAL, &path).await["redirectUris"], json!(["https://app.example/back", "http://localhost:8400"]));
    for uri in ["http://app.example", "https://app.example/#x", "myapp://back", "javascript:x", ""] {
        desk.refused(GLOBAL, "PATCH", &path, json!({"redirectUris": [uri]}), "invalid").await;
    }
    for wrong in [json!("https://app.example"), json!([5]), json!({"0": "https://app.example"})] {
        let text = desk.refused(GLOBAL, "PATCH", &path, json!({ "redirectUris": wrong }), "invalid").await;
        assert!(text.starts_with("'redirectUris' should be an array of strings"), "{text}");
    }
    let many: Vec<_> = (0..51).map(|index| format!("https://app.example/{index}")).collect();
    desk.refused(GLOBAL, "PATCH", &path, json!({ "redirectUris": many }), "invalid").await;
    let changed = desk.done(GLOBAL, "PATCH", &path, json!({"name": "Site", "redirectUris": []})).await;
    assert_eq!((&changed["name"], &changed["redirectUris"]), (&json!("Site"), &json!([])));
    let public = register(&desk, json!({"name": "Desktop", "public": true, "redirectUris": ["myapp://back"]})).await;
    let secrets = contoso(&format!("/applications/{public}/secrets"));
    assert!(desk.refused(GLOBAL, "POST", &secrets, json!({}), "conflict").await.contains("public"));
    let permissions = contoso(&format!("/applications/{public}/permissions"));
    desk.refused(GLOBAL, "POST", &permissions, json!({"permission": "Management.ReadWrite.All"}), "conflict").await;
    desk.refused(GLOBAL, "POST", &contoso("/applications"), json!({"name": " "}), "invalid").await;
}

#[tokio::test]
async fn permissions_come_before_consent_and_take_it_with_them() {
    let desk = Desk::new().await;
    let id = register(&desk, json!({"name": "Robot"})).await;
    let (permissions, consents) = (contoso(&format!("/applications/{id}/permissions")), contoso(&format!("/applications/{id}/consents")));
    let all = json!({"permission": "management.readwrite.all"});
    let secret = desk.done(GLOBAL, "POST", &contoso(&format!("/applications/{id}/secrets")), json!({})).await["secret"].clone();
    let secret = secret.as_str().unwrap();
    desk.refused(GLOBAL, "POST", &consents, all.clone(), "conflict").await;
    assert_eq!(sign_in(&desk, &id, secret, MANAGE).await, 500_011);
    assert_eq!(
        desk.done(GLOBAL, "POST", &permissions, all.clone()).await,
        json!({"permission": "Management.ReadWrite.All", "delegated": false})
    );
    desk.refused(GLOBAL, "POST", &permissions, all.clone(), "conflict").await;
    assert_eq!(sign_in(&desk, &id, secret, MANAGE).await, 65_001);
    desk.refused(GLOBAL, "POST", &consents, with(all.clone(), json!({"user": "ana@contoso.example"})), "invalid").await;
    desk.done(GLOBAL, "POST", &consents, all.clone()).await;
    desk.refused(GLOBAL, "POST", &consents, all, "conflict").await;
    let grant = [("grant_type", "client_credentials"), ("client_id", id.as_str()), ("client_secret", secret), ("resource", MANAGE)];
    let token =
        desk.deployment.post_form("/contoso.example/oauth2/token", &grant).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(desk.deployment.context.signing.verify(&token).unwrap().roles, ["Management.ReadWrite.All"]);
    assert_eq!(desk.ask_with(&token, "GET", "/tenants", Value::Null).await.json()["totalCount"], 1);
    desk.done(GLOBAL, "DELETE", &format!("{permissions}/management.readwrite.all"), Value::Null).await;
    let refused = desk.ask_with(&token, "GET", "/tenants", Value::Null).await;
    assert_eq!(refused.status, 403, "the token was issued before");
    assert_eq!(desk.get(GLOBAL, &consents).await["totalCount"], 0);
    for path in [format!("{permissions}/management"), format!("{permissions}/x"), format!("{consents}/management"), format!("{consents}/x")]
    {
        desk.refused(GLOBAL, "DELETE", &path, Value::Null, "notFound").await;
    }
    desk.refused(GLOBAL, "POST", &permissions, json!({"permission": "all"}), "invalid").await;
    assert_eq!(desk.refused(GLOBAL, "POST", &permissions, json!({}), "invalid").await, "'permission' is missing.");
}

#[tokio::test]
async fn permissions_can_be_named_by_the_ids_of_the_api() {
    let desk = Desk::new().await;
    let id = register(&desk, json!({"name": "By id"})).await;
    let (permissions, consents) = (contoso(&format!("/applications/{id}/permissions")), contoso(&format!("/applications/{id}/consents")));
    let (one, other) = ("4990cffe-04e8-4e8b-808a-1175604b879f", "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd/user_impersonation");
    let added = desk.done(GLOBAL, "POST", &permissions, json!({ "permission": one })).await;
    assert_eq!(added, json!({"permission": "user_impersonation", "delegated": true}));
    desk.refused(GLOBAL, "POST", &permissions, json!({ "permission": other }), "conflict").await;
    assert_eq!(desk.done(GLOBAL, "POST", &consents, json!({ "permission": other })).await["permission"], "user_impersonation");
    desk.done(GLOBAL, "DELETE", &format!("{consents}/{}", other.replace('/', "%2F")), Value::Null).await;
    desk.done(GLOBAL, "DELETE", &format!("{permissions}/{one}"), Value::Null).await;
    for wrong in ["00000003-0000-0000-c000-000000000000", "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd/management"] {
        let text = desk.refused(GLOBAL, "POST", &permissions, json!({ "permission": wrong }), "invalid").await;
        assert!(text.ends_with("Management.ReadWrite.All, or the id of the API."), "{text}");
    }
}

#[tokio::test]
async fn a_users_consent_is_that_users_alone() {
    let desk = Desk::new().await;
    let consents = contoso(&format!("/applications/{APP}/consents"));
    desk.done(GLOBAL, "DELETE", &format!("{consents}/user_impersonation"), Value::Null).await;
    let consent = json!({"permission": "user_impersonation", "user": "ana@contoso.example"});
    let granted = desk.done(GLOBAL, "POST", &consents, consent).await;
    assert_eq!(granted["user"], ANA.user.unwrap().to_string());
    desk.deployment.get(ANA, "ScheduledDataset").await.ok();
    desk.deployment.get(BEN, "ScheduledDataset").await.refused(403);
    for user in ["zoe@fabrikam.example", ""] {
        let consent = json!({"permission": "user_impersonation", "user": user});
        desk.refused(GLOBAL, "POST", &consents, consent, "invalid").await;
    }
    let one = format!("{consents}/user_impersonation");
    desk.refused(GLOBAL, "DELETE", &one, Value::Null, "notFound").await;
    desk.refused(GLOBAL, "DELETE", &format!("{one}?user="), Value::Null, "invalid").await;
    desk.done(GLOBAL, "DELETE", &format!("{one}?user=ANA@contoso.example"), Value::Null).await;
    desk.deployment.get(ANA, "ScheduledDataset").await.refused(403);
}

/// A caller who could give an operator's application a secret would be an operator.
#[tokio::test]
async fn an_operators_application_is_out_of_its_tenants_reach() {
    let desk = Desk::new().await;
    let path = contoso(&format!("/applications/{OPERATOR_APP}"));
    for who in [GLOBAL, ROBOT] {
        let listed = desk.get(who, &contoso("/applications")).await;
        assert!(!listed.to_string().contains(&OPERATOR_APP.to_string()));
        desk.refused(who, "GET", &path, Value::Null, "notFound").await;
        desk.refused(who, "PATCH", &path, json!({"enabled": false}), "notFound").await;
        desk.refused(who, "POST", &format!("{path}/secrets"), json!({}), "notFound").await;
        desk.refused(who, "POST", &format!("{path}/permissions"), json!({"permission": "management"}), "notFound").await;
        desk.refused(who, "POST", &format!("{path}/consents"), json!({"permission": "management"}), "notFound").await;
        let role = json!({"assignee": OPERATOR_APP, "role": "manager"});
        desk.refused(who, "POST", &contoso("/roleAssignments"), role, "invalid").await;
        let operator = json!({"name": "Mine", "operator": true});
        desk.refused(who, "POST", &contoso("/applications"), operator, "forbidden").await;
    }
    desk.refused(OPERATOR, "PATCH", &path, json!({"enabled": false}), "conflict").await;
    desk.refused(OPERATOR, "POST", &contoso("/applications"), json!({"name": "n", "operator": true, "public": true}), "invalid").await;
    let second = desk.done(OPERATOR, "POST", &contoso("/applications"), json!({"name": "Second", "operator": true})).await;
    assert_eq!(second["operator"], true);
    let id = Uuid::try_parse(second["id"].as_str().unwrap()).unwrap();
    let second = Who { application: id, ..OPERATOR };
    assert_eq!(desk.get(second, "/tenants").await["totalCount"], 2);
    assert_eq!(desk.deployment.audited("application.registerOperator").await.len(), 1);
    // With a user it is an application like any other.
    let with_user = Who { user: GLOBAL.user, ..second };
    desk.refused(with_user, "GET", "/tenants", Value::Null, "forbidden").await;
}
