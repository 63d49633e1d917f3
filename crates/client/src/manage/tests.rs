#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::settings::SignIn;
use crate::token::Token;

/// Answers each connection with the next of these (status line, body), and returns the heads and bodies of the requests.
async fn answering(answers: Vec<(&'static str, &'static str)>) -> (ManageClient, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut request, mut block) = (String::new(), [0; 4096]);
            while !is_whole(&request) {
                let length = stream.read(&mut block).await.unwrap();
                assert!(length > 0, "cut off: {request}");
                request.push_str(std::str::from_utf8(&block[..length]).unwrap());
            }
            requests.push(request);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        requests
    });
    let settings = ClientSettings {
        authority_token_url: format!("{base}/t/oauth2/token"),
        api_base: format!("{base}/manage/v1"),
        resource: RESOURCE.into(),
        client_id: "app".into(),
        client_secret: Some("s3cret".into()),
        sign_in: SignIn::Application,
        ca_certificate: None,
        patience: crate::Patience::default(),
    };
    let client = ManageClient::new(settings, Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
    let token = Token { access_token: "a".into(), refresh_token: None, expires_at: 1000, resource: None, scope: None };
    client.0.tokens().keep_token(Some(token)).await;
    (client, server)
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn first_line(request: &str) -> &str {
    request.lines().next().unwrap()
}

#[tokio::test]
async fn a_name_stays_one_segment() {
    let (client, server) = answering(vec![("200 OK", r#"{"id":"1","username":"a"}"#)]).await;
    client.user("contoso.example", "a/b?c#d%2f@contoso.example").await.unwrap();
    let requests = server.await.unwrap();
    assert_eq!(first_line(&requests[0]), "GET /manage/v1/tenants/contoso.example/users/a%2Fb%3Fc%23d%252f@contoso.example HTTP/1.1");
    assert!(requests[0].to_ascii_lowercase().contains("authorization: bearer a"), "{}", requests[0]);
}

#[tokio::test]
async fn what_a_path_cannot_hold_is_not_sent() {
    let (client, server) = answering(Vec::new()).await;
    for wrong in ["", ".", ".."] {
        let error = client.delete_tenant(wrong).await.unwrap_err();
        assert!(matches!(error, ClientError::Settings(_)), "{error:?}");
    }
    assert!(server.await.unwrap().is_empty());
}

#[tokio::test]
async fn all_pages_are_read_from_the_same_server() {
    let (client, server) = answering(vec![
        (
            "200 OK",
            r#"{"value":[{"id":"1","domain":"a","name":"A"}],"nextLink":"https://elsewhere.example/x?skipToken=b%26c","totalCount":2}"#,
        ),
        ("200 OK", r#"{"value":[{"id":"2","domain":"b","name":"B"}],"nextLink":null,"totalCount":2}"#),
    ])
    .await;
    let tenants = client.tenants().await.unwrap();
    assert_eq!((tenants.value.len(), tenants.next_link, tenants.total_count), (2, None, 2));
    let requests = server.await.unwrap();
    assert_eq!(first_line(&requests[1]), "GET /manage/v1/tenants?skipToken=b%26c HTTP/1.1");
}

#[tokio::test]
async fn a_link_to_the_page_itself_ends_the_list() {
    let page = r#"{"value":[{"id":"1","domain":"a","name":"A"}],"nextLink":"/manage/v1/tenants?skipToken=x","totalCount":9}"#;
    let (client, server) = answering(vec![("200 OK", page), ("200 OK", page)]).await;
    assert_eq!(client.tenants().await.unwrap().value.len(), 2);
    server.await.unwrap();
}

#[tokio::test]
async fn the_audit_trail_is_asked_for_no_more_than_wanted() {
    let event = r#"{"value":[{"id":"1","at":"2026-11-22T12:00:00Z","action":"role.assign"},{"id":"2","at":"2026-11-22T12:00:00Z","action":"role.assign"}],"nextLink":"?skipToken=x","totalCount":7}"#;
    let (client, server) = answering(vec![("200 OK", event)]).await;
    let filter = AuditQuery { action: Some("role.assign".into()), ..AuditQuery::default() };
    let listed = client.audit(Some("t"), &filter, 1).await.unwrap();
    assert_eq!((listed.value.len(), listed.total_count), (1, 7));
    assert_eq!(first_line(&server.await.unwrap()[0]), "GET /manage/v1/tenants/t/audit?action=role.assign&pageSize=1 HTTP/1.1");
}

#[tokio::test]
async fn moves_carry_what_they_need() {
    let moved = r#"{"program":"mpn","stage":"Suspended","status":"Suspended","reason":"unpaid"}"#;
    let (client, server) = answering(vec![("200 OK", moved), ("204 No Content", ""), ("204 No Content", "")]).await;
    let enrollment = client.move_enrollment("t", "mpn", EnrollmentMove::Suspend { reason: "unpaid" }).await.unwrap();
    assert_eq!((enrollment.stage.as_str(), enrollment.reason.as_deref()), ("Suspended", Some("unpaid")));
    client.set_password("t", "u", &Secret("p4ss".into()), true).await.unwrap();
    client.revoke_consent("t", "a", "management", Some("ada@contoso.example")).await.unwrap();
    let requests = server.await.unwrap();
    assert_eq!(first_line(&requests[0]), "POST /manage/v1/tenants/t/enrollments/mpn/suspend HTTP/1.1");
    assert!(requests[0].ends_with(r#"{"reason":"unpaid"}"#));
    assert!(
        requests[1].starts_with("PUT /manage/v1/tenants/t/users/u/password ")
            && requests[1].ends_with(r#"{"mustChange":true,"password":"p4ss"}"#)
    );
    assert!(requests[2].starts_with("DELETE /manage/v1/tenants/t/applications/a/consents/management?user=ada%40contoso.example "));
}

#[tokio::test]
async fn keys_and_bindings_of_external_issuers() {
    let bound = r#"{"id":"1","issuer":"https://idp.example","externalTenant":"t1","kind":"user","externalId":"u1","user":"2","application":null,"created":"2026-11-22T12:00:00Z"}"#;
    let (client, server) = answering(vec![("200 OK", r#"{"keyIds":["b","a"]}"#), ("201 Created", bound), ("204 No Content", "")]).await;
    assert_eq!(client.rotate_signing_key().await.unwrap().key_ids, ["b", "a"]);
    let new = NewExternalIdentity {
        issuer: Some("https://idp.example".into()),
        kind: Some("user".into()),
        external_tenant: Some("t1".into()),
        external_id: Some("u1".into()),
        user: Some("ada@contoso.example".into()),
        application: None,
    };
    let identity = client.bind_external_identity("t", &new).await.unwrap();
    assert_eq!((identity.user.as_deref(), identity.application), (Some("2"), None));
    client.unbind_external_identity("t", &identity.id).await.unwrap();
    let requests = server.await.unwrap();
    assert_eq!(first_line(&requests[0]), "POST /manage/v1/keys/rotate HTTP/1.1");
    assert!(requests[1].starts_with("POST /manage/v1/tenants/t/externalIdentities ") && !requests[1].contains("application\":"));
    assert_eq!(first_line(&requests[2]), "DELETE /manage/v1/tenants/t/externalIdentities/1 HTTP/1.1");
}

/// A person's file may hold anything: what is wrong in it, the server says.
#[tokio::test]
async fn a_profile_is_sent_as_it_was_written() {
    let refusal =
        r#"{"error":{"code":"invalid","message":"'profile.city' should be a string, but holds a number.","correlationId":"c-1"}}"#;
    let (client, server) = answering(vec![("400 Bad Request", refusal)]).await;
    let profile = serde_json::json!({"CITY": 5, "more": []});
    let new = NewTenant { domain: Some("contoso.example".into()), profile: Some(profile), ..NewTenant::default() };
    let error = client.enroll_tenant(&new).await.unwrap_err();
    assert!(error.to_string().starts_with("'profile.city' should be a string, but holds a number."), "{error}");
    let requests = server.await.unwrap();
    assert!(requests[0].ends_with(r#"{"domain":"contoso.example","profile":{"CITY":5,"more":[]}}"#), "{}", requests[0]);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let body = r#"{"error":{"code":"illegalMove","message":"An enrollment in Started cannot be activated.","correlationId":"c-1"}}"#;
    let (client, server) = answering(vec![("409 Conflict", body), ("502 Bad Gateway", "<html>")]).await;
    let error = client.move_enrollment("t", "mpn", EnrollmentMove::Activate).await.unwrap_err();
    let ClientError::Managed(refusal) = &error else { panic!("{error:?}") };
    assert_eq!((refusal.status, refusal.code.as_str(), refusal.correlation.as_deref()), (409, "illegalMove", Some("c-1")));
    assert_eq!(error.to_string(), "An enrollment in Started cannot be activated. (correlation c-1)");
    assert!(error.hint().unwrap().contains("tenant show"));
    let error = client.tenants().await.unwrap_err();
    assert_eq!((error.to_string(), error.hint()), ("refused with status 502".into(), None));
    server.await.unwrap();
}
