//! Attempts to get more than was granted: guessing while locked, skipping a second factor, sign-ins that outlive what ended them.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::guessing::Counted;
use insightgate_operations::credentials::second_factor::offer;
use insightgate_operations::random::Random;
use serde_json::Value;
use totp_rs::{Algorithm, Builder, Secret};

use super::authorization::{authorize, request};
use super::token_endpoint::{ask, refused, v1};
use crate::tests::harness::browser::Browser;
use crate::tests::harness::*;

const ANAS: &str = "ana@contoso.example";

/// A lock that still distinguishes the right password from a wrong one slows no attacker down, and a lock that only existing names have reveals who exists.
#[tokio::test]
async fn a_lock_tells_neither_the_password_nor_who_exists() {
    let deployment = Deployment::new().await;
    let mut number = 0;
    let mut wrong = |name: &'static str| {
        number += 1;
        let password = format!("wrong {number}");
        let (deployment, path) = (&deployment, v1());
        async move { ask(deployment, &path, &[("password", Some(&password)), ("username", Some(name))]).await }
    };
    for name in [ANAS, "nobody@contoso.example"] {
        for _ in 0..Counted::Name.free() {
            assert_eq!(refused(&wrong(name).await, "invalid_grant", 400), 50126, "{name}");
        }
    }
    let text = |answer: Answer| answer.json()["error_description"].as_str().unwrap().split(" Trace ID").next().unwrap().to_owned();
    let right = text(ask(&deployment, &v1(), &[]).await);
    assert!(right.starts_with("AADSTS50053"), "{right}");
    for name in [ANAS, " NOBODY@contoso.example"] {
        assert_eq!(text(wrong(name).await), right, "{name}");
    }
    // The wait ends for both, and the next wrong password doubles it for both.
    for (wait, before) in [(60, 50126), (119, 50053), (1, 50126)] {
        deployment.advance(TimeDelta::seconds(wait));
        for name in [ANAS, "nobody@contoso.example"] {
            assert_eq!(refused(&wrong(name).await, "invalid_grant", 400), before, "{name} after {wait}");
        }
    }
}

/// A person who only knows a password that must be changed must not be able to choose the next one.
#[tokio::test]
async fn the_second_factor_goes_before_a_new_password() {
    let deployment = Deployment::new().await;
    let user = deployment.context.store.user(CONTOSO, ANA.user.unwrap()).await.unwrap().unwrap();
    let offered = offer(&deployment.context, &user).unwrap();
    deployment.context.store.set_totp(user.id, Some(&offered.sealed)).await.unwrap();
    let hash = deployment.context.passwords.hash(PASSWORD, &Random::default()).await.unwrap();
    deployment.context.store.set_user_password(user.id, &hash, true).await.unwrap();
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, ANAS, PASSWORD).await;
    assert_eq!(page.title(), "Enter the code");
    let secret = Secret::try_from_base32(&offered.secret).unwrap();
    let authenticator = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
    let code = authenticator.generate(u64::try_from(deployment.now().timestamp()).unwrap()).to_string();
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!(page.title(), "Set a new password");
    let typed = [("password", "a quite different one"), ("again", "a quite different one")];
    let page = browser.submit(&page, "new-password", &typed).await;
    assert_eq!(page.title(), "Contoso desktop");
}

/// A factor that is set up while the page for a new password is open is required before the password is accepted.
#[tokio::test]
async fn a_factor_that_came_meanwhile_goes_before_a_new_password() {
    let deployment = Deployment::new().await;
    let user = deployment.context.store.user(CONTOSO, ANA.user.unwrap()).await.unwrap().unwrap();
    let hash = deployment.context.passwords.hash(PASSWORD, &Random::default()).await.unwrap();
    deployment.context.store.set_user_password(user.id, &hash, true).await.unwrap();
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, ANAS, PASSWORD).await;
    assert_eq!(page.title(), "Set a new password");
    let offered = offer(&deployment.context, &user).unwrap();
    deployment.context.store.set_totp(user.id, Some(&offered.sealed)).await.unwrap();
    let typed = [("password", "a quite different one"), ("again", "a quite different one")];
    let page = browser.submit(&page, "new-password", &typed).await;
    assert_eq!(page.title(), "Enter the code");
    assert!(deployment.audited("password.change").await.is_empty());
}

/// An attacker who keeps signing in with the old password must not get a sign-in that outlives the new password: hashing takes time, and the change
/// may happen during it.
#[tokio::test]
async fn no_sign_in_outlives_a_new_password_that_overtook_it() {
    let deployment = Deployment::new().await;
    deployment.hash_as_usual(ANA).await;
    let hash = deployment.context.passwords.hash("a quite different one", &Random::default()).await.unwrap();
    let ana = ANA.user.unwrap();
    let path = v1();
    let change = async {
        // These reads make sure that the sign-in has already read the old password.
        deployment.context.store.user(CONTOSO, ana).await.unwrap();
        deployment.context.store.users(CONTOSO).await.unwrap();
        deployment.context.store.set_user_password(ana, &hash, false).await.unwrap();
    };
    let (answer, ()) = tokio::join!(ask(&deployment, &path, &[]), change);
    assert_eq!(refused(&answer, "invalid_grant", 400), 50126);
    // The same on the page.
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let hash = deployment.context.passwords.hash(PASSWORD, &Random::default()).await.unwrap();
    let change = async {
        deployment.context.store.user(CONTOSO, ana).await.unwrap();
        deployment.context.store.users(CONTOSO).await.unwrap();
        deployment.context.store.set_user_password(ana, &hash, false).await.unwrap();
    };
    let (page, ()) = tokio::join!(browser.sign_in(&page, ANAS, "a quite different one"), change);
    assert_eq!((page.title(), page.fault()), ("Sign in".to_owned(), "The user name or the password is wrong.".to_owned()));
    assert_eq!(deployment.call(ANA, Method::GET, "ScheduledDataset", Value::Null).await.status, 200);
}

/// Of two people who set up a factor at the same time, only one succeeds: a thief with the password must not be able to replace the owner's factor.
#[tokio::test]
async fn only_one_second_factor_is_ever_set_up() {
    let deployment = Deployment::with(|settings| settings.require_mfa = true).await;
    let (mut one, mut other) = (Browser::new(&deployment), Browser::new(&deployment));
    let mut pages = Vec::new();
    for browser in [&mut one, &mut other] {
        let page = browser.open(&request(&authorize(), &[])).await;
        let page = browser.sign_in(&page, ANAS, PASSWORD).await;
        let text = page.answer.text();
        let offered = text.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
        let secret = Secret::try_from_base32(&offered).unwrap();
        let authenticator = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
        pages.push((page, authenticator.generate(u64::try_from(deployment.now().timestamp()).unwrap()).to_string()));
    }
    let typed = pages.iter().map(|(_, code)| [("code", code.as_str())]).collect::<Vec<_>>();
    let (first, second) = tokio::join!(one.submit(&pages[0].0, "enrol", &typed[0]), other.submit(&pages[1].0, "enrol", &typed[1]));
    let titles = [first.title(), second.title()];
    assert_eq!(titles.iter().filter(|title| *title == "Contoso desktop").count(), 1, "{titles:?}");
    assert_eq!(deployment.audited("second_factor.add").await.len(), 1);
}
