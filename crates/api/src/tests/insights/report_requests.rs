//! The requests about reports, rule by rule: every form that is accepted, every refusal with its text, and what each change does to the schedule.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::role::{Locations, Role, RoleAssignment};
use insightgate_operations::executions::scheduler::queue_due;
use insightgate_operations::failure::Failure;
use insightgate_query::format::Format;
use insightgate_report::execution::Artifact;
use insightgate_store::{ClaimedExecution, Outcome};
use serde_json::{Map, Value, json};

use crate::envelope::Asked;
use crate::http::correlation::Correlation;
use crate::tests::harness::*;

const UNKNOWN: &str = "00000000-0000-0000-0000-00000000dead";

async fn create(deployment: &Deployment, body: Value) -> Answer {
    deployment.call(ANA, Method::POST, "ScheduledReport", body).await
}

async fn put(deployment: &Deployment, path: &str, body: Value) -> Answer {
    deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{path}"), body).await
}

async fn shown(deployment: &Deployment, report: &str) -> Value {
    deployment.get(ANA, &format!("ScheduledReport?reportId={report}")).await.ok().remove(0)
}

/// A deployment without quotas, since the tables create many reports.
async fn deployment() -> (Deployment, String) {
    let deployment = Deployment::with(|settings| settings.quotas = false).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    (deployment, query)
}

#[tokio::test]
async fn every_form_that_clients_send_is_taken() {
    let (deployment, query) = deployment().await;
    let (longest, crabs) = ("é".repeat(256), "🦀".repeat(256));
    let plain = report_body(&query, every_four_hours(None));
    let untouched = json!({
        "reportName": "report", "description": null, "queryId": query, "query": ALL_SALES, "user": "ana@contoso.example", "createdTime": NOW,
        "modifiedTime": null, "executeNow": false, "queryStartTime": null, "queryEndTime": null, "startTime": "2026-11-22T16:00:00Z",
        "reportStatus": "Active", "recurrenceInterval": 4, "recurrenceCount": null, "callbackUrl": null, "callbackMethod": null,
        "callbackOnFailure": null, "format": "csv",
    });
    let once = json!({"executeNow": true, "startTime": NOW, "recurrenceInterval": -1, "recurrenceCount": 1});
    let start = |text: &str| (json!({"StartTime": text}), json!({}));
    for (sent, changed) in [
        (json!({}), json!({})),
        // Null means the same as an absent field, and so does an empty text.
        (
            json!({"Description": null, "ExecuteNow": null, "QueryStartTime": null, "QueryEndTime": null, "RecurrenceCount": null, "Format": null,
                   "CallbackUrl": null, "CallbackMethod": null}),
            json!({}),
        ),
        (
            json!({"Description": " ", "Format": "", "CallbackUrl": "", "CallbackMethod": "", "RecurrenceCount": "", "ExecuteNow": ""}),
            json!({}),
        ),
        // Unknown fields are ignored: the vendor's sample has these two.
        (json!({"IsPublicInOrg": true, "ExecutionStatus": "string", "Nothing": {"ReportName": [1, 2]}}), json!({})),
        // Blanks around texts.
        (
            json!({"ReportName": "  a b \t", "QueryId": format!(" {query}\n"), "StartTime": " 2026-11-22T16:00:00Z ", "Description": " d "}),
            json!({"reportName": "a b", "description": "d"}),
        ),
        (json!({"QueryId": query.to_uppercase()}), json!({})),
        (
            json!({"Format": " TSV ", "CallbackUrl": " https://example.org/a?b=c ", "CallbackMethod": " Get "}),
            json!({"format": "tsv", "callbackUrl": "https://example.org/a?b=c", "callbackMethod": "GET", "callbackOnFailure": false}),
        ),
        // POST is the default.
        (
            json!({"CallbackUrl": "http://example.org"}),
            json!({"callbackUrl": "http://example.org", "callbackMethod": "POST", "callbackOnFailure": false}),
        ),
        // Lengths are counted in characters.
        (json!({"ReportName": longest}), json!({"reportName": longest})),
        (json!({"ReportName": crabs, "Description": crabs}), json!({"reportName": crabs, "description": crabs})),
        (json!({"Description": "a;b"}), json!({"description": "a;b"})),
        // Times.
        start("2026-11-22 16:00:00Z"),
        start("2026-11-22t16:00:00z"),
        start("2026-11-22T16:00:00.9999999Z"),
        (json!({"StartTime": "9999-12-31T23:59:59Z"}), json!({"startTime": "9999-12-31T23:59:59Z"})),
        // Numbers.
        (
            json!({"RecurrenceInterval": 2160, "RecurrenceCount": 4_294_967_295_u64}),
            json!({"recurrenceInterval": 2160, "recurrenceCount": 4_294_967_295_u64}),
        ),
        (json!({"RecurrenceInterval": " 24 ", "RecurrenceCount": "1"}), json!({"recurrenceInterval": 24, "recurrenceCount": 1})),
        (json!({"RecurrenceInterval": 24.0, "RecurrenceCount": 2e0}), json!({"recurrenceInterval": 24, "recurrenceCount": 2})),
        // A period is only used with ExecuteNow, and otherwise not even parsed.
        (json!({"QueryStartTime": "2026-02-01T00:00:00Z", "QueryEndTime": "2026-01-01T00:00:00Z"}), json!({})),
        (json!({"ExecuteNow": "False", "QueryStartTime": "nonsense", "QueryEndTime": "string"}), json!({})),
        (json!({"ExecuteNow": 0.to_string()}), json!({})),
        // ExecuteNow: one execution, at once, whatever the schedule says.
        (json!({"ExecuteNow": true}), once.clone()),
        (json!({"ExecuteNow": "TRUE", "StartTime": "nonsense", "RecurrenceInterval": 0, "RecurrenceCount": -5}), once.clone()),
        (json!({"ExecuteNow": " true ", "StartTime": null, "RecurrenceInterval": null}), once.clone()),
        (
            json!({"ExecuteNow": true, "QueryStartTime": "2026-01-01 00:00:00Z", "QueryEndTime": "2026-02-01T00:00:00.5Z"}),
            with(once.clone(), json!({"queryStartTime": "2026-01-01T00:00:00Z", "queryEndTime": "2026-02-01T00:00:00Z"})),
        ),
        (
            json!({"ExecuteNow": true, "QueryStartTime": "2026-01-01T00:00:00Z"}),
            with(once.clone(), json!({"queryStartTime": "2026-01-01T00:00:00Z"})),
        ),
        (json!({"ExecuteNow": true, "QueryEndTime": "2026-01-01T00:00:00Z"}), with(once, json!({"queryEndTime": "2026-01-01T00:00:00Z"}))),
    ] {
        let made = create(&deployment, with(plain.clone(), sent.clone())).await;
        assert_eq!(made.envelope()["message"], "Report created successfully");
        let mut report = made.ok().remove(0);
        let id = report.as_object_mut().unwrap().remove("reportId").unwrap();
        assert_eq!(report, with(untouched.clone(), changed), "{sent}");
        assert_eq!(shown(&deployment, id.as_str().unwrap()).await, with(report, json!({"reportId": id})), "{sent}");
    }
    // Names of fields are case-insensitive.
    for spell in [str::to_lowercase, str::to_uppercase, |name: &str| name[..1].to_lowercase() + &name[1..]] {
        let fields = with(
            plain.clone(),
            json!({"Description": "d", "Format": "tsv", "CallbackUrl": "https://example.org", "CallbackMethod": "GET"}),
        );
        let spelled: Map<_, _> = fields.as_object().unwrap().iter().map(|(name, value)| (spell(name), value.clone())).collect();
        let report = create(&deployment, Value::Object(spelled)).await.ok().remove(0);
        for (name, value) in [("reportName", "report"), ("description", "d"), ("format", "tsv"), ("callbackMethod", "GET")] {
            assert_eq!(report[name], value);
        }
    }
}

/// Both requests with fields, in both programs, name the field whose value has the wrong type.
#[tokio::test]
async fn a_wrong_kind_of_value_names_its_field() {
    let (deployment, query) = deployment().await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let texts =
        ["ReportName", "Description", "QueryId", "StartTime", "QueryStartTime", "QueryEndTime", "Format", "CallbackUrl", "CallbackMethod"];
    let mut cases = Vec::new();
    for name in texts {
        for (value, told) in
            [(json!(1), "the number 1"), (json!(true), "a truth value"), (json!([]), "an array"), (json!({"a": 1}), "an object")]
        {
            cases.push((name, value, format!("{name} should be a string, but is {told}.")));
        }
    }
    for name in ["RecurrenceInterval", "RecurrenceCount"] {
        for (value, told) in [
            (json!("string"), "'string'"),
            (json!("4.5"), "'4.5'"),
            (json!(4.5), "the number 4.5"),
            (json!(1e300), &format!("the number {}", 1e300)),
            (json!(u64::MAX), "the number 18446744073709552000"),
            (json!("99999999999999999999"), "'99999999999999999999'"),
            (json!(false), "a truth value"),
            (json!([4]), "an array"),
        ] {
            cases.push((name, value, format!("{name} should be a whole number, but is {told}.")));
        }
    }
    for (value, told) in [(json!("string"), "'string'"), (json!(1), "the number 1"), (json!([true]), "an array"), (json!("yes"), "'yes'")] {
        cases.push(("ExecuteNow", value, format!("ExecuteNow should be true or false, but is {told}.")));
    }
    for (name, value, message) in cases {
        for spelled in [name.to_owned(), name.to_uppercase()] {
            let mut fields = report_body(&query, every_four_hours(None));
            fields.as_object_mut().unwrap().remove(name);
            let fields = with(fields, json!({spelled: value}));
            assert_eq!(create(&deployment, fields.clone()).await.refused(400), message, "{value}");
            assert_eq!(put(&deployment, &report, fields).await.refused(400), message, "{value}");
        }
    }
    let long = "x".repeat(10_000);
    let told = create(&deployment, json!({"ExecuteNow": long})).await.refused(400);
    assert_eq!(told, format!("ExecuteNow should be true or false, but is '{}'.", &long[..64]), "as much of it as helps");
    assert_eq!(deployment.get(ANA, "ScheduledReport").await.ok().len(), 1);
}

#[tokio::test]
async fn an_update_is_refused_in_the_words_of_a_create() {
    let (deployment, query) = deployment().await;
    let report = deployment.create_report(ANA, &query, every_four_hours(Some(2))).await;
    let before = shown(&deployment, &report).await;
    deployment.advance(TimeDelta::hours(1));
    let prefix = "Invalid report parameters for creation - ";
    for (fields, message) in [
        (json!({"ReportName": "a;b"}), format!("{prefix}Invalid character (;) in ReportName")),
        (json!({"ReportName": "é".repeat(257)}), format!("{prefix}Limit ReportName and Description length to 256 characters or less")),
        (json!({"Description": "é".repeat(257)}), format!("{prefix}Limit ReportName and Description length to 256 characters or less")),
        (
            json!({"StartTime": "2026-11-22T16:59:59Z"}),
            format!("{prefix}Start time of report should at least be 4 hours from current UTC time"),
        ),
        (json!({"StartTime": "2026-11-22T17:00:00"}), format!("{prefix}StartTime should follow format: yyyy-MM-ddTHH:mm:ssZ")),
        (json!({"RecurrenceInterval": 3}), "Recurrence Interval must be between 4 and 2160".to_owned()),
        (json!({"RecurrenceInterval": 2161}), "Recurrence Interval must be between 4 and 2160".to_owned()),
        (json!({"RecurrenceCount": 0}), format!("{prefix}Recurrence count has to be a positive integer value")),
        (json!({"Format": "strings"}), format!("{prefix}Report format should be csv/tsv")),
        (json!({"CallbackMethod": "PUT"}), format!("{prefix}CallbackMethod can only be GET or POST")),
        (
            json!({"CallbackUrl": "strings"}),
            format!("{prefix}CallbackUrl should be an absolute http or https address of at most 2048 characters"),
        ),
        // Placeholders from the documents' examples that a client did not replace.
        (json!({"Format": "string"}), "Requested value 'string' not found".to_owned()),
        (json!({"CallbackMethod": "String"}), "Requested value 'String' not found".to_owned()),
        (json!({"CallbackUrl": "string"}), "Requested value 'string' not found".to_owned()),
        (
            json!({"Format": "pdf", "RecurrenceInterval": 1}),
            format!("Recurrence Interval must be between 4 and 2160; {prefix}Report format should be csv/tsv"),
        ),
    ] {
        assert_eq!(put(&deployment, &report, fields.clone()).await.refused(400), message, "{fields}");
    }
    assert_eq!(shown(&deployment, &report).await, before, "nothing of it was kept");
    // QueryId and ExecuteNow cannot be changed, and fields that are null or empty are left unchanged.
    let same = json!({"QueryId": UNKNOWN, "ExecuteNow": true, "QueryStartTime": "nonsense", "Description": null, "Format": "", "RecurrenceCount": null});
    let after = put(&deployment, &report, same).await.ok().remove(0);
    assert_eq!(after, with(before, json!({"modifiedTime": "2026-11-22T13:00:00Z"})));
}

/// Each case has the hours that pass, the changes, the status after them, and the hours from then to the next execution, or `None`.
#[tokio::test]
async fn changes_plan_the_next_run_anew() {
    let later =
        |hours: i64| insightgate_report::instant::format(insightgate_report::instant::parse(NOW).unwrap() + TimeDelta::hours(hours));
    for (passed, changes, status, next) in [
        (1, vec![("", json!({"StartTime": later(10)}))], "Active", Some(9)),
        (1, vec![("", json!({"RecurrenceInterval": 48}))], "Active", Some(3)),
        (5, vec![("", json!({"RecurrenceInterval": 48}))], "Active", Some(47)),
        (5, vec![("", json!({"StartTime": later(4), "RecurrenceInterval": 4}))], "Active", Some(3)),
        (5, vec![("", json!({"RecurrenceCount": 1}))], "Inactive", None),
        (5, vec![("", json!({"RecurrenceCount": 2}))], "Active", Some(3)),
        (13, vec![("", json!({"ReportName": "n"}))], "Inactive", None),
        (13, vec![("", json!({"RecurrenceCount": 4}))], "Active", Some(3)),
        // At the second of the last execution, which is not executed again.
        (12, vec![("", json!({"RecurrenceCount": 4}))], "Active", Some(4)),
        (12, vec![("", json!({"RecurrenceInterval": 8}))], "Active", Some(8)),
        (13, vec![("", json!({"StartTime": later(30)}))], "Active", Some(17)),
        // A paused report stays paused, and continues with its changes once it is resumed.
        (1, vec![("pause/", Value::Null), ("", json!({"StartTime": later(10)}))], "Paused", None),
        (1, vec![("pause/", Value::Null), ("", json!({"StartTime": later(10)})), ("resume/", Value::Null)], "Active", Some(9)),
        (5, vec![("pause/", Value::Null), ("", json!({"RecurrenceInterval": 6})), ("resume/", Value::Null)], "Active", Some(5)),
        (5, vec![("pause/", Value::Null), ("resume/", Value::Null)], "Active", Some(3)),
        (5, vec![("pause/", Value::Null), ("", json!({"RecurrenceCount": 1}))], "Inactive", None),
    ] {
        let (deployment, query) = deployment().await;
        let report = deployment.create_report(ANA, &query, every_four_hours(Some(3))).await;
        for _ in 0..passed {
            deployment.advance(TimeDelta::hours(1));
            deployment.work().await;
        }
        for (action, body) in &changes {
            put(&deployment, &format!("{action}{report}"), body.clone()).await.ok();
        }
        assert_eq!(deployment.report_status(ANA, &report).await, status, "{passed}: {changes:?}");
        let mut hours = None;
        for hour in 0..50 {
            if deployment.work().await > 0 {
                hours = Some(hour);
                break;
            }
            deployment.advance(TimeDelta::hours(1));
        }
        assert_eq!(hours, next, "{passed}: {changes:?}");
    }
}

fn completed(deployment: &Deployment, claimed: &ClaimedExecution) -> Outcome {
    let artifact = Artifact {
        epoch: claimed.execution.epoch,
        format: Format::Csv,
        rows: 0,
        bytes: 0,
        sha256: "00".into(),
        generated: deployment.now(),
        data_as_of: None,
        data_version: None,
        locations: Locations::Organization,
        unredacted: Locations::Organization,
    };
    Outcome::Completed { artifact, note: None, sums: Vec::new() }
}

/// An execution that is running while its report is paused finishes normally; if it was the last one, the report ends instead of staying paused.
#[tokio::test]
async fn pausing_lets_a_run_finish() {
    for (count, after) in [(2, "Paused"), (1, "Inactive")] {
        let (deployment, query) = deployment().await;
        let report = deployment.create_report(ANA, &query, every_four_hours(Some(count))).await;
        deployment.advance(TimeDelta::hours(4));
        queue_due(&deployment.context, deployment.now()).await.unwrap();
        let claimed = deployment.context.store.claim_execution(0, i64::MAX / 2).await.unwrap().unwrap();
        let paused = put(&deployment, &format!("pause/{report}"), Value::Null).await.ok().remove(0);
        assert_eq!(
            (&paused["reportStatus"], deployment.executions(ANA, &report).await[0]["executionStatus"].as_str()),
            (&json!("Paused"), Some("Running"))
        );
        assert!(
            deployment.context.store.finish_execution(&claimed, &completed(&deployment, &claimed), None, deployment.now()).await.unwrap()
        );
        assert_eq!(deployment.executions(ANA, &report).await[0]["executionStatus"], "Completed");
        assert_eq!(deployment.report_status(ANA, &report).await, after);
    }
}

#[tokio::test]
async fn what_is_not_there_has_each_programs_words() {
    let deployment = Deployment::new().await;
    for (who, program, message) in [(ANA, "mpn", "No item found with given filters."), (ALONE, "cmp", "No item found with given filters")] {
        for id in [UNKNOWN, "not-an-id", "%20", "00000000-0000-0000-0000-00000000dead;"] {
            for (method, path) in [
                (Method::GET, format!("ScheduledReport?reportId={id}x")),
                (Method::GET, format!("ScheduledReport?reportName={id}x")),
                (Method::GET, format!("ScheduledReport?queryId={id}x")),
                (Method::PUT, format!("ScheduledReport/{id}")),
                (Method::PUT, format!("ScheduledReport/pause/{id}")),
                (Method::PUT, format!("ScheduledReport/resume/{id}")),
                (Method::DELETE, format!("ScheduledReport/{id}")),
                (Method::GET, format!("ScheduledReport/execution/{id}")),
                (Method::GET, format!("ScheduledReport/execution/{id};{UNKNOWN}?executionId={UNKNOWN}&getLatestExecution=false")),
            ] {
                let body = if method == Method::PUT { json!({}) } else { Value::Null };
                assert_eq!(deployment.call_program(who, program, method, &path, body).await.refused(404), message, "{path}");
            }
        }
        // A path that is none is not answered as an update without its body.
        let misspelt = format!("ScheduledReport/pauseReport?reportId={UNKNOWN}");
        let told = deployment.call_program(who, program, Method::PUT, &misspelt, Value::Null).await.refused(404);
        assert!(told.ends_with(&format!("Is /insights/v1/{program}/ScheduledReport/pause meant?")), "{told}");
        let misspelt = format!("ScheduledReports/pauseReport/{UNKNOWN}");
        let told = deployment.call_program(who, program, Method::PUT, &misspelt, Value::Null).await.refused(404);
        assert!(told.ends_with("/ScheduledReport/pause meant?"), "{told}");
        assert_eq!(deployment.call_program(who, program, Method::GET, "ScheduledReport", Value::Null).await.ok(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn filters_of_reports_are_met_together() {
    let (deployment, query) = deployment().await;
    let other_query = deployment.create_query(ANA, ALL_SALES).await;
    let name = |name: &str| with(every_four_hours(None), json!({"ReportName": name}));
    let one = deployment.create_report(ANA, &query, name("Größe & mehr")).await;
    let two = deployment.create_report(ANA, &query, name("two")).await;
    let three = deployment.create_report(ANA, &other_query, name("TWO")).await;
    deployment.create_report(BEN, &deployment.create_query(BEN, ALL_SALES).await, name("two")).await;
    let upper = (one.to_uppercase(), query.to_uppercase());
    for (filters, expected) in [
        (String::new(), vec![&one, &two, &three]),
        ("reportId=&reportName=%20&queryId=".into(), vec![&one, &two, &three]),
        ("unknown=1".into(), vec![&one, &two, &three]),
        (format!("reportId={one}"), vec![&one]),
        (format!("REPORTID=%20{}%20", upper.0), vec![&one]),
        ("ReportName=GR%C3%96SSE%20%26%20mehr".into(), vec![]),
        ("ReportName=GR%C3%96%C3%9FE%20%26%20MEHR".into(), vec![&one]),
        ("reportname=Gr%C3%B6%C3%9Fe+%26+mehr".into(), vec![&one]),
        ("reportName=two".into(), vec![&two, &three]),
        (format!("queryId={}", upper.1), vec![&one, &two]),
        (format!("queryId={query}&reportName=Two"), vec![&two]),
        (format!("queryId={query}&reportName=Two&reportId={two}"), vec![&two]),
        (format!("queryId={other_query}&reportName=Two&reportId={two}"), vec![]),
        (format!("reportId={one};{two}"), vec![]),
        ("reportName=tw".into(), vec![]),
        ("reportName=t%25".into(), vec![]),
        (format!("reportId={UNKNOWN}&reportName=two"), vec![]),
    ] {
        let answer = deployment.get(ANA, &format!("ScheduledReport?{filters}")).await;
        if expected.is_empty() {
            assert_eq!(answer.refused(404), "No item found with given filters.", "{filters}");
            continue;
        }
        assert_eq!(answer.envelope()["message"], "Report fetched successfully");
        let found = answer.ok();
        let mut ids: Vec<_> = found.iter().map(|report| report["reportId"].as_str().unwrap()).collect();
        let mut expected = expected;
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected, "{filters}");
    }
}

#[tokio::test]
async fn a_delete_answers_with_what_is_gone() {
    let (deployment, query) = deployment().await;
    let report =
        deployment.create_report(ANA, &query, with(every_four_hours(Some(4)), json!({"CallbackUrl": "https://example.org"}))).await;
    deployment.advance(TimeDelta::hours(8));
    assert_eq!(deployment.work().await, 2);
    let before = shown(&deployment, &report).await;
    let execution = deployment.executions(ANA, &report).await.remove(0);
    assert_eq!(deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{report}"), Value::Null).await.ok(), [before]);
    let id = uuid::Uuid::try_parse(execution["executionId"].as_str().unwrap()).unwrap();
    assert!(deployment.context.store.execution(id).await.unwrap().is_none(), "its executions went with it");
    assert_eq!(deployment.get(ANA, "ScheduledReport").await.ok(), Vec::<Value>::new());
    deployment.advance(TimeDelta::hours(24));
    assert_eq!(deployment.work().await, 0);
}

/// Quotas belong to an owner and a program: neither the reports of a colleague nor those of the other program count.
#[tokio::test]
async fn quotas_are_of_one_owner_in_one_program() {
    let deployment = Deployment::new().await;
    let manager = RoleAssignment { role: Role::Manager, locations: Locations::Organization };
    deployment.context.store.put_role(CONTOSO, ANA.user.unwrap(), &manager).await.unwrap();
    let in_program = async |who, program, fields: Value| {
        let dataset = if program == "mpn" { "Sales" } else { "Orders" };
        let query = json!({"Name": "n", "Query": format!("SELECT Name FROM {dataset}")});
        let query = deployment.call_program(who, program, Method::POST, "ScheduledQueries", query).await.ok().remove(0);
        let body = report_body(query["queryId"].as_str().unwrap(), fields);
        deployment.call_program(who, program, Method::POST, "ScheduledReport", body).await
    };
    for (fields, quota, message) in [
        (json!({"ExecuteNow": true}), 5, "User has exceeded its ExecuteNow report creation quota of 5 reports/60 mins"),
        (every_four_hours(None), 50, "User has exceeded its report creation quota of 50 active reports"),
    ] {
        for program in ["mpn", "cmp"] {
            let first = in_program(ANA, program, fields.clone()).await.ok().remove(0);
            let body = report_body(first["queryId"].as_str().unwrap(), fields.clone());
            for made in 1..=quota {
                let answer = deployment.call_program(ANA, program, Method::POST, "ScheduledReport", body.clone()).await;
                if made < quota { drop(answer.ok()) } else { assert_eq!(answer.refused(400), message, "{program}") }
            }
        }
        in_program(BEN, "mpn", fields.clone()).await.ok();
        in_program(ALONE, "cmp", fields).await.ok();
    }
}

/// Most datasets name 24 hours; reports only have to keep to that in a deployment that says so.
#[tokio::test]
async fn a_datasets_interval_holds_where_a_deployment_says_so() {
    let often = every_four_hours(None);
    let message = "Recurrence Interval must be between 24 and 2160";
    let deployment = Deployment::with(|settings| settings.report_rules.dataset_minimum_interval = true).await;
    let loose = deployment.create_report(ANA, &deployment.create_query(ANA, ALL_SALES).await, often.clone()).await;
    let daily = SALES.replacen("name = \"Sales\"", "name = \"Sales\"\nminimum_interval_hours = 24", 1);
    std::fs::write(deployment.folder.path().join("definitions/mpn/Sales.toml"), daily).unwrap();
    let query = deployment.create_query(ANA, ALL_SALES).await;
    assert_eq!(create(&deployment, report_body(&query, often.clone())).await.refused(400), message);
    deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let report = deployment.create_report(ANA, &query, with(often.clone(), json!({"RecurrenceInterval": 24}))).await;
    assert_eq!(put(&deployment, &report, json!({"RecurrenceInterval": 23})).await.refused(400), message);
    put(&deployment, &report, json!({"RecurrenceInterval": 25})).await.ok();
    // A report from before the rule keeps its interval until the interval is changed.
    put(&deployment, &loose, json!({"ReportName": "renamed", "RecurrenceInterval": 4})).await.ok();
    assert_eq!(put(&deployment, &loose, json!({"RecurrenceInterval": 5})).await.refused(400), message);
    let plain = deployment.create_query(ANA, "SELECT Name FROM Plain").await;
    deployment.create_report(ANA, &plain, often.clone()).await;

    let (deployment, _) = self::deployment().await;
    std::fs::write(deployment.folder.path().join("definitions/mpn/Sales.toml"), SALES.replacen('\n', "\nminimum_interval_hours = 24\n", 1))
        .unwrap();
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.create_report(ANA, &query, often).await;
    let shown = deployment.get(ANA, "ScheduledDataset?datasetName=Sales").await.ok().remove(0);
    assert_eq!(shown["minimumRecurrenceInterval"], 24);
}

/// Only a fault that no caller could mend is a failure of the server, and it has a text of its own where a report is created.
#[tokio::test]
async fn a_real_fault_says_where_to_look_it_up() {
    let (deployment, query) = deployment().await;
    deployment.context.store.close().await;
    let body = report_body(&query, every_four_hours(None));
    for (method, path) in
        [(Method::POST, "ScheduledReport"), (Method::PUT, &format!("ScheduledReport/{UNKNOWN}")), (Method::GET, "ScheduledReport")]
    {
        let answer = deployment.call(ANA, method.clone(), path, body.clone()).await;
        // The database is away, which will pass.
        assert_eq!(answer.header("retry-after"), "5");
        assert_eq!(answer.refused(503), "Service unavailable", "{method}");
    }
    // The log has the details of a fault that does not pass.
    for (method, path) in [(Method::POST, "scheduledreport"), (Method::GET, "scheduledreport")] {
        let request = axum::http::Request::builder().method(method.clone()).uri(format!("/insights/v1/mpn/{path}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        parts.extensions.insert(Correlation("correlation-1".to_owned()));
        let response = Asked::of(&parts).refuse(&Failure::internal("a cause"));
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let created = "Internal error encountered while creating report. Correlation ID correlation-1";
        assert_eq!(body["message"], if method == Method::POST { created } else { "Service unavailable" });
    }
}
