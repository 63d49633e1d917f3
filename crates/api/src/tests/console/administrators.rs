//! What administrators do in the console: the organisation, its locations, the audit trail and who read what.

use axum::http::Method;
use insightgate_identity::enrollment::Enrollment;
use insightgate_identity::program::Program;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_identity::tokens::token::AccessClaims;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::console::application::console_application_id;
use insightgate_operations::manage::audit_export::AuditFormat;
use insightgate_operations::usage::files::{write_down, write_files};
use insightgate_store::AuditEvent as StoredEvent;
use insightgate_wire::answers::AuditEvent;
use insightgate_wire::limits::LARGEST_PAGE;
use serde_json::json;
use uuid::Uuid;

use super::{signed_in, signed_in_as_operator};
use crate::tests::harness::browser::{Browser, Shown, plain};
use crate::tests::harness::*;

/// Somebody who may read data and manage the organisation.
async fn administrator(deployment: &Deployment) -> Browser<'_> {
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    signed_in(deployment, "ana@contoso.example").await
}

fn at(page: &str) -> String {
    format!("/console/tenants/{CONTOSO}/{page}")
}

const PROFILE: [(&str, &str); 8] = [
    ("companyLegalName", "Contoso Ltd"),
    ("addressLine1", "Karl Johans gate 1"),
    ("postalCode", "0154"),
    ("city", "Oslo"),
    ("countryRegion", "Norway"),
    ("primaryContactFirstName", "Ana"),
    ("primaryContactLastName", "Lund"),
    ("primaryContactEmail", "ana@contoso.example"),
];

#[tokio::test]
async fn the_profile_is_changed_or_each_field_says_what_is_wrong() {
    let deployment = Deployment::new().await;
    let mut browser = administrator(&deployment).await;
    let page = browser.open(&at("organisation")).await;
    assert_eq!(page.title(), "contoso.example");
    let needed = |page: &Shown| page.answer.text().matches(" required").count();
    assert_eq!(needed(&page), 4, "the name, and a location's three fields: there is no profile yet");
    // A name alone leaves an organisation without a profile.
    let named = browser.submit_to(&page, "/organisation", &[("name", "Contoso <Group>")]).await;
    assert_eq!(named.answer.header("location"), format!("{}?done=changed", at("organisation")));
    assert_eq!(deployment.context.store.tenant_profile(CONTOSO).await.unwrap(), None);

    let mut wrong = PROFILE.to_vec();
    wrong[0].1 = "";
    wrong[7].1 = "<info>@contoso.example";
    wrong.push(("name", "Contoso"));
    let again = browser.submit_to(&page, "/organisation", &wrong).await;
    assert_eq!(again.answer.status, 400);
    let text = again.answer.text();
    assert!(text.contains("id=\"companyLegalName-fault\"") && text.contains("id=\"primaryContactEmail-fault\""), "{text}");
    assert!(text.contains("value=\"Oslo\"") && text.contains("value=\"&#60;info&#62;@contoso.example\""), "{text}");

    let mut whole = PROFILE.to_vec();
    whole.push(("name", "Contoso"));
    let done = browser.submit_to(&page, "/organisation", &whole).await;
    assert_eq!(done.answer.status, 303, "{}", done.answer.text());
    // What was verified is verified anew.
    let shown = browser.open(done.answer.header("location")).await;
    assert!(shown.answer.text().contains(">Review</span>") && shown.answer.text().contains("The changes are kept."));
    assert_eq!(deployment.context.store.tenant_profile(CONTOSO).await.unwrap().unwrap().city, "Oslo");
}

#[tokio::test]
async fn a_code_is_asked_for_made_by_an_operator_and_entered() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let started = Enrollment::start(Program::Cmp, deployment.now());
    store.put_enrollment(CONTOSO, &started).await.unwrap();
    let mut browser = administrator(&deployment).await;
    let page = browser.open(&at("organisation")).await;
    let asked = browser.submit_to(&page, "/send-code", &[]).await;
    assert!(asked.answer.header("location").ends_with("?done=asked"));
    assert_eq!(deployment.audited("enrollment.askForCode").await.len(), 1);

    let mut operator = signed_in_as_operator(&deployment).await;
    let page = operator.open(&at("organisation")).await;
    let made = operator.submit_to(&page, "/send-code", &[]).await;
    let code = made.answer.text().split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let page = browser.open(&at("organisation")).await;
    assert!(!page.answer.text().contains(&code), "the code proves that the contact's address is read");
    let wrong = browser.submit_to(&page, "/cmp/verify", &[("code", "x")]).await;
    assert_eq!((wrong.answer.status.as_u16(), wrong.fault().as_str()), (409, "The verification code is wrong."));
    let right = browser.submit_to(&page, "/cmp/verify", &[("code", &code)]).await;
    assert!(right.answer.header("location").ends_with("?done=verified"), "{}", right.answer.text());
}

#[tokio::test]
async fn a_location_is_added_and_removed_once_that_is_confirmed() {
    let deployment = Deployment::new().await;
    let mut browser = administrator(&deployment).await;
    let page = browser.open(&at("organisation")).await;
    let again = browser.submit_to(&page, "/locations", &[("mpnId", "1 2"), ("name", "\u{202e}Bergen"), ("country", "Norway")]).await;
    assert_eq!(again.answer.status, 400);
    assert!(again.answer.text().contains("value=\"1 2\""));
    let added = browser.submit_to(&page, "/locations", &[("mpnId", "A12"), ("name", "Bergen"), ("country", "Norway")]).await;
    let page = browser.open(added.answer.header("location")).await;
    assert!(page.answer.text().contains("/locations/remove?location=A12"));
    let asked = browser.open(&at("locations/remove?location=A12")).await;
    assert_eq!(asked.title(), "Remove the location Bergen?");
    assert_eq!(deployment.context.store.locations(CONTOSO).await.unwrap().len(), 1);
    let gone = browser.submit_to(&asked, "/locations/remove", &[]).await;
    assert!(gone.answer.header("location").ends_with("?done=removed"));
    assert!(deployment.context.store.locations(CONTOSO).await.unwrap().is_empty());
    assert_eq!(browser.open(&at("locations/remove?location=A12")).await.answer.status, 404);
}

#[tokio::test]
async fn the_audit_trail_is_filtered_paged_and_exported() {
    let deployment = Deployment::new().await;
    let mut browser = administrator(&deployment).await;
    let page = browser.open(&at("organisation")).await;
    for number in 0..60 {
        let (id, name) = (format!("L{number}"), if number == 59 { "=HYPERLINK(1)" } else { "x" });
        browser.submit_to(&page, "/locations", &[("mpnId", id.as_str()), ("name", name), ("country", "Norway")]).await;
    }
    let first = browser.open(&at("audit?action=location.add&from=2020-01-01T00%3A00")).await;
    assert!(first.answer.text().contains("60 events") && first.answer.text().contains("value=\"2020-01-01T00:00\""));
    let rows = |page: &Shown| page.answer.text().matches("<tr><td><time").count();
    assert_eq!(rows(&first), 50);
    let next = first.answer.text().split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let second = browser.open(&plain(&next)).await;
    assert_eq!(rows(&second), 10);
    let none = browser.open(&at("audit?subject=%3Cb%3E")).await;
    assert!(none.answer.text().contains("No event fits.") && !none.answer.text().contains("<b>\""));
    let wrong = browser.open(&at("audit?to=yesterday")).await;
    assert_eq!(wrong.answer.status, 400);
    assert!(wrong.fault().contains("should be a time"));

    let csv = browser.open(&at("audit/export?format=csv&action=location.add")).await;
    assert_eq!(csv.answer.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    assert!(csv.answer.text().starts_with("id,at,tenant,actor,action,subject"));
    assert_eq!(csv.answer.text().lines().count(), 61);
    let json = browser.open(&at("audit/export?action=location.add")).await;
    assert_eq!(json.answer.text().lines().count(), 60);
    assert_eq!(browser.open(&at("audit/export?to=yesterday")).await.answer.status, 400);
}

/// An event leads to the page of whom and what it names, where there is one that the reader may open.
#[tokio::test]
async fn the_audit_trail_leads_to_what_it_names() {
    let deployment = Deployment::new().await;
    let store = &deployment.context.store;
    let mut reports = Vec::new();
    for (who, name) in [(ANA, "Own <b>"), (BEN, "Of another")] {
        let query = deployment.create_query(who, ALL_SALES).await;
        reports.push(deployment.create_report(who, &query, json!({"ReportName": name, "ExecuteNow": true})).await);
        store.revoke_role(who.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    }
    deployment.work().await;
    assert_eq!(deployment.audited("run.refuse").await.len(), 2);
    let viewer = RoleAssignment { role: Role::ExecutiveReportViewer, locations: Locations::Organization };
    store.put_role(CONTOSO, ANA.user.unwrap(), &viewer).await.unwrap();
    let mut browser = administrator(&deployment).await;
    let page = browser.open(&at("applications")).await;
    let registered = browser.submit_to(&page, "/applications", &[("name", "Tool")]).await;
    let application = registered.answer.header("location").split('?').next().unwrap().to_owned();
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let waiting = deployment.create_report(ANA, &query, json!({"ReportName": "Waiting", "ExecuteNow": true})).await;
    let pending = format!("ScheduledReport/execution/{waiting}?executionStatus=Pending");
    let execution = deployment.get(ANA, &pending).await.ok()[0]["executionId"].clone();
    let execution = execution.as_str().unwrap();
    let cancel = format!("/executions/{execution}/cancel");
    let page = browser.open(&format!("/console/mpn/reports/{waiting}")).await;
    browser.submit_to(&page, &cancel, &[]).await;

    let text = browser.open(&at("audit")).await.answer.text();
    for (address, name) in [
        (at(&format!("people/{}", ANA.user.unwrap())), "ana@contoso.example"),
        (application, "Tool"),
        (format!("/console/mpn/reports/{}", reports[0]), "Own &#60;b&#62;"),
        (format!("/console/runs?reportId={}", reports[1]), "Of another"),
        (format!("/console/runs?executionId={execution}"), "Waiting"),
    ] {
        assert!(text.contains(&format!("<a href=\"{address}\"><bdi>{name}</bdi></a>")), "{address}: {text}");
        let shown = browser.open(&address).await.answer;
        assert!(shown.status == 200 && shown.text().contains(name), "{address}: {}", shown.text());
    }
    let only = format!("audit?subject=report+{}", reports[1]);
    assert!(text.contains(&format!("href=\"{}\" aria-label=\"Only these: all that was done to Of another\"", at(&only))), "{text}");
    assert!(browser.open(&at(&only)).await.answer.text().contains("<h2>1 event</h2>"));

    // An operator has no reports; what is gone has no page.
    deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{}", reports[0]), json!({})).await.ok();
    let text = signed_in_as_operator(&deployment).await.open(&at("audit")).await.answer.text();
    assert!(
        text.contains(&format!("<a href=\"/console/runs?tenant={CONTOSO}&#38;reportId={}\"><bdi>Of another</bdi></a>", reports[1])),
        "{text}"
    );
    assert!(!text.contains("Own &#60;b&#62;"), "{text}");
}

/// The events of every page of the management API, as the user who is signed in reads them there.
async fn by_the_api(deployment: &Deployment, query: &str) -> (Vec<AuditEvent>, usize) {
    let who = Who { application: console_application_id(CONTOSO), ..ANA };
    let claims = AccessClaims { aud: "api://insightgate/manage".into(), scp: Some("management".into()), ..deployment.claims(who) };
    let bearer = format!("Bearer {}", deployment.context.signing.sign(&claims).unwrap());
    let (mut events, mut pages, mut next) = (Vec::new(), 0, format!("/manage/v1/tenants/{CONTOSO}/audit?{query}"));
    loop {
        let page = deployment.fetch(&next, &[("authorization", bearer.as_str())]).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let page = page.json();
        events.extend(page["value"].as_array().unwrap().iter().map(|event| serde_json::from_value(event.clone()).unwrap()));
        pages += 1;
        match page["nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => return (events, pages),
        }
    }
}

#[tokio::test]
async fn an_export_of_several_pages_has_what_the_api_has() {
    let deployment = Deployment::new().await;
    let mut browser = administrator(&deployment).await;
    let count = 2 * LARGEST_PAGE + 300;
    // Many are at one instant, where only their ids tell them apart, and a third is of somebody else.
    let event = |number: u32| StoredEvent {
        id: Uuid::from_u128(u128::from(number) << 64 | 0xe),
        at: deployment.now() - chrono::TimeDelta::seconds(i64::from(number / 700)),
        tenant: Some(if number.is_multiple_of(3) { FABRIKAM } else { CONTOSO }),
        actor: format!("somebody-{}", number % 5),
        action: "location.add".to_owned(),
        subject: format!("=L{number}"),
        detail: format!("a, \"b\"\r\n{number} \u{7}\u{202e}<i>"),
        correlation: number.is_multiple_of(2).then(|| format!("call-{number}")),
        occurrences: u64::from(number % 4 + 1),
        address: None,
    };
    let events: Vec<StoredEvent> = (0..count * 3 / 2).map(event).collect();
    deployment.context.store.put_counted_events(&events).await.unwrap();
    for (query, fewest) in [("action=location.add", count - 1), ("action=location.add&actor=somebody-2", count / 5)] {
        let (expected, pages) = by_the_api(&deployment, &format!("{query}&pageSize=77")).await;
        assert!(expected.len() >= fewest as usize && pages > 5, "{}, {pages}", expected.len());
        let json = browser.open(&at(&format!("audit/export?{query}"))).await.answer.text();
        let exported: Vec<AuditEvent> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(serde_json::json!(exported), serde_json::json!(expected), "{query}");
        let csv = browser.open(&at(&format!("audit/export?{query}&format=csv"))).await.answer.body;
        let lines = expected.iter().flat_map(|event| AuditFormat::Csv.line(event).unwrap());
        assert!(csv == AuditFormat::Csv.heading().unwrap().into_iter().chain(lines).collect::<Vec<u8>>(), "{query}");
    }
}

#[tokio::test]
async fn who_read_what_is_asked_through_the_product() {
    let deployment = Deployment::new().await;
    let mut browser = administrator(&deployment).await;
    for question in ["", "downloads", "today", "refused", "datasets", "applications", "nothing"] {
        let page = browser.open(&at(&format!("usage?question={question}"))).await;
        let text = page.answer.text();
        assert_eq!(page.answer.status, 200);
        assert!(text.contains("FROM AccessLog") && text.contains("aria-current=\"page\""), "{question}");
        assert!(!text.contains("class=\"fault\"") && !text.contains("class=\"note\""), "{question}: {text}");
    }
    let page = browser.open(&at("usage")).await;
    assert!(page.answer.text().contains("/console/mpn/queries?text=SELECT+User"), "{}", page.answer.text());
    // The visitor's own questions are in the log too, once they are written.
    write_down(&deployment.context, true).await.unwrap();
    write_files(&deployment.context, &Turn::alone()).await.unwrap();
    deployment.advance(chrono::TimeDelta::minutes(1));
    let today = browser.open(&at("usage?question=today")).await;
    assert!(today.answer.text().contains("<bdi>Preview</bdi>"), "{}", today.answer.text());

    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, BEN.user.unwrap(), &admin).await.unwrap();
    deployment.context.store.revoke_role(BEN.user.unwrap(), Role::ExecutiveReportViewer).await.unwrap();
    let mut other = signed_in(&deployment, "ben@contoso.example").await;
    let page = other.open(&at("usage")).await;
    assert!(page.answer.status == 200 && page.answer.text().contains("class=\"note\""), "{}", page.answer.text());
}
