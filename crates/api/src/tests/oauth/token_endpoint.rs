//! The token endpoints: what is granted, and every refusal with its number, in the platform's order of checks.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use insightgate_identity::application::{ClientSecret, Permission};
use insightgate_identity::guessing::Counted;
use insightgate_operations::credentials::password::secret_digest;
use insightgate_store::AuditEvent;
use serde_json::{Value, json};

use crate::tests::harness::*;

/// The fields to change; `None` leaves a field out.
type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

/// Sends the documented form, with changes.
pub(crate) async fn ask(deployment: &Deployment, path: &str, changes: Changes<'_>) -> Answer {
    let client = APP.to_string();
    let mut fields = vec![
        ("grant_type", "password"),
        ("client_id", client.as_str()),
        ("client_secret", SECRET),
        ("username", "Ana@Contoso.example"),
        ("password", PASSWORD),
    ];
    fields.push(if path.contains("v2.0") { ("scope", "https://api.partnercenter.microsoft.com/.default") } else { ("resource", RESOURCE) });
    for (name, value) in changes {
        fields.retain(|(known, _)| known != name);
        if let Some(value) = value {
            fields.push((name, value));
        }
    }
    deployment.post_form(path, &fields).await
}

pub(crate) fn v1() -> String {
    format!("/{CONTOSO}/oauth2/token")
}

pub(crate) fn v2() -> String {
    format!("/{CONTOSO}/oauth2/v2.0/token")
}

/// Checks the platform's error body; returns its number.
pub(crate) fn refused(answer: &Answer, error: &str, status: u16) -> u64 {
    let body = answer.json();
    assert_eq!((body["error"].as_str().unwrap(), answer.status.as_u16()), (error, status), "{body}");
    let code = body["error_codes"][0].as_u64().unwrap();
    let description = body["error_description"].as_str().unwrap();
    assert!(description.starts_with(&format!("AADSTS{code}: ")), "{body}");
    for name in ["trace_id", "correlation_id", "timestamp"] {
        assert!(description.contains(body[name].as_str().unwrap()), "{name}: {body}");
    }
    assert_eq!(body["timestamp"].as_str().unwrap().len(), "2026-11-22 12:00:00Z".len());
    assert!(body["error_uri"].as_str().unwrap().ends_with(&format!("?code={code}")));
    assert!(answer.header("cache-control").contains("no-store"));
    code
}

#[tokio::test]
async fn version_1_writes_numbers_as_text_and_version_2_as_numbers() {
    let deployment = Deployment::new().await;
    let one = ask(&deployment, &v1(), &[("scope", Some("openid"))]).await.json();
    for (name, value) in [
        ("token_type", json!("Bearer")),
        ("expires_in", json!("3599")),
        ("ext_expires_in", json!("3599")),
        ("expires_on", json!((deployment.now().timestamp() + 3600).to_string())),
        ("not_before", json!((deployment.now().timestamp() - 300).to_string())),
        ("resource", json!(RESOURCE)),
        ("scope", json!("user_impersonation")),
    ] {
        assert_eq!(one[name], value, "{one}");
    }
    assert!(one["refresh_token"].is_string() && one["id_token"].is_string());
    let two = ask(&deployment, &v2(), &[]).await.json();
    assert_eq!((&two["expires_in"], &two["ext_expires_in"]), (&json!(3599), &json!(3599)));
    assert_eq!(two["scope"], format!("{RESOURCE}/user_impersonation {RESOURCE}/.default"));
    for absent in ["refresh_token", "id_token", "resource", "expires_on", "not_before", "client_info"] {
        assert!(two.get(absent).is_none(), "{absent}: {two}");
    }
    let scope = format!("{RESOURCE}/.default openid offline_access");
    let more = ask(&deployment, &v2(), &[("scope", Some(&scope)), ("client_info", Some("1"))]).await.json();
    assert!(more["refresh_token"].is_string() && more["id_token"].is_string() && more["client_info"].is_string());
    // The claim is the same in tokens of both kinds.
    for token in [&one["access_token"], &one["id_token"], &two["access_token"], &more["id_token"]] {
        let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        let now = deployment.now().timestamp();
        assert_eq!((&claims["nbf"], &claims["iat"], &claims["exp"]), (&json!(now - 300), &json!(now), &json!(now + 3600)), "{claims}");
    }
    for token in [&one, &two, &more] {
        let request = Request::get("/insights/v1/mpn/ScheduledDataset");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", token["access_token"].as_str().unwrap()));
        assert!(!deployment.send(request.body(Body::empty()).unwrap()).await.ok().is_empty());
    }
}

/// The API may be named by its ids, which linked documents tell clients to request.
#[tokio::test]
async fn a_token_can_be_asked_for_by_the_ids_of_the_api() {
    let deployment = Deployment::new().await;
    for id in ["4990cffe-04e8-4e8b-808a-1175604b879f", "FA3D9A0C-3fb0-42cc-9193-47c7ecd2edbd"] {
        let one = ask(&deployment, &v1(), &[("resource", Some(id))]).await.json();
        assert_eq!((&one["resource"], &one["scope"]), (&json!(id), &json!("user_impersonation")), "{one}");
        let mut tokens = vec![one];
        for name in [".default", "user_impersonation"] {
            let scope = format!("{id}/{name}");
            let two = ask(&deployment, &v2(), &[("scope", Some(&scope))]).await.json();
            assert!(two["scope"].as_str().unwrap().starts_with(&format!("{id}/user_impersonation")), "{two}");
            tokens.push(two);
        }
        for token in tokens {
            let token = token["access_token"].as_str().unwrap();
            assert_eq!(deployment.context.signing.verify(token).unwrap().aud, id);
            let request = Request::get("/insights/v1/mpn/ScheduledDataset").header(header::AUTHORIZATION, format!("Bearer {token}"));
            assert!(!deployment.send(request.body(Body::empty()).unwrap()).await.ok().is_empty());
        }
        let scope = format!("{id}/.default");
        let alone: Changes = &[("grant_type", Some("client_credentials")), ("username", None), ("password", None), ("scope", Some(&scope))];
        assert_eq!(ask(&deployment, &v2(), alone).await.status, 200);
        let other = format!("{id}/management");
        assert_eq!(refused(&ask(&deployment, &v2(), &[("scope", Some(&other))]).await, "invalid_scope", 400), 70011);
    }
    // The id of another API is unknown here.
    let other = ask(&deployment, &v1(), &[("resource", Some("00000003-0000-0000-c000-000000000000"))]).await;
    assert_eq!(refused(&other, "invalid_resource", 400), 500011);
}

#[tokio::test]
async fn every_refusal_has_its_number() {
    let deployment = Deployment::new().await;
    let (one, two) = (v1(), v2());
    let bare = BARE_APP.to_string();
    let shut = SHUT_APP.to_string();
    let foreign = FOREIGN_APP.to_string();
    let operator = OPERATOR_APP.to_string();
    let long = "x".repeat(70_000);
    let cases: &[(&str, Changes, u64, &str, u16)] = &[
        (&one, &[("grant_type", None)], 900144, "invalid_request", 400),
        (&one, &[("grant_type", Some("implicit"))], 70003, "unsupported_grant_type", 400),
        ("/not_a_tenant/oauth2/token", &[], 900023, "invalid_request", 400),
        ("/unknown.example/oauth2/token", &[], 90002, "invalid_request", 400),
        ("/00000000-0000-0000-0000-00000000dead/oauth2/token", &[], 90002, "invalid_request", 400),
        ("/organizations/oauth2/token", &[("username", Some("ana@nowhere.example"))], 50128, "invalid_request", 400),
        ("/organizations/oauth2/token", &[("username", Some("ana"))], 50059, "invalid_request", 400),
        ("/organizations/oauth2/token", &[("grant_type", Some("client_credentials")), ("username", None)], 50059, "invalid_request", 400),
        ("/common/oauth2/token", &[], 9001023, "invalid_request", 400),
        ("/consumers/oauth2/v2.0/token", &[], 9001023, "invalid_request", 400),
        ("/common/oauth2/token", &[("grant_type", Some("client_credentials"))], 50059, "invalid_request", 400),
        (&one, &[("client_id", None)], 900144, "invalid_request", 400),
        (&one, &[("client_id", Some("nobody"))], 700016, "unauthorized_client", 400),
        (&one, &[("client_id", Some(&foreign))], 700016, "unauthorized_client", 400),
        (&one, &[("client_id", Some(&shut))], 7000112, "unauthorized_client", 400),
        (&one, &[("username", None)], 900144, "invalid_request", 400),
        (&one, &[("password", None)], 900144, "invalid_request", 400),
        (&one, &[("resource", None)], 900144, "invalid_request", 400),
        (&two, &[("scope", None)], 900144, "invalid_request", 400),
        (&one, &[("client_secret", None)], 7000218, "invalid_client", 401),
        (&one, &[("client_secret", Some("wrong"))], 7000215, "invalid_client", 401),
        (&one, &[("password", Some("wrong"))], 50126, "invalid_grant", 400),
        (&one, &[("username", Some("nobody@contoso.example"))], 50126, "invalid_grant", 400),
        (&one, &[("username", Some("zoe@fabrikam.example"))], 50126, "invalid_grant", 400),
        (&one, &[("resource", Some("https://graph.microsoft.com"))], 500011, "invalid_resource", 400),
        (&one, &[("resource", Some("api://insightgate/manage"))], 500011, "invalid_resource", 400),
        (&one, &[("client_id", Some(&bare))], 650057, "invalid_resource", 400),
        (&one, &[("client_id", Some(&operator))], 650057, "invalid_resource", 400),
        (&two, &[("resource", Some(RESOURCE)), ("scope", None)], 901002, "invalid_request", 400),
        (&two, &[("scope", Some("nonsense"))], 70011, "invalid_scope", 400),
        (&two, &[("scope", Some("openid"))], 70011, "invalid_scope", 400),
        (
            &two,
            &[("grant_type", Some("client_credentials")), ("scope", Some("https://api.partnercenter.microsoft.com/user_impersonation"))],
            1002012,
            "invalid_scope",
            400,
        ),
        (
            &one,
            &[("grant_type", Some("client_credentials")), ("resource", Some("api://insightgate/manage"))],
            500011,
            "invalid_resource",
            400,
        ),
        (&one, &[("grant_type", Some("refresh_token")), ("username", None)], 900144, "invalid_request", 400),
        (&one, &[("grant_type", Some("refresh_token")), ("refresh_token", Some("short"))], 9002313, "invalid_grant", 400),
        (
            &one,
            &[("grant_type", Some("refresh_token")), ("refresh_token", Some("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"))],
            70000,
            "invalid_grant",
            400,
        ),
        (&one, &[("password", Some(&long))], 90013, "invalid_request", 400),
    ];
    for (path, changes, code, error, status) in cases {
        let answer = ask(&deployment, path, changes).await;
        assert_eq!(refused(&answer, error, *status), *code, "{path} {:?}", changes.first());
    }
    // Each case comes from a request that is granted if nothing is changed.
    assert_eq!(ask(&deployment, &one, &[]).await.status, 200);
    let audited = deployment.audited("token.refuse").await;
    let names_a_tenant = |case: &&(&str, Changes, u64, &str, u16)| {
        !matches!(case.2, 70003 | 900023 | 90002 | 9001023 | 50059 | 50128 | 90013) && !case.1.contains(&("grant_type", None))
    };
    let (of_tenants, of_none): (Vec<_>, Vec<_>) = audited.iter().partition(|event| event.tenant.is_some());
    let times = |events: &[&AuditEvent]| events.iter().map(|event| event.occurrences).sum::<u64>();
    assert_eq!(times(&of_tenants), cases.iter().filter(names_a_tenant).count() as u64);
    // The name that was sent may be anything.
    assert!(!of_none.is_empty() && of_none.iter().all(|event| event.subject.is_empty()), "{of_none:?}");
    let text = format!("{audited:?}");
    assert!(!text.contains(PASSWORD) && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn what_a_change_of_the_deployment_refuses() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    assert_eq!(refused(&ask(&deployment, &v1(), &[]).await, "invalid_grant", 400), 50057);
    // That an account is disabled only shows after the right password.
    assert_eq!(refused(&ask(&deployment, &v1(), &[("password", Some("wrong"))]).await, "invalid_grant", 400), 50126);
    store.set_user_enabled(ANA.user.unwrap(), true).await.unwrap();

    assert!(store.revoke_consent(APP, Permission::PartnerApi, None).await.unwrap());
    let answer = ask(&deployment, &v1(), &[]).await;
    assert_eq!(refused(&answer, "invalid_grant", 400), 65001);
    assert_eq!(answer.json()["suberror"], "consent_required");
    store.grant_consent(APP, Permission::PartnerApi, None, deployment.now()).await.unwrap();

    store.close().await;
    assert_eq!(refused(&ask(&deployment, &v1(), &[]).await, "temporarily_unavailable", 503), 90033);
}

/// A request in which everything is wrong, corrected from the first check to the last.
#[tokio::test]
async fn checks_come_in_the_platforms_order() {
    let deployment = Deployment::new().await;
    let client = APP.to_string();
    let mut path = "/not_a_tenant/oauth2/token".to_owned();
    let mut form: Vec<(&str, Option<&str>)> = vec![
        ("grant_type", Some("implicit")),
        ("client_id", Some("nobody")),
        ("username", None),
        ("client_secret", Some("wrong")),
        ("password", Some("wrong")),
        ("resource", Some("https://graph.microsoft.com")),
    ];
    let own = v1();
    for (code, error, status, mend) in [
        (70003, "unsupported_grant_type", 400, ("grant_type", "password")),
        (900023, "invalid_request", 400, ("tenant", own.as_str())),
        (700016, "unauthorized_client", 400, ("client_id", client.as_str())),
        (900144, "invalid_request", 400, ("username", "ana@contoso.example")),
        (7000215, "invalid_client", 401, ("client_secret", SECRET)),
        (50126, "invalid_grant", 400, ("password", PASSWORD)),
        (500011, "invalid_resource", 400, ("resource", RESOURCE)),
    ] {
        assert_eq!(refused(&ask(&deployment, &path, &form).await, error, status), code);
        if mend.0 == "tenant" {
            path = mend.1.to_owned();
        }
        for (name, value) in &mut form {
            if *name == mend.0 {
                *value = Some(mend.1);
            }
        }
    }
    assert_eq!(ask(&deployment, &path, &form).await.status, 200);
}

#[tokio::test]
async fn tenants_clients_and_fields_are_read_in_every_spelling_that_clients_use() {
    let deployment = Deployment::new().await;
    let upper = format!("/{}/OAuth2/Token/", CONTOSO.to_string().to_uppercase());
    for path in ["/contoso.example/oauth2/token", "/CONTOSO.example/oauth2/v2.0/token", "/organizations/oauth2/token", &upper] {
        let answer = ask(&deployment, path, &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    for resource in ["https://api.partnercenter.microsoft.com/", "HTTPS://API.partnercenter.microsoft.com"] {
        assert_eq!(ask(&deployment, &v1(), &[("resource", Some(resource))]).await.json()["resource"], resource);
    }
    // RFC 6749, 2.3.1: both parts are form-encoded before they are joined.
    let basic = format!("Basic {}", STANDARD.encode(format!("{APP}:app%2Bsecret%2F1%3D")));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "client_credentials"), ("resource", RESOURCE)])
        .finish();
    let request = Request::post(v1()).header(header::AUTHORIZATION, basic);
    let answer = deployment.send(request.body(Body::from(form)).unwrap()).await.json();
    assert!(answer["access_token"].is_string(), "{answer}");
    for absent in ["refresh_token", "id_token", "scope"] {
        assert_eq!(answer.get(absent), None);
    }
    // A real client sends this grant without a refresh token.
    let deviation = ask(&deployment, &v1(), &[("grant_type", Some("refresh_token"))]).await;
    assert!(deviation.json()["refresh_token"].is_string(), "{}", deviation.text());
}

#[tokio::test]
async fn only_post_is_taken() {
    let deployment = Deployment::new().await;
    for path in [v1(), v2()] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answer = deployment.send(Request::builder().method(method).uri(&path).body(Body::empty()).unwrap()).await;
            assert_eq!(refused(&answer, "invalid_request", 400), 900561);
        }
    }
}

/// The body without everything that differs from request to request.
fn without_ids(answer: &Answer) -> Value {
    let mut body = answer.json();
    let ids: Vec<String> = ["trace_id", "correlation_id"].iter().map(|name| body[name].as_str().unwrap().to_owned()).collect();
    let mut text = body["error_description"].as_str().unwrap().to_owned();
    for id in ids {
        text = text.replace(&id, "");
    }
    body["error_description"] = json!(text);
    body["trace_id"] = Value::Null;
    body["correlation_id"] = Value::Null;
    body
}

#[tokio::test]
async fn an_account_is_locked_after_wrong_passwords() {
    let deployment = Deployment::new().await;
    let mut bodies = Vec::new();
    for number in 0..Counted::Name.free() {
        bodies.push(without_ids(&ask(&deployment, &v1(), &[("password", Some(&format!("wrong {number}")))]).await));
    }
    // The answer does not reveal whether the user exists.
    bodies.push(without_ids(&ask(&deployment, &v1(), &[("username", Some("nobody@contoso.example"))]).await));
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    assert_eq!(refused(&ask(&deployment, &v1(), &[]).await, "invalid_grant", 400), 50053);
    // Other users are not locked with it, and the wait ends.
    assert_eq!(ask(&deployment, &v1(), &[("username", Some("ben@contoso.example"))]).await.status, 200);
    deployment.advance(TimeDelta::seconds(60));
    assert_eq!(ask(&deployment, &v1(), &[]).await.status, 200);
    // The right password does not reset the count, since somebody else may have sent the wrong ones; only time does.
    assert_eq!(refused(&ask(&deployment, &v1(), &[("password", Some("wrong again"))]).await, "invalid_grant", 400), 50126);
    let answer = ask(&deployment, &v1(), &[]).await;
    assert_eq!((refused(&answer, "invalid_grant", 400), answer.header("retry-after")), (50053, "120"));
    deployment.advance(TimeDelta::hours(3));
    for number in 0..Counted::Name.free() {
        assert_eq!(refused(&ask(&deployment, &v1(), &[("password", Some(&format!("wrong {number}")))]).await, "invalid_grant", 400), 50126);
    }
}

#[tokio::test]
async fn secrets_overlap_and_expire() {
    let deployment = Deployment::new().await;
    let expires = deployment.now() + TimeDelta::days(1);
    deployment
        .context
        .store
        .add_client_secret(
            APP,
            &ClientSecret {
                id: deployment.context.random.uuid().unwrap(),
                digest: secret_digest("short-lived"),
                hint: "sho".into(),
                description: String::new(),
                created: deployment.now(),
                expires,
            },
        )
        .await
        .unwrap();
    let short = [("client_secret", Some("short-lived"))];
    assert_eq!(ask(&deployment, &v1(), &short).await.status, 200);
    deployment.advance(TimeDelta::days(1));
    assert_eq!(refused(&ask(&deployment, &v1(), &short).await, "invalid_client", 401), 7000222);
    assert_eq!(ask(&deployment, &v1(), &[]).await.status, 200);
    deployment.advance(TimeDelta::days(730));
    assert_eq!(refused(&ask(&deployment, &v1(), &[]).await, "invalid_client", 401), 7000222);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_the_same_time_all_count() {
    let deployment = Arc::new(Deployment::new().await);
    deployment.hash_as_usual(ANA).await;
    let path = v1();
    let guesses: Vec<_> = (0..20)
        .map(|number| {
            let (deployment, path) = (Arc::clone(&deployment), path.clone());
            tokio::spawn(async move { ask(&deployment, &path, &[("password", Some(&format!("wrong {number}")))]).await })
        })
        .collect();
    let mut wrong = 0;
    for guess in guesses {
        wrong += u32::from(refused(&guess.await.unwrap(), "invalid_grant", 400) == 50126);
    }
    // The others met a locked account.
    assert_eq!(wrong, Counted::Name.free());
    assert_eq!(refused(&ask(&deployment, &path, &[]).await, "invalid_grant", 400), 50053);
}

/// A real client sends the form as the body of a GET. The same parameters in the URL are not a form.
#[tokio::test]
async fn a_form_in_the_body_of_a_get_is_taken_by_version_1() {
    let deployment = Deployment::new().await;
    let form = format!(
        "grant_type=client_credentials&client_id={APP}&client_secret=app%2Bsecret%2F1%3D&resource=https%3A%2F%2Fapi.partnercenter.microsoft.com"
    );
    let answer = deployment.send(Request::get(v1()).body(Body::from(form.clone())).unwrap()).await;
    assert!(answer.json()["access_token"].is_string(), "{}", answer.text());
    let answer = deployment.send(Request::get(v2()).body(Body::from(form.clone())).unwrap()).await;
    assert_eq!(refused(&answer, "invalid_request", 400), 900561);
    let answer = deployment.fetch(&format!("{}?{form}", v1()), &[]).await;
    assert_eq!(refused(&answer, "invalid_request", 400), 900561);
}

/// People type a password into the wrong field: the audit trail only keeps names within the tenant.
#[tokio::test]
async fn what_is_no_user_name_is_not_recorded() {
    let deployment = Deployment::new().await;
    for (sent, kept) in [("hunter2 is mine", ""), ("hunter2@elsewhere.example", ""), ("Nobody@Contoso.example", "nobody@contoso.example")] {
        ask(&deployment, &v1(), &[("username", Some(sent))]).await;
        let refused = deployment.audited("token.refuse").await;
        assert_eq!(refused.first().unwrap().subject, kept, "{sent}");
        assert!(!format!("{refused:?}").contains("hunter2"));
        deployment.advance(TimeDelta::seconds(1));
    }
}

/// A certificate or a federated credential is not reported as a wrong secret.
#[tokio::test]
async fn a_client_assertion_is_said_not_to_be_supported() {
    let deployment = Deployment::new().await;
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let sent = [("client_secret", None), ("client_assertion_type", Some(kind)), ("client_assertion", Some("a.b.c"))];
    for path in [v1(), v2()] {
        for grant in ["password", "client_credentials"] {
            let changes: Vec<_> = sent.iter().copied().chain([("grant_type", Some(grant))]).collect();
            let answer = ask(&deployment, &path, &changes).await;
            assert_eq!(refused(&answer, "invalid_client", 401), 70002);
            let text = answer.json()["error_description"].as_str().unwrap().to_owned();
            assert!(text.contains("not supported: send 'client_secret'"), "{text}");
        }
        // A client that also sends the secret is authenticated by it.
        assert_eq!(ask(&deployment, &path, &[("client_assertion", Some("a.b.c"))]).await.status, 200);
    }
    assert!(deployment.fetch("/error?code=70002", &[]).await.text().contains("Client assertions"));
}
