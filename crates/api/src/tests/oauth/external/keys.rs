//! How an issuer's keys are fetched, cached and replaced, and what happens while the issuer is down.

use std::time::Duration;

use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::future::join_all;
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::IssuerSettings;
use serde_json::json;

use crate::tests::harness::issuer::*;
use crate::tests::harness::*;

async fn status(deployment: &Deployment, token: &str) -> StatusCode {
    present(deployment, "mpn", token).await.status
}

fn seconds(count: i64) -> TimeDelta {
    TimeDelta::seconds(count)
}

#[tokio::test]
async fn new_keys_are_found_and_old_ones_forgotten() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let lasting = json!({"exp": deployment.now().timestamp() + 100_000});
    let (old, new) = (issuer.token(&deployment, &FIRST, lasting.clone()), issuer.token(&deployment, &SECOND, lasting));
    assert_eq!((status(&deployment, &old).await, issuer.fetches()), (StatusCode::OK, 1));
    deployment.advance(seconds(30));
    issuer.publish(&[FIRST.public(), SECOND.public()]);
    assert_eq!((status(&deployment, &new).await, issuer.fetches()), (StatusCode::OK, 2), "an unknown key is looked up");
    // The issuer removes the first key: it stays valid until the keys are fetched again.
    issuer.publish(&[SECOND.public()]);
    deployment.advance(seconds(599));
    assert_eq!((status(&deployment, &old).await, issuer.fetches()), (StatusCode::OK, 2));
    deployment.advance(seconds(1));
    assert_eq!((status(&deployment, &old).await, issuer.fetches()), (StatusCode::UNAUTHORIZED, 3));
    assert_eq!((status(&deployment, &new).await, issuer.fetches()), (StatusCode::OK, 3));
    // Another key under the old key id.
    issuer.publish(&[with(SECOND.public(), json!({"kid": FIRST.kid}))]);
    deployment.advance(seconds(600));
    assert_eq!(status(&deployment, &old).await, StatusCode::UNAUTHORIZED);
    // All keys are removed.
    issuer.publish(&[]);
    deployment.advance(seconds(600));
    assert_eq!(status(&deployment, &new).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn made_up_keys_cost_the_issuer_nothing() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let good = issuer.token(&deployment, &FIRST, json!({}));
    let bogus: Vec<String> = (0..20)
        .map(|id| SECOND.sign(&with(Issuer::header(&SECOND), json!({"kid": format!("made-up-{id}")})), &issuer.claims(&deployment)))
        .collect();
    let all = || join_all(bogus.iter().map(|token| status(&deployment, token)));
    assert_eq!(status(&deployment, &good).await, StatusCode::OK);
    assert!(all().await.iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    assert_eq!(issuer.fetches(), 1, "the fetch of a moment ago has answered them");
    deployment.advance(seconds(30));
    assert!(all().await.iter().all(|status| *status == StatusCode::UNAUTHORIZED));
    assert_eq!(issuer.fetches(), 2, "one for all of them");
    deployment.advance(seconds(29));
    all().await;
    assert_eq!((issuer.fetches(), status(&deployment, &good).await), (2, StatusCode::OK));
    // A token that no key could make valid is refused without a fetch.
    deployment.advance(seconds(30));
    let hopeless = FIRST.sign(&json!({"alg": "HS256", "kid": "made-up"}), &issuer.claims(&deployment));
    assert_eq!((status(&deployment, &hopeless).await, issuer.fetches()), (StatusCode::UNAUTHORIZED, 2));
}

#[tokio::test]
async fn many_first_tokens_cause_one_fetch() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({}));
    let answers = join_all((0..20).map(|_| status(&deployment, &token))).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn known_keys_serve_while_the_issuer_is_down() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({"exp": deployment.now().timestamp() + 100_000}));
    assert_eq!(status(&deployment, &token).await, StatusCode::OK);
    for mood in [Mood::Down, Mood::NoJson, Mood::Posing, Mood::Huge, Mood::Redirecting] {
        issuer.is(mood);
        let before = issuer.fetches();
        deployment.advance(seconds(600));
        for _ in 0..3 {
            assert_eq!(status(&deployment, &token).await, StatusCode::OK);
        }
        assert_eq!(issuer.fetches(), before + 1, "one attempt");
    }
    // Six hours after the last good answer they are too old.
    deployment.advance(TimeDelta::hours(6) - seconds(3001));
    assert_eq!(status(&deployment, &token).await, StatusCode::OK);
    deployment.advance(seconds(1));
    assert_eq!(status(&deployment, &token).await, StatusCode::UNAUTHORIZED);
    issuer.is(Mood::Well);
    assert_eq!(status(&deployment, &token).await, StatusCode::UNAUTHORIZED, "asked a moment ago");
    deployment.advance(seconds(30));
    assert_eq!(status(&deployment, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn without_keys_nothing_is_accepted() {
    for mood in [Mood::Down, Mood::NoJson, Mood::Posing, Mood::Huge, Mood::Redirecting] {
        let issuer = Issuer::start().await;
        let deployment = issuer.deployment().await;
        let token = issuer.token(&deployment, &FIRST, json!({}));
        issuer.is(mood);
        assert_eq!(status(&deployment, &token).await, StatusCode::UNAUTHORIZED);
        issuer.is(Mood::Well);
        deployment.advance(seconds(29));
        assert_eq!(status(&deployment, &token).await, StatusCode::UNAUTHORIZED);
        deployment.advance(seconds(1));
        assert_eq!(status(&deployment, &token).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn a_slow_issuer_is_given_up_and_holds_up_nobody_else() {
    let issuer = Issuer::start().await;
    let settings = IssuerSettings { timeout: Duration::from_millis(300), ..issuer.settings() };
    let deployment = issuer.bench_with(settings, Settings::default()).await;
    let token = issuer.token(&deployment, &FIRST, json!({}));
    issuer.is(Mood::Silent);
    let answers = join_all((0..10).map(|_| status(&deployment, &token))).await;
    assert!(answers.iter().all(|status| *status == StatusCode::UNAUTHORIZED), "{answers:?}");
    assert_eq!(issuer.fetches(), 1);
    present(&deployment, "mpn", &deployment.token(ANA)).await.ok();
    issuer.is(Mood::Well);
    deployment.advance(seconds(30));
    assert_eq!(status(&deployment, &token).await, StatusCode::OK);
    // If keys are cached, the caller waits, and then gets the result with the cached keys.
    issuer.is(Mood::Silent);
    deployment.advance(seconds(600));
    let answers = join_all((0..10).map(|_| status(&deployment, &token))).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(issuer.fetches(), 3);
}

/// A caller that disconnects does not cancel the fetch for the next one.
#[tokio::test]
async fn a_fetch_outlives_its_caller() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let token = issuer.token(&deployment, &FIRST, json!({}));
    {
        let mut first = Box::pin(status(&deployment, &token));
        while issuer.fetches() == 0 {
            tokio::select! {
                biased;
                _ = tokio::task::yield_now() => {}
                _ = &mut first => panic!("answered before the issuer was asked"),
            }
        }
    }
    assert_eq!((status(&deployment, &token).await, issuer.fetches()), (StatusCode::OK, 1));
}
