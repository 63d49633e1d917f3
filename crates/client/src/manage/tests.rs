#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use super::*;
use crate::scripted::{Scripted, json, token};

/// A client of a server that answers with these, a status and a body each.
async fn answering(answers: Vec<(u16, &str)>) -> (ManageClient, Scripted) {
    let server = Scripted::start(answers.into_iter().map(|(status, body)| json(status, &[], body)).collect()).await;
    let client = ManageClient::new(server.settings("manage/v1"), Arc::new(|| 0)).unwrap_or_else(|error| panic!("{error}"));
    client.0.tokens().keep_token(Some(token())).await;
    (client, server)
}

fn first_line(request: &str) -> &str {
    request.lines().next().unwrap()
}

#[tokio::test]
async fn a_name_stays_one_segment() {
    let (client, server) = answering(vec![(200, r#"{"id":"1","username":"a"}"#)]).await;
    client.user("contoso.example", "a/b?c#d%2f@contoso.example").await.unwrap();
    let requests = server.sent();
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
    assert!(server.sent().is_empty());
}

#[tokio::test]
async fn all_pages_are_read_from_the_same_server() {
    let (client, server) = answering(vec![
        (200, r#"{"value":[{"id":"1","domain":"a","name":"A"}],"nextLink":"https://elsewhere.example/x?skipToken=b%26c","totalCount":2}"#),
        (200, r#"{"value":[{"id":"2","domain":"b","name":"B"}],"nextLink":null,"totalCount":2}"#),
    ])
    .await;
    let tenants = client.tenants().await.unwrap();
    assert_eq!((tenants.value.len(), tenants.next_link, tenants.total_count), (2, None, 2));
    let requests = server.sent();
    assert_eq!(first_line(&requests[1]), "GET /manage/v1/tenants?skipToken=b%26c HTTP/1.1");
}

#[tokio::test]
async fn a_link_to_the_page_itself_ends_the_list() {
    let page = r#"{"value":[{"id":"1","domain":"a","name":"A"}],"nextLink":"/manage/v1/tenants?skipToken=x","totalCount":9}"#;
    let (client, server) = answering(vec![(200, page), (200, page)]).await;
    assert_eq!(client.tenants().await.unwrap().value.len(), 2);
    assert_eq!(server.sent().len(), 2);
}

#[tokio::test]
async fn the_audit_trail_is_asked_for_no_more_than_wanted() {
    let event = r#"{"value":[{"id":"1","at":"2026-11-22T12:00:00Z","action":"role.assign"},{"id":"2","at":"2026-11-22T12:00:00Z","action":"role.assign"}],"nextLink":"?skipToken=x","totalCount":7}"#;
    let (client, server) = answering(vec![(200, event)]).await;
    let filter = AuditQuery { action: Some("role.assign".into()), ..AuditQuery::default() };
    let listed = client.audit(Some("t"), &filter, 1).await.unwrap();
    assert_eq!((listed.value.len(), listed.total_count), (1, 7));
    assert_eq!(first_line(&server.sent()[0]), "GET /manage/v1/tenants/t/audit?action=role.assign&pageSize=1 HTTP/1.1");
}

#[tokio::test]
async fn moves_carry_what_they_need() {
    let moved = r#"{"program":"mpn","stage":"Suspended","status":"Suspended","reason":"unpaid"}"#;
    let (client, server) = answering(vec![(200, moved), (204, ""), (204, "")]).await;
    let enrollment = client.move_enrollment("t", "mpn", EnrollmentMove::Suspend { reason: "unpaid" }).await.unwrap();
    assert_eq!((enrollment.stage.as_str(), enrollment.reason.as_deref()), ("Suspended", Some("unpaid")));
    client.set_password("t", "u", &Secret("p4ss".into()), true).await.unwrap();
    client.revoke_consent("t", "a", "management", Some("ada@contoso.example")).await.unwrap();
    let requests = server.sent();
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
    let (client, server) = answering(vec![(200, r#"{"keyIds":["b","a"]}"#), (201, bound), (204, "")]).await;
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
    let requests = server.sent();
    assert_eq!(first_line(&requests[0]), "POST /manage/v1/keys/rotate HTTP/1.1");
    assert!(requests[1].starts_with("POST /manage/v1/tenants/t/externalIdentities ") && !requests[1].contains("application\":"));
    assert_eq!(first_line(&requests[2]), "DELETE /manage/v1/tenants/t/externalIdentities/1 HTTP/1.1");
}

/// A person's file may hold anything: what is wrong in it, the server says.
#[tokio::test]
async fn a_profile_is_sent_as_it_was_written() {
    let refusal =
        r#"{"error":{"code":"invalid","message":"'profile.city' should be a string, but holds a number.","correlationId":"c-1"}}"#;
    let (client, server) = answering(vec![(400, refusal)]).await;
    let profile = serde_json::json!({"CITY": 5, "more": []});
    let new = NewTenant { domain: Some("contoso.example".into()), profile: Some(profile), ..NewTenant::default() };
    let error = client.enroll_tenant(&new).await.unwrap_err();
    assert!(error.to_string().starts_with("'profile.city' should be a string, but holds a number."), "{error}");
    let requests = server.sent();
    assert!(requests[0].ends_with(r#"{"domain":"contoso.example","profile":{"CITY":5,"more":[]}}"#), "{}", requests[0]);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let body = r#"{"error":{"code":"illegalMove","message":"An enrollment in Started cannot be activated.","correlationId":"c-1"}}"#;
    let (client, server) = answering(vec![(409, body), (502, "<html>")]).await;
    let error = client.move_enrollment("t", "mpn", EnrollmentMove::Activate).await.unwrap_err();
    let ClientError::Managed(refusal) = &error else { panic!("{error:?}") };
    assert_eq!((refusal.status, refusal.code.as_str(), refusal.correlation.as_deref()), (409, "illegalMove", Some("c-1")));
    assert_eq!(error.to_string(), "An enrollment in Started cannot be activated. (correlation c-1)");
    assert!(error.hint().unwrap().contains("tenant show"));
    let error = client.tenants().await.unwrap_err();
    assert_eq!((error.to_string(), error.hint()), ("refused with status 502".into(), None));
    assert_eq!(server.sent().len(), 2, "neither is asked again");
}
