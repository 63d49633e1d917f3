//! The device code grant: a device requests a code and polls, and its user types another code elsewhere and decides.

use chrono::TimeDelta;
use insightgate_identity::tokens::device::WAITING_PER_ADDRESS;
use insightgate_operations::clock::Clock;
use insightgate_operations::context::Settings;
use serde_json::Value;

use super::guessing::post_from;
use super::token_endpoint::{refused, v1, v2};
use crate::tests::harness::browser::{Browser, Shown};
use crate::tests::harness::*;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const PAGE: &str = "/common/oauth2/deviceauth";

async fn start(deployment: &Deployment) -> Value {
    let scope = format!("{RESOURCE}/.default openid offline_access");
    let form = [("client_id", DESKTOP_APP.to_string()), ("scope", scope)];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = deployment.post_form(&format!("/{CONTOSO}/oauth2/v2.0/devicecode"), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn poll(deployment: &Deployment, code: &str) -> Answer {
    let desktop = DESKTOP_APP.to_string();
    deployment.post_form(&v2(), &[("grant_type", GRANT), ("client_id", &desktop), ("device_code", code)]).await
}

/// The page after the code is typed.
async fn typed(browser: &mut Browser<'_>, code: &str) -> Shown {
    let page = browser.open(PAGE).await;
    browser.submit(&page, "", &[("user_code", code)]).await
}

#[tokio::test]
async fn a_device_waits_until_its_user_has_approved() {
    let deployment = Deployment::new().await;
    let started = start(&deployment).await;
    assert_eq!((&started["expires_in"], &started["interval"]), (&900.into(), &5.into()));
    assert_eq!(started["verification_uri"], format!("{BASE}{PAGE}"));
    let (code, user_code) = (started["device_code"].as_str().unwrap(), started["user_code"].as_str().unwrap());
    assert!(started["message"].as_str().unwrap().contains(user_code));
    assert_eq!(user_code.len(), 9);
    assert_eq!(refused(&poll(&deployment, code).await, "authorization_pending", 400), 70016);
    let mut browser = Browser::new(&deployment);
    // Spelled as people type it.
    let spelled = format!(" {}-{} {}", &user_code[..3], user_code[3..6].to_lowercase(), &user_code[6..]);
    let page = typed(&mut browser, &spelled).await;
    assert_eq!(page.title(), "Sign in");
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    assert_eq!(page.title(), "Is it you who signs in to Contoso desktop?");
    assert_eq!(refused(&poll(&deployment, code).await, "authorization_pending", 400), 70016);
    let page = browser.submit(&page, "accept", &[]).await;
    assert_eq!(page.title(), "You are signed in");
    assert_eq!(deployment.audited("device.approve").await.len(), 1);
    let app = APP.to_string();
    let foreign = [("grant_type", GRANT), ("client_id", app.as_str()), ("client_secret", SECRET), ("device_code", code)];
    assert_eq!(refused(&deployment.post_form(&v2(), &foreign).await, "invalid_request", 400), 90120);
    let tokens = poll(&deployment, code).await.json();
    for name in ["access_token", "refresh_token", "id_token"] {
        assert!(tokens[name].is_string(), "{tokens}");
    }
    // The code is valid once.
    assert_eq!(refused(&poll(&deployment, code).await, "bad_verification_code", 400), 70018);
    assert!(typed(&mut browser, user_code).await.fault().starts_with("AADSTS70019"));
}

#[tokio::test]
async fn a_device_hears_of_every_other_end() {
    let deployment = Deployment::new().await;
    assert_eq!(refused(&poll(&deployment, "nonsense").await, "bad_verification_code", 400), 70018);
    let form = [("grant_type", GRANT), ("client_id", &DESKTOP_APP.to_string())];
    assert_eq!(refused(&deployment.post_form(&v2(), &form).await, "invalid_request", 400), 900144);
    let mut browser = Browser::new(&deployment);
    let page = browser.open(PAGE).await;
    for (wrong, number) in [("", "AADSTS90119"), ("12345", "AADSTS90119"), ("BBBBBBBBB", "AADSTS70019")] {
        let page = browser.submit(&page, "", &[("user_code", wrong)]).await;
        assert!(page.fault().starts_with(number), "{wrong}: {}", page.fault());
    }
    let mut refused_codes: Vec<_> = deployment.audited("sign_in.refuse").await.into_iter().map(|event| event.occurrences).collect();
    refused_codes.sort_unstable();
    assert_eq!(refused_codes, [1, 2], "counted by their number");
    // The user declines.
    let started = start(&deployment).await;
    let page = typed(&mut browser, started["user_code"].as_str().unwrap()).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    assert_eq!(browser.submit(&page, "decline", &[]).await.title(), "Cancelled");
    let answer = poll(&deployment, started["device_code"].as_str().unwrap()).await;
    assert_eq!(refused(&answer, "authorization_declined", 400), 70018);
    // The codes have expired, for the device and for its user.
    let started = start(&deployment).await;
    deployment.advance(TimeDelta::seconds(900));
    let answer = poll(&deployment, started["device_code"].as_str().unwrap()).await;
    assert_eq!(refused(&answer, "expired_token", 400), 70020);
    assert!(typed(&mut browser, started["user_code"].as_str().unwrap()).await.fault().starts_with("AADSTS70019"));
}

#[tokio::test]
async fn version_1_has_names_of_its_own() {
    let deployment = Deployment::new().await;
    let desktop = DESKTOP_APP.to_string();
    let form = [("client_id", desktop.as_str()), ("resource", RESOURCE)];
    let started = deployment.post_form("/common/oauth2/devicecode", &form).await.json();
    assert_eq!((&started["expires_in"], &started["interval"]), (&"900".into(), &"5".into()));
    assert!(started["verification_url"].is_string());
    let form = [
        ("grant_type", "device_code"),
        ("client_id", desktop.as_str()),
        ("resource", RESOURCE),
        ("code", started["device_code"].as_str().unwrap()),
    ];
    assert_eq!(refused(&deployment.post_form(&v1(), &form).await, "authorization_pending", 400), 70016);
    let mut browser = Browser::new(&deployment);
    let page = typed(&mut browser, started["user_code"].as_str().unwrap()).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    browser.submit(&page, "accept", &[]).await;
    assert_eq!(deployment.post_form("/common/oauth2/token", &form).await.json()["resource"], RESOURCE);
    for (path, form, number, error) in [
        ("/common/oauth2/devicecode", &[("resource", RESOURCE)][..], 900144, "invalid_request"),
        ("/common/oauth2/devicecode", &[("client_id", desktop.as_str())], 900144, "invalid_request"),
        ("/common/oauth2/v2.0/devicecode", &[("client_id", desktop.as_str()), ("scope", "nonsense")], 70011, "invalid_scope"),
        (
            "/common/oauth2/devicecode",
            &[("client_id", desktop.as_str()), ("resource", "https://graph.microsoft.com")],
            500011,
            "invalid_resource",
        ),
    ] {
        assert_eq!(refused(&deployment.post_form(path, form).await, error, 400), number);
    }
}

/// RFC 8628, 3.5.
#[tokio::test]
async fn a_device_that_asks_too_fast_is_slowed_down() {
    let deployment = Deployment::start(Settings::default(), Clock::System).await;
    let (one, other) = (start(&deployment).await, start(&deployment).await);
    let [one, other] = [&one, &other].map(|started| started["device_code"].as_str().unwrap());
    assert_eq!(refused(&poll(&deployment, one).await, "authorization_pending", 400), 70016);
    for _ in 0..3 {
        assert_eq!(refused(&poll(&deployment, one).await, "slow_down", 400), 70016);
    }
    assert_eq!(refused(&poll(&deployment, other).await, "authorization_pending", 400), 70016);
}

/// A client that requests codes and never uses them does not keep others from getting some.
#[tokio::test]
async fn codes_that_wait_are_bounded() {
    let deployment = Deployment::new().await;
    let (desktop, path) = (DESKTOP_APP.to_string(), format!("/{CONTOSO}/oauth2/devicecode"));
    let form = [("client_id", desktop.as_str()), ("resource", RESOURCE)];
    let greedy = [203, 0, 113, 9].into();
    for _ in 0..WAITING_PER_ADDRESS {
        assert_eq!(post_from(&deployment, greedy, &path, &form).await.status, 200);
    }
    deployment.advance(TimeDelta::seconds(100));
    let answer = post_from(&deployment, greedy, &path, &form).await;
    assert_eq!((refused(&answer, "temporarily_unavailable", 429), answer.header("retry-after")), (90055, "800"));
    let [event] = &deployment.audited("sign_in.refuse").await[..] else { panic!("one count") };
    assert_eq!((event.tenant, event.address.as_deref(), event.occurrences), (Some(CONTOSO), Some("203.0.113.9"), 1));
    assert_eq!(post_from(&deployment, [203, 0, 113, 10].into(), &path, &form).await.status, 200);
    deployment.advance(TimeDelta::seconds(800));
    assert_eq!(post_from(&deployment, greedy, &path, &form).await.status, 200);
}
