//! Refresh tokens: each use gives a new one, bound to the client and the tenant. What a used token is still good for, and when its family is revoked.

use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use serde_json::Value;

use super::token_endpoint::{ask, refused, v1, v2};
use crate::tests::harness::*;

async fn refresh(deployment: &Deployment, path: &str, token: &str, more: &[(&str, Option<&str>)]) -> Answer {
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
    ask(deployment, path, &changes).await
}

fn token(answer: &Answer) -> String {
    let body: Value = answer.json();
    body["refresh_token"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// Signs in to the public application; returns its refresh token.
async fn public_sign_in(deployment: &Deployment) -> String {
    deployment.context.store.grant_consent(DESKTOP_APP, Permission::PartnerApi, None, deployment.now()).await.unwrap();
    let desktop = DESKTOP_APP.to_string();
    token(&ask(deployment, &v1(), &[("client_id", Some(&desktop)), ("client_secret", None)]).await)
}

async fn public_refresh(deployment: &Deployment, token: &str) -> Answer {
    let desktop = DESKTOP_APP.to_string();
    refresh(deployment, &v1(), token, &[("client_id", Some(&desktop)), ("client_secret", None)]).await
}

fn is_over(answer: &Answer) {
    assert_eq!(refused(answer, "invalid_grant", 400), 50173);
    assert_eq!(answer.json()["suberror"], "bad_token");
}

/// In strict mode, whatever the application is.
#[tokio::test]
async fn a_replaced_token_that_comes_back_revokes_its_family() {
    let deployment = Deployment::with(|settings| settings.strict_refresh = true).await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    let other_family = token(&ask(&deployment, &v1(), &[]).await);
    let answer = refresh(&deployment, &v1(), &first, &[]).await;
    assert_eq!(answer.json()["resource"], RESOURCE, "the grant's resource goes on");
    let second = token(&answer);
    assert_ne!(first, second);
    for stolen in [&first, &second] {
        is_over(&refresh(&deployment, &v1(), stolen, &[]).await);
    }
    assert_eq!(refresh(&deployment, &v1(), &other_family, &[]).await.status, 200);
    let public = public_sign_in(&deployment).await;
    let next = token(&public_refresh(&deployment, &public).await);
    for stolen in [&public, &next] {
        is_over(&public_refresh(&deployment, stolen).await);
    }
    assert_eq!(deployment.audited("sign_in.revoke").await.len(), 2, "one for each family");
}

/// From a vault, by two processes, after a lost answer: the application authenticates each time.
#[tokio::test]
async fn an_application_that_proves_itself_may_use_a_token_again() {
    let deployment = Deployment::new().await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    let second = token(&refresh(&deployment, &v1(), &first, &[]).await);
    let mut tokens = vec![first.clone(), second.clone()];
    for days in [0, 1, 30, 58] {
        deployment.advance(TimeDelta::days(days));
        let again = token(&refresh(&deployment, &v1(), &first, &[]).await);
        assert!(!tokens.contains(&again));
        tokens.push(again);
    }
    // The used token is valid until it would have expired unused; the tokens that it gave continue.
    deployment.advance(TimeDelta::days(1));
    assert_eq!(refused(&refresh(&deployment, &v1(), &first, &[]).await, "invalid_grant", 400), 700082);
    assert_eq!(refresh(&deployment, &v1(), tokens.last().unwrap(), &[]).await.status, 200);
    assert!(deployment.audited("sign_in.revoke").await.is_empty());
    // Ending the sign-in ends all of them.
    let hash = deployment.context.passwords.hash(PASSWORD, &deployment.context.random).await.unwrap();
    deployment.context.store.set_user_password(ANA.user.unwrap(), &hash, false).await.unwrap();
    for token in &tokens[1..] {
        is_over(&refresh(&deployment, &v1(), token, &[]).await);
    }
}

#[tokio::test]
async fn a_public_application_may_use_a_token_again_for_a_minute() {
    let deployment = Deployment::new().await;
    let first = public_sign_in(&deployment).await;
    let second = token(&public_refresh(&deployment, &first).await);
    deployment.advance(TimeDelta::seconds(60));
    let third = token(&public_refresh(&deployment, &first).await);
    for good in [&second, &third] {
        assert_eq!(public_refresh(&deployment, good).await.status, 200);
    }
    // A later use may come from a thief, and nobody can tell who was robbed: the whole sign-in ends, and the audit trail says so.
    deployment.advance(TimeDelta::milliseconds(1));
    assert!(deployment.audited("sign_in.revoke").await.is_empty());
    for stolen in [&first, &second, &third] {
        is_over(&public_refresh(&deployment, stolen).await);
    }
    let revoked = deployment.audited("sign_in.revoke").await;
    assert_eq!(revoked.len(), 1);
    assert_eq!((revoked[0].tenant, revoked[0].actor.as_str()), (Some(CONTOSO), DESKTOP_APP.to_string().as_str()));
}

#[tokio::test]
async fn two_who_use_one_token_at_once_both_have_an_answer() {
    for public in [false, true] {
        let deployment = Deployment::new().await;
        let first = if public { public_sign_in(&deployment).await } else { token(&ask(&deployment, &v1(), &[]).await) };
        let use_it =
            async || if public { public_refresh(&deployment, &first).await } else { refresh(&deployment, &v1(), &first, &[]).await };
        let answers = futures::future::join_all((0..10).map(|_| use_it())).await;
        let mut tokens: Vec<_> = answers.iter().map(token).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 10);
        for token in &tokens {
            let answer = if public { public_refresh(&deployment, token).await } else { refresh(&deployment, &v1(), token, &[]).await };
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test]
async fn a_token_is_of_use_to_its_client_only() {
    let deployment = Deployment::new().await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    let bare = BARE_APP.to_string();
    let answer = refresh(&deployment, &v1(), &first, &[("client_id", Some(&bare))]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 70000);
    let foreign = FOREIGN_APP.to_string();
    let elsewhere = format!("/{FABRIKAM}/oauth2/token");
    let answer = refresh(&deployment, &elsewhere, &first, &[("client_id", Some(&foreign))]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 70000);
    let answer = refresh(&deployment, &v1(), &first, &[("client_secret", Some("wrong"))]).await;
    assert_eq!(refused(&answer, "invalid_client", 401), 7000215);
    // None of these attempts used it up.
    assert_eq!(refresh(&deployment, &v1(), &first, &[]).await.status, 200);
}

#[tokio::test]
async fn tokens_expire_ninety_days_after_their_last_use() {
    let deployment = Deployment::new().await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    deployment.advance(TimeDelta::days(90) - TimeDelta::seconds(1));
    let second = token(&refresh(&deployment, &v1(), &first, &[]).await);
    deployment.advance(TimeDelta::days(90));
    assert_eq!(refused(&refresh(&deployment, &v1(), &second, &[]).await, "invalid_grant", 400), 700082);
}

#[tokio::test]
async fn a_disabled_user_gets_no_more_tokens() {
    let deployment = Deployment::new().await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    deployment.context.store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    assert_eq!(refused(&refresh(&deployment, &v1(), &first, &[]).await, "invalid_grant", 400), 50057);
}

/// A client may repeat a wrong request: a refused request must not end its session.
#[tokio::test]
async fn a_refused_request_does_not_use_the_token_up() {
    let deployment = Deployment::new().await;
    let first = token(&ask(&deployment, &v1(), &[]).await);
    let graph = [("resource", Some("https://graph.microsoft.com"))];
    assert_eq!(refused(&refresh(&deployment, &v1(), &first, &graph).await, "invalid_resource", 400), 500011);
    assert_eq!(refused(&refresh(&deployment, &v2(), &first, &[("scope", Some("nonsense"))]).await, "invalid_scope", 400), 70011);
    assert_eq!(refresh(&deployment, &v1(), &first, &[]).await.status, 200);
}

/// RFC 6749, 6: without a scope, that of the grant continues to apply.
#[tokio::test]
async fn version_2_goes_on_without_naming_a_scope() {
    let deployment = Deployment::new().await;
    let scope = format!("{RESOURCE}/.default offline_access");
    let first = token(&ask(&deployment, &v2(), &[("scope", Some(&scope))]).await);
    let second = token(&refresh(&deployment, &v2(), &first, &[]).await);
    let plain = format!("{RESOURCE}/.default");
    let third = token(&refresh(&deployment, &v2(), &second, &[("scope", Some(&plain))]).await);
    assert_eq!(refresh(&deployment, &v2(), &third, &[]).await.status, 200);
}
