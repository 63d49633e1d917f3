//! Which runs a poll shows.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::program::Program;
use serde_json::{Value, json};

use super::harness::*;

/// A report with two completed runs, a failed one after them and one that waits.
async fn report_with_history(bench: &Bench) -> String {
    let query = bench.create_query(ANA, ALL_SALES).await;
    let report = bench.create_report(ANA, &query, every_four_hours(None)).await;
    let broken = bench.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet");
    for breaks in [false, false, true] {
        if breaks {
            std::fs::write(&broken, "no Parquet").unwrap();
        }
        bench.advance(TimeDelta::hours(4));
        assert_eq!(bench.work().await, 1);
    }
    std::fs::remove_file(broken).unwrap();
    bench.advance(TimeDelta::hours(4));
    insightgate_operations::background::scheduler::queue_due(&bench.context, bench.now()).await.unwrap();
    report
}

#[tokio::test]
async fn filters_follow_the_documents() {
    let bench = Bench::new().await;
    let report = report_with_history(&bench).await;
    let upper = report.to_uppercase();
    let all = bench.executions(ANA, &report).await;
    let ids: Vec<&str> = all.iter().map(|execution| execution["executionId"].as_str().unwrap()).collect();
    let two = format!("executionId={};{}&getLatestExecution=false", ids[2], ids[3]);
    let named = format!("executionId={};{}", ids[2], ids[3]);
    let named_latest = format!("{named}&getLatestExecution=true");
    let one = format!("executionId={}", ids[3]);
    let failed_id = format!("executionId={}", ids[1]);
    for (filters, expected) in [
        ("", vec!["Completed"]),
        ("getLatestExecution=true", vec!["Completed"]),
        ("getLatestExecution=", vec!["Completed"]),
        ("getLatestExecution=false", vec!["Failed", "Completed", "Completed"]),
        ("GETLATESTEXECUTION=False", vec!["Failed", "Completed", "Completed"]),
        ("executionStatus=Pending", vec!["Pending"]),
        ("executionStatus=pending", vec!["Pending"]),
        ("executionStatus=Failed", vec!["Failed"]),
        ("executionStatus=Completed;Failed", vec!["Failed"]),
        ("executionStatus=Completed;Failed&getLatestExecution=false", vec!["Failed", "Completed", "Completed"]),
        ("executionStatus=Pending%3B%20Failed;&getLatestExecution=false", vec!["Pending", "Failed"]),
        (&two, vec!["Completed", "Completed"]),
        (&one, vec!["Completed"]),
        (&named, vec!["Completed", "Completed"]),
        (&named_latest, vec!["Completed"]),
    ] {
        for id in [&report, &upper] {
            let found = bench.get(ANA, &format!("ScheduledReport/execution/{id}?{filters}")).await.ok();
            let statuses: Vec<_> = found.iter().map(|execution| execution["executionStatus"].as_str().unwrap()).collect();
            assert_eq!(statuses, expected, "{filters}");
        }
    }
    for (filters, status, message) in [
        ("executionStatus=string", 400, "Requested value 'string' not found"),
        ("executionStatus=Completed;Done", 400, "Requested value 'Done' not found"),
        ("getLatestExecution=perhaps", 400, "getLatestExecution should be true or false, but is 'perhaps'."),
        ("executionStatus=Running", 404, "There are no executions"),
        ("executionId=00000000-0000-0000-0000-00000000dead", 404, "There are no executions"),
        ("executionId=nonsense", 404, "There are no executions"),
        (&failed_id, 404, "There are no executions"),
    ] {
        let refused = bench.get(ANA, &format!("ScheduledReport/execution/{report}?{filters}")).await.refused(status);
        assert!(refused.starts_with(message), "{filters}: {refused}");
    }
}

#[tokio::test]
async fn only_completed_runs_have_links_and_runs_are_listed_for_ninety_days() {
    let bench = Bench::new().await;
    let report = report_with_history(&bench).await;
    for execution in bench.executions(ANA, &report).await {
        let completed = execution["executionStatus"] == "Completed";
        for name in
            ["reportLocation", "reportAccessSecureLink", "reportExpiryTime", "reportGeneratedTime", "rowCount", "sha256", "dataAsOf"]
        {
            assert_eq!(execution[name].is_null(), !completed, "{name}: {execution}");
        }
        assert_eq!(execution["failureReason"].is_string(), execution["executionStatus"] == "Failed", "{execution}");
    }
    bench.call(ANA, Method::PUT, &format!("ScheduledReport/pause/{report}"), Value::Null).await.ok();
    let path = format!("ScheduledReport/execution/{report}");
    bench.advance(TimeDelta::days(90) - TimeDelta::hours(12));
    assert_eq!(bench.get(ANA, &format!("{path}?getLatestExecution=false")).await.ok().len(), 3);
    bench.advance(TimeDelta::hours(8));
    assert_eq!(bench.get(ANA, &format!("{path}?getLatestExecution=false")).await.ok().len(), 1);
    // The latest is shown however old it is.
    assert_eq!(bench.get(ANA, &path).await.ok().len(), 1);
}

#[tokio::test]
async fn several_reports_give_the_latest_of_each() {
    let bench = Bench::new().await;
    let query = bench.create_query(ANA, ALL_SALES).await;
    let mut reports = Vec::new();
    for _ in 0..2 {
        reports.push(bench.create_report(ANA, &query, json!({"ExecuteNow": true})).await);
    }
    bench.work().await;
    let found = bench.get(ANA, &format!("ScheduledReport/execution/{};{}", reports[0], reports[1])).await.ok();
    let mut of: Vec<_> = found.iter().map(|execution| execution["reportId"].as_str().unwrap()).collect();
    of.sort_unstable();
    reports.sort_unstable();
    assert_eq!(of, reports);
    // One that is named twice is answered once, and a list has an end.
    let twice = format!("ScheduledReport/execution/{};{}", reports[0], reports[0].to_uppercase());
    assert_eq!(bench.get(ANA, &twice).await.ok().len(), 1);
    let of_many = |count: u128| {
        let others: Vec<_> = (1..count).map(|id| uuid::Uuid::from_u128(id).to_string()).collect();
        format!("ScheduledReport/execution/{};{}", reports[0], others.join(";"))
    };
    assert_eq!(bench.get(ANA, &of_many(50)).await.ok().len(), 1);
    let refused = bench.get(ANA, &of_many(51)).await.refused(400);
    assert_eq!(refused, "Ask for the executions of at most 50 reports at once.");
}

#[tokio::test]
async fn each_program_has_its_own_words_for_nothing_yet() {
    let bench = Bench::new().await;
    let end = "the reportId or executionId and retry the API after the report's scheduled execution time";
    let begin = "There are no executions that have occurred for the given filter conditions.";
    for (who, program, dataset, advice) in [(ANA, "mpn", "Sales", "Double check"), (ALONE, "cmp", "Orders", "Please recheck")] {
        let body = json!({"Name": "n", "Query": format!("SELECT Name FROM {dataset}")});
        let query = bench.call_program(who, program, Method::POST, "ScheduledQueries", body).await.ok().remove(0);
        let body = report_body(query["queryId"].as_str().unwrap(), json!({"ExecuteNow": true}));
        let report = bench.call_program(who, program, Method::POST, "ScheduledReport", body).await.ok().remove(0);
        let path = format!("ScheduledReport/execution/{}", report["reportId"].as_str().unwrap());
        let early = bench.call_program(who, program, Method::GET, &path, Value::Null).await.refused(404);
        assert_eq!(early, format!("{begin} {advice} {end}"));
        bench.work().await;
        assert_eq!(
            bench.call_program(who, program, Method::GET, &path, Value::Null).await.ok()[0]["rowCount"].as_u64(),
            Some(if program == "mpn" { 3 } else { 1 })
        );
    }
}
