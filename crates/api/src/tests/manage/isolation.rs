//! Calls every operation of the served document without a token, with a token for data, as another tenant, and without a role.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::described::Document;
use crate::tests::harness::*;
use crate::tests::http::every_route::of_management;

/// Every operation, with objects of Contoso.
pub(super) async fn operations(desk: &Desk) -> Vec<(String, String)> {
    let document = Document::new(desk.deployment.fetch("/manage/v1/openapi.json", &[]).await.json());
    let filled = |path: String| {
        path.replace("{tenant}", "contoso.example")
            .replace("{program}", "mpn")
            .replace("{user}", "ana@contoso.example")
            .replace("{application}", &APP.to_string())
            .replace("{secret}", "00000000-0000-0000-0000-000000000001")
            .replace("{permission}", "user_impersonation")
            .replace("{assignee}", "ana@contoso.example")
            .replace("{role}", "executive_report_viewer")
            .replace("{owner}", "ana@contoso.example")
            .replace("{location}", "1000001")
            .replace("{execution}", "00000000-0000-0000-0000-000000000001")
            .replace("{report}", "00000000-0000-0000-0000-000000000001")
            .replace("{callback}", "00000000-0000-0000-0000-000000000001")
            .replace("{identity}", "00000000-0000-0000-0000-000000000001")
            .replace("{name}", "Sales")
    };
    // The document contains everything that is served.
    let documented = document.operations();
    let lower: BTreeSet<_> = documented.iter().map(|(method, path)| (method.clone(), path.to_ascii_lowercase())).collect();
    assert_eq!(lower, of_management(&desk.deployment).await);
    let all: Vec<_> = documented.into_iter().map(|(method, path)| (method, filled(path))).collect();
    assert!(all.len() >= 35 && all.iter().all(|(_, path)| !path.contains('{')), "{all:?}");
    all
}

#[tokio::test]
async fn every_operation_refuses_who_may_not() {
    let desk = Desk::new().await;
    let before = desk.deployment.context.store.role_assignments(CONTOSO).await.unwrap();
    let expired = desk.token(OPERATOR);
    let future = {
        let mut claims = desk.deployment.claims(OPERATOR);
        claims.aud = MANAGE.to_owned();
        claims.nbf = claims.iat + 3 * 3600;
        claims.exp += 3 * 3600;
        desk.deployment.context.signing.sign(&claims).unwrap()
    };
    desk.deployment.advance(TimeDelta::hours(1));
    let of_another_tenant = {
        let mut claims = desk.deployment.claims(Who { tenant: FABRIKAM, ..GLOBAL });
        claims.aud = MANAGE.to_owned();
        desk.deployment.context.signing.sign(&claims).unwrap()
    };
    for (method, path) in operations(&desk).await {
        let of_tenant = path.starts_with("/tenants/");
        for token in [
            "",
            "nonsense",
            &expired,
            &future,
            &of_another_tenant,
            &desk.deployment.token(ANA),
            &desk.deployment.token(ALONE),
            &desk.deployment.token(OPERATOR),
        ] {
            let answer = desk.ask_with(token, &method, &path, json!({})).await;
            let kind = if token.is_empty() { "invalid_request" } else { "invalid_token" };
            let challenge = answer.header("www-authenticate");
            assert!(answer.status == 401 && challenge.starts_with(&format!("Bearer error=\"{kind}\", ")), "{method} {path}: {challenge}");
            assert_eq!(answer.json()["error"]["message"], "Unauthorized");
        }
        if of_tenant {
            let text = desk.refused(FOREIGNER, &method, &path, json!({}), "notFound").await;
            assert_eq!(text, "There is nothing of this name or id.");
        }
        for who in [VIEWER, Who { application: APP, ..GLOBAL }, Who { application: SHUT_APP, ..GLOBAL }, ALONE] {
            let text = desk.refused(who, &method, &path, json!({}), "forbidden").await;
            let named = ["role ", "permission", "operator", "disabled"];
            assert!(named.iter().any(|word| text.contains(word)), "{method} {path} {text}");
        }
    }
    let consent = Permission::Management;
    assert!(desk.deployment.context.store.revoke_consent(CONSOLE, consent, None).await.unwrap());
    for (method, path) in operations(&desk).await {
        let text = desk.refused(GLOBAL, &method, &path, json!({}), "forbidden").await;
        assert_eq!(text, "The organisation has not consented to the application's permission to the management API (management).");
    }
    assert_eq!(desk.deployment.context.store.role_assignments(CONTOSO).await.unwrap(), before);
    // An operator may call all of them.
    for (method, path) in operations(&desk).await {
        let answer = desk.ask(OPERATOR, &method, &path, json!({})).await;
        assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path} {}", answer.text());
    }
}

/// A tenant's administrator reaches no object of another tenant, however it is named.
#[tokio::test]
async fn administrators_stay_in_their_tenant() {
    let desk = Desk::new().await;
    assert_eq!(desk.get(FOREIGNER, "/tenants").await["value"][0]["domain"], "fabrikam.example");
    for tenant in ["contoso.example", &CONTOSO.to_string(), "common", "organizations", "nobody.example", "%00", "."] {
        desk.refused(FOREIGNER, "GET", &format!("/tenants/{tenant}"), Value::Null, "notFound").await;
    }
    let own = |path: &str| format!("/tenants/fabrikam.example{path}");
    let (ana, app) = (ANA.user.unwrap(), APP);
    for (method, path, body) in [
        ("GET", format!("/users/{ana}"), Value::Null),
        ("PATCH", format!("/users/{ana}"), json!({"enabled": false})),
        ("PUT", format!("/users/{ana}/password"), json!({"password": "taken over now"})),
        ("GET", format!("/applications/{app}"), Value::Null),
        ("PATCH", format!("/applications/{app}"), json!({"enabled": false})),
        ("POST", format!("/applications/{app}/secrets"), json!({})),
        ("DELETE", format!("/applications/{app}/permissions/user_impersonation"), Value::Null),
        ("DELETE", format!("/applications/{app}/consents/user_impersonation"), Value::Null),
        ("DELETE", format!("/roleAssignments/{ana}/executive_report_viewer"), Value::Null),
    ] {
        desk.refused(FOREIGNER, method, &own(&path), body, "notFound").await;
    }
    let viewer = json!({"assignee": ana, "role": "executive_report_viewer"});
    desk.refused(FOREIGNER, "POST", &own("/roleAssignments"), viewer, "invalid").await;
    let audit = desk.get(FOREIGNER, &own("/audit?pageSize=1000")).await;
    assert!(audit["value"].as_array().unwrap().iter().all(|event| event["tenant"] == FABRIKAM.to_string()));
    desk.deployment.get(ANA, "ScheduledDataset").await.ok();
}

#[tokio::test]
async fn unknown_paths_and_methods_have_the_same_form() {
    let desk = Desk::new().await;
    for (method, path, status) in [("GET", "/nothing", 404), ("GET", "", 404), ("PUT", "/tenants", 405), ("POST", "/audit", 405)] {
        let answer = desk.ask(OPERATOR, method, path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (status, &json!("notFound")), "{method} {path}");
        assert!(answer.json()["error"]["correlationId"].as_str().unwrap().starts_with("call-"));
    }
    assert_eq!(desk.get(OPERATOR, "/TENANTS/Contoso.Example/").await["domain"], "contoso.example");
}
