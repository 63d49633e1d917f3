//! The pages: whose forms they accept, what their headers allow, sessions, passwords, and signing out.

use aws_lc_rs::digest::{SHA256, digest};
use axum::Extension;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use chrono::TimeDelta;
use insightgate_identity::guessing::Counted;
use std::net::SocketAddr;
use tower::ServiceExt as _;
use url::form_urlencoded::Serializer;

use super::authorization::{authorize, obtain_code, request};
use super::token_endpoint::{ask, refused, v1};
use crate::tests::harness::browser::{Browser, Shown, attribute};
use crate::tests::harness::*;

const ANAS: &str = "ana@contoso.example";

#[tokio::test]
async fn pages_can_do_nothing_but_be_read_and_sent() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let sign_in = browser.open(&request(&authorize(), &[])).await;
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http://localhost:51234";
    assert_eq!(sign_in.answer.header("content-security-policy"), policy);
    let error = browser.open(&request(&authorize(), &[("redirect_uri", Some("https://evil.example/\"><script>"))])).await;
    assert!(error.answer.text().contains("&#60;script&#62;") && !error.answer.text().contains("<script"));
    let device = browser.open("/common/oauth2/deviceauth").await;
    let out = browser.open("/common/oauth2/v2.0/logout").await;
    for page in [&sign_in, &error, &device, &out] {
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(page.answer.header(name), value);
        }
        assert!(page.answer.header("content-security-policy").starts_with("default-src 'none';"));
        assert!(!page.answer.text().contains("evil.example/\""));
    }
    let style = deployment.fetch("/common/sign-in.css", &[]).await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    assert!(style.text().contains("prefers-color-scheme"));
}

/// Only a form of a page that was shown to this very browser is accepted.
#[tokio::test]
async fn forms_of_other_sites_and_browsers_are_refused() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let mut stranger = Browser::new(&deployment);
    stranger.open(&request(&authorize(), &[])).await;
    // The stranger's page in this browser, and this browser's page without its cookies.
    let refused = |shown: &Shown| {
        assert_eq!(shown.answer.status, 400);
        assert!(shown.answer.text().contains("AADSTS90013"));
    };
    refused(&stranger.sign_in(&page, ANAS, PASSWORD).await);
    refused(&Browser::new(&deployment).sign_in(&page, ANAS, PASSWORD).await);
    for body in ["", "step=password&username=ana", "csrf=&step=accept"] {
        refused(&browser.send(Request::post("/common/sign-in"), Body::from(body)).await);
        refused(&browser.send(Request::post("/common/oauth2/deviceauth"), Body::from(body)).await);
    }
    let csrf = attribute(page.answer.text().split("<input ").nth(1).unwrap(), "value").unwrap();
    for body in [format!("csrf={csrf}"), format!("csrf={csrf}&request=a%3Db&step=nonsense"), format!("csrf={csrf}&csrf={csrf}")] {
        assert_eq!(browser.send(Request::post("/common/sign-in"), Body::from(body)).await.answer.status, 400);
    }
    assert_eq!(browser.send(Request::get("/common/sign-in"), Body::empty()).await.answer.status, 405);
    // The request field does not help either: it is checked like any other request.
    let forged = Serializer::new(String::new())
        .append_pair("tenant", "contoso.example")
        .append_pair("client_id", &DESKTOP_APP.to_string())
        .append_pair("redirect_uri", "https://evil.example/")
        .finish();
    let body =
        Serializer::new(String::new()).append_pair("csrf", &csrf).append_pair("request", &forged).append_pair("step", "accept").finish();
    let shown = browser.send(Request::post("/common/sign-in"), Body::from(body)).await;
    assert!(shown.answer.text().contains("AADSTS50011"));
    assert_eq!(browser.sign_in(&page, ANAS, PASSWORD).await.title(), "Contoso desktop");
}

#[tokio::test]
async fn a_session_lasts_a_day_of_work_and_ends_with_the_account() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    let stolen = browser.cookies.clone();
    deployment.advance(TimeDelta::hours(11));
    assert_eq!(browser.open(&request(&authorize(), &[])).await.answer.status, 303);
    deployment.advance(TimeDelta::hours(1));
    assert_eq!(browser.open(&request(&authorize(), &[])).await.title(), "Sign in");
    // After signing out, a copy of the cookie is worthless.
    obtain_code(&mut browser, &[]).await;
    let kept = browser.cookies.clone();
    assert_ne!(kept, stolen);
    assert_eq!(browser.open("/common/oauth2/v2.0/logout").await.title(), "You are signed out");
    assert_eq!(deployment.audited("sign_in.end").await.len(), 1);
    browser.cookies = kept;
    assert_eq!(browser.open(&request(&authorize(), &[])).await.title(), "Sign in");
    // The session of a disabled user is invalid, and stays so when the account is enabled again.
    obtain_code(&mut browser, &[]).await;
    for enabled in [false, true] {
        deployment.context.store.set_user_enabled(ANA.user.unwrap(), enabled).await.unwrap();
        assert_eq!(browser.open(&request(&authorize(), &[])).await.title(), "Sign in");
    }
    // There is no session in another organisation.
    obtain_code(&mut browser, &[]).await;
    let foreign = FOREIGN_APP.to_string();
    let application = deployment.context.store.application(FABRIKAM, FOREIGN_APP).await.unwrap().unwrap();
    let application = insightgate_identity::application::Application { redirect_uris: vec![REDIRECT.into()], ..application };
    deployment.context.store.change_application(&application, None).await.unwrap();
    let elsewhere =
        request(&format!("/{FABRIKAM}/oauth2/v2.0/authorize"), &[("client_id", Some(&foreign)), ("redirect_uri", Some(REDIRECT))]);
    let page = browser.open(&elsewhere).await;
    assert_eq!(page.title(), "Sign in");
    assert_eq!(browser.sign_in(&page, ANAS, PASSWORD).await.fault(), "The user name or the password is wrong.");
}

#[tokio::test]
async fn a_request_says_how_much_may_be_asked() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    let silent = browser.open(&request(&authorize(), &[("prompt", Some("none"))])).await;
    silent.returned().code();
    let hinted = [("prompt", Some("none")), ("login_hint", Some("ben@contoso.example"))];
    assert_eq!(browser.open(&request(&authorize(), &hinted)).await.returned().refused(), ("login_required", 50058));
    let page = browser.open(&request(&authorize(), &[("login_hint", Some("ben@contoso.example"))])).await;
    assert!(page.title() == "Sign in" && page.answer.text().contains("value=\"ben@contoso.example\""));
    // A user who is signed in is asked for the account.
    let page = browser.open(&request(&authorize(), &[("prompt", Some("select_account"))])).await;
    assert_eq!(page.title(), "Choose an account");
    browser.submit(&page, "keep-account", &[]).await.returned().code();
    let other = browser.submit(&page, "other-account", &[]).await;
    assert_eq!(other.title(), "Sign in");
    let other = browser.sign_in(&other, "ben@contoso.example", PASSWORD).await;
    assert_eq!(other.title(), "Contoso desktop");
    assert!(other.answer.text().contains("ben@contoso.example"));
    let page = browser.open(&request(&authorize(), &[("prompt", Some("consent")), ("login_hint", Some("BEN@contoso.example"))])).await;
    assert_eq!(page.title(), "Contoso desktop");
    browser.submit(&page, "accept", &[]).await.returned().code();
    // A new sign-in cannot be skipped: the session is gone.
    let page = browser.open(&request(&authorize(), &[("prompt", Some("login"))])).await;
    assert_eq!(page.title(), "Sign in");
    assert_eq!(browser.open(&request(&authorize(), &[])).await.title(), "Sign in");
    let page = browser.sign_in(&page, "ben@contoso.example", PASSWORD).await;
    page.returned().code();
}

#[tokio::test]
async fn a_password_that_must_change_is_changed_before_anything_else() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let hash = deployment.context.passwords.hash("first password", &deployment.context.random).await.unwrap();
    let refresh = ask(&deployment, &v1(), &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    store.set_user_password(ANA.user.unwrap(), &hash, true).await.unwrap();
    // The sign-ins with the old password ended with it.
    let form = [("grant_type", Some("refresh_token")), ("refresh_token", Some(refresh.as_str()))];
    assert_eq!(refused(&ask(&deployment, &v1(), &form).await, "invalid_grant", 400), 50173);
    let answer = ask(&deployment, &v1(), &[("password", Some("first password"))]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 50055);
    assert_eq!(answer.json()["suberror"], "user_password_expired");
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, ANAS, "first password").await;
    assert_eq!(page.title(), "Set a new password");
    for (password, again, fault) in [
        ("a new password", "another one", "The two passwords differ."),
        ("first password", "first password", "The new password is the old one."),
        ("short", "short", "A password needs 8 to 256 characters."),
    ] {
        assert_eq!(browser.submit(&page, "new-password", &[("password", password), ("again", again)]).await.fault(), fault);
    }
    let page = browser.submit(&page, "new-password", &[("password", "a new password"), ("again", "a new password")]).await;
    assert_eq!(page.title(), "Contoso desktop");
    assert_eq!(deployment.audited("password.change").await.len(), 1);
    assert_eq!(ask(&deployment, &v1(), &[("password", Some("a new password"))]).await.status, 200);
    // A user without a password looks like one with another password.
    store
        .add_user(
            &insightgate_identity::user::User::new(uuid::Uuid::from_u128(77), CONTOSO, "eve@contoso.example".into()),
            None,
            deployment.now(),
        )
        .await
        .unwrap();
    assert_eq!(refused(&ask(&deployment, &v1(), &[("username", Some("eve@contoso.example"))]).await, "invalid_grant", 400), 50126);
}

#[tokio::test]
async fn signing_out_leads_only_to_registered_addresses() {
    let deployment = Deployment::new().await;
    let out = |tenant: &str, to: &str| {
        let query = Serializer::new(String::new()).append_pair("post_logout_redirect_uri", to).append_pair("state", "s").finish();
        format!("/{tenant}/oauth2/v2.0/logout?{query}")
    };
    let tenant = CONTOSO.to_string();
    for (uri, goes) in [
        (out(&tenant, REDIRECT), true),
        (out("contoso.example", REDIRECT), true),
        (out(&tenant, "https://evil.example/"), false),
        (out(&tenant, "//evil.example/"), false),
        (out(&FABRIKAM.to_string(), REDIRECT), false),
        (out("common", REDIRECT), false),
        (format!("{}&client_id={APP}", out("common", REDIRECT)), true),
        (format!("{}&client_id={FOREIGN_APP}", out("common", REDIRECT)), false),
    ] {
        let mut browser = Browser::new(&deployment);
        let shown = browser.open(&uri).await;
        if goes {
            assert_eq!(shown.answer.header("location"), format!("{REDIRECT}?state=s"), "{uri}");
        } else {
            assert_eq!(shown.title(), "You are signed out", "{uri}");
        }
    }
}

/// An address that tries many users has to wait, whichever user it names; other addresses do not.
#[tokio::test]
async fn an_address_with_many_failures_waits() {
    let deployment = Deployment::new().await;
    let from = |address: [u8; 4], username: String, password: &'static str| {
        let router = deployment.router.clone().layer(Extension(ConnectInfo(SocketAddr::from((address, 1)))));
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "password")
            .append_pair("client_id", &APP.to_string())
            .append_pair("client_secret", SECRET)
            .append_pair("resource", RESOURCE)
            .append_pair("username", &username)
            .append_pair("password", password)
            .finish();
        let request = Request::builder().method(Method::POST).uri(v1()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.header(header::HOST, "insights.example");
        async move {
            let (parts, body) = router.oneshot(request.body(Body::from(form)).unwrap()).await.unwrap().into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
            Answer { status: parts.status, headers: parts.headers, body }
        }
    };
    for number in 0..Counted::Address.free() {
        assert_eq!(refused(&from([203, 0, 113, 1], format!("user{number}@contoso.example"), "wrong").await, "invalid_grant", 400), 50126);
    }
    assert_eq!(refused(&from([203, 0, 113, 1], ANAS.into(), PASSWORD).await, "invalid_grant", 400), 50053);
    assert_eq!(from([203, 0, 113, 2], ANAS.into(), PASSWORD).await.status, 200);
    deployment.advance(TimeDelta::seconds(60));
    assert_eq!(from([203, 0, 113, 1], ANAS.into(), PASSWORD).await.status, 200);
}

/// The hash in the policy is that of the script in the page.
#[tokio::test]
async fn the_one_script_is_the_one_that_is_allowed() {
    use base64::Engine as _;
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    obtain_code(&mut browser, &[]).await;
    let page = browser.open(&request(&authorize(), &[("response_mode", Some("form_post"))])).await;
    let script = page.answer.text().split("<script>").nth(1).unwrap().split("</script>").next().unwrap().to_owned();
    let hash = base64::engine::general_purpose::STANDARD.encode(digest(&SHA256, script.as_bytes()));
    assert!(page.answer.header("content-security-policy").contains(&format!("script-src 'sha256-{hash}'")), "{hash}");
}
