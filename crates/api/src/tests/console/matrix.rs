//! Every page and form of the console, with every kind of visitor: each is let in exactly where the page says that it may be.

use axum::body::Body;
use axum::http::{Method, Request};
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_operations::audit::write_counts;
use insightgate_store::AuditFilter;

use super::sign_in::with_role;
use super::{signed_in, signed_in_as_operator};
use crate::console::{Needs, endpoints};
use crate::tests::harness::browser::{Browser, Shown};
use crate::tests::harness::*;
use crate::tests::http::every_route::ID;

/// A sign-in name, and the role of its user. The operator has neither.
const VISITORS: [(&str, Option<Role>); 6] = [
    ("ana@contoso.example", Some(Role::ExecutiveReportViewer)),
    ("ben@contoso.example", Some(Role::GlobalAdmin)),
    ("lea@contoso.example", Some(Role::AccountAdmin)),
    ("mia@contoso.example", Some(Role::Manager)),
    ("pia@contoso.example", Some(Role::MpnPartnerAdmin)),
    ("", None),
];

async fn visitor<'a>(deployment: &'a Deployment, name: &str) -> Browser<'a> {
    if name.is_empty() { signed_in_as_operator(deployment).await } else { signed_in(deployment, name).await }
}

fn filled(path: &str) -> String {
    let contoso = CONTOSO.to_string();
    let known = [("{tenant}", contoso.as_str()), ("{program}", "mpn")];
    let path = known.into_iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    path.split('/').map(|part| if part.starts_with('{') { ID } else { part }).collect::<Vec<_>>().join("/")
}

/// A refusal is audited with its visitor, once, however many there are of it: what comes too fast is counted.
async fn check_audit(deployment: &Deployment, shown: &Shown, name: &str) {
    write_counts(&deployment.context).await.unwrap();
    let filter = AuditFilter { correlation: Some(shown.answer.header("ms-correlationid").to_owned()), ..AuditFilter::default() };
    let events = deployment.context.store.audit_page(&filter, None, 10).await.unwrap().items;
    let refusals: Vec<_> = events.iter().filter(|event| event.action == "access.refuse").collect();
    // The page of usage tells within itself that its rows are refused.
    let is_told =
        shown.answer.status == 200 && shown.answer.text().contains("<h1>Usage</h1>") && shown.answer.text().contains("lacks the role");
    assert_eq!(refusals.len(), usize::from(shown.answer.status == 403 || is_told), "{name} {}: {events:?}", shown.answer.status);
}

#[tokio::test]
async fn each_visitor_is_let_in_where_the_page_says_so() {
    let deployment = Deployment::new().await;
    for (who, role) in [(BEN, Role::GlobalAdmin), (LEA, Role::AccountAdmin)] {
        let user = who.user.unwrap();
        deployment.context.store.revoke_role(user, Role::ExecutiveReportViewer).await.unwrap();
        let assignment = RoleAssignment { role, locations: Locations::Organization };
        deployment.context.store.put_role(CONTOSO, user, &assignment).await.unwrap();
    }
    for (number, (name, role)) in (0x91..).zip([("mia@contoso.example", Role::Manager), ("pia@contoso.example", Role::MpnPartnerAdmin)]) {
        with_role(&deployment, number, name, role).await;
    }
    let mut tried = 0;
    for (name, role) in VISITORS {
        let mut browser = visitor(&deployment, name).await;
        let proof = browser.proof().await;
        for endpoint in endpoints().into_iter().filter(|endpoint| !matches!(endpoint.needs, Needs::Nothing | Needs::SignIn)) {
            let may = match (endpoint.needs, role) {
                (Needs::Data, role) => matches!(role, Some(Role::ExecutiveReportViewer | Role::MpnPartnerAdmin)),
                (Needs::Duty(_), None) => true,
                (Needs::Duty(duty), Some(role)) => duty.holders().split(" or ").any(|holder| holder == role.title()),
                (Needs::Nothing | Needs::SignIn, _) => unreachable!("left out above"),
            };
            let path = filled(endpoint.path);
            let shown = match endpoint.method {
                Method::POST => {
                    let form = Request::post(&path).header("content-type", "application/x-www-form-urlencoded");
                    browser.send(form, Body::from(format!("csrf={proof}"))).await
                }
                _ => browser.open(&path).await,
            };
            let status = shown.answer.status.as_u16();
            check_audit(&deployment, &shown, name).await;
            assert_eq!(status != 403, may, "{name} {} {}: {status} {}", endpoint.method, endpoint.path, shown.answer.text());
            assert!(status < 500, "{name} {} {}: {status}", endpoint.method, endpoint.path);
            tried += 1;
        }
    }
    assert!(tried >= 60 * VISITORS.len(), "{tried}");
}

#[tokio::test]
async fn nobody_sees_another_organisations_pages() {
    let deployment = Deployment::new().await;
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(FABRIKAM, ZOE.user.unwrap(), &admin).await.unwrap();
    let mut browser = signed_in(&deployment, "zoe@fabrikam.example").await;
    let proof = browser.proof().await;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.path.contains("{tenant}")) {
        let path = filled(endpoint.path);
        let form = Request::builder().method(endpoint.method.clone()).uri(&path);
        let form = form.header("content-type", "application/x-www-form-urlencoded");
        let shown = browser.send(form, Body::from(format!("csrf={proof}"))).await;
        let status = shown.answer.status.as_u16();
        check_audit(&deployment, &shown, "zoe@fabrikam.example").await;
        assert!(status == 404 || status == 403, "{} {}: {status}", endpoint.method, endpoint.path);
        assert!(!shown.answer.text().contains("contoso"), "{} {}", endpoint.method, endpoint.path);
    }
}

/// Whoever holds the right to a form is refused without a proof that a page of ours has it.
#[tokio::test]
async fn no_form_is_taken_from_another_site() {
    let deployment = Deployment::new().await;
    let (mut viewer, mut operator) = (signed_in(&deployment, "ana@contoso.example").await, signed_in_as_operator(&deployment).await);
    let foreign = signed_in(&deployment, "ben@contoso.example").await.proof().await;
    let mut tried = 0;
    for endpoint in endpoints().into_iter().filter(|endpoint| endpoint.method == Method::POST) {
        let browser = if matches!(endpoint.needs, Needs::Duty(_)) { &mut operator } else { &mut viewer };
        let proof = browser.proof().await;
        for (body, site) in [
            (String::new(), None),
            ("csrf=".to_owned(), None),
            (format!("csrf={foreign}"), None),
            (format!("csrf={proof}"), Some("cross-site")),
            (format!("csrf={proof}"), Some("same-site")),
        ] {
            let form = Request::post(filled(endpoint.path)).header("content-type", "application/x-www-form-urlencoded");
            let form = site.into_iter().fold(form, |form, site| form.header("sec-fetch-site", site));
            let refused = browser.send(form, Body::from(body.clone())).await;
            assert_eq!(refused.answer.status, 403, "{} {body} {site:?}", endpoint.path);
            assert!(refused.fault().contains("The page has expired"), "{} {body} {site:?}: {}", endpoint.path, refused.fault());
            tried += 1;
        }
    }
    assert!(tried >= 5 * 60, "{tried}");
}

/// Who may not look is told so, whether there is anything at the address or not.
#[tokio::test]
async fn what_is_not_there_is_refused_as_what_is() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let text = |shown: &Shown| (shown.answer.status.as_u16(), shown.title(), shown.fault());
    let tenants = [CONTOSO.to_string(), FABRIKAM.to_string(), ID.to_owned(), "nobody.example".to_owned(), "contoso.example".to_owned()];
    for page in ["", "/people", "/people/nobody", "/applications/nothing", "/organisation", "/audit", "/usage", "/delete"] {
        let mut told = Vec::new();
        for tenant in &tenants {
            told.push(text(&browser.open(&format!("/console/tenants/{tenant}{page}")).await));
        }
        assert_eq!(told[0].0, 403, "{page}");
        assert!(told.iter().all(|one| *one == told[0]), "{page}: {told:?}");
    }
    let runs = browser.open("/console/runs").await;
    for tenant in &tenants {
        let of_one = browser.open(&format!("/console/runs?tenant={tenant}")).await;
        assert_eq!((text(&of_one), text(&of_one).0), (text(&runs), 403), "{tenant}");
    }
    // An administrator knows the own organisation, and no other.
    let admin = RoleAssignment { role: Role::AccountAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, BEN.user.unwrap(), &admin).await.unwrap();
    let mut browser = signed_in(&deployment, "ben@contoso.example").await;
    for tenant in [FABRIKAM.to_string(), ID.to_owned()] {
        assert_eq!(browser.open(&format!("/console/tenants/{tenant}/people")).await.answer.status, 404);
        assert_eq!(browser.open(&format!("/console/runs?tenant={tenant}")).await.answer.status, 404);
    }
}
