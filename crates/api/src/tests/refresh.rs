//! Refresh tokens: rotated at each use, bound to their client and tenant, revoked by family when an old one comes back.

use chrono::TimeDelta;
use serde_json::Value;

use super::harness::*;
use super::token_endpoint::{ask, refused, v1, v2};

async fn refresh(bench: &Bench, path: &str, token: &str, more: &[(&str, Option<&str>)]) -> Answer {
    let mut changes = vec![
        ("grant_type", Some("refresh_token")),
        ("username", None),
        ("password", None),
        ("resource", None),
        ("scope", None),
        ("refresh_token", Some(token)),
    ];
    changes.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    changes.extend_from_slice(more);
    ask(bench, path, &changes).await
}

fn token(answer: &Answer) -> String {
    let body: Value = answer.json();
    body["refresh_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn a_replaced_token_that_comes_back_revokes_its_family() {
    let bench = Bench::new().await;
    let first = token(&ask(&bench, &v1(), &[]).await);
    let other_family = token(&ask(&bench, &v1(), &[]).await);
    let answer = refresh(&bench, &v1(), &first, &[]).await;
    assert_eq!(answer.json()["resource"], RESOURCE, "the grant's resource goes on");
    let second = token(&answer);
    assert_ne!(first, second);
    for stolen in [&first, &second] {
        let answer = refresh(&bench, &v1(), stolen, &[]).await;
        assert_eq!(refused(&answer, "invalid_grant", 400), 50173);
        assert_eq!(answer.json()["suberror"], "bad_token");
    }
    assert_eq!(refresh(&bench, &v1(), &other_family, &[]).await.status, 200);
}

#[tokio::test]
async fn a_token_is_of_use_to_its_client_only() {
    let bench = Bench::new().await;
    let first = token(&ask(&bench, &v1(), &[]).await);
    let bare = BARE_APP.to_string();
    let answer = refresh(&bench, &v1(), &first, &[("client_id", Some(&bare))]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 70000);
    let foreign = FOREIGN_APP.to_string();
    let elsewhere = format!("/{FABRIKAM}/oauth2/token");
    let answer = refresh(&bench, &elsewhere, &first, &[("client_id", Some(&foreign))]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 70000);
    let answer = refresh(&bench, &v1(), &first, &[("client_secret", Some("wrong"))]).await;
    assert_eq!(refused(&answer, "invalid_client", 401), 7000215);
    // None of them used it up.
    assert_eq!(refresh(&bench, &v1(), &first, &[]).await.status, 200);
}

#[tokio::test]
async fn tokens_expire_ninety_days_after_their_last_use() {
    let bench = Bench::new().await;
    let first = token(&ask(&bench, &v1(), &[]).await);
    bench.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    let second = token(&refresh(&bench, &v1(), &first, &[]).await);
    bench.advance(TimeDelta::days(90));
    assert_eq!(refused(&refresh(&bench, &v1(), &second, &[]).await, "invalid_grant", 400), 700082);
}

#[tokio::test]
async fn a_disabled_user_gets_no_more_tokens() {
    let bench = Bench::new().await;
    let first = token(&ask(&bench, &v1(), &[]).await);
    bench.context.store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    assert_eq!(refused(&refresh(&bench, &v1(), &first, &[]).await, "invalid_grant", 400), 50057);
}

/// A client that asks wrongly can ask again: a refused request must not cost it its session.
#[tokio::test]
async fn a_refused_request_does_not_use_the_token_up() {
    let bench = Bench::new().await;
    let first = token(&ask(&bench, &v1(), &[]).await);
    let graph = [("resource", Some("https://graph.microsoft.com"))];
    assert_eq!(refused(&refresh(&bench, &v1(), &first, &graph).await, "invalid_resource", 400), 500011);
    assert_eq!(refused(&refresh(&bench, &v2(), &first, &[("scope", Some("nonsense"))]).await, "invalid_scope", 400), 70011);
    assert_eq!(refresh(&bench, &v1(), &first, &[]).await.status, 200);
}

/// RFC 6749, 6: without a scope, that of the grant goes on.
#[tokio::test]
async fn version_2_goes_on_without_naming_a_scope() {
    let bench = Bench::new().await;
    let scope = format!("{RESOURCE}/.default offline_access");
    let first = token(&ask(&bench, &v2(), &[("scope", Some(&scope))]).await);
    let second = token(&refresh(&bench, &v2(), &first, &[]).await);
    let plain = format!("{RESOURCE}/.default");
    let third = token(&refresh(&bench, &v2(), &second, &[("scope", Some(&plain))]).await);
    assert_eq!(refresh(&bench, &v2(), &third, &[]).await.status, 200);
}
