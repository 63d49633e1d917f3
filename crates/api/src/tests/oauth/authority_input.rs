//! Requests to the authority that no well-meaning client sends: each gets the platform's error, and never a failure of the server. And the promises
//! of the discovery documents.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::Value;
use url::form_urlencoded::{self, Serializer};

use super::token_endpoint::{refused, v1, v2};
use crate::tests::harness::browser::Browser;
use crate::tests::harness::*;

/// Every parameter that the token endpoint reads, for each grant.
fn grants() -> Vec<Vec<(&'static str, String)>> {
    let (app, desktop) = (APP.to_string(), DESKTOP_APP.to_string());
    let token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ".to_owned();
    let confidential = vec![("client_id", app), ("client_secret", SECRET.to_owned()), ("resource", RESOURCE.to_owned())];
    let form = |grant: &str, client: &[(&'static str, String)], more: &[(&'static str, &str)]| {
        let mut form = vec![("grant_type", grant.to_owned())];
        form.extend_from_slice(client);
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        form
    };
    vec![
        form("password", &confidential, &[("username", "ana@contoso.example"), ("password", PASSWORD), ("scope", "openid")]),
        form("client_credentials", &confidential, &[]),
        form("refresh_token", &confidential, &[("refresh_token", &token)]),
        form("authorization_code", &confidential, &[("code", &token), ("redirect_uri", REDIRECT), ("code_verifier", "v")]),
        form("urn:ietf:params:oauth:grant-type:device_code", &[("client_id", desktop)], &[("device_code", &token), ("client_info", "1")]),
    ]
}

async fn post(deployment: &Deployment, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    deployment.send(request.body(body.into()).unwrap()).await
}

fn written(form: &[(&str, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Checks that the answer is the platform's error, with a status that blames the request; returns its number.
fn is_platforms(answer: &Answer) -> u64 {
    let body = answer.json();
    assert!(matches!(answer.status.as_u16(), 400 | 401), "{} {body}", answer.status);
    refused(answer, body["error"].as_str().unwrap(), answer.status.as_u16())
}

#[tokio::test]
async fn every_parameter_missing_empty_doubled_oversized_or_misspelled() {
    let deployment = Deployment::new().await;
    let big = "x".repeat(70_000);
    let large = "x".repeat(60_000);
    for form in grants() {
        for (place, (name, value)) in form.iter().enumerate() {
            let without: Vec<_> = form.iter().filter(|(known, _)| known != name).cloned().collect();
            let with = |value: &str| written(&[&without[..], &[(*name, value.to_owned())]].concat());
            let missing = post(&deployment, &v1(), written(&without)).await;
            let empty = post(&deployment, &v1(), with("")).await;
            assert_eq!(missing.status, empty.status, "{name}: empty is absent");
            if missing.status != 200 {
                assert_eq!(is_platforms(&missing), is_platforms(&empty), "{name}");
            }
            let doubled = post(&deployment, &v1(), format!("{}&{}", written(&form), written(&[(*name, value.clone())]))).await;
            assert_eq!(refused(&doubled, "invalid_request", 400), 9000411, "{name}");
            assert!(doubled.json()["error_description"].as_str().unwrap().contains(&format!("'{name}'")));
            let upper = post(&deployment, &v1(), format!("{}&{}=other", written(&form), name.to_uppercase())).await;
            assert_eq!(refused(&upper, "invalid_request", 400), 9000411, "{name}");
            assert_eq!(refused(&post(&deployment, &v1(), with(&big)).await, "invalid_request", 400), 90013, "{name}");
            let long = post(&deployment, &v1(), with(&large)).await;
            if long.status != 200 {
                is_platforms(&long);
                assert!(long.body.len() < 2000, "{name}: what was sent is not sent back");
            }
            let broken = post(&deployment, &v1(), format!("{}&{name}=%ff%fe", written(&without))).await;
            assert_eq!(refused(&broken, "invalid_request", 400), 90013, "{name} {place}");
        }
    }
}

#[tokio::test]
async fn bodies_that_are_no_forms() {
    let deployment = Deployment::new().await;
    for path in [v1(), v2(), format!("/{CONTOSO}/oauth2/devicecode"), format!("/{CONTOSO}/oauth2/v2.0/devicecode")] {
        for body in [&b""[..], b"{\"grant_type\": \"password\"}", b"\0\0\0", b"\xff\xfe", b"====&&&&", b"%", b"%zz=%", b"grant_type"] {
            let number = is_platforms(&post(&deployment, &path, body.to_vec()).await);
            assert!([900144, 90013].contains(&number), "{path} {body:?}: {number}");
        }
    }
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\npassword\r\n--b--\r\n";
    let request = Request::post(v1()).header(header::CONTENT_TYPE, "multipart/form-data; boundary=b");
    assert_eq!(refused(&deployment.send(request.body(Body::from(multipart)).unwrap()).await, "invalid_request", 400), 900144);
    for basic in ["Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer abc", "Basic \u{ff}"] {
        let request = Request::post(v1()).header(header::AUTHORIZATION, basic);
        let form = "grant_type=client_credentials&resource=https%3A%2F%2Fapi.partnercenter.microsoft.com";
        assert_eq!(is_platforms(&deployment.send(request.body(Body::from(form)).unwrap()).await), 900144, "{basic}");
    }
}

#[tokio::test]
async fn addresses_that_name_no_tenant() {
    let deployment = Deployment::new().await;
    for tenant in ["%ff", "%00", "not_a_tenant", "..%2f..", "%2e%2e", "a b", "%c3%a4.example"] {
        let tenant = tenant.replace(' ', "%20");
        for path in ["oauth2/token", "oauth2/v2.0/token", "oauth2/devicecode", "oauth2/v2.0/devicecode"] {
            let answer = post(&deployment, &format!("/{tenant}/{path}"), "grant_type=client_credentials&client_id=1&resource=r").await;
            assert_eq!(refused(&answer, "invalid_request", 400), 900023, "{tenant}/{path}");
        }
        let answer = deployment.fetch(&format!("/{tenant}/v2.0/.well-known/openid-configuration"), &[]).await;
        assert_eq!(is_platforms(&answer), 900023, "{tenant}");
        for path in ["oauth2/authorize", "oauth2/v2.0/authorize"] {
            let page = Browser::new(&deployment).open(&format!("/{tenant}/{path}?client_id=1")).await;
            assert!(page.answer.status == 400 && page.answer.text().contains("AADSTS900023"), "{tenant}/{path}");
        }
        assert!(Browser::new(&deployment).open(&format!("/{tenant}/oauth2/v2.0/logout")).await.answer.status.as_u16() < 500);
    }
    assert_eq!(refused(&post(&deployment, "/oauth2/v2.0/token", "grant_type=password").await, "invalid_request", 400), 90019);
    let long = format!("/{}.example/oauth2/token", "x".repeat(10_000));
    assert_eq!(refused(&post(&deployment, &long, "grant_type=client_credentials&client_id=1").await, "invalid_request", 400), 900023);
}

/// For pages too: whatever is in the query, the answer is a page or a redirection to a registered URI.
#[tokio::test]
async fn authorization_requests_of_every_kind() {
    let deployment = Deployment::new().await;
    let request = super::authorization::request(&super::authorization::authorize(), &[]);
    let (path, query) = request.split_once('?').unwrap();
    let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    for (name, _) in &parameters {
        for value in ["", "x", "%ff", "%00", "\r\nSet-Cookie: a=b", "\"><script>", &"x".repeat(20_000)] {
            let others = parameters.iter().filter(|(known, _)| known != name);
            let others = Serializer::new(String::new()).extend_pairs(others).finish();
            let value = if value == "%ff" { value.to_owned() } else { form_urlencoded::byte_serialize(value.as_bytes()).collect() };
            let shown = Browser::new(&deployment).open(&format!("{path}?{others}&{name}={value}")).await;
            let status = shown.answer.status.as_u16();
            assert!(matches!(status, 200 | 303 | 400), "{name}={value}: {status}");
            if status == 303 {
                assert!(shown.answer.header("location").starts_with("http://localhost:51234?"), "{name}={value}");
            } else {
                assert!(!shown.answer.text().contains("<script"), "{name}={value}");
            }
        }
    }
}

#[tokio::test]
async fn discovery_lists_what_is_served_and_nothing_else() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    for (document, version) in [(".well-known/openid-configuration", ""), ("v2.0/.well-known/openid-configuration", "v2.0/")] {
        for tenant in ["contoso.example", "organizations", "common"] {
            let found: Value = deployment.fetch(&format!("/{tenant}/{document}"), &[]).await.json();
            let at = |name: &str| found[name].as_str().unwrap_or_else(|| panic!("{name}: {found}")).strip_prefix(BASE).unwrap().to_owned();
            assert_eq!(at("token_endpoint"), format!("/{tenant}/oauth2/{version}token"));
            // Each endpoint exists: it says what is missing in its own way.
            for name in ["token_endpoint", "device_authorization_endpoint"] {
                assert_eq!(refused(&post(&deployment, &at(name), "a=b").await, "invalid_request", 400), 900144, "{name}");
            }
            let page = browser.open(&at("authorization_endpoint")).await;
            assert!(page.answer.text().contains("AADSTS900144") && page.answer.status == 400);
            assert_eq!(browser.open(&at("end_session_endpoint")).await.title(), "You are signed out");
            assert!(deployment.fetch(&at("jwks_uri"), &[]).await.json()["keys"][0]["n"].is_string());
            let listed = |name: &str| -> Vec<String> { serde_json::from_value(found[name].clone()).unwrap() };
            let client = DESKTOP_APP.to_string();
            let mut grants = listed("grant_types_supported");
            for grant in &grants {
                let form = [("grant_type", grant.as_str()), ("client_id", &client), ("username", "ana@contoso.example")];
                let answer = deployment.post_form(&format!("/{CONTOSO}/oauth2/{version}token"), &form).await;
                assert_ne!(is_platforms(&answer), 70003, "{grant}");
            }
            grants.sort();
            assert_eq!(
                grants,
                ["authorization_code", "client_credentials", "password", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
            );
            for (name, expected) in [
                ("response_types_supported", &["code"][..]),
                ("response_modes_supported", &["query", "fragment", "form_post"]),
                ("code_challenge_methods_supported", &["S256", "plain"]),
            ] {
                assert_eq!(listed(name), expected, "{name}");
            }
        }
    }
    for (path, method) in [(v1(), Method::GET), (format!("/{CONTOSO}/oauth2/devicecode"), Method::GET), (v2(), Method::PUT)] {
        let answer = deployment.send(Request::builder().method(method).uri(path).body(Body::empty()).unwrap()).await;
        assert_eq!(refused(&answer, "invalid_request", 400), 900561);
    }
}
