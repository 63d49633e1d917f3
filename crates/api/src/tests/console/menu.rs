//! The menu of the console: the same few entries in whatever programs an organisation is, and the way from one program to the other.

use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tenant::Tenant;
use insightgate_operations::provisioning::Provisioner;
use insightgate_operations::provisioning::add_user::add_user;
use insightgate_operations::provisioning::enroll_tenant::enroll_tenant;
use uuid::Uuid;

use super::sign_in::with_role;
use super::{signed_in, signed_in_as_operator};
use crate::tests::harness::browser::{Browser, attribute};
use crate::tests::harness::*;

/// The addresses of a list of links, and the current one. `None` if the page has no such list.
async fn links(browser: &mut Browser<'_>, page: &str, label: &str) -> Option<(Vec<String>, Option<String>)> {
    let text = browser.open(page).await.answer.text();
    let list = text.split(&format!("aria-label=\"{label}\">")).nth(1)?.split("</nav>").next()?.to_owned();
    let entries: Vec<&str> = list.split("<a ").skip(1).map(|entry| entry.split('>').next().unwrap()).collect();
    let href = |entry: &&str| attribute(entry, "href").unwrap();
    let current = entries.iter().find(|entry| entry.contains("aria-current")).map(href);
    Some((entries.iter().map(href).collect(), current))
}

fn of(program: &str) -> Vec<String> {
    ["datasets", "queries", "reports"].iter().map(|page| format!("/console/{program}/{page}")).collect()
}

/// What a Manager has besides: whose role is whose.
fn people() -> Vec<String> {
    vec![format!("/console/tenants/{CONTOSO}/people")]
}

#[tokio::test]
async fn two_programs_are_one_entry_each_and_the_page_leads_from_one_to_the_other() {
    let deployment = Deployment::new().await;
    let both = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &both).await.unwrap();
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    for page in ["datasets", "datasets?name=Sales", "queries", "reports", "reports/new"] {
        let place = page.split(['?', '/']).next().unwrap();
        for program in ["mpn", "cmp"] {
            let page = format!("/console/{program}/{page}");
            // The menu stays in the program that is shown.
            let (menu, current) = links(&mut browser, &page, "Console").await.unwrap();
            assert_eq!(menu, [vec!["/".to_owned()], of(program), people()].concat(), "{page}");
            assert_eq!(current, Some(format!("/console/{program}/{place}")), "{page}");
            let (programs, current) = links(&mut browser, &page, "Program").await.unwrap();
            assert_eq!(programs, ["mpn", "cmp"].map(|program| format!("/console/{program}/{place}")), "{page}");
            assert_eq!(current, Some(format!("/console/{program}/{place}")), "{page}");
        }
    }
    assert!(links(&mut browser, "/", "Program").await.is_none(), "a page of no program has no choice");
}

#[tokio::test]
async fn the_menu_begins_with_the_program_that_is_open_to_the_visitor() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    store.revoke_role(BEN.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    store.put_role(CONTOSO, BEN.user.unwrap(), &manager).await.unwrap();
    let mut browser = signed_in(&deployment, "ben@contoso.example").await;
    let (menu, _) = links(&mut browser, "/", "Console").await.unwrap();
    assert_eq!(menu[1..], [of("cmp"), people()].concat());
    // Who is refused in one program finds the way to the other.
    assert_eq!(browser.open("/console/mpn/reports").await.answer.status, 403);
    let (programs, current) = links(&mut browser, "/console/mpn/reports", "Program").await.unwrap();
    assert_eq!((programs[1].as_str(), current.as_deref()), ("/console/cmp/reports", Some("/console/mpn/reports")));
}

#[tokio::test]
async fn with_one_program_or_none_there_is_nothing_to_choose() {
    let deployment = Deployment::new().await;
    #[allow(clippy::disallowed_methods)]
    let (context, by) = (&deployment.context, Provisioner::at_start("test"));
    let adatum = Tenant {
        id: Uuid::from_u128(0xada),
        domain: "adatum.example".into(),
        name: "A. Datum".into(),
        global_account: Some("3000000".into()),
    };
    enroll_tenant(context, by, &adatum, &[], Program::Mpn).await.unwrap();
    let user = Uuid::from_u128(0xadb);
    add_user(context, by, adatum.id, user, "eva@adatum.example", PASSWORD).await.unwrap();
    let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization };
    context.store.put_role(adatum.id, user, &viewer).await.unwrap();
    let mut browser = signed_in(&deployment, "eva@adatum.example").await;
    let (menu, _) = links(&mut browser, "/console/mpn/datasets", "Console").await.unwrap();
    assert_eq!(menu[1..], of("mpn"));
    assert!(links(&mut browser, "/console/mpn/datasets", "Program").await.is_none());
    let mut operator = signed_in_as_operator(&deployment).await;
    let (menu, _) = links(&mut operator, "/", "Console").await.unwrap();
    assert!(!menu.iter().any(|href| href.contains("/mpn/") || href.contains("/cmp/")), "{menu:?}");
}

#[tokio::test]
async fn who_may_look_at_roles_has_people_and_nothing_else_of_an_administrators() {
    let deployment = Deployment::new().await;
    let own = |page: &str| format!("/console/tenants/{CONTOSO}/{page}");
    let all = [own("applications"), own("people"), own("organisation"), "/console/runs".to_owned(), own("audit"), own("usage")];
    for (number, role, program, entries) in [
        (0x91, Role::Manager, "cmp", people()),
        (0x92, Role::MpnPartnerAdmin, "mpn", people()),
        (0x93, Role::AccountAdmin, "mpn", all.to_vec()),
        (0x94, Role::Developer, "cmp", Vec::new()),
    ] {
        let name = format!("n{number}@contoso.example");
        with_role(&deployment, number, &name, role).await;
        let (menu, _) = links(&mut signed_in(&deployment, &name).await, "/", "Console").await.unwrap();
        assert_eq!(menu, [vec!["/".to_owned()], of(program), entries].concat(), "{role:?}");
    }
}
