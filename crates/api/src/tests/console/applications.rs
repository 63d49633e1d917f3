//! Applications in the console.

use insightgate_identity::role::{Locations, Role, RoleAssignment};

use chrono::TimeDelta;
use insightgate_identity::application::Permission;
use insightgate_operations::console::application::console_application_id;

use serde_json::json;
use url::form_urlencoded::Serializer;

use super::signed_in;
use crate::tests::harness::browser::{Browser, Shown, plain};
use crate::tests::harness::issuer::{EXTERNAL_TENANT, FIRST, Issuer, present};
use crate::tests::harness::*;
use crate::tests::oauth::token_endpoint::{ask, v2};

/// A browser in which Ana is signed in as a Global admin.
async fn admin(deployment: &Deployment) -> Browser<'_> {
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    signed_in(deployment, "ana@contoso.example").await
}

fn at(application: uuid::Uuid) -> String {
    format!("/console/tenants/{CONTOSO}/applications/{application}")
}

/// Follows the redirection after a form that was taken.
async fn follow(browser: &mut Browser<'_>, done: Shown) -> Shown {
    assert_eq!(done.answer.status, 303, "{}", done.answer.text());
    browser.open(done.answer.header("location")).await
}

#[tokio::test]
async fn a_secret_is_shown_once_and_its_end_is_told_in_time() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let page = browser.open(&at(APP)).await;
    let again = browser.submit_to(&page, "/secrets", &[("description", "<b>nightly</b>"), ("days", "1000")]).await;
    assert_eq!(again.answer.status, 400);
    assert!(again.fault().contains("from 1 to 730") && again.answer.text().contains("value=\"1000\""));
    let shown = browser.submit_to(&page, "/secrets", &[("description", "<b>nightly</b>"), ("days", "40")]).await;
    assert_eq!((shown.answer.status.as_u16(), shown.answer.header("cache-control")), (200, "no-store"));
    let secret = plain(shown.answer.text().split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap());
    assert_eq!(secret.len(), 43);
    // It opens the token endpoint, and no later page has it.
    let signed = ask(&deployment, &v2(), &[("client_secret", Some(secret.as_str()))]).await;
    assert_eq!(signed.status, 200, "{}", signed.text());
    let page = browser.open(&at(APP)).await;
    assert!(!page.answer.text().contains(&secret) && page.answer.text().contains(&secret[..3]));
    assert!(page.answer.text().contains("&#60;b&#62;nightly") && !page.answer.text().contains("<b>nightly"));
    assert!(!page.answer.text().contains("days left"));
    deployment.advance(TimeDelta::days(11));
    let mut browser = admin(&deployment).await;
    assert!(browser.open(&at(APP)).await.answer.text().contains("29 days left"));
    let kept = deployment.context.store.client_secrets(APP).await.unwrap();
    let id = kept.iter().find(|kept| kept.description.contains("nightly")).unwrap().id.to_string();
    let page = browser.open(&at(APP)).await;
    let removed = browser.submit_to(&page, "/secrets/remove", &[("secret", id.as_str())]).await;
    assert!(follow(&mut browser, removed).await.answer.text().contains("opens nothing any more"));
    assert_eq!(deployment.context.store.client_secrets(APP).await.unwrap().len(), kept.len() - 1);
}

#[tokio::test]
async fn a_permission_and_the_consent_to_it_are_given_and_taken() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let store = &deployment.context.store;
    let form = [("permission", Permission::PartnerApi.name())];
    let mut page = browser.open(&at(BARE_APP)).await;
    for (action, told) in [
        ("/permissions", "It needs consent too"),
        ("/consents", "The organisation consents"),
        ("/consents/revoke", "taken back"),
        ("/permissions/remove", "The permission is removed"),
    ] {
        let done = browser.submit_to(&page, action, &form).await;
        page = follow(&mut browser, done).await;
        assert!(page.answer.text().contains(told), "{action}: {}", page.answer.text());
        let (held, consented) = (store.permissions(BARE_APP).await.unwrap(), store.consents(BARE_APP).await.unwrap());
        assert_eq!(held.len(), usize::from(action != "/permissions/remove"), "{action}");
        assert_eq!(consented.len(), usize::from(action == "/consents"), "{action}");
    }
}

#[tokio::test]
async fn an_application_is_changed_disabled_and_removed() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let page = browser.open(&at(BARE_APP)).await;
    let wrong = browser.submit_to(&page, &BARE_APP.to_string(), &[("name", "New"), ("redirect_uris", "ftp://x")]).await;
    assert!(wrong.fault().contains("scheme of their own") && wrong.answer.text().contains("ftp://x"));
    let form = [("name", "New"), ("redirect_uris", "https://a.example/\r\nhttps://b.example/")];
    let done = browser.submit_to(&page, &BARE_APP.to_string(), &form).await;
    let page = follow(&mut browser, done).await;
    assert_eq!(page.title(), "New");
    let done = browser.submit_to(&page, "/disable", &[]).await;
    let page = follow(&mut browser, done).await;
    let known = deployment.context.store.application(CONTOSO, BARE_APP).await.unwrap().unwrap();
    assert_eq!((known.enabled, known.redirect_uris.len()), (false, 2));
    let done = browser.submit_to(&page, "/enable", &[]).await;
    follow(&mut browser, done).await;
    let ask = browser.open(&format!("{}/remove", at(BARE_APP))).await;
    assert_eq!(ask.title(), "Remove New?");
    let done = browser.submit_to(&ask, "/remove", &[]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("The application was removed"));
    assert!(deployment.context.store.application(CONTOSO, BARE_APP).await.unwrap().is_none());
    assert_eq!(browser.open(&at(BARE_APP)).await.answer.status, 404);
}

#[tokio::test]
async fn the_console_says_which_application_is_its_own_and_does_not_close_itself() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let own = console_application_id(CONTOSO);
    assert!(browser.open(&format!("/console/tenants/{CONTOSO}/applications")).await.answer.text().contains("this console"));
    let page = browser.open(&at(own)).await;
    assert!(
        page.answer.text().contains("This is the console&#39;s own application")
            || page.answer.text().contains("This is the console's own")
    );
    let refused = browser.submit_to(&page, "/disable", &[]).await;
    assert_eq!(refused.answer.status, 409);
    assert!(refused.fault().contains("cannot disable itself"));
}

#[tokio::test]
async fn the_texts_to_begin_with_have_the_ids_of_the_page() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let text = browser.open(&at(APP)).await.answer.text();
    for id in ["snippet-curl", "snippet-python", "snippet-powershell", "snippet-csharp"] {
        let snippet = plain(text.split(&format!("<pre id=\"{id}\"")).nth(1).unwrap().split("</pre>").next().unwrap());
        for part in [
            format!("{BASE}/{CONTOSO}/oauth2/v2.0/token"),
            format!("{BASE}/insights/v1/mpn"),
            APP.to_string(),
            format!("{RESOURCE}/.default"),
        ] {
            assert!(snippet.contains(&part), "{id}: {part} in {snippet}");
        }
    }
    // A public application has no secret.
    let text = browser.open(&at(DESKTOP_APP)).await.answer.text();
    assert!(!text.contains("CLIENT_SECRET") && !text.contains("Add a secret"));
}

#[tokio::test]
async fn an_application_is_registered_or_the_form_says_what_is_wrong() {
    let deployment = Deployment::new().await;
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let page = browser.open(&format!("/console/tenants/{CONTOSO}/applications")).await;
    assert_eq!(page.title(), "Applications");
    let form = |uris| [("name", "<Reports> & more"), ("redirect_uris", uris)];
    let again = browser.submit_to(&page, "/applications", &form("http://app.example/")).await;
    assert_eq!(again.answer.status, 400);
    assert!(again.fault().contains("http is only for this machine"));
    assert!(again.answer.text().contains("value=\"&#60;Reports&#62; &#38; more\""), "{}", again.answer.text());
    let done = browser.submit_to(&page, "/applications", &form("https://app.example/ https://other.example/")).await;
    assert_eq!(done.answer.status, 303);
    let registered = deployment.context.store.applications(CONTOSO).await.unwrap();
    let registered = registered.iter().find(|application| application.name == "<Reports> & more").unwrap();
    assert_eq!(registered.redirect_uris.len(), 2);
}

#[tokio::test]
async fn an_application_that_acts_alone_is_given_a_role_and_loses_it() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let page = browser.open(&at(BARE_APP)).await;
    let text = page.answer.text();
    assert!(
        text.contains("value=\"developer\"") && !text.contains("value=\"report_viewer\""),
        "only roles that an application can hold: {text}"
    );
    let refused = browser.submit_to(&page, "/roles", &[("role", "report_viewer")]).await;
    assert_eq!(refused.answer.status, 400);
    assert!(refused.fault().contains("Report viewer is for users"), "{}", refused.fault());
    let held = async || deployment.context.store.role_assignments_of(CONTOSO, &[BARE_APP]).await.unwrap();
    let done = browser.submit_to(&page, "/roles", &[("role", "developer")]).await;
    let page = follow(&mut browser, done).await;
    assert!(page.answer.text().contains("The role is assigned") && page.answer.text().contains(">Developer</td>"));
    assert_eq!(held().await.iter().map(|(_, held)| held.role).collect::<Vec<_>>(), [Role::Developer]);
    // An Account admin looks, and gives or takes none of these.
    let account_admin = RoleAssignment { role: Role::AccountAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, LEA.user.unwrap(), &account_admin).await.unwrap();
    let mut other = signed_in(&deployment, "lea@contoso.example").await;
    let seen = other.open(&at(BARE_APP)).await.answer.text();
    assert!(seen.contains(">Developer</td>") && !seen.contains("/roles\"") && !seen.contains("/roles/revoke\""), "{seen}");
    let done = browser.submit_to(&page, "/roles/revoke", &[("role", "developer")]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("The role is taken away"));
    assert!(held().await.is_empty());
}

#[tokio::test]
async fn an_identity_of_an_external_issuer_stands_for_an_application_until_it_is_removed() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let page = browser.open(&at(APP)).await;
    let fields = [("issuer", issuer.url.as_str()), ("externalTenant", EXTERNAL_TENANT)];
    let source = Serializer::new(String::new()).extend_pairs(fields).finish();
    let token = issuer.token(&deployment, &FIRST, json!({"azp": "other-at-issuer"}));
    present(&deployment, "mpn", &token).await.refused(401);
    let done = browser.submit_to(&page, "/external-identities", &[("source", &source), ("external_id", "other-at-issuer")]).await;
    let page = follow(&mut browser, done).await;
    // That of the deployment is there too.
    assert!(page.answer.text().contains("other-at-issuer</code>") && page.answer.text().contains("app-at-issuer</code>"));
    present(&deployment, "mpn", &token).await.ok();
    let all = deployment.context.store.external_identities(CONTOSO).await.unwrap();
    let bound = all.iter().find(|one| one.external_id == "other-at-issuer").unwrap().id.to_string();
    let done = browser.submit_to(&page, "/external-identities/unbind", &[("identity", &bound)]).await;
    let page = follow(&mut browser, done).await;
    assert!(!page.answer.text().contains("other-at-issuer") && page.answer.text().contains("app-at-issuer"));
    present(&deployment, "mpn", &token).await.refused(401);
}
