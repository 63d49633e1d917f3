//! What operators do in the console: organisations from their enrollment to their end, runs of everybody, and the server.

use std::sync::Arc;

use insightgate_identity::enrollment::EnrollmentStage;
use insightgate_identity::tenant::Tenant;
use serde_json::json;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use super::{signed_in, signed_in_as_operator};
use crate::SettingInForce;
use crate::tests::harness::browser::{Shown, plain};
use crate::tests::harness::issuer::{EXTERNAL_TENANT, Issuer};
use crate::tests::harness::*;

fn of_contoso(page: &str) -> String {
    format!("/console/tenants/{CONTOSO}{page}")
}

fn says(page: &Shown, text: &str) {
    assert!(page.answer.text().contains(text), "{text}: {}", page.answer.text());
}

#[tokio::test]
async fn an_organisation_is_enrolled_confirmed_and_accepted() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let form = browser.open("/console/tenants/new").await;
    let mut typed = vec![("domain", "adatum.example"), ("name", "A. Datum <b>"), ("program", "cmp"), ("addressLine1", "High Street 1")];
    let again = browser.submit_to(&form, "/new", &typed).await;
    assert_eq!(again.answer.status, 400);
    says(&again, "id=\"city-fault\"");
    says(&again, "value=\"A. Datum &#60;b&#62;\"");
    typed.extend([
        ("companyLegalName", "A. Datum Ltd"),
        ("postalCode", "1"),
        ("city", "Oslo"),
        ("countryRegion", "Norway"),
        ("primaryContactFirstName", "Ada"),
        ("primaryContactLastName", "Lund"),
        ("primaryContactEmail", "ada@adatum.example"),
    ]);
    let made = browser.submit_to(&form, "/new", &typed).await;
    assert_eq!(made.title(), "The code for the contact of A. Datum <b>");
    let code = made.answer.text().split("class=\"secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let listed = browser.open("/console/tenants?search=DATUM&stage=EmailVerification").await;
    says(&listed, "adatum.example");
    assert!(!listed.answer.text().contains("fabrikam.example"));
    let id = deployment.context.store.tenant_by_domain("adatum.example").await.unwrap().unwrap().id;
    let own = browser.open(&format!("/console/tenants/{id}/organisation")).await;
    let done = browser.submit_to(&own, "/cmp/verify", &[("code", &code)]).await;
    assert!(done.answer.header("location").ends_with("?done=verified"));
    let review = browser.open("/console/tenants?stage=Review").await;
    says(&review, "adatum.example");
    let one = browser.open("/console/tenants/adatum.example").await;
    says(&one, "Before you accept, make sure that");
    let rejected = browser.submit_to(&one, "/cmp/reject", &[("reason", " ")]).await;
    assert_eq!((rejected.answer.status.as_u16(), rejected.fault().as_str()), (400, "'reason' is missing."));
    let done = browser.submit_to(&one, "/cmp/activate", &[]).await;
    assert_eq!(done.answer.header("location"), format!("/console/tenants/{id}?done=activated"));
    assert_eq!(deployment.context.store.enrollments(id).await.unwrap()[0].stage, EnrollmentStage::Active);
    says(&browser.open(done.answer.header("location")).await, "data may be asked for");
}

#[tokio::test]
async fn an_organisation_is_suspended_reinstated_and_deleted_once_its_domain_is_typed() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let page = |page: &str| format!("/console/tenants/{FABRIKAM}{page}");
    let one = browser.open(&page("")).await;
    says(&one, "cannot be deleted: suspend it first");
    for program in ["mpn", "cmp"] {
        browser.submit_to(&one, &format!("/{program}/suspend"), &[("reason", "<unpaid>")]).await;
    }
    let listed = browser.open("/console/tenants?stage=Suspended").await;
    says(&listed, "&#60;unpaid&#62;");
    let one = browser.open(&page("")).await;
    browser.submit_to(&one, "/mpn/reactivate", &[]).await;
    let asked = browser.open(&page("/delete")).await;
    let refused = browser.submit_to(&asked, "/delete", &[("domain", "contoso.example")]).await;
    assert_eq!(
        (refused.answer.status.as_u16(), refused.fault().as_str()),
        (400, "Type fabrikam.example to say that this organisation is meant.")
    );
    let active = browser.submit_to(&asked, "/delete", &[("domain", "fabrikam.example")]).await;
    assert_eq!(active.answer.status, 409);
    let one = browser.open(&page("")).await;
    browser.submit_to(&one, "/mpn/suspend", &[("reason", "over")]).await;
    let gone = browser.submit_to(&asked, "/delete", &[("domain", "Fabrikam.example ")]).await;
    assert_eq!(gone.answer.header("location"), "/console/tenants?done=deleted");
    assert_eq!(browser.open(&page("")).await.answer.status, 404);
}

#[tokio::test]
async fn organisations_are_paged() {
    let deployment = Deployment::new().await;
    for number in 0..30_u128 {
        let (id, name) = (Uuid::from_u128(900 + number), format!("a{number:02}.example"));
        let tenant = Tenant { id, domain: name.clone(), name, global_account: None };
        deployment.context.store.add_tenant(&tenant, None, deployment.now()).await.unwrap();
    }
    let mut browser = signed_in_as_operator(&deployment).await;
    let rows = |page: &Shown| page.answer.text().matches("<tr>\n<td><a href=\"/console/tenants/").count();
    let first = browser.open("/console/tenants").await;
    assert_eq!(rows(&first), 25);
    let next = first.answer.text().split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let second = browser.open(&plain(&next)).await;
    assert_eq!(rows(&second), 7);
    says(&browser.open("/console/tenants?search=nobody").await, "No organisation fits.");
    assert_eq!(browser.open("/console/tenants?stage=Nowhere").await.answer.status, 400);
}

#[tokio::test]
async fn runs_are_paused_and_limits_changed() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let one = browser.open(&of_contoso("")).await;
    let paused = browser.submit_to(&one, "/runs/pause", &[("reason", "the lake moves")]).await;
    says(&browser.open(paused.answer.header("location")).await, "the lake moves");
    says(&browser.open("/console/tenants?paused=1").await, "the lake moves");
    let one = browser.open(&of_contoso("")).await;
    browser.submit_to(&one, "/runs/resume", &[]).await;
    assert!(deployment.context.store.tenant_runs(CONTOSO).await.unwrap().paused.is_none());
    let limits = |queries| [("activeReports", ""), ("executeNowReports", ""), ("queries", queries), ("artifactGib", "3")];
    for wrong in ["many", "-1"] {
        let again = browser.submit_to(&one, "/limits", &limits(wrong)).await;
        assert_eq!(again.answer.status, 400);
        says(&again, &format!("value=\"{wrong}\""));
    }
    browser.submit_to(&one, "/limits", &limits("7")).await;
    let own = deployment.context.store.tenant_limits(CONTOSO).await.unwrap();
    assert_eq!((own.get("queries"), own.get("artifactGib"), own.len()), (Some(&7), Some(&3), 2));
    browser.submit_to(&one, "/limits", &limits("")).await;
    assert_eq!(deployment.context.store.tenant_limits(CONTOSO).await.unwrap().len(), 1);
}

#[tokio::test]
async fn runs_of_everybody_say_why_and_are_cancelled_and_tried_again() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let name = format!("\u{202e}<i>{}", "x".repeat(100));
    deployment.create_report(ANA, &query, json!({"ExecuteNow": true, "ReportName": name})).await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let listed = browser.open("/console/runs?status=Pending&tenant=contoso.example").await;
    says(&listed, "1 execution<");
    says(&listed, "Waits for its turn.");
    says(&listed, "&#60;i&#62;");
    let done = browser.submit_to(&listed, "/cancel", &[]).await;
    assert_eq!(done.answer.header("location"), "/console/runs?tenant=contoso.example&status=Pending&done=cancelled");
    let over = browser.submit_to(&listed, "/cancel", &[]).await;
    assert_eq!(over.answer.status, 409, "{}", over.fault());
    let listed = browser.open("/console/runs?status=Cancelled").await;
    says(&listed, "The run was cancelled by an operator of the server.");
    browser.submit_to(&listed, "/retry", &[]).await;
    assert_eq!(deployment.work().await, 1);
    says(&browser.open("/console/runs?status=Completed").await, "3 rows, ");
    says(&browser.open("/console/runs?status=Failed").await, "No execution fits.");
    for wrong in ["tenant=nowhere.example", "status=odd", "from=x"] {
        let page = browser.open(&format!("/console/runs?{wrong}")).await;
        assert!(page.answer.status.is_client_error() && !page.fault().is_empty(), "{wrong}");
    }
    // Others see their own organisation's, or nothing.
    let mut zoe = signed_in(&deployment, "zoe@fabrikam.example").await;
    assert_eq!(zoe.open("/console/runs").await.answer.status, 403);
}

#[tokio::test]
async fn many_runs_are_paged() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for _ in 0..53 {
        deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    }
    let mut browser = signed_in_as_operator(&deployment).await;
    let rows = |page: &Shown| page.answer.text().matches("/cancel\"").count();
    let first = browser.open("/console/runs?status=Pending").await;
    says(&first, "53 executions<");
    assert_eq!(rows(&first), 50);
    let next = first.answer.text().split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let second = browser.open(&plain(&next)).await;
    assert_eq!(rows(&second), 3);
    assert!(!second.answer.text().contains("rel=\"next\""));
}

#[tokio::test]
async fn the_server_shows_its_health_keys_and_settings() {
    let mut deployment = Deployment::new().await;
    let setting = SettingInForce { key: "log.level", about: "How much is logged.", value: Some("\"<info>\"".to_owned()), is_given: true };
    let state = crate::ApiState { settings: Arc::new([setting]), ..state(&deployment.context, None) };
    deployment.router = crate::router(state);
    let mut browser = signed_in_as_operator(&deployment).await;
    let page = browser.open("/console/server").await;
    for text in ["ready</span>", "databaseWrites", "&#34;&#60;info&#62;&#34;", "signs</span>"] {
        says(&page, text);
    }
    let done = browser.submit_to(&page, "/rotate-key", &[]).await;
    let page = browser.open(done.answer.header("location")).await;
    says(&page, "A new key was made.");
    says(&page, "published</span>");
}

#[tokio::test]
async fn an_operator_sees_who_read_what_of_each_organisation() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let page = browser.open(&of_contoso("/usage?question=refused")).await;
    assert_eq!(page.answer.status, 200);
    says(&page, &format!("TenantId = &#39;{CONTOSO}&#39;"));
    assert!(!page.answer.text().contains("class=\"note\"") && !page.answer.text().contains("class=\"fault\""), "{}", page.answer.text());
}

#[tokio::test]
async fn an_issuers_tenant_is_bound_to_an_organisation_and_removed_with_all_in_it() {
    let issuer = Issuer::start().await;
    let deployment = issuer.deployment().await;
    let mut browser = signed_in_as_operator(&deployment).await;
    let source = Serializer::new(String::new()).append_pair("issuer", &issuer.url).finish();
    let form = |tenant| [("source", source.as_str()), ("external_id", tenant)];
    let fabrikam = browser.open(&format!("/console/tenants/{FABRIKAM}")).await;
    let taken = browser.submit_to(&fabrikam, "/external-identities", &form(EXTERNAL_TENANT)).await;
    assert_eq!((taken.answer.status.as_u16(), taken.fault().as_str()), (409, "The issuer's identifier is bound already."));
    assert_eq!(taken.answer.text().matches("class=\"fault\"").count(), 1, "it is told where the form is");
    let contoso = browser.open(&of_contoso("")).await;
    assert!(contoso.answer.text().contains("The bindings of its users and applications go with it."));
    let done = browser.submit_to(&contoso, "/external-identities/unbind", &[]).await;
    says(&browser.open(done.answer.header("location")).await, "s tenant is bound: nobody");
    assert!(deployment.context.store.external_identities(CONTOSO).await.unwrap().is_empty());
    let done = browser.submit_to(&fabrikam, "/external-identities", &form(EXTERNAL_TENANT)).await;
    says(&browser.open(done.answer.header("location")).await, EXTERNAL_TENANT);
    // The operator can bind its users now too, from the user's page.
    let person = browser.open(&format!("/console/tenants/{FABRIKAM}/people/zoe@fabrikam.example")).await;
    says(&person, "name=\"source\"");
}
