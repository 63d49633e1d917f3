//! Reports in the console: from the form to the file, and what is done to a report and its runs.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use chrono::TimeDelta;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use serde_json::json;
use tower::ServiceExt as _;

use super::signed_in;
use crate::tests::harness::browser::{Browser, Shown, attribute};
use crate::tests::harness::receiver::{Receiver, allow_loopback};
use crate::tests::harness::*;
use crate::{Intake, telemetry_router};

const REPORTS: &str = "/console/mpn/reports";
const NAME: &str = "Umsätze <b>\u{202e}";
/// As a page shows it: the mark of direction is seen, and does nothing.
const NAME_SHOWN: &str = "Umsätze <b>\u{fffd}";

/// The addresses of the page's links to files.
fn downloads(page: &Shown) -> Vec<String> {
    let text = page.answer.text();
    let links = text.split("<a ").filter(|link| link.contains(" download=\""));
    links.map(|link| attribute(link, "href").unwrap()).collect()
}

/// Sends the form that creates a report; returns what was shown.
async fn create(browser: &mut Browser<'_>, typed: &[(&str, &str)]) -> Shown {
    let form = browser.open(&format!("{REPORTS}/new")).await;
    browser.submit_to(&form, REPORTS, typed).await
}

/// The page of the report that was just created.
async fn created(browser: &mut Browser<'_>, typed: &[(&str, &str)]) -> String {
    let done = create(browser, typed).await;
    assert_eq!(done.answer.status, 303, "{}", done.answer.text());
    done.answer.header("location").split('?').next().unwrap().to_owned()
}

/// The times of the list of the next ones.
fn times(page: &Shown) -> Vec<String> {
    let text = page.answer.text();
    let list = text.split("<ol>").nth(1).map(|list| list.split("</ol>").next().unwrap().to_owned()).unwrap_or_default();
    list.split("<li>").skip(1).map(|time| attribute(time, "datetime").unwrap()).collect()
}

#[tokio::test]
async fn a_person_gets_a_workbook_by_a_form_and_a_link() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let start = browser.open("/").await;
    assert!(start.answer.text().contains("You have no report yet"), "{}", start.answer.text());
    assert!(browser.open(REPORTS).await.answer.text().contains("There is no report yet"));
    let form = browser.open(&format!("{REPORTS}/new?query={query}")).await;
    // What most people want is chosen already: the query, its name, a workbook, at once.
    let text = form.answer.text();
    for chosen in
        [format!("value=\"{query}\" selected"), "value=\"xlsx\" selected".into(), "value=\"once\" checked".into(), "value=\"query\"".into()]
    {
        assert!(text.contains(&chosen), "{chosen}: {text}");
    }
    let typed = [("query", query.as_str()), ("name", NAME), ("format", "xlsx"), ("when", "once"), ("step", "create")];
    let done = browser.submit_to(&form, REPORTS, &typed).await;
    assert_eq!(done.answer.status, 303, "{}", done.answer.text());
    let address = done.answer.header("location").to_owned();
    let waiting = browser.open(&address).await;
    assert_eq!(waiting.title(), NAME_SHOWN);
    assert!(!waiting.answer.text().contains("<b>\u{202e}") && waiting.answer.text().contains("The report was created."));
    assert!(waiting.answer.text().contains(" hx-trigger=\"every 2s\"") && waiting.answer.text().contains("Waits for its turn"));
    assert_eq!(deployment.work().await, 1);
    let page = browser.open(&address).await;
    assert!(!page.answer.text().contains("hx-trigger"), "nothing changes any more");
    let file = deployment.fetch(&downloads(&page)[0], &[]).await;
    assert!(file.status == 200 && file.body.starts_with(b"PK"));
    // The list and the start page have it too.
    let list = browser.open(REPORTS).await;
    for shown in ["&#60;b&#62;", "completed", "xlsx", "2026-11-22T12:00:00Z"] {
        assert!(list.answer.text().contains(shown), "{shown}: {}", list.answer.text());
    }
    let start = browser.open("/").await;
    assert_eq!(downloads(&start).len(), 1);
    assert_eq!(deployment.fetch(&downloads(&start)[0], &[]).await.body, file.body);
    assert!(!start.answer.text().contains("You have no report yet"));
}

/// Each page of a report leads back to what it belongs to, in the same place and by the same names.
#[tokio::test]
async fn the_pages_of_a_report_lead_back() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let once = [("query", query.as_str()), ("name", "Sales <all>"), ("format", "csv"), ("when", "once"), ("step", "create")];
    let report = created(&mut browser, &once).await;
    let daily = [("when", "schedule"), ("start", "2026-11-23T06:00"), ("interval", "24")];
    let schedule = created(&mut browser, &[&once[..3], &daily, &once[4..]].concat()).await;
    deployment.work().await;
    let page = browser.open(&report).await.answer.text();
    let execution = attribute(page.split("<a id=\"details-").nth(1).unwrap(), "href").unwrap();
    let list = format!("<a href=\"{REPORTS}\">Reports</a>");
    let below = |report: &str| format!("{list} › <a href=\"{report}\">Sales &#60;all&#62;</a>");
    for (address, way) in [
        (format!("{REPORTS}/new"), list.clone()),
        (report.clone(), list.clone()),
        (execution, below(&report)),
        (format!("{schedule}/change"), below(&schedule)),
    ] {
        let text = browser.open(&address).await.answer.text();
        assert!(text.contains(&format!("<p class=\"small\">{way}</p>\n")), "{address}: {text}");
    }
    // What a question is about is behind its second button.
    let asked = browser.open(&format!("{schedule}/remove")).await.answer.text();
    assert!(asked.contains(&format!("href=\"{schedule}\">Keep it</a>")), "{asked}");
}

#[tokio::test]
async fn what_a_report_reads_is_told_with_times_that_stay_whole() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    for (fields, told) in [
        (json!({"QueryStartTime": "2026-10-01T00:00:00Z"}), ("2026-10-01", "the end of the query")),
        (json!({"QueryEndTime": "2026-11-01T00:00:00Z"}), ("the begin of the query", "2026-11-01")),
        (json!({"QueryStartTime": "2026-10-01T00:00:00Z", "QueryEndTime": "2026-11-01T00:00:00Z"}), ("2026-10-01", "2026-11-01")),
    ] {
        let mut report = json!({"ReportName": "Of a time", "ExecuteNow": true});
        report.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let report = deployment.create_report(ANA, &query, report).await;
        let text = browser.open(&format!("{REPORTS}/{report}")).await.answer.text();
        let reads = text.split("<dt>Reads</dt><dd>").nth(1).unwrap_or_else(|| panic!("{text}")).split("</dd>").next().unwrap();
        let shown = |told: &str| {
            if told.starts_with("the") { told.to_owned() } else { format!("<time datetime=\"{told}T00:00:00Z\" data-local>{told}") }
        };
        assert!(reads.starts_with(&shown(told.0)) && reads.split(" to ").nth(1).unwrap().starts_with(&shown(told.1)), "{reads}");
    }
}

#[tokio::test]
async fn a_schedule_is_looked_at_created_paused_changed_and_removed() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let typed = |step, interval, count| {
        [
            ("query", query.as_str()),
            ("name", "Weekly"),
            ("format", "csv"),
            ("when", "schedule"),
            ("start", "2026-11-23T06:00"),
            ("interval", interval),
            ("count", count),
            ("step", step),
        ]
    };
    let looked = create(&mut browser, &typed("preview", "24", "3")).await;
    assert_eq!(times(&looked), ["2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z", "2026-11-25T06:00:00Z"]);
    assert!(looked.answer.text().contains("value=\"2026-11-23T06:00\"") && looked.answer.text().contains("value=\"schedule\" checked"));
    assert!(browser.open(REPORTS).await.answer.text().contains("There is no report yet"), "a look creates nothing");
    for (interval, fault) in [("3", "Recurrence Interval must be between 4 and 2160"), ("x", "RecurrenceInterval should be a whole number")]
    {
        for step in ["preview", "create"] {
            let again = create(&mut browser, &typed(step, interval, "")).await;
            assert_eq!(again.answer.status, 400);
            assert!(again.fault().contains(fault) && again.answer.text().contains("value=\"Weekly\""), "{}", again.fault());
        }
    }
    let address = created(&mut browser, &typed("create", "24", "")).await;
    let page = browser.open(&address).await;
    assert_eq!(times(&page).len(), 5);
    assert!(browser.open("/").await.answer.text().contains("Due next"));
    let paused = browser.submit_to(&page, "/pause", &[]).await;
    let page = browser.open(paused.answer.header("location")).await;
    assert!(page.answer.text().contains("badge warn\">paused") && page.answer.text().contains("If it is resumed now"));
    assert!(!browser.open("/").await.answer.text().contains("Due next"));
    let resumed = browser.submit_to(&page, "/resume", &[]).await;
    assert!(browser.open(resumed.answer.header("location")).await.answer.text().contains("badge good\">active"));
    // A change is looked at before too.
    let form = browser.open(&format!("{address}/change")).await;
    let change = |step| [("name", "Monthly"), ("format", "xlsx"), ("start", "2026-11-23T06:00"), ("interval", "720"), ("step", step)];
    let looked = browser.submit_to(&form, "/change", &change("preview")).await;
    assert_eq!(times(&looked)[1], "2026-12-23T06:00:00Z");
    assert!(browser.open(&address).await.title() == "Weekly");
    let changed = browser.submit_to(&form, "/change", &change("change")).await;
    assert_eq!(browser.open(changed.answer.header("location")).await.title(), "Monthly");
    let again = browser.submit_to(&form, "/change", &[("name", "a;b"), ("interval", "720"), ("step", "change")]).await;
    assert_eq!((again.answer.status.as_u16(), again.fault().contains("Invalid character (;)")), (400, true));
    // An added report runs now, and the schedule stays.
    let page = browser.open(&address).await;
    let run = browser.submit_to(&page, "/run", &[]).await;
    assert_eq!(deployment.work().await, 1);
    let once = browser.open(run.answer.header("location")).await;
    assert_eq!((once.title().as_str(), downloads(&once).len()), ("Monthly-run", 1));
    let again = browser.submit_to(&once, "/run", &[]).await;
    assert_eq!(browser.open(again.answer.header("location")).await.title(), "Monthly-run", "the run of a run has its name");
    // Removing asks first.
    let asked = browser.open(&format!("{address}/remove")).await;
    assert!(asked.answer.text().contains("nobody can bring them back"));
    assert_eq!(browser.open(&address).await.answer.status, 200);
    let removed = browser.submit_to(&asked, "/remove", &[]).await;
    assert!(browser.open(removed.answer.header("location")).await.answer.text().contains("were removed"));
    assert_eq!(browser.open(&address).await.answer.status, 404);
}

#[tokio::test]
async fn a_schedule_of_the_marketplace_ends_by_its_count_or_its_time() {
    let deployment = Deployment::new().await;
    let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &manager).await.unwrap();
    let reports = "/console/cmp/reports";
    let query =
        deployment.call_program(ANA, "cmp", Method::POST, "ScheduledQueries", json!({"Name": "q", "Query": "SELECT Name FROM Orders"}));
    let query = query.await.ok()[0]["queryId"].as_str().unwrap().to_owned();
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let form = browser.open(&format!("{reports}/new")).await;
    let typed = |end| {
        [
            ("query", query.as_str()),
            ("name", "Orders"),
            ("when", "schedule"),
            ("start", "2026-11-23T06:00"),
            ("interval", "24"),
            ("end", end),
            ("step", "preview"),
        ]
    };
    let again = browser.submit_to(&form, reports, &typed("")).await;
    assert!(again.fault().contains("RecurrenceCount or EndTime"), "{}", again.fault());
    let looked = browser.submit_to(&form, reports, &typed("2026-11-24T06:00")).await;
    assert_eq!(times(&looked), ["2026-11-23T06:00:00Z", "2026-11-24T06:00:00Z"]);
}

/// Asks for the list of executions as the page's script does.
async fn part(browser: &mut Browser<'_>, address: &str) -> Shown {
    browser.send(Request::get(format!("{address}/executions")).header("hx-request", "true"), Body::empty()).await
}

#[tokio::test]
async fn a_script_asks_for_the_list_alone_while_something_runs() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let address = format!("{REPORTS}/{report}");
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let waiting = part(&mut browser, &address).await.answer.text();
    assert!(!waiting.contains("<html") && waiting.contains("hx-trigger=\"every 2s\"") && waiting.contains("pending"), "{waiting}");
    assert_eq!(deployment.work().await, 1);
    let over = part(&mut browser, &address).await.answer.text();
    assert!(!over.contains("hx-trigger") && over.contains("completed"), "{over}");
    // The report's own state, elsewhere on the page, comes with it.
    assert!(over.contains("id=\"report-status\" hx-swap-oob=\"true\""), "{over}");
    // Without the script there is only the whole page.
    let whole = browser.open(&format!("{address}/executions")).await;
    assert_eq!((whole.answer.status.as_u16(), whole.answer.header("location")), (303, address.as_str()));
    // Nobody sees another's report, in whatever way.
    let mut ben = signed_in(&deployment, "ben@contoso.example").await;
    assert_eq!(part(&mut ben, &address).await.answer.status, 404);
    let execution = deployment.executions(ANA, &report).await[0]["executionId"].as_str().unwrap().to_owned();
    for page in [address.clone(), format!("{address}/change"), format!("{address}/remove"), format!("{address}/executions/{execution}")] {
        assert_eq!(ben.open(&page).await.answer.status, 404, "{page}");
    }
    let own = browser.open(&format!("{address}/executions/{execution}")).await.answer.text();
    assert!(own.contains("SHA-256") && !own.contains("Callbacks</h2>"), "an owner sees no callbacks: {own}");
    let other = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    assert_eq!(browser.open(&format!("{REPORTS}/{other}/executions/{execution}")).await.answer.status, 404, "of another report");
}

#[tokio::test]
async fn a_run_is_cancelled_by_its_owner_and_tried_again_by_an_administrator() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let address = format!("{REPORTS}/{report}");
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let page = browser.open(&address).await;
    let cancelled = browser.submit_to(&page, "/cancel", &[]).await;
    let run = browser.open(cancelled.answer.header("location")).await;
    assert!(run.answer.text().contains("The run was cancelled by its owner."), "{}", run.answer.text());
    assert!(!run.answer.text().contains("Try again"), "the API lets no owner");
    // What is over cannot be cancelled, and the page says so.
    let again = browser.submit_to(&page, "/cancel", &[]).await;
    assert_eq!((again.answer.status.as_u16(), again.fault().contains("The run is over")), (409, true));
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    let page = browser.open(&address).await;
    browser.submit_to(&page, "/retry", &[]).await;
    assert_eq!(deployment.work().await, 1);
    assert_eq!(downloads(&browser.open(&address).await).len(), 1);
}

#[tokio::test]
async fn an_administrator_sees_the_callbacks_of_a_run_and_replays_one() {
    let (deployment, receiver) = (Deployment::with(allow_loopback).await, Receiver::start().await);
    let admin = RoleAssignment { role: Role::GlobalAdmin, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &admin).await.unwrap();
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let url = format!("{}/done?key=secret", receiver.url);
    let typed =
        [("query", query.as_str()), ("name", "told"), ("when", "once"), ("callback_url", url.as_str()), ("callback_method", "POST")];
    let address = created(&mut browser, &typed).await;
    assert_eq!((deployment.work().await, deployment.deliver().await), (1, 1));
    let report = address.rsplit('/').next().unwrap().to_owned();
    let execution = deployment.executions(ANA, &report).await[0]["executionId"].as_str().unwrap().to_owned();
    let run = browser.open(&format!("{address}/executions/{execution}")).await;
    assert!(run.answer.text().contains(">delivered<") && run.answer.text().contains(">204<"), "{}", run.answer.text());
    assert!(!run.answer.text().contains("secret"), "the receiver's key stays hidden");
    browser.submit_to(&run, "/replay", &[]).await;
    assert_eq!(deployment.deliver().await, 1);
    assert_eq!(receiver.take().len(), 2);
}

#[tokio::test]
async fn the_list_of_runs_has_pages_and_the_newest_run_comes_first() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    for _ in 0..27 {
        deployment.advance(TimeDelta::hours(4));
        assert_eq!(deployment.work().await, 1);
    }
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let first = browser.open(&format!("{REPORTS}/{report}")).await;
    assert!(first.answer.text().contains("27 in all"));
    let mut files = downloads(&first);
    assert_eq!(files.len(), 25);
    let older = first.answer.text().split("id=\"older\" ").nth(1).and_then(|link| attribute(link, "href")).unwrap();
    let second = browser.open(&older).await;
    files.extend(downloads(&second));
    files.sort();
    files.dedup();
    assert!(files.len() == 27 && !second.answer.text().contains("id=\"older\""));
    assert_eq!(browser.open(&format!("{REPORTS}/{report}?after=x")).await.answer.status, 400);
}

/// The statements that the database was sent so far.
async fn statements(deployment: &Deployment) -> f64 {
    let telemetry = telemetry_router(Arc::clone(&deployment.context), Arc::new(Intake::new(1, 1)));
    let response = telemetry.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    let text = String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap();
    let counts = text.lines().filter(|line| line.contains("database_statement_seconds_count"));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[tokio::test]
async fn the_start_page_asks_no_more_of_the_database_where_there_are_more_reports() {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut browser = signed_in(&deployment, "ana@contoso.example").await;
    let mut asked = Vec::new();
    for reports in [6, 30] {
        for _ in 0..reports {
            deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
            deployment.create_report(ANA, &query, every_four_hours(None)).await;
        }
        assert_eq!(deployment.work().await, reports);
        browser.open("/").await;
        let before = statements(&deployment).await;
        let start = browser.open("/").await;
        asked.push(statements(&deployment).await - before);
        let text = start.answer.text();
        assert_eq!((downloads(&start).len(), text.split("Due next").nth(1).unwrap().matches("<li class=\"card\">").count()), (5, 3));
    }
    assert!(asked[0] == asked[1] && (1.0..=8.0).contains(&asked[1]), "{asked:?}");
}
