#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;

fn read_token(body: &[u8], received: i64) -> Result<Token, String> {
    read_answer(body, received).map(|(token, _)| token)
}

fn settings() -> ClientSettings {
    ClientSettings {
        authority_token_url: "https://login.example/t/oauth2/token".into(),
        api_base: "https://api.example/insights/v1/mpn".into(),
        resource: "https://api.partnercenter.microsoft.com".into(),
        client_id: "app".into(),
        client_secret: Some("s3cret".into()),
        sign_in: SignIn::User { username: "ada@contoso.com".into(), password: "p4ss".into() },
        ca_certificate: None,
        patience: crate::Patience::default(),
    }
}

#[test]
fn the_password_form_has_the_documented_fields() {
    let settings = settings();
    let mut form = sign_in_form(&settings).unwrap();
    form.sort_unstable();
    let expected = [
        ("client_id", "app"),
        ("client_secret", "s3cret"),
        ("grant_type", "password"),
        ("password", "p4ss"),
        ("resource", "https://api.partnercenter.microsoft.com"),
        ("scope", "openid"),
        ("username", "ada@contoso.com"),
    ];
    assert_eq!(form, expected);
}

#[test]
fn an_application_alone_sends_no_user() {
    let mut settings = ClientSettings { sign_in: SignIn::Application, resource: "api://insightgate/manage".into(), ..settings() };
    let mut form = sign_in_form(&settings).unwrap();
    form.sort_unstable();
    let expected =
        [("client_id", "app"), ("client_secret", "s3cret"), ("grant_type", "client_credentials"), ("resource", "api://insightgate/manage")];
    assert_eq!(form, expected);
    settings.client_secret = None;
    assert!(sign_in_form(&settings).unwrap().iter().all(|(name, _)| *name != "client_secret"));
}

#[test]
fn the_refresh_form_sends_no_password() {
    let settings = settings();
    let form = refresh_form(&settings, "r");
    assert!(form.contains(&("grant_type", "refresh_token")) && form.contains(&("refresh_token", "r")));
    assert!(form.iter().all(|(name, _)| *name != "password" && *name != "username"));
}

#[test]
fn reads_answers_of_both_versions() {
    let v1 = br#"{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1612794445","not_before":"1612790545",
        "resource":"https://api.partnercenter.microsoft.com","access_token":"a","scope":"user_impersonation","refresh_token":"r"}"#;
    let token = read_token(v1, 1000).unwrap();
    assert_eq!((token.access_token.as_str(), token.refresh_token.as_deref(), token.expires_at), ("a", Some("r"), 4599));
    let v2 = read_token(br#"{"token_type":"Bearer","expires_in":3599,"access_token":"a"}"#, 1000).unwrap();
    assert_eq!((v2.expires_at, v2.refresh_token, v2.resource), (4599, None, None));
    assert!(read_token(br#"{"token_type":"Bearer"}"#, 0).unwrap_err().contains("access_token"));
    assert!(read_token(br#"{"access_token":"a","expires_in":"soon"}"#, 0).is_err());
}

#[test]
fn a_token_is_given_up_before_its_end() {
    let token = read_token(br#"{"expires_in":3599,"access_token":"a"}"#, 0).unwrap();
    assert!(token.is_usable(0));
    assert!(token.is_usable(3599 - MARGIN - 1));
    assert!(!token.is_usable(3599 - MARGIN));
}

#[test]
fn reads_the_documented_error_body() {
    let body = br#"{"error":"invalid_grant","error_description":"AADSTS50126: Error validating credentials.","error_codes":[50126],
        "timestamp":"2026-01-01 00:00:00Z","trace_id":"t","correlation_id":"c","error_uri":"https://login.microsoftonline.com/error?code=50126"}"#;
    let refusal = read_refusal(400, body).unwrap();
    assert_eq!((refusal.error.as_str(), refusal.codes.as_slice(), refusal.status), ("invalid_grant", [50126].as_slice(), 400));
    assert!(read_refusal(502, b"<html>").is_err());
}

#[test]
fn the_claims_of_a_token_are_read_if_it_is_one_that_has_some() {
    let payload = URL_SAFE_NO_PAD.encode(r#"{"amr":["pwd","mfa"]}"#);
    let token = |access_token: String| Token { access_token, refresh_token: None, expires_at: 0, resource: None, scope: None };
    assert_eq!(token(format!("e30.{payload}.c2ln")).claims().unwrap()["amr"][1], "mfa");
    for other in ["", "a", "a.b", "a.b.c", "e30.WzFd.c2ln"] {
        assert!(token(other.to_owned()).claims().is_none(), "{other}");
    }
}

#[test]
fn debug_forms_hold_no_secret() {
    let token = read_token(br#"{"expires_in":1,"access_token":"acc3ss","refresh_token":"r3fresh"}"#, 0).unwrap();
    let text = format!("{token:?} {:?}", settings());
    for secret in ["acc3ss", "r3fresh", "s3cret", "p4ss"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
