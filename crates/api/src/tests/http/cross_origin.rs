//! Scripts in browsers: which answers they may read from another origin, path by path; answers with cookies and of management are never among them.

use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, header};
use serde_json::json;

use crate::tests::harness::*;
use crate::tests::oauth::token_endpoint::v1;
use crate::{ApiState, router};

const APP_ORIGIN: &str = "https://app.example.com";
const EVIL: &str = "https://evil.example";

async fn open() -> Deployment {
    let mut deployment = Deployment::new().await;
    let origins = [APP_ORIGIN.to_owned(), "http://localhost:3000".to_owned()];
    deployment.router = router(ApiState { cors_origins: origins.into(), ..state(&deployment.context, None) });
    deployment
}

async fn preflight(deployment: &Deployment, path: &str, origin: &str, method: &str) -> Answer {
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(path.strip_prefix(BASE).unwrap_or(path))
        .header(header::ORIGIN, origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, method)
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type,ms-requestid");
    deployment.send(request.body(Body::empty()).unwrap()).await
}

fn allowed(answer: &Answer) -> Option<&str> {
    assert!(!answer.headers.contains_key("access-control-allow-credentials"), "never with cookies");
    answer.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap())
}

fn public_paths() -> Vec<String> {
    let paths = ["/.well-known/openid-configuration", "/v2.0/.well-known/openid-configuration", "/discovery/keys", "/discovery/v2.0/keys"];
    let mut all: Vec<_> = paths.iter().map(|path| format!("/{CONTOSO}{path}")).collect();
    all.extend(["/common/discovery/instance?api-version=1.1".into(), format!("//{CONTOSO}/Discovery/v2.0/Keys/")]);
    all
}

#[tokio::test]
async fn what_is_public_may_be_read_from_any_origin() {
    // Whatever the configuration is.
    for deployment in [Deployment::new().await, open().await] {
        for path in public_paths() {
            let answer = deployment.fetch(&path, &[("origin", EVIL)]).await;
            assert_eq!((answer.status.as_u16(), allowed(&answer)), (200, Some("*")), "{path}");
            let answer = preflight(&deployment, &path, EVIL, "GET").await;
            assert_eq!((answer.status.as_u16(), allowed(&answer), answer.header("access-control-allow-methods")), (204, Some("*"), "GET"));
            assert_eq!(allowed(&deployment.fetch(&path, &[]).await), None, "no script asks: {path}");
        }
    }
}

#[tokio::test]
async fn named_origins_get_tokens_call_the_api_and_download() {
    let deployment = open().await;
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    let datasets = "/insights/v1/mpn/ScheduledDataset";
    for (path, method, methods) in [
        (v1().as_str(), "POST", "POST"),
        (&format!("/{CONTOSO}/oauth2/v2.0/token"), "POST", "POST"),
        (datasets, "GET", "GET, POST, PUT, DELETE"),
        ("/insights/v1.1/cmp/ScheduledReport/pause/1", "PUT", "GET, POST, PUT, DELETE"),
        (&link, "GET", "GET, HEAD"),
    ] {
        for origin in [APP_ORIGIN, "http://localhost:3000"] {
            let answer = preflight(&deployment, path, origin, method).await;
            assert_eq!((answer.status.as_u16(), allowed(&answer)), (204, Some(origin)), "{path}");
            assert_eq!(answer.header("access-control-allow-methods"), methods);
            assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type,ms-requestid");
            assert_eq!(answer.header("vary"), "origin");
        }
        for origin in [EVIL, "null", "http://localhost:3001", "https://app.example.com.evil.example", "HTTPS://APP.EXAMPLE.COM"] {
            let answer = preflight(&deployment, path, origin, method).await;
            assert_eq!(allowed(&answer), None, "{origin} {path}");
            assert!(!answer.headers.contains_key("access-control-allow-methods"));
        }
    }
    // Answers, and refusals whose reason the script should see.
    let token = format!("Bearer {}", deployment.token(ANA));
    let answer = deployment.fetch(datasets, &[("origin", APP_ORIGIN), ("authorization", &token)]).await;
    assert_eq!((answer.status.as_u16(), allowed(&answer)), (200, Some(APP_ORIGIN)));
    assert!(answer.header("access-control-expose-headers").contains("ms-requestid"));
    let refused = deployment.fetch(datasets, &[("origin", APP_ORIGIN)]).await;
    assert_eq!((refused.status.as_u16(), allowed(&refused)), (401, Some(APP_ORIGIN)));
    let missing = deployment.fetch("/insights/v1/mpn/nothing", &[("origin", APP_ORIGIN)]).await;
    assert_eq!((missing.status.as_u16(), allowed(&missing)), (404, Some(APP_ORIGIN)));
    let file = deployment.fetch(&link, &[("origin", APP_ORIGIN)]).await;
    assert_eq!((file.status.as_u16(), allowed(&file)), (200, Some(APP_ORIGIN)));
    let varies: Vec<_> = file.headers.get_all("vary").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(varies, [&b"accept-encoding"[..], b"origin"]);
    let foreign = deployment.fetch(&link, &[("origin", EVIL)]).await;
    assert_eq!((foreign.status.as_u16(), allowed(&foreign)), (200, None));
}

#[tokio::test]
async fn pages_and_management_are_for_nobodys_scripts() {
    let deployment = open().await;
    for path in [
        "/manage/v1/tenants",
        "/manage/v1/openapi.json",
        "/manage/discovery/keys",
        &format!("/{CONTOSO}/oauth2/v2.0/authorize"),
        &format!("/{CONTOSO}/oauth2/v2.0/logout"),
        "/common/oauth2/deviceauth",
        "/common/sign-in",
        "/common/userrealm/ana@contoso.example",
        "/healthz",
        "/sandbox/v1/clock",
    ] {
        for origin in [APP_ORIGIN, EVIL] {
            let answer = deployment.fetch(path, &[("origin", origin)]).await;
            assert_eq!(allowed(&answer), None, "{path}");
            let answer = preflight(&deployment, path, origin, "GET").await;
            assert_eq!(allowed(&answer), None, "{path}");
            assert!(!answer.status.is_success() && !answer.headers.contains_key("access-control-allow-methods"), "{path}");
        }
    }
}

#[tokio::test]
async fn without_the_setting_nothing_but_the_public_is_open() {
    let deployment = Deployment::new().await;
    for path in [v1().as_str(), "/insights/v1/mpn/ScheduledDataset", "/artifacts/1/a.csv"] {
        let answer = preflight(&deployment, path, APP_ORIGIN, "GET").await;
        assert_eq!(allowed(&answer), None, "{path}");
        assert!(!answer.status.is_success() && !answer.headers.contains_key("vary"), "{path}: {}", answer.status);
        assert_eq!(allowed(&deployment.fetch(path, &[("origin", APP_ORIGIN)]).await), None);
    }
}
