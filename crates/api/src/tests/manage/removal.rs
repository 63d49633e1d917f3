//! Users, applications and locations that are removed, and what goes with them.

use axum::http::Method;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::*;

/// A completed report of Ana's, with its file.
async fn report(desk: &Desk) -> String {
    let deployment = &desk.deployment;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!(deployment.work().await, 1);
    report
}

fn files(desk: &Desk) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&desk.deployment.folder.path().join("artifacts"))
}

#[tokio::test]
async fn a_users_reports_stay_or_go_with_the_user() {
    let desk = Desk::new().await;
    let deployment = &desk.deployment;
    report(&desk).await;
    let ana = contoso("/users/ana@contoso.example");
    let told = desk.refused(GLOBAL, "DELETE", &ana, Value::Null, "conflict").await;
    assert_eq!(told, "Reports depend on it: 1. Delete them first, or with it: reports=delete (the command says --with-reports).");
    desk.refused(GLOBAL, "DELETE", &format!("{ana}?reports=keep"), Value::Null, "invalid").await;
    desk.refused(ACCOUNT, "DELETE", &ana, Value::Null, "forbidden").await;
    assert_eq!(files(&desk), 1);
    deployment.get(ANA, "ScheduledReport").await.ok();
    desk.done(GLOBAL, "DELETE", &format!("{ana}?reports=delete"), Value::Null).await;
    assert_eq!(files(&desk), 0);
    deployment.get(ANA, "ScheduledReport").await.refused(401);
    desk.refused(GLOBAL, "GET", &ana, Value::Null, "notFound").await;
    desk.refused(GLOBAL, "DELETE", &ana, Value::Null, "notFound").await;
    assert_eq!(desk.get(OPERATOR, "/reports").await["totalCount"], 0);
    let roles = desk.get(GLOBAL, &contoso("/roleAssignments")).await;
    assert!(!roles.to_string().contains(&ANA.user.unwrap().to_string()));
    // Others are not touched, and the last Global admin stays.
    deployment.get(BEN, "ScheduledReport").await.ok();
    desk.refused(GLOBAL, "DELETE", &contoso("/users/gil@contoso.example"), Value::Null, "forbidden").await;
    desk.refused(FOREIGNER, "DELETE", "/tenants/fabrikam.example/users/ben@contoso.example", Value::Null, "notFound").await;
}

#[tokio::test]
async fn an_application_goes_with_its_secrets_and_sign_ins() {
    let desk = Desk::new().await;
    report(&desk).await;
    let fields = [
        ("grant_type", "password"),
        ("client_id", &APP.to_string()),
        ("client_secret", SECRET),
        ("username", "ana@contoso.example"),
        ("password", PASSWORD),
        ("resource", RESOURCE),
    ];
    let signed_in = desk.deployment.post_form("/contoso.example/oauth2/token", &fields).await;
    assert_eq!(signed_in.status, 200, "{}", signed_in.text());
    let application = contoso(&format!("/applications/{APP}"));
    desk.refused(GLOBAL, "DELETE", &application, Value::Null, "conflict").await;
    desk.done(GLOBAL, "DELETE", &format!("{application}?reports=delete"), Value::Null).await;
    assert_eq!(files(&desk), 0);
    desk.refused(GLOBAL, "GET", &application, Value::Null, "notFound").await;
    let answer = desk.deployment.post_form("/contoso.example/oauth2/token", &fields).await;
    assert!(answer.text().contains("AADSTS700016"), "{}", answer.text());
    desk.deployment.call(ANA, Method::GET, "ScheduledReport", Value::Null).await.refused(401);
    let own = contoso(&format!("/applications/{CONSOLE}"));
    assert_eq!(desk.refused(GLOBAL, "DELETE", &own, Value::Null, "conflict").await, "This is the application that you act with.");
    desk.refused(GLOBAL, "DELETE", &contoso(&format!("/applications/{OPERATOR_APP}")), Value::Null, "notFound").await;
}

#[tokio::test]
async fn a_location_goes_once_no_role_names_it() {
    let desk = Desk::new().await;
    let location = json!({"mpnId": "1000001", "name": "Berlin", "country": "Germany"});
    desk.done(ACCOUNT, "POST", &contoso("/locations"), location).await;
    let path = contoso("/locations/1000001");
    let told = desk.refused(ACCOUNT, "DELETE", &path, Value::Null, "conflict").await;
    assert_eq!(told, "Role assignments name the location: 1. Change or revoke them first.");
    desk.done(GLOBAL, "DELETE", &contoso("/roleAssignments/lea@contoso.example/executive_report_viewer"), Value::Null).await;
    desk.done(ACCOUNT, "DELETE", &path, Value::Null).await;
    desk.refused(ACCOUNT, "DELETE", &path, Value::Null, "notFound").await;
    assert_eq!(desk.get(ACCOUNT, &contoso("/locations")).await["totalCount"], 0);
}
