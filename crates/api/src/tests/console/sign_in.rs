//! Signing in to the console and out of it.

use axum::body::Body;
use axum::http::Request;
use chrono::TimeDelta;
use insightgate_identity::application::Application;
use insightgate_identity::guessing::Counted;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::user::User;
use insightgate_operations::console::application::{console_application, console_application_id};
use insightgate_operations::context::Settings;
use insightgate_operations::external_issuers::IssuerSettings;
use serde_json::json;
use uuid::Uuid;

use crate::tests::harness::browser::{Browser, Shown};
use crate::tests::harness::issuer::{FIRST, Issuer};
use crate::tests::harness::*;
use crate::tests::oauth::second_factor::{code, equip};

/// Signs a browser in to the console as a user, by the pages of the authority.
pub(crate) async fn signed_in<'a>(deployment: &'a Deployment, username: &str) -> Browser<'a> {
    let mut browser = Browser::new(deployment);
    let shown = enter(&mut browser, "/", username).await;
    assert_eq!(shown.answer.header("location"), "/");
    browser
}

/// Adds a user of Contoso who has this role and no other; returns the id.
pub(super) async fn with_role(deployment: &Deployment, number: u128, username: &str, role: Role) -> Uuid {
    let user = User::new(Uuid::from_u128(number), CONTOSO, username.to_owned());
    deployment.context.store.add_user(&user, Some(QUICK_HASH), deployment.now()).await.unwrap();
    let held = RoleAssignment { role, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, user.id, &held).await.unwrap();
    user.id
}

/// Signs a browser in to the console as an operator.
pub(crate) async fn signed_in_as_operator(deployment: &Deployment) -> Browser<'_> {
    let mut browser = Browser::new(deployment);
    let door = browser.open("/console/operator-sign-in").await;
    let id = OPERATOR_APP.to_string();
    browser.submit(&door, "", &[("client_id", id.as_str()), ("client_secret", SECRET)]).await;
    browser
}

/// Signs in and returns the answer that begins the session.
async fn enter(browser: &mut Browser<'_>, page: &str, username: &str) -> Shown {
    let shown = browser.open(page).await;
    let door = if shown.answer.status == 303 { browser.open(shown.answer.header("location")).await } else { shown };
    let begun = browser.submit(&door, "", &[("username", username)]).await;
    let asked = browser.open(begun.answer.header("location")).await;
    let back = browser.sign_in(&asked, username, PASSWORD).await;
    let back = back.answer.header("location").strip_prefix(BASE).unwrap().to_owned();
    browser.open(&back).await
}

#[tokio::test]
async fn a_user_signs_in_by_the_authoritys_own_flow_and_comes_back_to_the_page() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let shown = browser.open("/?x=1").await;
    assert_eq!((shown.answer.status.as_u16(), shown.answer.header("location")), (303, "/console/sign-in?to=%2F%3Fx%3D1"));
    let shown = enter(&mut browser, "/?x=1", "ana@contoso.example").await;
    assert_eq!((shown.answer.status.as_u16(), shown.answer.header("location")), (303, "/?x=1"));
    let start = browser.open("/").await;
    assert_eq!(start.title(), "Everything is ready");
    assert!(start.answer.text().contains("contoso.example"));
    // The application is one of the tenant's own, and its use is audited.
    let application = deployment.context.store.application(CONTOSO, console_application_id(CONTOSO)).await.unwrap().unwrap();
    assert!(application.public && application.enabled);
    assert_eq!(deployment.audited("console.signIn").await.len(), 1);
    // A second sign-in registers nothing.
    signed_in(&deployment, "ben@contoso.example").await;
    assert_eq!(deployment.audited("application.register").await.iter().filter(|event| event.actor == "console").count(), 1);
}

#[tokio::test]
async fn who_has_a_second_factor_signs_in_with_it() {
    let deployment = Deployment::new().await;
    let authenticator = equip(&deployment).await;
    let mut browser = Browser::new(&deployment);
    let door = browser.open("/console/sign-in?to=%2F").await;
    let begun = browser.submit(&door, "", &[("username", "ana@contoso.example")]).await;
    let asked = browser.open(begun.answer.header("location")).await;
    let asked = browser.sign_in(&asked, "ana@contoso.example", PASSWORD).await;
    assert_eq!(asked.title(), "Enter the code");
    assert_eq!(browser.open("/").await.answer.status, 303, "the password alone opens nothing");
    let asked = browser.submit(&asked, "code", &[("code", "12345")]).await;
    assert!(asked.fault().starts_with("The code is wrong"));
    assert_eq!(browser.open("/").await.answer.status, 303);
    let back = browser.submit(&asked, "code", &[("code", &code(&deployment, &authenticator))]).await;
    let back = back.answer.header("location").strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(browser.open(&back).await.answer.header("location"), "/");
    assert_eq!(browser.open("/").await.title(), "Everything is ready");
}

#[tokio::test]
async fn a_page_cannot_be_framed_and_runs_no_foreign_script() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    for page in ["/", "/console/sign-in"] {
        let shown = browser.open(page).await;
        let policy = shown.answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(shown.answer.header("x-frame-options"), "DENY");
        assert_eq!(shown.answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let form = || Request::post("/console/sign-out").header("content-type", "application/x-www-form-urlencoded");
    for (request, body) in [
        (form(), ""),
        (form(), "csrf="),
        (form(), "csrf=0000000000000000000000000000000000000000000000000000000000000000"),
        (form().header("sec-fetch-site", "cross-site"), ""),
    ] {
        let refused = browser.send(request, Body::from(body)).await;
        assert_eq!(refused.answer.status, 403, "{body}");
        assert!(refused.fault().contains("The page has expired"));
    }
    // Even with the right proof, if the browser says that another site sends it.
    let start = browser.open("/").await;
    let proof = crate::tests::harness::browser::attribute(start.answer.text().split("name=\"csrf\" ").nth(1).unwrap(), "value").unwrap();
    let forged = browser.send(form().header("sec-fetch-site", "same-site"), Body::from(format!("csrf={proof}"))).await;
    assert_eq!(forged.answer.status, 403);
    let audited = deployment.audited("access.refuse").await;
    assert_eq!(audited.len(), 5);
    assert!(audited.iter().all(|event| event.actor == ANA.user.unwrap().to_string() && event.detail.starts_with("a form that no page")));
    assert_eq!(browser.open("/").await.title(), "Everything is ready");
}

#[tokio::test]
async fn who_signs_out_is_signed_out_of_this_browser_or_of_all() {
    let deployment = Deployment::new().await;
    let mut first = signed_in(&deployment, "ana@contoso.example").await;
    let mut second = signed_in(&deployment, "ana@contoso.example").await;
    let mut other = signed_in(&deployment, "ben@contoso.example").await;
    let (start, kept) = (first.open("/").await, first.cookies.clone());
    let out = first.submit(&start, "", &[]).await;
    // The session of the sign-in pages ends too.
    let gone = first.open(out.answer.header("location")).await;
    assert_eq!(gone.answer.header("location"), format!("{BASE}/console/sign-in"));
    first.cookies = kept;
    assert_eq!(first.open("/").await.answer.status, 303, "a kept cookie is worth nothing");
    assert_eq!(second.open("/").await.title(), "Everything is ready");

    let mut third = signed_in(&deployment, "ana@contoso.example").await;
    let start = second.open("/").await;
    let everywhere = start.answer.text().split("action=\"/console/sign-out-everywhere\"").nth(1).unwrap().to_owned();
    let proof = crate::tests::harness::browser::attribute(&everywhere, "value").unwrap();
    let form = Request::post("/console/sign-out-everywhere").header("content-type", "application/x-www-form-urlencoded");
    second.send(form, Body::from(format!("csrf={proof}"))).await;
    assert_eq!(third.open("/").await.answer.status, 303);
    assert_eq!(other.open("/").await.title(), "Everything is ready");
}

#[tokio::test]
async fn a_session_ends_with_its_time_its_user_and_its_application() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let mut ana = signed_in(&deployment, "ana@contoso.example").await;
    let mut ben = signed_in(&deployment, "ben@contoso.example").await;
    store.set_user_enabled(ANA.user.unwrap(), false).await.unwrap();
    assert_eq!(ana.open("/").await.answer.status, 303);
    store.set_user_enabled(ANA.user.unwrap(), true).await.unwrap();
    assert_eq!(ana.open("/").await.answer.status, 303, "an ended session stays ended");
    assert_eq!(ben.open("/").await.answer.status, 200);
    let application = store.application(CONTOSO, console_application_id(CONTOSO)).await.unwrap().unwrap();
    let disabled = Application { enabled: false, ..application };
    store.change_application(&disabled, None).await.unwrap();
    assert_eq!(ben.open("/").await.answer.status, 303);
    store.change_application(&Application { enabled: true, ..disabled.clone() }, None).await.unwrap();
    assert_eq!(ben.open("/").await.answer.status, 303, "it does not live again");
    store.change_application(&disabled, None).await.unwrap();
    // Nobody can sign in through a disabled application, and signing in does not enable it.
    let door = ben.open("/console/sign-in").await;
    let begun = ben.submit(&door, "", &[("username", "ben@contoso.example")]).await;
    assert!(ben.open(begun.answer.header("location")).await.answer.text().contains("AADSTS7000112"));

    let mut zoe = signed_in(&deployment, "zoe@fabrikam.example").await;
    deployment.advance(TimeDelta::hours(12));
    assert_eq!(zoe.open("/").await.answer.status, 303);
}

#[tokio::test]
async fn a_code_that_another_browser_got_opens_nothing() {
    let deployment = Deployment::new().await;
    let mut attacker = Browser::new(&deployment);
    let door = attacker.open("/console/sign-in").await;
    let begun = attacker.submit(&door, "", &[("username", "zoe@fabrikam.example")]).await;
    let asked = attacker.open(begun.answer.header("location")).await;
    let back = attacker.sign_in(&asked, "zoe@fabrikam.example", PASSWORD).await;
    let back = back.answer.header("location").strip_prefix(BASE).unwrap().to_owned();
    let mut victim = Browser::new(&deployment);
    victim.open("/console/sign-in").await;
    let refused = victim.open(&back).await;
    assert_eq!(refused.answer.status, 403);
    assert!(refused.fault().contains("another browser"));
    assert_eq!(victim.open("/").await.answer.status, 303);
}

#[tokio::test]
async fn an_operator_signs_in_with_the_application() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let door = browser.open("/console/operator-sign-in").await;
    let id = OPERATOR_APP.to_string();
    for (client_id, secret) in [("x", SECRET), (id.as_str(), "wrong"), (ID_OF_NOBODY, SECRET)] {
        let again = browser.submit(&door, "", &[("client_id", client_id), ("client_secret", secret)]).await;
        assert!(!again.fault().is_empty() && !again.answer.text().contains(SECRET), "{client_id}");
    }
    let shown = browser.submit(&door, "", &[("client_id", id.as_str()), ("client_secret", SECRET)]).await;
    assert_eq!(shown.answer.header("location"), "/");
    assert_eq!(browser.open("/").await.answer.status, 200);
    deployment.advance(TimeDelta::hours(1));
    assert_eq!(browser.open("/").await.answer.status, 303);
}

/// A form that guesses is seen and slowed, tells nothing of which ids there are, and keeps no operator out.
#[tokio::test]
async fn wrong_secrets_of_operators_are_counted_and_slow_their_address() {
    let deployment = Deployment::new().await;
    let mut stranger = Browser::new(&deployment);
    stranger.address = Some([203, 0, 113, 7].into());
    let door = stranger.open("/console/operator-sign-in").await;
    let ids = [OPERATOR_APP, DESKTOP_APP, SHUT_APP].map(|id| id.to_string());
    let typed_into_the_wrong_field = "a-secret-in-the-field-of-the-id";
    let tried: Vec<&str> = ids.iter().map(String::as_str).chain([ID_OF_NOBODY, typed_into_the_wrong_field, ""]).collect();
    for guess in 0..Counted::Address.free() {
        let id = tried[guess as usize % tried.len()];
        let again = stranger.submit(&door, "", &[("client_id", id), ("client_secret", &format!("guess {guess}"))]).await;
        assert_eq!(
            (again.answer.status.as_u16(), again.fault().as_str()),
            (400, "No application with this id and this secret may sign in.")
        );
    }
    for id in &tried {
        let slowed = stranger.submit(&door, "", &[("client_id", id), ("client_secret", "another guess")]).await;
        assert_eq!((slowed.answer.status.as_u16(), slowed.answer.header("retry-after")), (429, "60"), "{id}");
        assert!(slowed.fault().starts_with("Too many wrong client secrets"), "{}", slowed.fault());
    }
    let events = deployment.audited("token.refuse").await;
    let times: u64 = events.iter().map(|event| event.occurrences).sum();
    assert_eq!(times, u64::from(Counted::Address.free()) + tried.len() as u64, "{events:?}");
    assert!(events.iter().all(|event| event.address.as_deref() == Some("203.0.113.7") && event.correlation.is_some()));
    assert!(!format!("{events:?}").contains(typed_into_the_wrong_field));
    // The operator is let in, from there as from elsewhere.
    for address in [stranger.address, Some([198, 51, 100, 1].into())] {
        let mut operator = Browser::new(&deployment);
        operator.address = address;
        let door = operator.open("/console/operator-sign-in").await;
        let shown = operator.submit(&door, "", &[("client_id", &ids[0]), ("client_secret", SECRET)]).await;
        assert_eq!(shown.answer.header("location"), "/");
    }
}

/// Each refusal of a sign-in, and of a form, is in the audit trail, and never more often than once a minute for an address.
#[tokio::test]
async fn what_is_refused_at_the_door_is_counted() {
    let deployment = Deployment::new().await;
    let refused = async || -> u64 { deployment.audited("sign_in.refuse").await.iter().map(|event| event.occurrences).sum() };
    let mut browser = Browser::new(&deployment);
    browser.address = Some([203, 0, 113, 7].into());
    let door = browser.open("/console/sign-in").await;
    let form = |path: &str| Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    for round in 0..30 {
        browser.submit(&door, "", &[("username", "a password@nobody.example")]).await;
        assert_eq!(browser.open("/console/signed-in?code=abc&state=x").await.answer.status, 403);
        assert_eq!(browser.open("/console/signed-in?error=x&error_description=Call+this+number&state=y").await.answer.status, 403);
        assert_eq!(browser.send(form("/console/sign-in"), Body::from("username=x")).await.answer.status, 403);
        assert_eq!(browser.send(form("/console/operator-sign-in"), Body::from("client_id=x")).await.answer.status, 403);
        assert_eq!(refused().await, 5 * (round + 1));
    }
    let events = deployment.audited("sign_in.refuse").await;
    assert_eq!(events.len(), 4, "one for each reason: {events:?}");
    assert!(events.iter().all(|event| event.tenant.is_none() && event.address.as_deref() == Some("203.0.113.7")));
    assert!(!["password", "Call this"].iter().any(|typed| format!("{events:?}").contains(typed)), "{events:?}");
}

const ID_OF_NOBODY: &str = "00000000-0000-0000-0000-0000000000ff";

#[tokio::test]
async fn a_domain_of_nobody_is_said() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let door = browser.open("/console/sign-in?to=//evil.example").await;
    for (username, said) in [("ana", "name@domain"), ("ana@<b>.example", "No organisation here has the domain")] {
        let again = browser.submit(&door, "", &[("username", username)]).await;
        assert_eq!(again.answer.status, 400);
        assert!(again.fault().contains(said), "{}", again.fault());
        assert!(!again.answer.text().contains("<b>"));
    }
    assert_eq!(enter(&mut browser, "/console/sign-in?to=//evil.example", "ana@contoso.example").await.answer.header("location"), "/");
}

#[tokio::test]
async fn people_sign_in_at_an_external_issuer() {
    const FOR_MANAGEMENT: &str = "api://insightgate-manage";
    let issuer = Issuer::start().await;
    let settings = IssuerSettings {
        management_audiences: vec![FOR_MANAGEMENT.to_owned()],
        console_client_id: Some("the console".to_owned()),
        ..issuer.settings()
    };
    let other = IssuerSettings { console_client_id: None, ..settings.clone() };
    let deployment = issuer.bench_with(settings, Settings { built_in_authority: false, ..Settings::default() }).await;
    let mut browser = Browser::new(&deployment);
    let door = browser.open("/console/sign-in?to=/").await.answer.text();
    assert!(door.contains("Sign in at 127.0.0.1") && !door.contains("name=\"username\""), "{door}");
    let begin = "/console/external-sign-in?issuer=0&to=%2F";
    let begun = browser.open(begin).await.answer;
    let address = url::Url::parse(begun.header("location")).unwrap();
    assert!(address.as_str().starts_with(&format!("{}/authorize?client_id=the+console", issuer.url)), "{address}");
    let sent: std::collections::BTreeMap<String, String> = address.query_pairs().into_owned().collect();
    assert_eq!(sent["redirect_uri"], format!("{BASE}/console/signed-in"));
    let back = format!("/console/signed-in?code=abc&state={}", sent["state"]);

    let counted = async |action: &str| deployment.audited(action).await.iter().map(|event| event.occurrences).sum::<u64>();
    // The issuer refuses the code; gives a token for the other API; and a token of somebody who is not bound.
    assert_eq!(browser.open(&back).await.answer.status, 403);
    let for_management = json!({"aud": FOR_MANAGEMENT});
    for changes in [json!({}), with(for_management.clone(), json!({"oid": "nobody"}))] {
        issuer.grants(&issuer.token(&deployment, &FIRST, changes));
        assert_eq!(browser.open(&back).await.answer.status, 401);
    }
    assert_eq!((counted("sign_in.refuse").await, counted("access.unauthorized").await), (1, 2));
    issuer.grants(&issuer.token(&deployment, &FIRST, for_management));
    // Another browser cannot end the sign-in.
    assert_eq!(Browser::new(&deployment).open(&back).await.answer.status, 403);
    assert_eq!(browser.open(&back).await.answer.header("location"), "/");
    assert_eq!(browser.open("/").await.answer.status, 200);
    let redeemed = issuer.redeemed();
    assert!(redeemed.last().unwrap().contains("grant_type=authorization_code") && redeemed.last().unwrap().contains("code_verifier="));
    assert_eq!(issuer.fetches(), 1, "however many sign-ins begin");
    deployment.advance(TimeDelta::hours(1));
    assert_eq!(browser.open("/").await.answer.status, 303, "nobody says when the issuer signs the user out");

    let without = issuer.bench_with(other, Settings::default()).await;
    assert_eq!(Browser::new(&without).open(begin).await.answer.status, 404);
}

#[tokio::test]
async fn who_begins_a_sign_in_changes_nothing_of_the_application_but_adds_an_address_once() {
    let deployment = Deployment::new().await;
    let (context, store) = (&deployment.context, &deployment.context.store);
    let tenant = store.tenant(CONTOSO).await.unwrap().unwrap();
    let (one, other) = (["https://one.example/back".to_owned()], ["https://other.example/back".to_owned()]);
    for uris in [&one, &other, &one, &other] {
        console_application(context, &tenant, uris).await.unwrap();
    }
    let application = store.application(CONTOSO, console_application_id(CONTOSO)).await.unwrap().unwrap();
    assert_eq!(application.redirect_uris, [one[0].as_str(), other[0].as_str()]);
    assert_eq!(deployment.audited("application.change").await.len(), 1);
    // A disabled application stays as it is.
    let disabled = Application { enabled: false, name: "Shut".into(), ..application.clone() };
    store.change_application(&disabled, None).await.unwrap();
    console_application(context, &tenant, &["https://third.example/back".to_owned()]).await.unwrap();
    assert_eq!(store.application(CONTOSO, application.id).await.unwrap().unwrap(), disabled);
    // Who read it before it was disabled does not enable it.
    let renamed = Application { name: "Other".into(), ..application.clone() };
    assert!(!store.change_application(&renamed, Some(&application)).await.unwrap());
    assert_eq!(store.application(CONTOSO, application.id).await.unwrap().unwrap(), disabled);
}

#[tokio::test]
async fn a_link_puts_no_words_on_the_sign_in_page() {
    let deployment = Deployment::new().await;
    let mut browser = Browser::new(&deployment);
    let shown = browser.open("/console/signed-in?error=x&error_description=Call+this+number&state=y").await;
    assert_eq!(shown.fault(), "The sign-in was not completed. Begin again.");
}
