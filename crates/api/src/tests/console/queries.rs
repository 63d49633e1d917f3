//! The query editor: without scripts, and what its script asks for.

use axum::body::Body;
use axum::http::Request;
use insightgate_identity::program::Program;
use insightgate_operations::limits::LimitSettings;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::{signed_in, signed_in_as_operator};
use crate::console::assets::{CHART_SCRIPT, EDITOR_SCRIPT, PAGE_SCRIPT, PAGE_STYLE};
use crate::tests::harness::browser::{Browser, Shown};
use crate::tests::harness::*;

const QUERIES: &str = "/console/mpn/queries";
const BY_NAME: &str = "SELECT Name, TotalAmount FROM Sales ORDER BY Name ASC";

/// Opens the editor, writes a text and presses a button.
async fn step(browser: &mut Browser<'_>, step: &str, typed: &[(&str, &str)]) -> Shown {
    let editor = browser.open(QUERIES).await;
    let typed = [typed, &[("step", step)]].concat();
    browser.submit_to(&editor, "/queries#result", &typed).await
}

/// What the script gets for a text.
async fn check(browser: &mut Browser<'_>, text: &str) -> Value {
    let proof = browser.proof().await;
    let body = Serializer::new(String::new()).extend_pairs([("csrf", proof.as_str()), ("text", text)]).finish();
    let request = Request::post(format!("{QUERIES}/check")).header("content-type", "application/x-www-form-urlencoded");
    let shown = browser.send(request, Body::from(body)).await;
    assert_eq!((shown.answer.status.as_u16(), shown.answer.header("cache-control")), (200, "no-store"), "{}", shown.answer.text());
    shown.answer.json()
}

#[tokio::test]
async fn the_first_rows_are_a_table_and_one_group_with_a_metric_is_a_chart() {
    let deployment = Deployment::new().await;
    deployment.write_sales(CONTOSO, "b.parquet", &[("<b>\u{202e}", 123_456_700, "1000002")]);
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let shown = step(&mut browser, "preview", &[("text", BY_NAME)]).await;
    let text = shown.answer.text();
    assert_eq!(shown.answer.status, 200, "{text}");
    for told in [
        "<td>&#60;b&#62;\u{fffd}</td><td class=\"number\" data-value=\"1234567.00\">1,234,567.00</td>",
        "<figure data-chart=\"each\">",
        "<th scope=\"col\" data-group>Name</th><th scope=\"col\" class=\"number\" data-kind=\"number\">TotalAmount</th>",
        "4 rows: the whole answer.",
        CHART_SCRIPT,
        "Groups rows by Name",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let plain = step(&mut browser, "preview", &[("text", "SELECT Name FROM Sales WHERE Name = 'nobody'")]).await.answer.text();
    assert!(plain.contains("The query answers with no row.") && plain.contains("nobody") && !plain.contains(CHART_SCRIPT), "{plain}");
    let explained = step(&mut browser, "explain", &[("text", BY_NAME)]).await.answer.text();
    assert!(explained.contains("in 2 of 2 files") && !explained.contains("id=\"rows\""), "{explained}");
}

#[tokio::test]
async fn what_is_wrong_is_marked_with_and_without_scripts() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    // Browsers end lines with two characters, and count a sign beyond the first plane as two.
    let shown = step(&mut browser, "save", &[("text", "SELECT '😀',\r\n  Nam FROM Sales"), ("name", "wrong")]).await;
    let text = shown.answer.text();
    assert_eq!((shown.answer.status.as_u16(), shown.fault().contains("cannot run yet")), (400, true));
    assert!(text.contains("&#39;Nam&#39; at line 2, column 3") && text.contains("<code>  <mark>Nam</mark> FROM Sales</code>"), "{text}");
    assert!(text.contains("value=\"wrong\""), "{text}");
    let checked = check(&mut browser, "SELECT Name,\n  Nam FROM Sales WHERE Name = '😀' AND Amonut > 1").await;
    let places: Vec<_> = checked["diagnostics"].as_array().unwrap().iter().map(|one| (one["from"].clone(), one["to"].clone())).collect();
    assert_eq!(places, [(json!(15), json!(18)), (json!(52), json!(58))], "{checked}");
    assert_eq!(checked["explanation"], json!([]));
    let checked = check(&mut browser, BY_NAME).await;
    assert_eq!(checked["diagnostics"], json!([]));
    assert_eq!(checked["explanation"][0], "Reads the dataset Sales.", "{checked}");
    assert_eq!(checked["explanation"][1], "Sees the rows of your whole organisation.");
    // Too long a text is not read.
    let checked = check(&mut browser, &"a".repeat(70_000)).await;
    assert!(checked["diagnostics"][0]["message"].as_str().unwrap().contains("at most 65536"), "{checked}");
}

#[tokio::test]
async fn names_and_values_are_offered_as_far_as_the_visitor_sees_them() {
    let deployment = Deployment::new().await;
    for (who, seen) in [("ana@contoso.example", json!(["alpha", "beta", "gamma"])), ("lea@contoso.example", json!(["alpha", "beta"]))] {
        let mut browser = signed_in(&deployment, who).await;
        let names = browser.open(&format!("{QUERIES}/names")).await.answer.json();
        let sales = names["datasets"].as_array().unwrap().iter().find(|dataset| dataset["name"] == "Sales").unwrap().clone();
        let amount = json!({"name": "Amount", "aliases": [], "type": "decimal(12,2)", "description": ""});
        assert_eq!((&sales["columns"][1], &sales["metrics"][0]["expression"]), (&amount, &json!("SUM(Amount)")));
        // Only what does not stand bare is said to be written otherwise.
        let written = names["written"].as_object().unwrap();
        assert_eq!((written.get("Amount"), &written["Has Azure"]), (None, &json!("\"Has Azure\"")));
        let values = browser.open(&format!("{QUERIES}/values?dataset=Sales&column=Name")).await.answer.json();
        assert_eq!(values["values"], seen);
    }
}

#[tokio::test]
async fn a_query_is_saved_opened_and_removed_after_a_question() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let unnamed = step(&mut browser, "save", &[("text", BY_NAME)]).await;
    assert!(unnamed.answer.status == 400 && unnamed.fault().contains("Give the query a name"));
    let saved = step(&mut browser, "save", &[("text", BY_NAME), ("name", "<script>x</script>"), ("description", "mine")]).await;
    assert_eq!(saved.answer.status, 303, "{}", saved.answer.text());
    let opened = browser.open(saved.answer.header("location")).await;
    let text = opened.answer.text();
    assert!(text.contains("The query was saved.") && text.contains(BY_NAME) && text.contains("&#60;script&#62;x"), "{text}");
    assert!(!text.contains("<script>x"));
    // Documented queries can be opened, and not be removed.
    let documented =
        text.split("class=\"documented\"").nth(1).unwrap().split("?query=").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let documented = browser.open(&format!("{QUERIES}?query={documented}")).await;
    assert_eq!(documented.answer.status, 200);
    let id = saved.answer.header("location").split("?query=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    // It is nobody else's.
    let mut other = signed_in(&deployment, "ben@contoso.example").await;
    for page in [format!("{QUERIES}?query={id}"), format!("{QUERIES}/remove?query={id}")] {
        assert_eq!(other.open(&page).await.answer.status, 404);
    }
    let question = browser.open(&format!("{QUERIES}/remove?query={id}")).await;
    assert_eq!(question.title(), "Remove <script>x</script>?");
    let removed = browser.submit_to(&question, "/queries/remove", &[]).await;
    assert_eq!(removed.answer.header("location"), format!("{QUERIES}?done=removed"));
    assert!(browser.open(QUERIES).await.answer.text().contains("You have saved no query yet."));
}

#[tokio::test]
async fn a_file_is_ordered_and_its_query_is_saved_once() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let owner = ANA.user.unwrap();
    // A report that is refused leaves nothing behind.
    let refused = step(&mut browser, "download", &[("text", BY_NAME), ("format", "pdf")]).await;
    assert_eq!(refused.answer.status, 400, "{}", refused.answer.text());
    assert!(deployment.context.store.report_queries(owner, Program::Mpn).await.unwrap().is_empty());
    for (format, name, called) in [("csv", "", "Sales"), ("parquet", "Mine; all", "Mine, all")] {
        let ordered = step(&mut browser, "download", &[("text", BY_NAME), ("format", format), ("name", name)]).await;
        let to = ordered.answer.header("location").to_owned();
        let id = to.strip_prefix("/console/mpn/reports/").unwrap().split('?').next().unwrap().parse().unwrap();
        let report = deployment.context.store.report(owner, Program::Mpn, id).await.unwrap().unwrap();
        assert_eq!((report.name.as_str(), report.format.name(), report.query.as_str()), (called, format, BY_NAME));
    }
    let queries = deployment.context.store.report_queries(owner, Program::Mpn).await.unwrap();
    assert_eq!(queries.iter().map(|query| query.name.as_str()).collect::<Vec<_>>(), ["Sales"]);
    assert!(browser.open(QUERIES).await.answer.text().contains("/reports/new?query="));
}

#[tokio::test]
async fn previews_count_as_those_of_the_api_do_and_checks_do_not() {
    let limits = LimitSettings { previews: 2, application_percent: 100, ..LimitSettings::default() };
    let deployment = Deployment::with(|settings| settings.limits = limits).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    assert_eq!(step(&mut browser, "preview", &[("text", BY_NAME)]).await.answer.status, 200);
    // The tenant's limit is one, whoever asks.
    let by_api = "ScheduledQueries/testQueryResult?exportQuery=SELECT%20Name%20FROM%20Sales";
    assert_eq!(deployment.get(ANA, by_api).await.status, 200);
    let refused = step(&mut browser, "preview", &[("text", BY_NAME)]).await;
    assert_eq!((refused.answer.status.as_u16(), refused.answer.header("retry-after")), (429, "30"));
    assert!(refused.fault().contains("2 previews a minute") && refused.answer.text().contains(BY_NAME));
    assert_eq!(browser.open(&format!("{QUERIES}/values?dataset=Sales&column=Name")).await.answer.status, 429);
    let mut manager = signed_in_as_operator(&deployment).await;
    let usage = format!("/console/tenants/{CONTOSO}/usage");
    assert_eq!(
        manager.open(&usage).await.answer.status,
        429,
        "a question of the page of usage is a preview, of the operator's organisation here"
    );
    let dataset = browser.open("/console/mpn/datasets?name=Sales").await;
    assert!(
        dataset.answer.status == 200
            && dataset.answer.text().contains("2 previews a minute")
            && dataset.answer.text().contains("SUM(Amount)")
    );
    assert_eq!(check(&mut browser, BY_NAME).await["diagnostics"], json!([]));
}

#[tokio::test]
async fn a_check_is_a_call() {
    let limits = LimitSettings { calls: 20, application_percent: 100, ..LimitSettings::default() };
    let deployment = Deployment::with(|settings| settings.limits = limits).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let proof = browser.proof().await;
    let body = Serializer::new(String::new()).extend_pairs([("csrf", proof.as_str()), ("text", BY_NAME)]).finish();
    let mut answered = 0;
    let refused = loop {
        let request = Request::post(format!("{QUERIES}/check")).header("content-type", "application/x-www-form-urlencoded");
        let shown = browser.send(request, Body::from(body.clone())).await;
        if shown.answer.status != 200 {
            break shown;
        }
        answered += 1;
    };
    // The start page, from which the proof is, took some of the calls.
    assert!((10..20).contains(&answered), "{answered}");
    assert_eq!((refused.answer.status.as_u16(), refused.answer.header("retry-after")), (429, "3"));
    assert_eq!(browser.open(QUERIES).await.answer.status, 429, "one place for all");
    let start = browser.open("/").await;
    assert!(start.answer.status == 200 && start.title() == "Everything is ready", "what no call is needed for is there");
}

#[tokio::test]
async fn only_the_editor_loads_its_script_and_the_first_page_is_small() {
    let deployment = Deployment::new().await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let first = browser.open("/").await.answer.text();
    let mut bytes = first.len();
    for file in ["/console/style.css", PAGE_SCRIPT, PAGE_STYLE] {
        assert!(first.contains(file), "{file}");
        let compressed = Request::get(file).header("accept-encoding", "gzip");
        bytes += browser.send(compressed, Body::empty()).await.answer.body.len();
    }
    assert_eq!(first.matches("<script").count() + first.matches("rel=\"stylesheet\"").count(), 3);
    assert!(bytes < 100_000, "{bytes}");
    for page in ["/", "/console/mpn/datasets", "/console/mpn/datasets?name=Sales"] {
        let text = browser.open(page).await.answer.text();
        assert!(!text.contains(EDITOR_SCRIPT) && !text.contains(CHART_SCRIPT), "{page}");
    }
    assert!(browser.open(QUERIES).await.answer.text().contains(EDITOR_SCRIPT));
}
