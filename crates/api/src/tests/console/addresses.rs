//! Addresses at which the console has no page, and texts that no page can show as they are: a person sees a page nevertheless.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use serde_json::json;
use tower::ServiceExt as _;

use super::{signed_in, signed_in_as_operator};
use crate::router;
use crate::state::ApiState;
use crate::tests::harness::browser::{Browser, Shown};
use crate::tests::harness::*;

fn is_page(shown: &Shown, status: u16, title: &str) {
    let text = shown.answer.text();
    assert_eq!((shown.answer.status.as_u16(), shown.title().as_str()), (status, title), "{text}");
    assert_eq!(shown.answer.header("content-type"), "text/html; charset=utf-8");
    assert!(shown.answer.header("content-security-policy").contains("frame-ancestors 'none'"));
    let correlation = shown.answer.header("ms-correlationid").replace('-', "-<wbr>");
    assert!(text.contains(&format!("Correlation id <code>{correlation}</code>")), "{correlation}: {text}");
}

async fn ask(browser: &mut Browser<'_>, method: Method, path: &str) -> Shown {
    browser.send(Request::builder().method(method).uri(path), Body::empty()).await
}

#[tokio::test]
async fn an_address_that_nothing_has_is_answered_with_a_page() {
    let deployment = Deployment::new().await;
    let mut somebody = signed_in(&deployment, "ana@contoso.example").await;
    let mut operator = signed_in_as_operator(&deployment).await;
    let mut stranger = Browser::new(&deployment);
    for path in ["/console", "/Console/", "/console/nothing", "/console/mpn/reports/a/b/c/d?x=1", "/console/%3Cb%3E%ff%00"] {
        for (browser, is_known) in [(&mut somebody, true), (&mut operator, true), (&mut stranger, false)] {
            let shown = ask(browser, Method::GET, path).await;
            is_page(&shown, 404, "There is no such page");
            let (text, lowered) = (shown.answer.text(), path.trim_end_matches('/').split('?').next().unwrap().to_lowercase());
            assert_eq!(shown.fault(), format!("There is nothing at {lowered}."));
            assert!(text.contains("The start page leads to all others.") && text.contains("href=\"/\">Start page"), "{text}");
            assert_eq!((text.contains("<nav class=\"menu\""), text.contains("contoso.example")), (is_known, is_known), "{text}");
        }
    }
    let long = ask(&mut stranger, Method::GET, &format!("/console/{}", "w".repeat(5_000))).await;
    is_page(&long, 404, "There is no such page");
    assert!(long.answer.body.len() < 4_000, "as much of an address is repeated as is of use");
}

#[tokio::test]
async fn the_address_of_a_form_is_answered_with_a_page() {
    let deployment = Deployment::new().await;
    let mut somebody = signed_in(&deployment, "ana@contoso.example").await;
    let mut stranger = Browser::new(&deployment);
    for (method, path) in
        [(Method::GET, "/console/sign-out"), (Method::GET, "/console/server/rotate-key"), (Method::DELETE, "/console/runs")]
    {
        for browser in [&mut somebody, &mut stranger] {
            let shown = ask(browser, method.clone(), path).await;
            is_page(&shown, 405, "That did not work");
            assert_eq!(shown.fault(), format!("{path} does not take {method}."));
        }
    }
    // Who is signed in still is.
    assert_eq!(somebody.open("/").await.answer.status, 200);
}

#[tokio::test]
async fn the_apis_answer_as_before_and_so_does_a_server_without_a_console() {
    let deployment = Deployment::new().await;
    let without: Router = router(ApiState { shows_console: false, ..state(&deployment.context, None) });
    for (router, path) in [
        (&deployment.router, "/consoles"),
        (&deployment.router, "/insights/v1/mpn/console"),
        (&without, "/console/nothing"),
        (&without, "/console/sign-in"),
        (&without, "/"),
    ] {
        let request = Request::get(path).header("host", "insights.example").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
            (404, "application/json; charset=utf-8"),
            "{path}"
        );
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["statusCode"], 404, "{path}");
    }
}

/// Databases need not store U+0000; Postgres does not.
#[tokio::test]
async fn a_text_with_u_0000_is_refused_and_named() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let form = browser.open(&format!("/console/mpn/reports/new?query={query}")).await;
    let typed = [("query", query.as_str()), ("name", "a\0b"), ("format", "csv"), ("when", "once"), ("step", "create")];
    let editor = browser.open("/console/mpn/queries").await;
    for shown in [
        browser.submit_to(&form, "/reports", &typed).await,
        browser.submit_to(&editor, "/queries#result", &[("text", ALL_SALES), ("name", "\0"), ("step", "save")]).await,
        browser.open("/console/mpn/datasets?name=%00").await,
    ] {
        is_page(&shown, 400, "That did not work");
        assert_eq!(shown.fault(), "'name' holds the character U+0000, which no text may have.");
    }
    let shown = browser.open("/console/sign-in?to=%00").await;
    is_page(&shown, 400, "That did not work");
    is_page(&browser.open("/console/mpn/reports/%00").await, 404, "That did not work");
    assert_eq!(deployment.get(ANA, "ScheduledReport").await.json()["totalCount"], 0, "nothing was made");
}

/// The API takes other control characters in names, which clients may send. A person sees that there is something.
#[tokio::test]
async fn a_name_of_control_characters_is_seen() {
    let deployment = Deployment::new().await;
    let named = |name: &str| json!({"Name": name, "Description": "\u{1b}[2J", "Query": ALL_SALES});
    let query = deployment.call(ANA, Method::POST, "ScheduledQueries", named("\u{1}\u{9f}")).await.ok()[0]["queryId"].clone();
    let query = query.as_str().unwrap();
    let report = deployment.create_report(ANA, query, json!({"ReportName": "\u{7f}\t\u{8}", "ExecuteNow": true})).await;
    deployment.work().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    for (path, seen) in [
        ("/console/mpn/queries".to_owned(), ">\u{fffd}\u{fffd}</a>"),
        ("/console/mpn/queries".to_owned(), "\u{fffd}[2J"),
        (format!("/console/mpn/queries?query={query}"), "value=\"\u{fffd}\u{fffd}\""),
        (format!("/console/mpn/queries/remove?query={query}"), "Remove \u{fffd}\u{fffd}?"),
        (format!("/console/mpn/reports/new?query={query}"), "selected>\u{fffd}\u{fffd}</option>"),
        ("/console/mpn/reports".to_owned(), ">\u{fffd}\t\u{fffd}</a>"),
        (format!("/console/mpn/reports/{report}"), "<h1>\u{fffd}\t\u{fffd}</h1>"),
        (format!("/console/mpn/reports/{report}"), "download=\"___"),
        ("/".to_owned(), ">\u{fffd}\t\u{fffd}</a>"),
    ] {
        let shown = browser.open(&path).await;
        let text = shown.answer.text();
        assert_eq!(shown.answer.status, 200, "{path}: {text}");
        assert!(text.contains(seen), "{path}: {seen:?}: {text}");
        assert!(!text.contains(|character: char| character.is_control() && !character.is_whitespace()), "{path}: {text:?}");
    }
}

/// Characters of no width are taken in names too, and would make one name look like another, or like none.
#[tokio::test]
async fn a_name_that_nobody_would_see_is_seen() {
    let deployment = Deployment::new().await;
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let own = |page: &str| format!("/console/tenants/{CONTOSO}/{page}");
    let named = |name: &str| json!({"Name": name, "Description": "", "Query": ALL_SALES});
    let query = deployment.call(ANA, Method::POST, "ScheduledQueries", named("\u{200b}\u{feff}")).await.ok()[0]["queryId"].clone();
    for name in ["Sales", "Sales\u{2060}", "\u{202e}selaS"] {
        deployment.create_report(ANA, query.as_str().unwrap(), json!({"ReportName": name, "ExecuteNow": true})).await;
    }
    let organisation = browser.open(&own("organisation")).await;
    browser.submit_to(&organisation, "/organisation", &[("name", "\u{200b}")]).await;
    let applications = browser.open(&own("applications")).await;
    let registered = browser.submit_to(&applications, "/applications", &[("name", "\u{200d}\u{2066}")]).await;
    let application = registered.answer.header("location").split('?').next().unwrap().to_owned();
    let lea = own(&format!("people/{}", LEA.user.unwrap()));
    let page = browser.open(&lea).await;
    browser.submit_to(&page, &LEA.user.unwrap().to_string(), &[("display_name", "\u{200e}")]).await;
    for (path, seen) in [
        ("/console/mpn/queries", ">\u{fffd}\u{fffd}</a>"),
        ("/console/mpn/reports", ">Sales</a>"),
        ("/console/mpn/reports", ">Sales\u{fffd}</a>"),
        ("/console/mpn/reports", ">\u{fffd}selaS</a>"),
        (own("organisation").as_str(), "<span class=\"organisation\">\u{fffd}</span>"),
        (own("applications").as_str(), ">\u{fffd}\u{fffd}</a>"),
        (application.as_str(), "<h1>\u{fffd}\u{fffd}</h1>"),
        (application.as_str(), "data-confirm=\"Disable \u{fffd}\u{fffd}?"),
        (own("people").as_str(), "<span class=\"small\">\u{fffd}</span>"),
        (lea.as_str(), "<dt>Name</dt><dd>\u{fffd}</dd>"),
    ] {
        let text = browser.open(path).await.answer.text();
        assert!(text.contains(seen), "{path}: {seen:?}: {text}");
    }
    // A form sends back what there is.
    assert!(browser.open(&lea).await.answer.text().contains("value=\"\u{200e}\""));
    let text = "SELECT Name FROM Sales WHERE Name = 'a\u{200b}b'";
    let editor = browser.open("/console/mpn/queries").await;
    let shown = browser.submit_to(&editor, "/queries#result", &[("text", text), ("name", ""), ("step", "explain")]).await.answer.text();
    assert!(shown.contains("&#39;a\u{200b}b&#39;</textarea>"), "{shown}");
}
