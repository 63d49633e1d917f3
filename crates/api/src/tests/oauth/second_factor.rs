//! The second factor: entered on the pages, required where the deployment says so, and never skipped.

use axum::body::Body;
use axum::http::{Request, header};
use chrono::TimeDelta;
use insightgate_operations::credentials::second_factor::offer;
use serde_json::json;
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::authorization::{authorize, claims, obtain_code, redeem, request};
use super::token_endpoint::{ask, refused, v1, v2};
use crate::tests::harness::browser::Browser;
use crate::tests::harness::*;

/// An authenticator with this secret.
fn authenticator(base32: &str) -> Totp {
    let secret = Secret::try_from_base32(base32.replace(' ', "")).unwrap();
    Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap()
}

pub(crate) fn code(deployment: &Deployment, authenticator: &Totp) -> String {
    authenticator.generate(u64::try_from(deployment.now().timestamp()).unwrap()).to_string()
}

/// Gives Ana a second factor, as an administrator would.
pub(crate) async fn equip(deployment: &Deployment) -> Totp {
    let user = deployment.context.store.user(CONTOSO, ANA.user.unwrap()).await.unwrap().unwrap();
    let offered = offer(&deployment.context, &user).unwrap();
    assert!(offered.uri.starts_with("otpauth://totp/Insightgate:ana%40contoso.example?secret="), "{}", offered.uri);
    assert!(!offered.sealed.contains(&offered.secret));
    deployment.context.store.set_totp(user.id, Some(&offered.sealed)).await.unwrap();
    authenticator(&offered.secret)
}

async fn call(deployment: &Deployment, token: &str, validate: bool) -> Answer {
    let mut request = Request::get("/insights/v1/mpn/ScheduledDataset").header(header::AUTHORIZATION, format!("Bearer {token}"));
    if validate {
        request = request.header("ValidateMfa", "true");
    }
    deployment.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_password_alone_is_not_enough_for_who_has_one() {
    let deployment = Deployment::new().await;
    let old = ask(&deployment, &v1(), &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let authenticator = equip(&deployment).await;
    for (path, error) in [(v1(), "interaction_required"), (v2(), "invalid_grant")] {
        let answer = ask(&deployment, &path, &[]).await;
        assert_eq!(refused(&answer, error, 400), 50076);
        assert_eq!(answer.json()["suberror"], "basic_action");
        // Only the right password reveals that a factor is required.
        assert_eq!(refused(&ask(&deployment, &path, &[("password", Some("wrong"))]).await, "invalid_grant", 400), 50126);
        let form = [("grant_type", Some("refresh_token")), ("refresh_token", Some(old.as_str())), ("scope", None)];
        assert_eq!(refused(&ask(&deployment, &path, &form).await, error, 400), 50076);
    }
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    assert_eq!(page.title(), "Enter the code");
    // Half a sign-in is none: neither in this request nor for a new one.
    let silent = browser.open(&request(&authorize(), &[("prompt", Some("none"))])).await.returned();
    assert_eq!(silent.refused(), ("interaction_required", 50076));
    for skipped in ["accept", "keep-account", "enrol", "new-password"] {
        let mut text = page.answer.text();
        text = text.replace("value=\"code\"", &format!("value=\"{skipped}\""));
        let forged = crate::tests::harness::browser::Shown { answer: Answer { body: text.into_bytes(), ..clone(&page.answer) } };
        assert_eq!(browser.submit(&forged, skipped, &[("code", "000000")]).await.title(), "Enter the code", "{skipped}");
    }
    let page = browser.submit(&page, "code", &[("code", "12345")]).await;
    assert!(page.fault().starts_with("The code is wrong"));
    let right = code(&deployment, &authenticator);
    let spelled = format!("{} {}", &right[..3], &right[3..]);
    let page = browser.submit(&page, "code", &[("code", &spelled)]).await;
    assert_eq!(page.title(), "Contoso desktop");
    let returned = browser.submit(&page, "accept", &[]).await.returned();
    let tokens = redeem(&deployment, returned.code(), &[]).await.json();
    assert_eq!(claims(&tokens["access_token"])["amr"], json!(["pwd", "mfa"]));
    // A code is valid once, also in another browser.
    let mut other = Browser::new(&deployment);
    let page = other.open(&request(&authorize(), &[])).await;
    let page = other.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    let page = other.submit(&page, "code", &[("code", &right)]).await;
    assert!(page.fault().starts_with("The code is wrong"));
    deployment.advance(TimeDelta::seconds(30));
    let page = other.submit(&page, "code", &[("code", &code(&deployment, &authenticator))]).await;
    assert_eq!(page.answer.status, 303);
}

fn clone(answer: &Answer) -> Answer {
    Answer { status: answer.status, headers: answer.headers.clone(), body: Vec::new() }
}

/// The right password must not buy more guesses at the code.
#[tokio::test]
async fn guesses_at_the_code_lock_the_account() {
    let deployment = Deployment::new().await;
    let authenticator = equip(&deployment).await;
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    for _ in 0..10 {
        let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
        let page = browser.submit(&page, "code", &[("code", "918273")]).await;
        assert!(page.fault().starts_with("The code is wrong"));
    }
    assert_eq!(
        browser.sign_in(&page, "ana@contoso.example", PASSWORD).await.fault(),
        "The account is locked after too many wrong passwords. Wait and try again."
    );
    deployment.advance(TimeDelta::seconds(60));
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    let page = browser.submit(&page, "code", &[("code", &code(&deployment, &authenticator))]).await;
    assert_eq!(page.title(), "Contoso desktop");
    let audited = format!("{:?}", deployment.audited("sign_in.refuse").await);
    assert!(!audited.contains("918273"));
}

#[tokio::test]
async fn where_one_is_required_it_is_set_up_at_the_first_sign_in() {
    let deployment = Deployment::with(|settings| settings.require_mfa = true).await;
    for (path, error) in [(v1(), "interaction_required"), (v2(), "invalid_grant")] {
        assert_eq!(refused(&ask(&deployment, &path, &[]).await, error, 400), 50079);
    }
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    assert_eq!(page.title(), "Set up a second factor");
    let secret = |text: &str| text.split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let offered = secret(&page.answer.text());
    let page = browser.submit(&page, "enrol", &[("code", "123456")]).await;
    assert!(page.fault().starts_with("The code is wrong"));
    assert_eq!(secret(&page.answer.text()), offered, "the same secret, since it was typed into an app");
    let right = code(&deployment, &authenticator(&offered));
    let page = browser.submit(&page, "enrol", &[("code", &right)]).await;
    assert_eq!(page.title(), "Contoso desktop");
    assert_eq!(deployment.audited("second_factor.add").await.len(), 1);
    let returned = browser.submit(&page, "accept", &[]).await.returned();
    let tokens = redeem(&deployment, returned.code(), &[]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(call(&deployment, token, true).await.header("ismfacompliant"), "true");
    assert!(!call(&deployment, token, false).await.ok().is_empty());
    // From then on the factor is required.
    assert_eq!(refused(&ask(&deployment, &v2(), &[]).await, "invalid_grant", 400), 50076);
}

#[tokio::test]
async fn calls_say_whether_a_requirement_is_met_and_hold_to_it() {
    let deployment = Deployment::new().await;
    let token = deployment.token(ANA);
    let answer = call(&deployment, &token, true).await;
    assert_eq!(answer.header("ismfacompliant"), "false");
    assert!(!answer.ok().is_empty(), "not required: answered as usual");
    assert!(!call(&deployment, &token, false).await.headers.contains_key("ismfacompliant"));
    let strict = Deployment::with(|settings| settings.require_mfa = true).await;
    for validate in [false, true] {
        let answer = call(&strict, &strict.token(ANA), validate).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["code"], &body["statusCode"]), (401, &json!(900421), &json!(401)), "{body}");
        assert!(body["message"].as_str().unwrap().contains("device code"));
        assert_eq!(answer.headers.contains_key("ismfacompliant"), validate);
    }
    assert_eq!(strict.audited("access.refuse").await.len(), 2);
    // An application without a user cannot be asked for a second factor.
    let answer = strict.call_program(ALONE, "cmp", axum::http::Method::GET, "ScheduledDataset", serde_json::Value::Null).await;
    assert!(!answer.ok().is_empty());
}

/// A factor that is set up later is required of a user who is already signed in.
#[tokio::test]
async fn a_session_without_it_is_asked_for_it() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    let authenticator = equip(&deployment).await;
    let page = browser.open(&request(&authorize(), &[])).await;
    assert_eq!(page.title(), "Enter the code");
    let page = browser.submit(&page, "code", &[("code", &code(&deployment, &authenticator))]).await;
    assert_eq!(page.answer.status, 303);
}

/// A thief must not be able to continue sessions with the factor of a lost phone.
#[tokio::test]
async fn taking_it_away_ends_what_it_opened() {
    let deployment = Deployment::new().await;
    let authenticator = equip(&deployment).await;
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    let page = browser.submit(&page, "code", &[("code", &code(&deployment, &authenticator))]).await;
    let returned = browser.submit(&page, "accept", &[]).await.returned();
    let tokens = redeem(&deployment, returned.code(), &[]).await.json();
    let desktop = DESKTOP_APP.to_string();
    let refresh =
        [("grant_type", "refresh_token"), ("client_id", desktop.as_str()), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    deployment.context.store.set_totp(ANA.user.unwrap(), None).await.unwrap();
    assert_eq!(refused(&deployment.post_form(&v2(), &refresh).await, "invalid_grant", 400), 50173);
    let silent = browser.open(&request(&authorize(), &[("prompt", Some("none"))])).await.returned();
    assert_eq!(silent.refused(), ("login_required", 50058));
}
