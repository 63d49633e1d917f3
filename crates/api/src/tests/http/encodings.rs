//! Bodies as clients write them: with a byte-order mark, or in an encoding that is not UTF-8.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

use crate::tests::harness::*;

async fn send(deployment: &Deployment, path: &str, content_type: &str, body: Vec<u8>, token: &str) -> Answer {
    let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}")).header(header::CONTENT_TYPE, content_type);
    deployment.send(request.body(Body::from(body)).unwrap()).await
}

fn operator_token(deployment: &Deployment) -> String {
    let mut claims = deployment.claims(Who { tenant: CONTOSO, application: OPERATOR_APP, user: None });
    claims.aud = "api://insightgate/manage".to_owned();
    deployment.context.signing.sign(&claims).unwrap()
}

/// The text in each encoding, with its content type.
fn written(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let narrow = text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect::<Vec<u8>>();
    let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
    vec![
        ("application/json", text.as_bytes().to_vec()),
        ("application/json", marked(b"\xef\xbb\xbf", text.as_bytes())),
        ("application/json; charset=utf-8", marked(b"\xef\xbb\xbf", text.as_bytes())),
        ("application/json; charset=iso-8859-1", narrow.clone()),
        ("text/plain; Charset=\"ISO-8859-1\"", narrow),
        ("application/json; charset=utf-16", wide(u16::to_le_bytes)),
        ("application/json; charset=utf-16", wide(u16::to_be_bytes)),
        ("application/json; charset=utf-16", marked(b"\xff\xfe", &wide(u16::to_le_bytes))),
        ("application/json", marked(b"\xfe\xff", &wide(u16::to_be_bytes))),
    ]
}

#[tokio::test]
async fn the_insights_api_reads_bodies_as_they_are_declared() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let token = deployment.token(ANA);
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for (content_type, body) in written(&json!({"Name": "Größe", "Query": ALL_SALES}).to_string()) {
        let made = send(&deployment, "/insights/v1/mpn/ScheduledQueries", content_type, body, &token).await.ok();
        assert_eq!(made[0]["name"], "Größe", "{content_type}");
    }
    for (content_type, body) in written(&report_body(&query, json!({"ReportName": "Umsätze", "ExecuteNow": true})).to_string()) {
        let made = send(&deployment, "/insights/v1/mpn/ScheduledReport", content_type, body, &token).await.ok();
        assert_eq!(made[0]["reportName"], "Umsätze", "{content_type}");
    }
    for path in ["ScheduledQueries", "ScheduledReport"] {
        let path = format!("/insights/v1/mpn/{path}");
        let refused = send(&deployment, &path, "application/json", b"{\"Name\": \"Gr\xf6\xdfe\"}".to_vec(), &token).await.refused(400);
        assert!(refused.starts_with("The request body is not UTF-8: byte 13 is 0xF6."), "{refused}");
        assert!(refused.contains("charset=iso-8859-1"), "{refused}");
        let refused = send(&deployment, &path, "application/json; charset=utf-16", b"{\0}".to_vec(), &token).await.refused(400);
        assert!(refused.starts_with("The request body is not UTF-16"), "{refused}");
    }
    for path in ["ScheduledQueries", "ScheduledReport"] {
        let body = report_body(&query, json!({"Name": "a\0b", "Query": ALL_SALES, "ReportName": "a\0b"})).to_string().into_bytes();
        let refused = send(&deployment, &format!("/insights/v1/mpn/{path}"), "application/json", body, &token).await.refused(400);
        assert!(refused.ends_with("holds the character U+0000, which no text may have."), "{path}: {refused}");
    }
    let zipped = Request::post("/insights/v1/mpn/ScheduledQueries").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let refused =
        deployment.send(zipped.header(header::CONTENT_ENCODING, "gzip").body(Body::from(&b"\x1f\x8b"[..])).unwrap()).await.refused(400);
    assert!(refused.contains("compressed") && refused.contains("send it as it is"), "{refused}");
    let put = Request::put(format!("/insights/v1/mpn/ScheduledReport/{query}")).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let refused = deployment.send(put.body(Body::from(&b"{\"\xff"[..])).unwrap()).await.refused(400);
    assert!(refused.starts_with("The request body is not UTF-8"), "{refused}");
}

#[tokio::test]
async fn the_management_api_reads_bodies_as_they_are_declared() {
    let deployment = Deployment::new().await;
    let token = operator_token(&deployment);
    for (number, (content_type, body)) in
        written(&json!({"mpnId": "4711", "name": "Zürich", "country": "CH"}).to_string()).into_iter().enumerate()
    {
        let answer = send(&deployment, "/manage/v1/tenants/contoso.example/locations", content_type, body, &token).await;
        let expected = if number == 0 { 201 } else { 409 };
        assert_eq!(answer.status, expected, "{content_type}: {}", answer.text());
    }
    let refused = send(&deployment, "/manage/v1/tenants/contoso.example/locations", "application/json", b"{\"\xe4".to_vec(), &token).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (400, &json!("invalid")));
    assert!(refused.json()["error"]["message"].as_str().unwrap().starts_with("The request body is not UTF-8: byte 3 is 0xE4."));
}

#[tokio::test]
async fn one_slash_too_many_leads_to_the_same_place() {
    let deployment = Deployment::new().await;
    let token = format!("Bearer {}", deployment.token(ANA));
    let sent = [("authorization", token.as_str())];
    for path in ["//insights/v1/mpn/ScheduledDataset", "/insights//v1/mpn/ScheduledDataset", "///Insights/v1//mpn///ScheduledDataset//"] {
        assert!(!deployment.fetch(path, &sent).await.ok().is_empty(), "{path}");
    }
    for path in [format!("//{CONTOSO}/.well-known/openid-configuration"), format!("/{CONTOSO}//discovery/v2.0/keys"), "//healthz".into()] {
        assert_eq!(deployment.fetch(&path, &[]).await.status, 200, "{path}");
    }
    let managed = deployment.fetch("//manage//v1/tenants", &[("authorization", &format!("Bearer {}", operator_token(&deployment)))]).await;
    assert_eq!(managed.status, 200, "{}", managed.text());
    // A path is never taken for a URL: neither an answer nor a link leads elsewhere.
    let elsewhere = deployment.fetch("//evil.example/insights/v1/mpn/ScheduledDataset", &[]).await;
    assert_eq!(elsewhere.refused(404), "There is nothing at /evil.example/insights/v1/mpn/scheduleddataset.");
    assert!(!elsewhere.headers.contains_key("location"));
    let link = deployment.export(ANA, ALL_SALES, json!({})).await;
    for doubled in
        [link.replace("/artifacts/", "//artifacts/"), link.replace("/artifacts/", "/artifacts//"), link.replace("/report_", "//report_")]
    {
        assert_eq!(deployment.fetch(&doubled, &[]).await.status, 200, "{doubled}");
    }
    assert_eq!(deployment.fetch(&link.replace("sig=", "sig=A").replace("/artifacts/", "//artifacts/"), &[]).await.status, 403);
}
