//! v1.1 of the marketplace, in which schedules end. v1.0 of the same deployment and the partner program behave as before.

use axum::body::Body;
use axum::http::{Method, Request, header};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::tests::harness::*;

const PREFIX: &str = "Invalid report parameters for creation - ";
const ADDED: [&str; 3] = ["totalRecurrenceCount", "endTime", "nextExecutionStartTime"];

/// `version` is the version of an API, such as `v1.1/cmp`.
async fn call(deployment: &Deployment, version: &str, method: Method, path: &str, body: Value) -> Answer {
    let who = if version.ends_with("cmp") { ALONE } else { ANA };
    let request = Request::builder()
        .method(method)
        .uri(format!("/insights/{version}/{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", deployment.token(who)));
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    deployment.send(request.body(body).unwrap()).await
}

async fn new(deployment: &Deployment, method: Method, path: &str, body: Value) -> Answer {
    call(deployment, "v1.1/cmp", method, path, body).await
}

async fn query(deployment: &Deployment, version: &str) -> String {
    let dataset = if version.ends_with("cmp") { "Orders" } else { "Sales" };
    let body = json!({"Name": "n", "Query": format!("SELECT Name FROM {dataset}")});
    let made = call(deployment, version, Method::POST, "ScheduledQueries", body).await.ok().remove(0);
    made["queryId"].as_str().unwrap().to_owned()
}

async fn create(deployment: &Deployment, version: &str, query: &str, fields: Value) -> Value {
    call(deployment, version, Method::POST, "ScheduledReport", report_body(query, fields)).await.ok().remove(0)
}

async fn shown(deployment: &Deployment, version: &str, id: &str) -> Value {
    call(deployment, version, Method::GET, &format!("ScheduledReport?reportId={id}"), Value::Null).await.ok().remove(0)
}

fn id(report: &Value) -> String {
    report["reportId"].as_str().unwrap().to_owned()
}

fn counts(shown: &Value) -> [Value; 4] {
    ["recurrenceCount", "totalRecurrenceCount", "endTime", "nextExecutionStartTime"].map(|name| shown[name].clone())
}

#[tokio::test]
async fn a_schedule_names_a_count_or_an_end() {
    let deployment = Deployment::new().await;
    let query = query(&deployment, "v1.1/cmp").await;
    let good = report_body(&query, with(every_four_hours(None), json!({"EndTime": "2026-11-23T00:00:00Z"})));
    for (change, message) in [
        (json!({"EndTime": null}), "Null or missing value: RecurrenceCount or EndTime".to_owned()),
        (json!({"EndTime": "  "}), "Null or missing value: RecurrenceCount or EndTime".into()),
        (json!({"EndTime": "nonsense"}), format!("{PREFIX}EndTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (json!({"EndTime": 5}), "EndTime should be a string, but is the number 5.".into()),
        (json!({"EndTime": "2026-11-22T16:00:00Z"}), format!("{PREFIX}EndTime should be greater than StartTime")),
        (json!({"RecurrenceCount": 0}), format!("{PREFIX}Recurrence count has to be a positive integer value")),
    ] {
        let refused = new(&deployment, Method::POST, "ScheduledReport", with(good.clone(), change.clone())).await.refused(400);
        assert_eq!(refused, message, "{change}");
    }
    new(&deployment, Method::POST, "ScheduledReport", good.clone()).await.ok();
    // In other versions an end is an unknown field, and a schedule needs none.
    for version in ["v1/cmp", "v1/mpn", "v1.1/mpn"] {
        let query = self::query(&deployment, version).await;
        for end in [json!("nonsense"), json!(5), json!("2026-11-22T16:00:00Z"), Value::Null] {
            let report = create(&deployment, version, &query, with(every_four_hours(None), json!({"EndTime": end}))).await;
            assert_eq!((&report["recurrenceCount"], &report["reportStatus"]), (&Value::Null, &json!("Active")));
            assert!(ADDED.iter().all(|name| report.get(*name).is_none()), "{report}");
        }
    }
}

#[tokio::test]
async fn the_count_goes_down_and_the_next_start_is_shown() {
    let deployment = Deployment::new().await;
    let query = query(&deployment, "v1.1/cmp").await;
    let report = create(&deployment, "v1.1/cmp", &query, every_four_hours(Some(2))).await;
    assert_eq!(counts(&report), [json!(2), json!(2), Value::Null, json!("2026-11-22T16:00:00Z")]);
    let id = id(&report);
    for (left, next, status) in [(1, json!("2026-11-22T20:00:00Z"), "Active"), (0, Value::Null, "Inactive")] {
        deployment.advance(TimeDelta::hours(4));
        assert_eq!(deployment.work().await, 1);
        let report = shown(&deployment, "v1.1/cmp", &id).await;
        assert_eq!(counts(&report), [json!(left), json!(2), Value::Null, next]);
        assert_eq!(report["reportStatus"], status);
        let execution = new(&deployment, Method::GET, &format!("ScheduledReport/execution/{id}"), Value::Null).await.ok().remove(0);
        assert_eq!(counts(&execution), counts(&report), "an execution shows the same");
        // In v1.0 the count is unchanged, and there are no further fields.
        for old in [
            shown(&deployment, "v1/cmp", &id).await,
            call(&deployment, "v1/cmp", Method::GET, &format!("ScheduledReport/execution/{id}"), Value::Null).await.ok().remove(0),
        ] {
            assert_eq!(old["recurrenceCount"], 2);
            assert!(ADDED.iter().all(|name| old.get(*name).is_none()), "{old}");
        }
    }
    let once = create(&deployment, "v1.1/cmp", &query, json!({"ExecuteNow": true, "EndTime": "ignored"})).await;
    assert_eq!(counts(&once), [json!(1), json!(1), Value::Null, Value::Null]);
    deployment.work().await;
    assert_eq!(counts(&shown(&deployment, "v1.1/cmp", &self::id(&once)).await)[0], 0);
}

/// Each case has the count, the end in hours after the start, and the number of executions.
#[tokio::test]
async fn a_report_ends_at_its_end_or_count_whichever_comes_first() {
    for (count, end, executions) in [(None, 8, 3), (None, 7, 2), (None, 1, 1), (Some(2), 80, 2), (Some(9), 8, 3)] {
        let deployment = Deployment::new().await;
        let query = query(&deployment, "v1.1/cmp").await;
        let ends = insightgate_report::instant::format(deployment.now() + TimeDelta::hours(4 + end));
        let report = create(&deployment, "v1.1/cmp", &query, with(every_four_hours(count), json!({"EndTime": ends}))).await;
        assert_eq!((&report["recurrenceCount"], &report["endTime"]), (&json!(executions), &json!(ends)), "{count:?} {end}");
        let mut ran = 0;
        for _ in 0..40 {
            deployment.advance(TimeDelta::hours(1));
            ran += deployment.work().await;
        }
        let after = shown(&deployment, "v1.1/cmp", &id(&report)).await;
        assert_eq!((ran, &after["reportStatus"]), (executions, &json!("Inactive")), "{count:?} {end}");
        assert_eq!(counts(&after), [json!(0), json!(count), json!(ends), Value::Null]);
    }
}

#[tokio::test]
async fn an_update_takes_the_end_and_the_callback_method() {
    let deployment = Deployment::new().await;
    let query = query(&deployment, "v1.1/cmp").await;
    let fields = json!({"EndTime": "2026-11-23T00:00:00Z", "CallbackUrl": "https://example.org/a"});
    let report = create(&deployment, "v1.1/cmp", &query, with(every_four_hours(None), fields)).await;
    assert_eq!((&report["recurrenceCount"], &report["callbackMethod"]), (&json!(3), &json!("POST")));
    let path = format!("ScheduledReport/{}", id(&report));
    let change = async |body: Value| new(&deployment, Method::PUT, &path, body).await;
    assert_eq!(
        change(json!({"endTime": "nonsense"})).await.refused(400),
        format!("{PREFIX}EndTime should follow format: yyyy-MM-ddTHH:mm:ssZ")
    );
    let early = change(json!({"EndTime": "2026-11-22T15:00:00Z"})).await.refused(400);
    assert_eq!(early, format!("{PREFIX}EndTime should be greater than StartTime"));
    let changed = change(json!({"EndTime": "2026-11-22T17:00:00Z", "CallbackMethod": "get"})).await.ok().remove(0);
    assert_eq!((&changed["recurrenceCount"], &changed["callbackMethod"]), (&json!(1), &json!("GET")));
    // A request may contain only some fields: the others are unchanged.
    let renamed = change(json!({"ReportName": "n"})).await.ok().remove(0);
    assert_eq!(counts(&renamed), counts(&changed));
    deployment.advance(TimeDelta::hours(4));
    assert_eq!(deployment.work().await, 1);
    assert_eq!(shown(&deployment, "v1.1/cmp", &id(&report)).await["reportStatus"], "Inactive");
    let longer = change(json!({"EndTime": "2026-11-23T00:00:00Z"})).await.ok().remove(0);
    assert_eq!((&longer["reportStatus"], &longer["recurrenceCount"]), (&json!("Active"), &json!(2)));
    // v1.0 neither shows the end nor changes it.
    let old = call(&deployment, "v1/cmp", Method::PUT, &path, json!({"EndTime": "2030-01-01T00:00:00Z"})).await.ok().remove(0);
    assert!(old.get("endTime").is_none());
    assert_eq!(shown(&deployment, "v1.1/cmp", &id(&report)).await["endTime"], "2026-11-23T00:00:00Z");
}

#[tokio::test]
async fn several_reports_are_asked_for_by_their_ids() {
    let deployment = Deployment::new().await;
    let query = query(&deployment, "v1.1/cmp").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(id(&create(&deployment, "v1.1/cmp", &query, every_four_hours(Some(2))).await));
    }
    let foreign = deployment.create_report(ANA, &deployment.create_query(ANA, ALL_SALES).await, every_four_hours(None)).await;
    let listed = async |version: &str, filter: &str| {
        let answer = call(&deployment, version, Method::GET, &format!("ScheduledReport?{filter}"), Value::Null).await;
        let reports = if answer.status == 404 { Vec::new() } else { answer.ok() };
        reports.iter().map(id).collect::<Vec<_>>()
    };
    assert_eq!(listed("v1.1/cmp", "").await, ids, "in the order in which they were made");
    assert_eq!(listed("v1.1/cmp", &format!("reportId={}", ids[1])).await, ids[1..2]);
    assert_eq!(
        listed("v1.1/cmp", &format!("reportId={};nonsense;{foreign}%3B{}", ids[2], ids[0].to_uppercase())).await,
        [&*ids[0], &ids[2]]
    );
    assert_eq!(listed("v1.1/cmp", &format!("reportId={};{}&reportName=other", ids[2], ids[0])).await, [""; 0]);
    for filter in [format!("reportId={foreign}"), "reportId=nonsense;more".into()] {
        assert_eq!(listed("v1.1/cmp", &filter).await, [""; 0], "{filter}");
    }
    // An empty list of ids filters nothing.
    assert_eq!(listed("v1.1/cmp", "reportId=;").await, ids);
    for version in ["v1/cmp", "v1/mpn", "v1.1/mpn"] {
        assert_eq!(listed(version, &format!("reportId={};{}", ids[0], ids[1])).await, [""; 0], "{version}");
    }
}

#[tokio::test]
async fn a_deployment_may_have_a_largest_count() {
    let deployment = Deployment::with(|settings| settings.report_rules.most_runs = [(4, 10), (24, 5)].into()).await;
    for (version, refused) in [("v1.1/cmp", true), ("v1/cmp", false), ("v1/mpn", false)] {
        let query = query(&deployment, version).await;
        for (interval, count, most) in [(4, 10, None), (23, 11, Some(10)), (24, 5, None), (2160, 6, Some(5))] {
            let fields = with(every_four_hours(Some(count)), json!({"RecurrenceInterval": interval}));
            let answer = call(&deployment, version, Method::POST, "ScheduledReport", report_body(&query, fields)).await;
            match most.filter(|_| refused) {
                None => drop(answer.ok()),
                Some(most) => assert_eq!(
                    answer.refused(400),
                    format!("{PREFIX}Recurrence count can be at most {most} for a Recurrence Interval of {interval}")
                ),
            }
        }
    }
}

#[tokio::test]
async fn system_queries_are_listed_unless_they_are_declined() {
    let deployment = Deployment::new().await;
    let own = query(&deployment, "v1.1/cmp").await;
    for (parameters, system, users) in [
        ("", true, true),
        ("?includeSystemQueries=false", false, true),
        ("?includeOnlySystemQueries=true", true, false),
        ("?IncludeSystemQueries=False&includeOnlySystemQueries=false", false, true),
    ] {
        let listed = new(&deployment, Method::GET, &format!("ScheduledQueries{parameters}"), Value::Null).await.ok();
        assert_eq!(listed.iter().any(|query| query["type"] == "system"), system, "{parameters}");
        assert_eq!(listed.iter().any(|query| query["queryId"] == json!(own)), users, "{parameters}");
    }
}

/// Every dataset that the current documents list is there; one that they no longer list is kept.
#[tokio::test]
async fn the_current_datasets_are_served_and_an_older_one_stays() {
    let deployment = Deployment::new().await;
    for version in ["v1/cmp", "v1.1/cmp"] {
        let listed = call(&deployment, version, Method::GET, "ScheduledDataset", Value::Null).await.ok();
        for name in [
            "ISVOrder",
            "ISVUsage",
            "ISVCustomer",
            "ISVMarketplaceInsights",
            "ISVRevenue",
            "ISVOfferRetention",
            "ISVQualityOfService",
            "ISVLicense",
            "ISVOrderV2",
        ] {
            assert!(listed.iter().any(|dataset| dataset["datasetName"] == name), "{version} {name}");
        }
        let old = call(&deployment, version, Method::GET, "ScheduledDataset?datasetName=isvorderv2", Value::Null).await.ok();
        assert_eq!(old[0]["datasetName"], "ISVOrderV2");
    }
}
