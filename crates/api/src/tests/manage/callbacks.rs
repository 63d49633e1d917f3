//! Callbacks and their secrets, as administrators and operators manage them.

use axum::http::Method;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::desk::*;
use crate::tests::harness::receiver::{Receiver, allow_loopback};
use crate::tests::harness::*;

async fn desk() -> (Desk, Receiver) {
    (Desk::with(allow_loopback).await, Receiver::start().await)
}

async fn run(desk: &Desk, who: Who, url: &str) -> String {
    let query = desk.deployment.create_query(who, ALL_SALES).await;
    let report = desk.deployment.create_report(who, &query, json!({"ExecuteNow": true, "CallbackUrl": url})).await;
    desk.deployment.work().await;
    report
}

/// The ids of the listed callbacks.
async fn listed(desk: &Desk, who: Who, query: &str) -> Vec<String> {
    let page = desk.get(who, &format!("/callbacks{query}")).await;
    page["value"].as_array().unwrap().iter().map(|callback| callback["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_tenant_sees_its_own_and_operators_all() {
    let (desk, receiver) = desk().await;
    let url = format!("{}/cb?code=secret", receiver.url);
    let report = run(&desk, ANA, &url).await;
    desk.deployment.advance(TimeDelta::seconds(1));
    run(&desk, ZOE, &url).await;
    receiver.answer("500 Broken");
    desk.deployment.deliver().await;
    let all = listed(&desk, OPERATOR, "").await;
    assert_eq!(all.len(), 2, "newest first");
    let (foreign, own) = (&all[0], &all[1]);
    for (who, query, expected) in [
        (GLOBAL, String::new(), vec![own]),
        (ACCOUNT, "?tenant=contoso.example".into(), vec![own]),
        (FOREIGNER, String::new(), vec![foreign]),
        (OPERATOR, "?tenant=fabrikam.example".into(), vec![foreign]),
        (OPERATOR, format!("?reportId={report}"), vec![own]),
        (GLOBAL, "?state=pending".into(), vec![own]),
        (GLOBAL, "?state=Delivered".into(), vec![]),
        (GLOBAL, format!("?executionId={report}"), vec![]),
    ] {
        assert_eq!(listed(&desk, who, &query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let first = desk.get(OPERATOR, "/callbacks?pageSize=1").await;
    let next = first["nextLink"].as_str().unwrap().strip_prefix(&format!("{BASE}/manage/v1/callbacks")).unwrap();
    assert_eq!((&listed(&desk, OPERATOR, next).await[0], &first["totalCount"]), (own, &json!(2)));
    for query in ["reportId=x", "executionId=x", "state=sent", "pageSize=0", "skipToken=x"] {
        let text = desk.refused(GLOBAL, "GET", &format!("/callbacks?{query}"), Value::Null, "invalid").await;
        assert!(text.contains(&format!("'{}'", query.split('=').next().unwrap())), "{text}");
    }
    desk.refused(GLOBAL, "GET", "/callbacks?tenant=fabrikam.example", Value::Null, "notFound").await;
    desk.refused(GLOBAL, "GET", &format!("/callbacks/{foreign}"), Value::Null, "notFound").await;
    desk.refused(GLOBAL, "POST", &format!("/callbacks/{foreign}/replay"), Value::Null, "notFound").await;
    desk.refused(ACCOUNT, "POST", &format!("/callbacks/{own}/replay"), Value::Null, "forbidden").await;
    let shown = desk.get(ACCOUNT, &format!("/callbacks/{own}")).await;
    assert_eq!(shown["url"], format!("{}/cb/{report}?…", receiver.url));
    let attempt = &shown["attempts"][0];
    assert_eq!((&shown["attemptCount"], &attempt["number"], &attempt["httpStatus"]), (&json!(1), &json!(1), &json!(500)));
    desk.assert_kept(&[("code=secret", 0)]).await;
}

#[tokio::test]
async fn a_callback_is_replayed_whatever_became_of_it() {
    let (desk, receiver) = desk().await;
    let report = run(&desk, ANA, &receiver.url).await;
    receiver.answer("410 Gone");
    desk.deployment.deliver().await;
    let id = listed(&desk, GLOBAL, "").await.remove(0);
    let path = format!("/callbacks/{id}");
    assert_eq!(desk.get(GLOBAL, &path).await["state"], "failed");
    receiver.answer("200 OK");
    for was in ["failed", "delivered"] {
        desk.deployment.advance(TimeDelta::days(5));
        let replayed = desk.done(GLOBAL, "POST", &format!("{path}/replay"), Value::Null).await;
        assert_eq!((&replayed["state"], &replayed["finished"]), (&json!("pending"), &Value::Null));
        let event = desk.deployment.audited("callback.replay").await.remove(0);
        assert_eq!((event.subject.as_str(), event.detail), (id.as_str(), format!("was {was}")));
        assert_eq!((desk.deployment.deliver().await, desk.get(GLOBAL, &path).await["state"].as_str()), (1, Some("delivered")));
    }
    let received = receiver.take();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|received| received.headers["webhook-id"] == id));
    desk.deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{report}"), Value::Null).await.ok();
    let text = desk.refused(GLOBAL, "POST", &format!("{path}/replay"), Value::Null, "conflict").await;
    assert!(text.contains("is deleted"), "{text}");
}

#[tokio::test]
async fn callbacks_are_signed_with_every_secret_that_has_not_expired() {
    let (desk, receiver) = desk().await;
    let path = contoso("/callbackSecrets/ana@contoso.example");
    let told = async || {
        run(&desk, ANA, &receiver.url).await;
        assert_eq!(desk.deployment.deliver().await, 1);
        receiver.take().remove(0)
    };
    let first = desk.done(GLOBAL, "POST", &path, Value::Null).await;
    let first_secret = first["secret"].as_str().unwrap();
    assert!(told().await.is_signed_with(first_secret));
    let second = desk.done(ROBOT, "POST", &path, Value::Null).await;
    let second_secret = second["secret"].as_str().unwrap();
    let both = told().await;
    assert!(both.is_signed_with(first_secret) && both.is_signed_with(second_secret));
    let listed = desk.get(ACCOUNT, &path).await;
    assert_eq!((&listed["value"][0]["id"], &listed["value"][0]["expires"]), (&second["id"], &Value::Null));
    assert_eq!((&listed["value"][1]["id"], &listed["value"][1]["expires"]), (&first["id"], &json!("2026-11-23T12:00:00Z")));
    desk.deployment.advance(TimeDelta::hours(24));
    let later = told().await;
    assert!(!later.is_signed_with(first_secret) && later.is_signed_with(second_secret), "the replaced one has expired");
    desk.done(GLOBAL, "DELETE", &format!("{path}/{}", second["id"].as_str().unwrap()), Value::Null).await;
    assert!(!told().await.headers.contains_key("webhook-signature"));
    // A secret only signs callbacks of its owner.
    desk.done(GLOBAL, "POST", &contoso(&format!("/callbackSecrets/{APP}")), Value::Null).await;
    assert!(!told().await.headers.contains_key("webhook-signature"));
    desk.refused(FOREIGNER, "GET", &path, Value::Null, "notFound").await;
    desk.refused(ACCOUNT, "POST", &path, Value::Null, "forbidden").await;
    desk.refused(GLOBAL, "POST", &contoso("/callbackSecrets/nobody@contoso.example"), Value::Null, "notFound").await;
    desk.refused(GLOBAL, "DELETE", &format!("{path}/{APP}"), Value::Null, "notFound").await;
    for _ in 0..5 {
        desk.done(GLOBAL, "POST", &path, Value::Null).await;
    }
    let text = desk.refused(GLOBAL, "POST", &path, Value::Null, "conflict").await;
    assert!(text.contains("5 secrets"), "{text}");
    desk.assert_kept(&[(first_secret, 1), (second_secret, 1)]).await;
    let sealed = format!("{:?}", desk.deployment.context.store.sealed().await.unwrap());
    assert!(!sealed.contains(second_secret) && !sealed.contains(second_secret.strip_prefix("whsec_").unwrap()));
}

#[tokio::test]
async fn a_suspended_organisation_hears_of_nothing() {
    let (desk, receiver) = desk().await;
    run(&desk, ANA, &receiver.url).await;
    desk.done(OPERATOR, "POST", &contoso("/enrollments/mpn/suspend"), json!({"reason": "unpaid"})).await;
    assert_eq!(desk.deployment.deliver().await, 1);
    assert!(receiver.take().is_empty());
    let id = listed(&desk, OPERATOR, "?state=cancelled").await.remove(0);
    let event = desk.deployment.audited("callback.cancel").await.remove(0);
    assert_eq!((event.subject, event.detail.as_str()), (format!("callback {id}"), "the enrollment in mpn is Suspended"));
    desk.done(OPERATOR, "POST", &contoso("/enrollments/mpn/reactivate"), Value::Null).await;
    desk.done(OPERATOR, "POST", &format!("/callbacks/{id}/replay"), Value::Null).await;
    assert_eq!((desk.deployment.deliver().await, receiver.take().len()), (1, 1));
}
