//! The platform's list of token errors (`data/token-errors.json`: number, error value, status): each is produced by a request here, or is listed
//! below with the reason why it cannot be.

use std::collections::BTreeSet;

use axum::http::{Method, Request};
use chrono::TimeDelta;
use futures::FutureExt as _;
use futures::future::join_all;
use insightgate_identity::application::ClientSecret;
use insightgate_identity::tokens::grant::GrantRefusal;
use insightgate_operations::credentials::hashing_queue::Asker;
use insightgate_operations::credentials::password::secret_digest;
use serde_json::Value;
use uuid::Uuid;

use super::authorization::{authorize, obtain_code, redeem, request};
use super::token_endpoint::{ask, v1, v2};
use crate::tests::harness::browser::Browser;
use crate::tests::harness::*;

const NOT_APPLICABLE: [(u64, &str); 16] = [
    (90014, "900144 is what the platform's present endpoints say of a missing field"),
    (70001, "an application belongs to its tenant: there is no installing; a disabled one is 7000112"),
    (700011, "an unknown application is 700016"),
    (50001, "an unknown resource is 500011"),
    (650052, "programs are looked at by the insights API, call by call, since a suspension acts at once"),
    (50105, "users are not assigned to applications: consent and roles decide"),
    (50034, "an unknown user looks like a wrong password: 50126"),
    (50056, "a user without a password looks like one with another password: 50126"),
    (50074, "a missing second factor is 50076"),
    (50072, "a second factor that is not set up is 50079"),
    (53003, "there are no conditions of access beyond the second factor"),
    (90094, "every delegated permission may be consented to by the user it acts for"),
    (700084, "single-page applications are public clients like others"),
    (70043, "there is no policy of sign-in frequency"),
    (50089, "pages carry the whole request: there is no flow token"),
    (50196, "loops are not told from haste, which is 90055"),
];

/// Reported by another endpoint, with that endpoint's error value.
const ELSEWHERE: [(u64, &str); 1] = [(65004, "access_denied")];

#[derive(Default)]
struct Produced(BTreeSet<(Option<u64>, String, u16)>);

impl Produced {
    fn answer(&mut self, answer: &Answer) {
        let body = answer.json();
        let error = body["error"].as_str().unwrap_or_else(|| panic!("granted: {body}")).to_owned();
        self.0.insert((body["error_codes"][0].as_u64(), error, answer.status.as_u16()));
    }

    fn page(&mut self, refusal: &GrantRefusal, shown: &Answer) {
        assert!(shown.text().contains(&format!("AADSTS{}", refusal.code)), "{}", shown.text());
        self.0.insert((Some(refusal.code.into()), refusal.error.to_owned(), shown.status.as_u16()));
    }
}

#[tokio::test]
async fn every_number_of_the_platform_is_answered_or_explained() {
    let mut produced = Produced::default();
    requests_and_clients(&mut produced).await;
    resources_and_users(&mut produced).await;
    codes_and_tokens(&mut produced).await;
    devices(&mut produced).await;
    floods(&mut produced).await;
    let deployment = Deployment::new().await;
    for number in produced.0.iter().filter_map(|(number, ..)| *number) {
        let page = deployment.fetch(&format!("/error?code={number}"), &[]).await;
        assert!(page.status == 200 && page.text().contains(&format!("<h1>AADSTS{number}</h1>")), "{number} {}", page.text());
    }
    let listed: Vec<Value> = serde_json::from_str(include_str!("../data/token-errors.json")).unwrap();
    assert!(listed.len() > 60);
    for entry in &listed {
        let (number, error) = (entry["aadsts"].as_u64(), entry["error"].as_str().unwrap());
        let status = u16::try_from(entry["status"].as_u64().unwrap()).unwrap();
        let explained = NOT_APPLICABLE.iter().any(|(known, _)| Some(*known) == number);
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| Some(*known) == number);
        let answered = match (number, elsewhere) {
            // The platform publishes no number for it.
            (None, _) => produced.0.iter().any(|(_, known, answered)| known == error && *answered == status),
            (_, Some((_, error))) => produced.0.contains(&(number, (*error).to_owned(), status)),
            (_, None) => produced.0.contains(&(number, error.to_owned(), status)),
        };
        assert!(answered != explained, "{entry}: answered {answered}, explained {explained}\n{:?}", produced.0);
    }
}

/// The page to which `error_uri` leads; it repeats nothing of the query.
#[tokio::test]
async fn a_page_says_what_a_number_means() {
    let deployment = Deployment::new().await;
    let refused = ask(&deployment, &v1(), &[("password", Some("wrong"))]).await.json();
    let uri = refused["error_uri"].as_str().unwrap();
    let page = deployment.fetch(uri.strip_prefix(BASE).unwrap(), &[]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text().contains("<h1>AADSTS50126</h1>") && page.text().contains("The user name or the password is wrong."));
    assert!(page.header("content-security-policy").contains("frame-ancestors 'none'; form-action 'none'"));
    let unknown = deployment.fetch("/error", &[]).await;
    assert_eq!(unknown.status, 404);
    for code in ["", "1", "-50126", "50126x", "4294967346", "%3Cscript%3E", "%00", "50126&code=1"] {
        let page = deployment.fetch(&format!("/error?code={code}"), &[]).await;
        assert!(page.status == 404 && page.body == unknown.body || code.contains('&') && page.status == 200, "{code}: {}", page.text());
    }
    let posted = deployment.post_form("/error?code=50126", &[]).await;
    assert_eq!(posted.status, 405);
}

async fn requests_and_clients(produced: &mut Produced) {
    let deployment = Deployment::new().await;
    let (one, client) = (v1(), |id: Uuid| id.to_string());
    produced.answer(&ask(&deployment, &one, &[("grant_type", None)]).await);
    produced.answer(&ask(&deployment, &one, &[("grant_type", Some("implicit"))]).await);
    produced.answer(&deployment.send(Request::builder().method(Method::GET).uri(&one).body("".into()).unwrap()).await);
    produced.answer(&ask(&deployment, &one, &[("password", Some(&"x".repeat(70_000)))]).await);
    for path in
        ["/not_a_tenant/oauth2/token", "/%ff/oauth2/token", "/unknown.example/oauth2/token", "/oauth2/token", "/common/oauth2/token"]
    {
        produced.answer(&ask(&deployment, path, &[]).await);
    }
    produced.answer(&deployment.fetch("/unknown.example/.well-known/openid-configuration", &[]).await);
    for username in ["ana", "ana@nowhere.example"] {
        produced.answer(&ask(&deployment, "/organizations/oauth2/token", &[("username", Some(username))]).await);
    }
    for id in [Uuid::from_u128(0xdead), SHUT_APP, DESKTOP_APP] {
        produced.answer(&ask(&deployment, &one, &[("client_id", Some(&client(id)))]).await);
    }
    let alone = [("grant_type", Some("client_credentials")), ("client_secret", None)];
    produced.answer(&ask(&deployment, &one, &[&alone[..], &[("client_id", Some(&client(DESKTOP_APP)))]].concat()).await);
    produced.answer(&ask(&deployment, &one, &alone).await);
    produced.answer(&ask(&deployment, &one, &[("client_secret", Some("wrong"))]).await);
    let now = deployment.now();
    let old = ClientSecret {
        id: Uuid::from_u128(0x5ec),
        digest: secret_digest("old"),
        hint: "old".into(),
        description: String::new(),
        created: now - TimeDelta::days(2),
        expires: now,
    };
    deployment.context.store.add_client_secret(APP, &old).await.unwrap();
    produced.answer(&ask(&deployment, &one, &[("client_secret", Some("old"))]).await);
    deployment.context.store.close().await;
    produced.answer(&ask(&deployment, &one, &[]).await);
}

async fn resources_and_users(produced: &mut Produced) {
    let deployment = Deployment::new().await;
    let (one, two, bare) = (v1(), v2(), BARE_APP.to_string());
    produced.answer(&ask(&deployment, &one, &[("resource", Some("https://graph.microsoft.com"))]).await);
    produced.answer(&ask(&deployment, &one, &[("client_id", Some(&bare))]).await);
    produced.answer(&ask(&deployment, &two, &[("resource", Some(RESOURCE))]).await);
    produced.answer(&ask(&deployment, &two, &[("scope", Some("nonsense"))]).await);
    let scope = format!("{RESOURCE}/user_impersonation");
    produced.answer(&ask(&deployment, &two, &[("grant_type", Some("client_credentials")), ("scope", Some(&scope))]).await);
    let desktop = DESKTOP_APP.to_string();
    produced.answer(&ask(&deployment, &one, &[("client_id", Some(&desktop)), ("client_secret", None)]).await);
    for number in 0..10 {
        produced.answer(&ask(&deployment, &one, &[("password", Some(&format!("wrong {number}")))]).await);
    }
    produced.answer(&ask(&deployment, &one, &[]).await);
    deployment.advance(TimeDelta::seconds(60));
    let store = &deployment.context.store;
    let hash = deployment.context.passwords.hash(PASSWORD, &deployment.context.random).await.unwrap();
    store.set_user_password(ANA.user.unwrap(), &hash, true).await.unwrap();
    produced.answer(&ask(&deployment, &one, &[]).await);
    store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    produced.answer(&ask(&deployment, &one, &[]).await);
    let ben = store.user(CONTOSO, BEN.user.unwrap()).await.unwrap().unwrap();
    let offered = insightgate_operations::credentials::second_factor::offer(&deployment.context, &ben).unwrap();
    store.set_totp(ben.id, Some(&offered.sealed)).await.unwrap();
    let strict = Deployment::with(|settings| settings.require_mfa = true).await;
    for path in [&one, &two] {
        produced.answer(&ask(&deployment, path, &[("username", Some(&ben.username))]).await);
        produced.answer(&ask(&strict, path, &[]).await);
    }
}

async fn codes_and_tokens(produced: &mut Produced) {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let page = browser.open(&request(&authorize(), &[])).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    let declined = browser.submit(&page, "decline", &[]).await.returned();
    let (error, number) = declined.refused();
    produced.0.insert((Some(number), error.to_owned(), 400));
    let uri = "https://evil.example/";
    let shown = browser.open(&request(&authorize(), &[("redirect_uri", Some(uri))])).await;
    produced.page(&GrantRefusal::unregistered_redirect(uri), &shown.answer);
    let code = obtain_code(&mut browser, &[]).await;
    let foreign = [
        ("client_id", FOREIGN_APP.to_string()),
        ("grant_type", "authorization_code".into()),
        ("client_secret", SECRET.into()),
        ("code", code.clone()),
    ];
    let foreign: Vec<_> = foreign.iter().map(|(name, value)| (*name, value.as_str())).collect();
    produced.answer(&deployment.post_form(&format!("/{FABRIKAM}/oauth2/token"), &foreign).await);
    produced.answer(&redeem(&deployment, &code, &[("redirect_uri", Some("http://localhost:1"))]).await);
    produced.answer(&redeem(&deployment, &code, &[("code_verifier", Some("wrong"))]).await);
    produced.answer(&redeem(&deployment, "short", &[]).await);
    produced.answer(&redeem(&deployment, &code.chars().rev().collect::<String>(), &[]).await);
    assert_eq!(redeem(&deployment, &code, &[]).await.status, 200);
    produced.answer(&redeem(&deployment, &code, &[]).await);
    let code = obtain_code(&mut browser, &[]).await;
    deployment.advance(TimeDelta::minutes(10));
    produced.answer(&redeem(&deployment, &code, &[]).await);
    let token = ask(&deployment, &v1(), &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    let refresh = [("grant_type", Some("refresh_token")), ("refresh_token", Some(token.as_str()))];
    deployment.context.store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    deployment.context.store.set_user_enabled(ANA.user.unwrap(), true).await.unwrap();
    produced.answer(&ask(&deployment, &v1(), &refresh).await);
    let token = ask(&deployment, &v1(), &[]).await.json()["refresh_token"].as_str().unwrap().to_owned();
    deployment.advance(TimeDelta::days(90));
    produced.answer(&ask(&deployment, &v1(), &[("grant_type", Some("refresh_token")), ("refresh_token", Some(&token))]).await);
}

async fn devices(produced: &mut Produced) {
    let deployment = Deployment::new().await;
    let (desktop, app) = (DESKTOP_APP.to_string(), APP.to_string());
    let start = async || {
        let started =
            deployment.post_form("/common/oauth2/devicecode", &[("client_id", desktop.as_str()), ("resource", RESOURCE)]).await.json();
        (started["device_code"].as_str().unwrap().to_owned(), started["user_code"].as_str().unwrap().to_owned())
    };
    let poll = async |code: &str, client: &[(&str, &str)]| {
        deployment.post_form(&v1(), &[&[("grant_type", "device_code"), ("code", code)][..], client].concat()).await
    };
    let own = [("client_id", desktop.as_str())];
    let (code, user_code) = start().await;
    produced.answer(&poll(&code, &own).await);
    produced.answer(&poll("nonsense", &own).await);
    produced.answer(&poll(&code, &[("client_id", &app), ("client_secret", SECRET)]).await);
    let mut browser = Browser::new(&deployment);
    let page = browser.open("/common/oauth2/deviceauth").await;
    let shown = browser.submit(&page, "", &[("user_code", "12")]).await;
    produced.page(&GrantRefusal::malformed_user_code(), &shown.answer);
    let shown = browser.submit(&page, "", &[("user_code", "BBBBBBBBB")]).await;
    produced.page(&GrantRefusal::unknown_user_code(), &shown.answer);
    let page = browser.submit(&page, "", &[("user_code", &user_code)]).await;
    let page = browser.sign_in(&page, "ana@contoso.example", PASSWORD).await;
    browser.submit(&page, "decline", &[]).await;
    produced.answer(&poll(&code, &own).await);
    let (code, _) = start().await;
    deployment.advance(TimeDelta::seconds(900));
    produced.answer(&poll(&code, &own).await);
}

/// More sign-ins at once than can run or wait.
async fn floods(produced: &mut Produced) {
    let deployment = Deployment::new().await;
    let asker = Asker::stranger(None, 0);
    let mut running = Vec::new();
    let mut waiting = Vec::new();
    // Takes every place and never polls again, so that what waits then waits for good.
    let fill = |held: &mut Vec<_>| loop {
        let mut sign_in = Box::pin(deployment.context.passwords.verify("a password", None, &asker));
        match (&mut sign_in).now_or_never() {
            None => held.push(sign_in),
            Some(_) => break,
        }
    };
    fill(&mut running);
    waiting.extend(running.drain(2..));
    // The two that ran are finished, and give their places to others.
    assert!(join_all(running).await.iter().all(Result::is_ok));
    fill(&mut waiting);
    produced.answer(&ask(&deployment, &v1(), &[]).await);
    drop(waiting);
    assert_eq!(ask(&deployment, &v1(), &[]).await.status, 200);
}
