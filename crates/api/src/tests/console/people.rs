//! People in the console.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::Location;
use insightgate_identity::user::{PasswordState, User};
use insightgate_operations::context::Settings;
use serde_json::json;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::sign_in::with_role;
use super::signed_in;
use crate::console::Grouped;
use crate::tests::harness::browser::{Browser, Shown, attribute, plain};
use crate::tests::harness::issuer::{EXTERNAL_TENANT, FIRST, Issuer, present};
use crate::tests::harness::*;

const PEOPLE: &str = "/console/tenants/00000000-0000-0000-0000-0000000000c0/people";

/// A browser in which Ben is signed in as a Global admin.
async fn admin(deployment: &Deployment) -> Browser<'_> {
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, BEN.user.unwrap(), &admin).await.unwrap();
    signed_in(deployment, "ben@contoso.example").await
}

fn at(who: Who) -> String {
    format!("{PEOPLE}/{}", who.user.unwrap())
}

async fn follow(browser: &mut Browser<'_>, done: Shown) -> Shown {
    assert_eq!(done.answer.status, 303, "{}", done.answer.text());
    browser.open(done.answer.header("location")).await
}

/// What the page shows once.
fn once(shown: &Shown, id: &str) -> String {
    let text = shown.answer.text();
    let rest = text.split(&format!("id=\"{id}\">")).nth(1).unwrap_or_else(|| panic!("no {id}: {text}"));
    plain(rest.split('<').next().unwrap())
}

async fn user(deployment: &Deployment, who: Who) -> User {
    deployment.context.store.user(who.tenant, who.user.unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn who_is_added_chooses_a_password_at_the_first_sign_in() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let page = browser.open(PEOPLE).await;
    let form = |username| [("username", username), ("display_name", "<i>Eva</i>")];
    let again = browser.submit_to(&page, "/people", &form("eva@elsewhere.example")).await;
    assert_eq!(again.answer.status, 400);
    assert!(again.fault().contains("in the tenant's domain") && again.answer.text().contains("&#60;i&#62;Eva"));
    assert!(again.answer.text().contains("ana@contoso.example"), "the list is still there");
    assert_eq!(browser.submit_to(&page, "/people", &form("ana@contoso.example")).await.answer.status, 409);
    let shown = browser.submit_to(&page, "/people", &form("eva@contoso.example")).await;
    assert_eq!((shown.answer.status.as_u16(), shown.answer.header("cache-control")), (200, "no-store"));
    let password = once(&shown, "password");
    let added = deployment.context.store.user_credentials(CONTOSO, "eva@contoso.example").await.unwrap().unwrap().user;
    assert_eq!((added.password, added.display_name.as_str()), (PasswordState::MustChange, "<i>Eva</i>"));
    assert!(!browser.open(&format!("{PEOPLE}/{}", added.id)).await.answer.text().contains(&password));

    let mut eva = Browser::new(&deployment);
    let door = eva.open("/console/sign-in").await;
    let begun = eva.submit(&door, "", &[("username", "eva@contoso.example")]).await;
    let asked = eva.open(begun.answer.header("location")).await;
    let asked = eva.sign_in(&asked, "eva@contoso.example", &password).await;
    assert_eq!(asked.title(), "Set a new password");
}

#[tokio::test]
async fn many_are_found_by_a_part_of_a_name_and_turned_over_by_the_page() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    for number in 0..60_u128 {
        let added = User::new(Uuid::from_u128(0x9000 + number), CONTOSO, format!("person{number:02}@contoso.example"));
        store.add_user(&added, None, deployment.context.clock.now()).await.unwrap();
    }
    let mut browser = admin(&deployment).await;
    let rows = |shown: &Shown| shown.answer.text().matches("<tr>").count() - 1;
    let first = browser.open(&format!("{PEOPLE}?search=PERSON")).await;
    assert_eq!(rows(&first), 50);
    let next =
        plain(first.answer.text().split("class=\"pages\"").nth(1).unwrap().split("href=\"").nth(1).unwrap().split('"').next().unwrap());
    assert!(next.contains("search=PERSON&after=person49"), "{next}");
    let second = browser.open(&next).await;
    assert_eq!(rows(&second), 10);
    assert!(second.answer.text().contains("person50@") && !second.answer.text().contains("Next page"));
    let nobody = browser.open(&format!("{PEOPLE}?search=%3Cb%3E")).await;
    assert!(nobody.answer.text().contains("contains “&#60;b&#62;”"), "{}", nobody.answer.text());
}

#[tokio::test]
async fn a_role_is_given_for_locations_and_taken_away() {
    let deployment = Deployment::new().await;
    let oslo = Location { mpn_id: "1000001".into(), name: "Oslo <b>".into(), country: "Norway".into() };
    deployment.context.store.put_location(CONTOSO, &oslo).await.unwrap();
    let mut browser = admin(&deployment).await;
    let page = browser.open(&at(ANA)).await;
    assert!(page.answer.text().contains("Oslo &#60;b&#62;"));
    let role = |extent, location| [("role", "report_viewer"), ("extent", extent), ("locations", location)];
    let none = browser.submit_to(&page, "/roles", &role("locations", "")).await;
    assert_eq!(none.answer.status, 400);
    assert!(none.fault().contains("Name at least one location"));
    assert!(none.answer.text().contains("value=\"report_viewer\" selected"));
    let done = browser.submit_to(&page, "/roles", &role("locations", "1000001")).await;
    let page = follow(&mut browser, done).await;
    assert!(page.answer.text().contains("<td>1000001</td>"), "{}", page.answer.text());
    let held = deployment.context.store.role_assignments_of(CONTOSO, &[ANA.user.unwrap()]).await.unwrap();
    assert!(held.iter().any(|(_, held)| held.locations == Locations::Only(vec!["1000001".into()])));
    let done = browser.submit_to(&page, "/roles/revoke", &[("role", "report_viewer")]).await;
    follow(&mut browser, done).await;
    let left = deployment.context.store.role_assignments_of(CONTOSO, &[ANA.user.unwrap()]).await.unwrap();
    assert_eq!(left.iter().map(|(_, held)| held.role).collect::<Vec<_>>(), [Role::ExecutiveReportViewer]);
    // The last Global admin stays.
    let own = browser.open(&at(BEN)).await;
    let refused = browser.submit_to(&own, "/roles/revoke", &[("role", "global_admin")]).await;
    assert_eq!(refused.answer.status, 403);
    assert!(refused.fault().contains("last Global admin"));
}

#[tokio::test]
async fn a_users_sign_in_is_looked_after() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let mut ana = signed_in(&deployment, "ana@contoso.example").await;
    let page = browser.open(&at(ANA)).await;
    let done = browser.submit_to(&page, &format!("{}/sign-out", ANA.user.unwrap()), &[]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("signed out everywhere"));
    assert_eq!(ana.open("/").await.answer.status, 303);
    assert_eq!(deployment.audited("user.signOut").await.len(), 1);

    let shown = browser.submit_to(&page, "/second-factor", &[]).await;
    let key = once(&shown, "key");
    assert!(key.replace(' ', "").len() >= 32 && user(&deployment, ANA).await.totp);
    let page = browser.open(&at(ANA)).await;
    assert!(!page.answer.text().contains(&key));
    let done = browser.submit_to(&page, "/second-factor/reset", &[]).await;
    follow(&mut browser, done).await;
    assert!(!user(&deployment, ANA).await.totp);

    let shown = browser.submit_to(&page, "/password", &[]).await;
    assert_eq!(once(&shown, "password").len(), 19);
    assert_eq!(user(&deployment, ANA).await.password, PasswordState::MustChange);

    let done = browser.submit_to(&page, "/disable", &[]).await;
    let page = follow(&mut browser, done).await;
    assert!(!user(&deployment, ANA).await.enabled);
    let done = browser.submit_to(&page, "/enable", &[]).await;
    let page = follow(&mut browser, done).await;
    let done = browser.submit_to(&page, &ANA.user.unwrap().to_string(), &[("display_name", "Ana \u{202e}B")]).await;
    follow(&mut browser, done).await;
    let changed = user(&deployment, ANA).await;
    assert_eq!((changed.enabled, changed.display_name.as_str()), (true, "Ana \u{202e}B"));
}

#[tokio::test]
async fn a_user_is_removed_after_a_question() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let ask = browser.open(&format!("{}/remove", at(LEA))).await;
    assert_eq!(ask.title(), "Remove lea@contoso.example?");
    let done = browser.submit_to(&ask, "/remove", &[]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("The user was removed"));
    assert_eq!(browser.open(&at(LEA)).await.answer.status, 404);
}

#[tokio::test]
async fn what_somebody_may_see_is_what_a_request_would_get() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    let access = |who: Who, application: Uuid| format!("{}/access?application={application}", at(who));
    let text = async |browser: &mut Browser<'_>, address: String| plain(&browser.open(&address).await.answer.text());
    let whole = text(&mut browser, access(ANA, APP)).await;
    assert!(whole.contains("of the whole organisation") && whole.contains("All, the sensitive ones too."), "{whole}");
    let one = text(&mut browser, access(LEA, APP)).await;
    assert!(one.contains("<dd>of 1000001</dd>") && one.contains(">Sales</code>"), "{one}");
    // The organisation is in another program only as far as the page says.
    let bare = text(&mut browser, access(ANA, BARE_APP)).await;
    assert!(bare.contains("The application lacks the permission"), "{bare}");
    deployment.context.store.set_user_enabled(LEA.user.unwrap(), false).await.unwrap();
    let disabled = text(&mut browser, access(LEA, APP)).await;
    assert!(disabled.contains("The user account is disabled") && !disabled.contains(">Sales</code>"), "{disabled}");
    deployment.context.store.revoke_role(ANA.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    let none = text(&mut browser, format!("{}/access", at(ANA))).await;
    assert!(none.contains("lacks the role Executive report viewer"), "{none}");
    assert_eq!(browser.open(&access(ANA, FOREIGN_APP)).await.answer.status, 404);
}

#[tokio::test]
async fn an_identity_of_an_external_issuer_stands_for_a_user_until_it_is_removed() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let page = browser.open(&at(BEN)).await;
    assert!(page.answer.text().contains("No identity of an external issuer stands for this user."));
    let fields = [("issuer", issuer.url.as_str()), ("externalTenant", EXTERNAL_TENANT)];
    let source = Serializer::new(String::new()).extend_pairs(fields).finish();
    assert!(plain(&page.answer.text()).contains(&format!("value=\"{source}\"")), "the page offers what is bound to the organisation");
    let form = |id| [("source", source.as_str()), ("external_id", id)];
    let token = issuer.token(&deployment, &FIRST, json!({"oid": "ben <b>"}));
    present(&deployment, "mpn", &token).await.refused(401);
    let none = browser.submit_to(&page, "/external-identities", &form(" ")).await;
    assert_eq!((none.answer.status.as_u16(), none.fault().as_str()), (400, "'externalId' is missing."));
    let done = browser.submit_to(&page, "/external-identities", &form("ben <b>")).await;
    let page = follow(&mut browser, done).await;
    assert!(page.answer.text().contains("ben &#60;b&#62;</code>") && page.answer.text().contains("count from now on"));
    present(&deployment, "mpn", &token).await.ok();
    // It is nobody else's, and stands for one user only.
    let other = browser.open(&at(LEA)).await;
    assert!(!other.answer.text().contains("ben &#60;b&#62;"));
    let taken = browser.submit_to(&other, "/external-identities", &form("ben <b>")).await;
    assert_eq!((taken.answer.status.as_u16(), taken.fault().as_str()), (409, "The issuer's identifier is bound already."));
    assert!(taken.answer.text().contains("value=\"ben &#60;b&#62;\""), "what was typed is still there: {}", taken.answer.text());
    let done = browser.submit_to(&page, "/external-identities/unbind", &[]).await;
    let page = follow(&mut browser, done).await;
    assert!(page.answer.text().contains("open nothing any more") && page.answer.text().contains("No identity of an external issuer"));
    present(&deployment, "mpn", &token).await.refused(401);
    assert_eq!(deployment.audited("externalIdentity.unbind").await.len(), 1);
}

#[tokio::test]
async fn secrets_for_callbacks_are_shown_once_and_signed_with_until_they_are_revoked() {
    let deployment = Deployment::new().await;
    let mut browser = admin(&deployment).await;
    for (whose, owner) in [(at(BEN), BEN.user.unwrap()), (format!("/console/tenants/{CONTOSO}/applications/{APP}"), APP)] {
        let page = browser.open(&whose).await;
        assert!(page.answer.text().contains("callbacks carry no signature") && !page.answer.text().contains("/callback-secrets/revoke"));
        let mut made = Vec::new();
        for _ in 0..5 {
            let shown = browser.submit_to(&page, "/callback-secrets", &[]).await;
            assert_eq!((shown.answer.status.as_u16(), shown.answer.header("cache-control")), (200, "no-store"));
            made.push(plain(shown.answer.text().split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap()));
        }
        assert!(made.iter().all(|secret| secret.starts_with("whsec_")) && made.iter().collect::<BTreeSet<_>>().len() == 5, "{made:?}");
        let most = browser.submit_to(&page, "/callback-secrets", &[]).await;
        assert_eq!((most.answer.status.as_u16(), most.fault().as_str()), (409, "The owner has 5 secrets that sign: remove one first."));
        let page = browser.open(&whose).await;
        let text = page.answer.text();
        assert!(made.iter().all(|secret| !text.contains(secret)) && text.contains("it is replaced or revoked"), "{text}");
        let now = deployment.context.clock.now();
        let current = deployment.context.store.callback_secrets(owner, now).await.unwrap().remove(0).id.to_string();
        let revoked = browser.submit_to(&page, "/callback-secrets/revoke", &[("secret", &current)]).await;
        assert!(follow(&mut browser, revoked).await.answer.text().contains("it signs no callback any more"));
        let again = browser.submit_to(&page, "/callback-secrets/revoke", &[("secret", &current)]).await;
        assert_eq!(again.answer.status, 404);
        assert_eq!(deployment.context.store.callback_secrets(owner, now).await.unwrap().len(), 4);
    }
    assert_eq!(deployment.audited("callbackSecret.add").await.len(), 10);
    assert_eq!(deployment.audited("callbackSecret.remove").await.len(), 2);
}

#[tokio::test]
async fn where_nothing_can_be_bound_the_page_says_who_changes_that() {
    let deployment = Deployment::new().await;
    let page = admin(&deployment).await.open(&at(ANA)).await;
    assert!(page.answer.text().contains("This server trusts no such issuer") && !page.answer.text().contains("/external-identities"));
    let issuer = Issuer::start().await;
    // The issuer's tenant is Contoso's.
    let deployment = issuer.deployment().await;
    let page = signed_in(&deployment, "zoe@fabrikam.example")
        .await
        .open(&format!("/console/tenants/{FABRIKAM}/people/zoe@fabrikam.example"))
        .await;
    let text = page.answer.text();
    assert!(text.contains("An operator of this server does that.") && !text.contains("name=\"source\""), "{text}");
    // An issuer that belongs to the organisation by configuration needs no tenant of its own.
    let fixed = issuer.bench_with(issuer.fixed(), Settings::default()).await;
    let mut browser = signed_in(&fixed, "ana@contoso.example").await;
    let page = browser.open(&at(BEN)).await;
    let source = Serializer::new(String::new()).append_pair("issuer", &issuer.url).finish();
    let done = browser.submit_to(&page, "/external-identities", &[("source", &source), ("external_id", "ben")]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("all of it"));
}

/// By the API a Manager reads who holds which role, and gives those of the marketplace; so the console has a page for it, and no names that the API keeps.
#[tokio::test]
async fn a_manager_gives_roles_of_the_marketplace_and_sees_nobodys_name() {
    let deployment = Deployment::new().await;
    let mia = with_role(&deployment, 0x91, "mia#1@contoso.example", Role::Manager).await;
    let mut browser = signed_in(&deployment, "mia#1@contoso.example").await;
    let list = browser.open(PEOPLE).await;
    let text = list.answer.text();
    assert!(text.contains("the roles that you may give: Manager and Developer") && !text.contains("ana@contoso"), "{text}");
    for (id, roles) in [(APP, "Manager"), (LEA.user.unwrap(), "Executive report viewer (1 location)")] {
        let id = Grouped(id).to_string();
        assert!(text.split("<tr>").any(|row| row.contains(&id) && row.contains(&format!("<td>{roles}</td>"))), "{id} {roles}: {text}");
    }
    let own = text.split("<tr>").find(|row| row.contains(&Grouped(mia).to_string())).unwrap();
    assert!(own.contains(">you</span>"), "{own}");

    // Somebody by name, whether there is a role yet or not.
    let missed = browser.open(&format!("{PEOPLE}?user=zoe@fabrikam.example")).await;
    assert_eq!(missed.answer.status, 404);
    assert_eq!(missed.fault(), "No user or application of the organisation has this name or id.");
    assert!(missed.answer.text().contains("value=\"zoe@fabrikam.example\"") && missed.answer.text().contains("Who holds a role"));
    let eva = with_role(&deployment, 0x92, "eva+new@contoso.example", Role::Developer).await;
    deployment.context.store.revoke_role(eva, Role::Developer).await.unwrap();
    let found = browser.open(&format!("{PEOPLE}?user=Eva%2Bnew@contoso.example")).await;
    let page = follow(&mut browser, found).await;
    assert_eq!(page.title(), "Roles of eva+new@contoso.example");
    let offered = page.answer.text();
    assert!(offered.matches("<option").count() == 2 && !offered.contains("It covers") && !offered.contains("/access"), "{offered}");
    let done = browser.submit_to(&page, "/roles", &[("role", "developer")]).await;
    let page = follow(&mut browser, done).await;
    assert!(page.answer.text().contains("The role is assigned.") && page.answer.text().contains(">Developer</td>"));
    let refused = browser.submit_to(&page, "/roles", &[("role", "global_admin")]).await;
    assert_eq!(refused.answer.status, 403);
    let done = browser.submit_to(&page, "/roles/revoke", &[("role", "developer")]).await;
    assert!(follow(&mut browser, done).await.answer.text().contains("Manager opens the data of the commercial marketplace."));

    // An application that acts alone; a role that is not the visitor's to take stays.
    let page = browser.open(&format!("{PEOPLE}/{APP}")).await;
    let wrong = browser.submit_to(&page, "/roles", &[("role", "nothing")]).await;
    assert_eq!((wrong.answer.status.as_u16(), wrong.fault().starts_with("'role' should be one of")), (400, true));
    let done = browser.submit_to(&page, "/roles/revoke", &[("role", "manager")]).await;
    follow(&mut browser, done).await;
    // The address of an application's own page gives it too.
    let proof = attribute(page.answer.text().split("name=\"csrf\" ").nth(1).unwrap(), "value").unwrap();
    for (role, status) in [("developer", 303), ("nothing", 400)] {
        let form = Request::post(format!("/console/tenants/{CONTOSO}/applications/{APP}/roles"));
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let done = browser.send(form, Body::from(format!("csrf={proof}&role={role}"))).await;
        assert_eq!(done.answer.status, status, "{}", done.answer.text());
        if status == 303 {
            assert!(follow(&mut browser, done).await.answer.text().contains(">Developer</td>"));
        }
    }
    assert!(!browser.open(&at(ANA)).await.answer.text().contains("/roles/revoke"));

    // Who may only look is offered nothing.
    let mut pia = {
        with_role(&deployment, 0x93, "pia@contoso.example", Role::MpnPartnerAdmin).await;
        signed_in(&deployment, "pia@contoso.example").await
    };
    assert!(!pia.open(PEOPLE).await.answer.text().contains("you may give"));
    assert!(!pia.open(&at(ANA)).await.answer.text().contains("/roles\""));
}

#[tokio::test]
async fn many_who_hold_roles_are_turned_over_by_the_page() {
    let deployment = Deployment::new().await;
    let held = RoleAssignment { role: Role::Developer, locations: Locations::Organization };
    for number in 0..60_u128 {
        deployment.context.store.put_role(CONTOSO, Uuid::from_u128(0x9000 + number), &held).await.unwrap();
    }
    with_role(&deployment, 0x91, "mia@contoso.example", Role::Manager).await;
    let mut browser = signed_in(&deployment, "mia@contoso.example").await;
    let rows = |shown: &Shown| shown.answer.text().matches("<tr>").count() - 1;
    let first = browser.open(PEOPLE).await;
    assert_eq!(rows(&first), 50);
    let next = attribute(first.answer.text().split("class=\"pages\"").nth(1).unwrap(), "href").unwrap();
    let second = browser.open(&next).await;
    // Sixty, three of the deployment, its application, and the visitor.
    assert_eq!((rows(&second), second.answer.text().contains("Next page")), (15, false));
}
