//! The authorization code grant: what the endpoint checks, to what the code is bound, and what it is exchanged for.

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::token_endpoint::{refused, v1, v2};
use crate::tests::harness::browser::Browser;
use crate::tests::harness::*;

pub(crate) const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more~._";
const LOOPBACK: &str = "http://localhost:51234";

pub(crate) fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()))
}

/// The desktop application's request, with changes; `None` leaves a parameter out.
pub(crate) fn request(path: &str, changes: &[(&str, Option<&str>)]) -> String {
    let (client, challenge) = (DESKTOP_APP.to_string(), challenge());
    let scope = format!("{RESOURCE}/user_impersonation openid offline_access");
    let mut parameters = vec![
        ("client_id", client.as_str()),
        ("redirect_uri", LOOPBACK),
        ("response_type", "code"),
        ("scope", &scope),
        ("state", "a state & more"),
        ("nonce", "a nonce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changes {
        parameters.retain(|(known, _)| known != name);
        parameters.extend(value.map(|value| (*name, value)));
    }
    format!("{path}?{}", Serializer::new(String::new()).extend_pairs(parameters).finish())
}

pub(crate) fn authorize() -> String {
    format!("/{CONTOSO}/oauth2/v2.0/authorize")
}

pub(crate) async fn redeem(deployment: &Deployment, code: &str, changes: &[(&str, Option<&str>)]) -> Answer {
    let client = DESKTOP_APP.to_string();
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code),
        ("redirect_uri", LOOPBACK),
        ("code_verifier", VERIFIER),
    ];
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        fields.extend(value.map(|value| (*name, value)));
    }
    deployment.post_form(&v2(), &fields).await
}

pub(crate) fn claims(token: &Value) -> Value {
    let body = token.as_str().unwrap().split('.').nth(1).unwrap().to_owned();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

/// Gets a code for Ana, through every page.
pub(crate) async fn obtain_code(browser: &mut Browser<'_>, changes: &[(&str, Option<&str>)]) -> String {
    let mut page = browser.open(&request(&authorize(), changes)).await;
    if page.answer.status == 200 && page.title() == "Sign in" {
        page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    }
    if page.answer.status == 200 {
        assert_eq!(page.title(), "Contoso desktop");
        page = browser.submit(&page, "accept", &[]).await;
    }
    page.returned().code().to_owned()
}

#[tokio::test]
async fn a_person_signs_in_consents_and_the_application_gets_tokens() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[("login_hint", Some("ana@contoso.example"))])).await;
    assert_eq!(page.title(), "Sign in");
    assert!(page.answer.text().contains("value=\"ana@contoso.example\""));
    let page = browser.sign_in(&page, "ana@contoso.example", "wrong").await;
    assert_eq!(page.fault(), "The user name or the password is wrong.");
    let before = browser.cookies.clone();
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    assert_ne!(browser.cookies, before);
    assert_eq!(page.title(), "Contoso desktop");
    assert!(page.answer.text().contains("user_impersonation"));
    let returned = browser.submit(&page, "accept", &[]).await.returned();
    assert_eq!((returned.to.as_str(), returned.fields["state"].as_str()), (LOOPBACK, "a state & more"));
    let tokens = redeem(&deployment, returned.code(), &[]).await.json();
    let id = claims(&tokens["id_token"]);
    assert_eq!((&id["nonce"], &id["aud"]), (&"a nonce".into(), &DESKTOP_APP.to_string().into()));
    let access = claims(&tokens["access_token"]);
    assert_eq!((&access["scp"], &access["amr"]), (&"user_impersonation".into(), &serde_json::json!(["pwd"])));
    // The consent is only hers, and gives access to the data.
    let call = Request::get("/insights/v1/mpn/ScheduledDataset");
    let call = call.header(header::AUTHORIZATION, format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
    assert!(!deployment.send(call.body(Body::empty()).unwrap()).await.ok().is_empty());
    assert_eq!(deployment.audited("consent.grant").await.len(), 1);
    assert_eq!(deployment.audited("sign_in.succeed").await.len(), 1);
    assert_eq!(deployment.audited("sign_in.refuse").await.len(), 1);
    // The second time no question is asked.
    let again = browser.open(&request(&authorize(), &[])).await.returned();
    assert_eq!(redeem(&deployment, again.code(), &[]).await.status, 200);
    // The refresh token belongs to a public client: it needs no secret, and is bound to that client.
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let desktop = DESKTOP_APP.to_string();
    let form = [("grant_type", "refresh_token"), ("client_id", desktop.as_str()), ("refresh_token", refresh)];
    assert_eq!(deployment.post_form(&v2(), &form).await.status, 200);
    // Revoking a consent ends what was issued.
    deployment.context.store.revoke_consent(DESKTOP_APP, Permission::PartnerApi, ANA.user).await.unwrap();
    let page = browser.open(&request(&authorize(), &[])).await;
    assert_eq!(page.title(), "Contoso desktop");
}

#[tokio::test]
async fn a_code_is_bound_to_everything_and_good_once() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let code = obtain_code(&mut browser, &[]).await;
    let app = APP.to_string();
    let foreign = FOREIGN_APP.to_string();
    for (changes, number, error, status) in [
        (&[("code", None)][..], 900144, "invalid_request", 400),
        (&[("code", Some("short"))], 9002313, "invalid_grant", 400),
        (&[("code", Some("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"))], 70000, "invalid_grant", 400),
        (&[("client_id", Some(&app)), ("client_secret", Some(SECRET))], 70000, "invalid_grant", 400),
        (&[("client_id", Some(&app))], 7000218, "invalid_client", 401),
        (&[("client_secret", Some("anything"))], 700025, "invalid_client", 401),
        (&[("redirect_uri", Some("http://localhost:51235"))], 500112, "invalid_client", 400),
        (&[("redirect_uri", None)], 500112, "invalid_client", 400),
        (&[("code_verifier", Some("another-verifier-of-forty-three-characters-or-more"))], 501481, "invalid_grant", 400),
        (&[("code_verifier", None)], 501481, "invalid_grant", 400),
        (&[("scope", Some("https://graph.microsoft.com/.default"))], 500011, "invalid_resource", 400),
        (&[("scope", Some("https://api.partnercenter.microsoft.com/Other.Permission"))], 70011, "invalid_scope", 400),
    ] {
        assert_eq!(refused(&redeem(&deployment, &code, changes).await, error, status), number, "{changes:?}");
    }
    let elsewhere = [
        ("grant_type", "authorization_code"),
        ("client_id", foreign.as_str()),
        ("client_secret", SECRET),
        ("code", code.as_str()),
        ("redirect_uri", LOOPBACK),
    ];
    let answer = deployment.post_form(&format!("/{FABRIKAM}/oauth2/v2.0/token"), &elsewhere).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 700005);
    // None of these attempts used the code up.
    let tokens = redeem(&deployment, &code, &[]).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    // A code that is presented again may be stolen: the tokens that it gave are revoked.
    assert_eq!(refused(&redeem(&deployment, &code, &[]).await, "invalid_grant", 400), 54005);
    let desktop = DESKTOP_APP.to_string();
    let form = [("grant_type", "refresh_token"), ("client_id", desktop.as_str()), ("refresh_token", refresh)];
    assert_eq!(refused(&deployment.post_form(&v2(), &form).await, "invalid_grant", 400), 50173);
    // A code is valid for ten minutes.
    let code = obtain_code(&mut browser, &[]).await;
    deployment.advance(TimeDelta::minutes(10));
    assert_eq!(refused(&redeem(&deployment, &code, &[]).await, "invalid_grant", 400), 70008);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_redemptions_at_once_one_is_answered() {
    let deployment = std::sync::Arc::new(Deployment::new().await);
    let code = obtain_code(&mut Browser::new(&deployment), &[]).await;
    let attempts: Vec<_> = (0..8)
        .map(|_| {
            let (deployment, code) = (std::sync::Arc::clone(&deployment), code.clone());
            tokio::spawn(async move { redeem(&deployment, &code, &[]).await.status })
        })
        .collect();
    let mut granted = 0;
    for attempt in attempts {
        granted += usize::from(attempt.await.unwrap() == 200);
    }
    assert_eq!(granted, 1);
}

/// Until the redirect URI is known to belong to the application, a refusal is shown on a page; after that it is sent back.
#[tokio::test]
async fn what_cannot_be_trusted_is_answered_on_a_page() {
    let deployment = Deployment::new().await;
    let shut = SHUT_APP.to_string();
    let path = authorize();
    for (path, changes, number) in [
        ("/not_a_tenant/oauth2/v2.0/authorize", &[][..], 900023),
        ("/unknown.example/oauth2/v2.0/authorize", &[], 90002),
        (&path, &[("client_id", None)], 900144),
        (&path, &[("client_id", Some("nobody"))], 700016),
        (&path, &[("client_id", Some(&shut))], 7000112),
        (&path, &[("redirect_uri", None)], 900144),
        (&path, &[("redirect_uri", Some("https://evil.example/"))], 50011),
        (&path, &[("redirect_uri", Some("http://localhost:80@evil.example/"))], 50011),
        (&path, &[("redirect_uri", Some("//evil.example"))], 50011),
        (&path, &[("redirect_uri", Some("javascript:alert(1)"))], 50011),
        ("/common/oauth2/v2.0/authorize", &[("client_id", Some("00000000-0000-0000-0000-00000000dead"))], 700016),
    ] {
        let page = Browser::new(&deployment).open(&request(path, changes)).await;
        assert_eq!(page.answer.status, 400, "{changes:?}");
        assert!(page.answer.headers.get(header::LOCATION).is_none());
        assert!(page.answer.text().contains(&format!("AADSTS{number} (")), "{changes:?} {}", page.answer.text());
    }
    let doubled = format!("{}&state=2", request(&path, &[]));
    assert!(Browser::new(&deployment).open(&doubled).await.answer.text().contains("AADSTS9000411 ("));
    let misspelled = format!("{}&nonsense=%ff", request(&path, &[]));
    assert!(Browser::new(&deployment).open(&misspelled).await.answer.text().contains("AADSTS90013 ("));
}

#[tokio::test]
async fn what_is_wrong_with_a_trusted_request_goes_back_to_the_application() {
    let deployment = Deployment::new().await;
    let long = "x".repeat(129);
    for (changes, error, number) in [
        (&[("response_type", None)][..], "invalid_request", 900144),
        (&[("response_type", Some("token"))], "unsupported_response_type", 70005),
        (&[("response_mode", Some("web_message"))], "invalid_request", 70007),
        (&[("prompt", Some("create"))], "invalid_request", 90023),
        (&[("prompt", Some("none login"))], "invalid_request", 90023),
        (&[("prompt", Some("none"))], "login_required", 50058),
        (&[("code_challenge", None)], "invalid_request", 9002325),
        (&[("code_challenge", Some("short"))], "invalid_request", 501491),
        (&[("code_challenge", Some(&long))], "invalid_request", 501491),
        (&[("code_challenge_method", Some("S512"))], "invalid_request", 501491),
        (&[("scope", None)], "invalid_request", 900144),
        (&[("scope", Some("openid"))], "invalid_scope", 70011),
        (&[("scope", Some("https://graph.microsoft.com/.default"))], "invalid_resource", 500011),
        (&[("resource", Some(RESOURCE))], "invalid_request", 901002),
    ] {
        let returned = Browser::new(&deployment).open(&request(&authorize(), changes)).await.returned();
        assert_eq!(returned.refused(), (error, number), "{changes:?}");
        assert_eq!((returned.to.as_str(), returned.fields["state"].as_str()), (LOOPBACK, "a state & more"));
    }
    let audited = deployment.audited("sign_in.refuse").await;
    let times: u64 = audited.iter().map(|event| event.occurrences).sum();
    assert_eq!(times, 13, "each but the one that forbade to ask");
    assert!(audited.iter().all(|event| event.tenant == Some(CONTOSO) && event.actor == DESKTOP_APP.to_string()));
    // The user declines.
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    let returned = browser.submit(&page, "decline", &[]).await.returned();
    assert_eq!(returned.refused(), ("access_denied", 65004));
    assert_eq!(deployment.audited("consent.decline").await.len(), 1);
    let silent = browser.open(&request(&authorize(), &[("prompt", Some("none"))])).await.returned();
    assert_eq!(silent.refused(), ("consent_required", 65001));
    // An application without the permission cannot get a consent to it.
    deployment.context.store.remove_permission(DESKTOP_APP, Permission::PartnerApi).await.unwrap();
    let returned = browser.open(&request(&authorize(), &[])).await.returned();
    assert_eq!(returned.refused(), ("invalid_resource", 650057));
}

#[tokio::test]
async fn answers_travel_in_the_query_the_fragment_or_a_form() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    let shown = browser.open(&request(&authorize(), &[("response_mode", Some("fragment"))])).await;
    assert!(shown.answer.header("location").starts_with("http://localhost:51234#code="));
    let own = browser.open(&request(&authorize(), &[("redirect_uri", Some("msal-desktop://auth"))])).await;
    assert!(own.answer.header("location").starts_with("msal-desktop://auth?code="));
    let page = browser.open(&request(&authorize(), &[("response_mode", Some("form_post")), ("state", Some("\"><b>"))])).await;
    assert_eq!(page.answer.status, 200);
    let text = page.answer.text();
    assert!(text.contains(&format!("action=\"{LOOPBACK}\"")) && !text.contains("\"><b>"), "{text}");
    assert!(page.answer.header("content-security-policy").contains(&format!("form-action {LOOPBACK}")));
    let refused = browser.open(&request(&authorize(), &[("response_mode", Some("form_post")), ("response_type", None)])).await;
    assert!(refused.answer.text().contains("name=\"error\" value=\"invalid_request\""));
}

#[tokio::test]
async fn every_way_to_name_the_tenant_and_both_versions_lead_to_tokens() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    for tenant in ["contoso.example", "organizations", "common", &CONTOSO.to_string()] {
        let path = format!("/{tenant}/oauth2/v2.0/authorize");
        let returned = browser.open(&request(&path, &[])).await.returned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &DESKTOP_APP.to_string()),
            ("code", returned.code()),
            ("redirect_uri", LOOPBACK),
            ("code_verifier", VERIFIER),
        ];
        let answer = deployment.post_form(&format!("/{tenant}/oauth2/v2.0/token"), &form).await;
        assert_eq!(answer.status, 200, "{tenant}: {}", answer.text());
    }
    // Version 1, by POST, for a confidential application, which needs no challenge.
    let fields = request(
        "",
        &[
            ("client_id", Some(&APP.to_string())),
            ("redirect_uri", Some(REDIRECT)),
            ("scope", None),
            ("resource", Some(RESOURCE)),
            ("code_challenge", None),
            ("code_challenge_method", None),
        ],
    );
    let post = Request::post(format!("/{CONTOSO}/oauth2/authorize"));
    let returned = browser.send(post, Body::from(fields.trim_start_matches('?').to_owned())).await.returned();
    assert_eq!(returned.to, REDIRECT);
    let app = APP.to_string();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", app.as_str()),
        ("client_secret", SECRET),
        ("code", returned.code()),
        ("redirect_uri", REDIRECT),
    ];
    // A verifier without a challenge: somebody removed the challenge from the request.
    let answer = deployment.post_form(&v1(), &[&form[..], &[("code_verifier", VERIFIER)]].concat()).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 501481);
    let tokens = deployment.post_form(&v1(), &form).await.json();
    assert_eq!((&tokens["resource"], &tokens["expires_in"]), (&RESOURCE.into(), &"3599".into()));
    assert!(tokens["refresh_token"].is_string());
}
