//! How the audit trail is kept from growing: floods are counted, and events of authenticated callers are written until they come too fast.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use chrono::TimeDelta;
use insightgate_operations::audit::write_counts;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::executions::sweeper::sweep;
use insightgate_store::AuditEvent;

use crate::tests::harness::*;

const TOKEN: &str = "/contoso.example/oauth2/token";

/// Posts a form from an address.
async fn post_from(deployment: &Deployment, address: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let mut request =
        Request::post(TOKEN).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body)).unwrap();
    request.extensions_mut().insert(ConnectInfo(address.parse::<SocketAddr>().unwrap()));
    deployment.send(request).await
}

fn alone<'a>(secret: &'a str, app: &'a str, resource: &'a str) -> [(&'a str, &'a str); 4] {
    [("grant_type", "client_credentials"), ("client_id", app), ("client_secret", secret), ("resource", resource)]
}

fn times(events: &[AuditEvent]) -> u64 {
    events.iter().map(|event| event.occurrences).sum()
}

#[tokio::test]
async fn a_flood_of_one_address_is_one_event_a_minute() {
    let deployment = Deployment::new().await;
    let app = APP.to_string();
    for number in 0..500 {
        let port = 1024 + number;
        let answer = post_from(&deployment, &format!("203.0.113.7:{port}"), &alone("wrong", &app, RESOURCE)).await;
        assert_eq!(answer.status, 401);
        // One from the same network, and one from elsewhere.
        if number < 2 {
            post_from(&deployment, &format!("[2001:db8::{number}]:443"), &alone("wrong", &app, RESOURCE)).await;
        }
    }
    assert!(
        deployment.context.store.audit_events(10_000).await.unwrap().iter().all(|event| event.action != "token.refuse"),
        "no write for each"
    );
    let mut events = deployment.audited("token.refuse").await;
    events.sort_by_key(|event| event.occurrences);
    let told: Vec<_> = events.iter().map(|event| (event.address.as_deref(), event.occurrences)).collect();
    assert_eq!(told, [(Some("2001:db8::/64"), 2), (Some("203.0.113.7"), 500)]);
    assert!(
        events
            .iter()
            .all(|event| event.tenant == Some(CONTOSO) && event.detail.starts_with("AADSTS7000215") && event.correlation.is_some())
    );
    // The next minute has a count of its own, and so has another reason.
    deployment.advance(TimeDelta::minutes(1));
    post_from(&deployment, "203.0.113.7:99", &alone("wrong", &app, RESOURCE)).await;
    post_from(&deployment, "203.0.113.7:99", &alone("wrong", "nobody", RESOURCE)).await;
    assert_eq!(deployment.audited("token.refuse").await.len(), 4);
}

#[tokio::test]
async fn a_count_names_the_last_user_that_was_tried() {
    let deployment = Deployment::new().await;
    let app = DESKTOP_APP.to_string();
    let guess = |username, password| {
        [("grant_type", "password"), ("client_id", app.as_str()), ("username", username), ("password", password), ("resource", RESOURCE)]
    };
    for username in ["ben@contoso.example", "Ana@contoso.example", "my password 1"] {
        post_from(&deployment, "203.0.113.7:1", &guess(username, "a guess")).await;
    }
    let [event] = &deployment.audited("token.refuse").await[..] else { panic!("one count") };
    assert_eq!((event.occurrences, event.subject.as_str()), (3, "ana@contoso.example"));
    assert!(!format!("{event:?}").contains("my password") && !format!("{event:?}").contains("a guess"));
}

#[tokio::test]
async fn who_proved_who_they_are_is_recorded_until_it_comes_too_fast() {
    let deployment = Deployment::new().await;
    let app = APP.to_string();
    for _ in 0..150 {
        // The secret is right, but the resource is not.
        assert_eq!(deployment.post_form(TOKEN, &alone(SECRET, &app, "https://elsewhere.example")).await.status, 400);
        assert_eq!(deployment.post_form(TOKEN, &alone(SECRET, &app, RESOURCE)).await.status, 200);
    }
    for action in ["token.refuse", "token.issue"] {
        let events = deployment.audited(action).await;
        assert_eq!((times(&events), events.len()), (150, 61), "{action}");
        assert_eq!(events.iter().filter(|event| event.occurrences == 1).count(), 60, "each of the first by itself");
        assert!(events.iter().all(|event| event.actor == app && event.address.is_none()));
    }
}

#[tokio::test]
async fn tokens_and_links_that_are_not_accepted_are_counted() {
    let deployment = Deployment::new().await;
    for _ in 0..30 {
        deployment.fetch("/insights/v1/mpn/ScheduledDataset", &[("authorization", "Bearer nonsense")]).await.refused(401);
        assert_eq!(deployment.fetch("/manage/v1/tenants", &[]).await.status, 401);
    }
    let [event] = &deployment.audited("access.unauthorized").await[..] else { panic!("one count") };
    assert_eq!((event.occurrences, event.tenant), (60, None));
    let link = deployment.export(ANA, ALL_SALES, serde_json::json!({})).await;
    for _ in 0..30 {
        assert_eq!(deployment.fetch(&link.replace("sig=", "sig=AA"), &[]).await.status, 403);
    }
    assert_eq!(times(&deployment.audited("link.refuse").await), 30);
    assert_eq!(deployment.audited("link.refuse").await.len(), 1);
}

#[tokio::test]
async fn events_go_after_their_days_and_counts_too() {
    let deployment = Deployment::with(|settings| settings.audit_days = 30).await;
    let app = APP.to_string();
    post_from(&deployment, "203.0.113.7:1", &alone("wrong", &app, RESOURCE)).await;
    write_counts(&deployment.context).await.unwrap();
    let before = deployment.context.store.audit_events(1000).await.unwrap().len();
    assert!(before > 10);
    deployment.advance(TimeDelta::days(30));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(deployment.context.store.audit_events(1000).await.unwrap().len(), before, "not older than that");
    deployment.post_form(TOKEN, &alone(SECRET, &app, RESOURCE)).await;
    deployment.advance(TimeDelta::minutes(2));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    let [kept] = &deployment.context.store.audit_events(1000).await.unwrap()[..] else { panic!("one") };
    assert_eq!(kept.action, "token.issue");
}
