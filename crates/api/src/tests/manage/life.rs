//! From an operator's first call to a partner's data, over the real token endpoint.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::*;
use crate::tests::harness::*;

#[tokio::test]
async fn an_organisation_from_enrollment_to_data() {
    let desk = Desk::new().await;
    let enrolled = desk.done(OPERATOR, "POST", "/tenants", new_tenant()).await;
    let code = enrolled["verificationCode"].as_str().unwrap().to_owned();
    assert_eq!((&enrolled["domain"], &enrolled["enrollments"][0]["stage"]), (&json!("adatum.example"), &json!("EmailVerification")));
    let tenant = enrolled["id"].as_str().unwrap().to_owned();
    let at = |path: &str| format!("/tenants/{tenant}{path}");

    // The organisation's first administrator, and the application to call with.
    let console = desk.done(OPERATOR, "POST", &at("/applications"), json!({"name": "Console"})).await["id"].as_str().unwrap().to_owned();
    let app = |id: &str, path: &str| at(&format!("/applications/{id}{path}"));
    let secret = desk.done(OPERATOR, "POST", &app(&console, "/secrets"), json!({"description": "first"})).await["secret"].clone();
    let console_secret = secret.as_str().unwrap().to_owned();
    let password = "a long first password";
    let admin = json!({"username": "Ida@adatum.example", "displayName": "Ida", "password": password});
    let admin = desk.done(OPERATOR, "POST", &at("/users"), admin).await;
    assert_eq!((&admin["username"], &admin["password"]), (&json!("ida@adatum.example"), &json!("Set")));
    let grant = [
        ("grant_type", "password"),
        ("client_id", &console),
        ("client_secret", &console_secret),
        ("username", "ida@adatum.example"),
        ("password", password),
        ("resource", MANAGE),
    ];
    let token_path = "/adatum.example/oauth2/token";
    let refusal = |answer: &Answer| answer.json()["error_codes"][0].as_u64().unwrap();
    assert_eq!(refusal(&desk.deployment.post_form(token_path, &grant).await), 500_011);
    desk.done(OPERATOR, "POST", &app(&console, "/permissions"), json!({"permission": "management"})).await;
    assert_eq!(refusal(&desk.deployment.post_form(token_path, &grant).await), 65_001);
    desk.done(OPERATOR, "POST", &app(&console, "/consents"), json!({"permission": "management"})).await;
    let granted = desk.deployment.post_form(token_path, &grant).await.json();
    assert_eq!(granted["scope"], "management");
    let ida = granted["access_token"].as_str().unwrap().to_owned();
    let refused = desk.ask_with(&ida, "GET", &at("/users"), Value::Null).await;
    assert_eq!(refused.json()["error"]["message"], "This needs the role Global admin or Account admin.");
    desk.done(OPERATOR, "POST", &at("/roleAssignments"), json!({"assignee": "ida@adatum.example", "role": "global_admin"})).await;

    // From here on she acts for herself, with the same token, since roles are read with each request.
    let mine = async |method: &str, path: &str, body: Value| {
        let answer = desk.ask_with(&ida, method, path, body).await;
        assert!(answer.status.is_success(), "{method} {path} {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    };
    assert_eq!(mine("GET", "/tenants", Value::Null).await["totalCount"], 1);
    mine("POST", &at("/locations"), json!({"mpnId": "3000001", "name": "Adatum GmbH", "country": "Germany"})).await;
    let reports = mine("POST", &at("/applications"), json!({"name": "Reports", "redirectUris": ["https://adatum.example/back"]})).await;
    let reports = reports["id"].as_str().unwrap().to_owned();
    let reports_secret = mine("POST", &app(&reports, "/secrets"), json!({})).await["secret"].as_str().unwrap().to_owned();
    mine("POST", &app(&reports, "/permissions"), json!({"permission": "user_impersonation"})).await;
    let viewer_password = "another long password";
    mine("POST", &at("/users"), json!({"username": "viv@adatum.example", "password": viewer_password})).await;
    mine("POST", &app(&reports, "/consents"), json!({"permission": "user_impersonation", "user": "viv@adatum.example"})).await;
    let grant = [
        ("grant_type", "password"),
        ("client_id", &reports),
        ("client_secret", &reports_secret),
        ("username", "viv@adatum.example"),
        ("password", viewer_password),
        ("resource", RESOURCE),
    ];
    let viv = desk.deployment.post_form(token_path, &grant).await.json()["access_token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {viv}");
    let preview = "/insights/v1/mpn/ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales";
    let asked = async || desk.deployment.fetch(preview, &[("authorization", &bearer)]).await;

    // One prerequisite after the other is fulfilled.
    let pending = "The organisation's enrollment in the partner program 'mpn' is Pending, not Accepted.";
    assert_eq!(asked().await.refused(403), pending);
    let step = |name: &str| at(&format!("/enrollments/mpn/{name}"));
    let wrong = desk.ask_with(&ida, "POST", &step("verify"), json!({"code": "no code"})).await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["error"]["code"]), (409, &json!("illegalMove")));
    assert_eq!(mine("POST", &step("verify"), json!({"code": code})).await["stage"], "Review");
    assert_eq!(asked().await.refused(403), pending);
    assert_eq!(desk.done(OPERATOR, "POST", &step("activate"), Value::Null).await["status"], "Accepted");
    assert_eq!(asked().await.refused(403), "The user lacks the role Executive report viewer.");
    let role = json!({"assignee": "viv@adatum.example", "role": "executive_report_viewer", "locations": ["3000001"]});
    mine("POST", &at("/roleAssignments"), role).await;
    let id = Uuid::try_parse(&tenant).unwrap();
    desk.deployment.write_sales(id, "a.parquet", &[("omega", 1, "3000001"), ("hidden", 2, "3000002")]);
    assert_eq!(asked().await.ok(), [json!({"Name": "omega"})]);
    desk.deployment.advance(TimeDelta::hours(1));
    assert_eq!(asked().await.refused(401), "Unauthorized");

    desk.assert_kept(&[(&code, 1), (&console_secret, 1), (&reports_secret, 1), (password, 0), (viewer_password, 0)]).await;
}
