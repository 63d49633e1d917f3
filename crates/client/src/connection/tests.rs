#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::http::is_loopback;
use crate::settings::SignIn;
use crate::token::Token;

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn settings() -> ClientSettings {
    ClientSettings {
        authority_token_url: "https://127.0.0.1:7443/t/oauth2/token".into(),
        api_base: "https://127.0.0.1:7443/insights/v1/mpn/".into(),
        resource: "r".into(),
        client_id: "app".into(),
        client_secret: Some("s".into()),
        sign_in: SignIn::User { username: "u".into(), password: "p".into() },
        ca_certificate: None,
        patience: crate::Patience::default(),
    }
}

#[test]
fn paths_stay_below_the_base() {
    let base = url("https://h/insights/v1/mpn/");
    assert_eq!(below(&base, &["ScheduledReport", "pause", "1"]).as_str(), "https://h/insights/v1/mpn/ScheduledReport/pause/1");
    assert_eq!(below(&base, &["ScheduledQueries", "a/../b?c"]).as_str(), "https://h/insights/v1/mpn/ScheduledQueries/a%2F..%2Fb%3Fc");
}

#[test]
fn loopback_is_recognised() {
    for local in ["http://127.0.0.1:1/", "https://localhost/x", "https://[::1]:7443/", "http://127.9.9.9/"] {
        assert!(is_loopback(&url(local)), "{local}");
    }
    for remote in ["https://login.microsoftonline.com/", "http://10.0.0.1/", "https://localhost.example/"] {
        assert!(!is_loopback(&url(remote)), "{remote}");
    }
}

#[test]
fn addresses_hide_the_signature() {
    assert_eq!(address(&url("https://h:7443/a/b.csv?se=1&sig=abc#x")), "https://h:7443/a/b.csv");
    let error = parse_url("ftp://h/a?sig=abc").unwrap_err().to_string();
    assert!(error.starts_with("ftp://") || error.starts_with("null"), "{error}");
    assert!(!error.contains("sig=abc"));
}

#[test]
fn settings_are_checked_at_once() {
    let clock: Clock = Arc::new(|| 0);
    let bad = |change: fn(&mut ClientSettings)| {
        let mut settings = settings();
        change(&mut settings);
        Connection::new(settings, Arc::clone(&clock)).err().map(|error| matches!(error, ClientError::Settings(_)))
    };
    assert_eq!(bad(|settings| settings.api_base = "partnercenter".into()), Some(true));
    assert_eq!(bad(|settings| settings.authority_token_url = "file:///etc".into()), Some(true));
    let not_pem = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec();
    let mut broken = settings();
    broken.ca_certificate = Some(not_pem);
    assert!(matches!(Connection::new(broken, Arc::clone(&clock)), Err(ClientError::Settings(_))));
    assert!(bad(|_| ()).is_none());
}

#[test]
fn refusals_are_read_with_or_without_an_envelope() {
    let mut headers = HeaderMap::new();
    headers.insert("MS-RequestId", "r-9".parse().unwrap());
    let body = br#"{"value":[],"nextLink":null,"totalCount":0,"message":"Invalid table name","statusCode":400,"dataRedacted":false}"#;
    let ClientError::Refused(refusal) = refused(StatusCode::BAD_REQUEST, headers, body) else { panic!("not a refusal") };
    assert_eq!((refusal.status, refusal.message.as_deref(), refusal.request_id.as_deref()), (400, Some("Invalid table name"), Some("r-9")));
    let ClientError::Refused(page) = refused(StatusCode::BAD_GATEWAY, HeaderMap::new(), b"<html>") else { panic!("not a refusal") };
    assert_eq!((page.status, page.message), (502, None));
}

#[tokio::test]
async fn a_port_without_a_listener_is_unreachable() {
    // Bound and then released, so that nothing listens at the address.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings();
    settings.authority_token_url = format!("http://{address}/t/oauth2/token?x=s3cret");
    let error = Connection::new(settings, Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}")).tokens().token().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { timed_out: false, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("listens"), "{error}");
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn a_kept_token_is_used_until_shortly_before_its_end() {
    let client = Connection::new(settings(), Arc::new(|| 1000)).unwrap_or_else(|error| panic!("{error}"));
    let token = Token { access_token: "a".into(), refresh_token: None, expires_at: 2000, resource: None, scope: None };
    client.tokens().keep_token(Some(token.clone())).await;
    assert_eq!(client.tokens().token().await.unwrap(), token);
}

#[tokio::test]
async fn an_address_that_is_too_long_is_not_sent() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = settings();
    settings.api_base = format!("http://{address}/insights/v1/mpn");
    let client = Connection::new(settings, Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
    client
        .tokens()
        .keep_token(Some(Token { access_token: "a".into(), refresh_token: None, expires_at: 9000, resource: None, scope: None }))
        .await;
    let around = format!("http://{address}/insights/v1/mpn/x?q=").len();
    let sent = async |length: usize| {
        let query = [("q", "y".repeat(length - around))];
        client.send(Method::GET, &["x"], &query, None, refused).await.err().unwrap()
    };
    assert!(
        matches!(sent(LONGEST_ADDRESS).await, ClientError::Unreachable { ref reason, .. } if !reason.contains("builder")),
        "as long as may be"
    );
    let error = sent(LONGEST_ADDRESS + 1).await;
    assert!(matches!(error, ClientError::AddressTooLong { length, longest: LONGEST_ADDRESS } if length == LONGEST_ADDRESS + 1), "{error}");
}
