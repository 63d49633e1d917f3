//! Which executions a poll shows.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::program::Program;
use serde_json::{Value, json};

use crate::tests::harness::*;

/// A report with two completed executions, then a failed one and a pending one. The next one waits for its slot.
async fn report_with_history(deployment: &Deployment) -> String {
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let broken = deployment.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet");
    for breaks in [false, false, true] {
        if breaks {
            std::fs::write(&broken, "no Parquet").unwrap();
        }
        deployment.advance(TimeDelta::hours(4));
        assert_eq!(deployment.work().await, 1);
    }
    std::fs::remove_file(broken).unwrap();
    deployment.advance(TimeDelta::hours(4));
    insightgate_operations::executions::scheduler::queue_due(&deployment.context, deployment.now()).await.unwrap();
    report
}

#[tokio::test]
async fn filters_follow_the_documents() {
    let deployment = Deployment::new().await;
    let report = report_with_history(&deployment).await;
    let upper = report.to_uppercase();
    let all = deployment.executions(ANA, &report).await;
    let ids: Vec<&str> = all.iter().map(|execution| execution["executionId"].as_str().unwrap()).collect();
    let two = format!("executionId={};{}&getLatestExecution=false", ids[2], ids[3]);
    let named = format!("executionId={};{}", ids[2], ids[3]);
    let named_latest = format!("{named}&getLatestExecution=true");
    let one = format!("executionId={}", ids[3]);
    let failed_id = format!("executionId={}", ids[1]);
    let failed_asked = format!("{failed_id}&executionStatus=Failed");
    let failed_in_history = format!("{failed_id}&getLatestExecution=false");
    let one_of_many = format!("EXECUTIONID=nonsense;{}%3B00000000-0000-0000-0000-00000000dead;", ids[3]);
    let upper_id = format!("executionId={}", ids[3].to_uppercase());
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
        ("executionStatus=Pending%3B%20Failed;&getLatestExecution=false", vec!["Pending", "Pending", "Failed"]),
        ("executionstatus=COMPLETED", vec!["Completed"]),
        ("ExecutionStatus=%20pEnDiNg%20", vec!["Pending"]),
        ("executionStatus=Pending;Pending;pending", vec!["Pending"]),
        ("executionStatus=Running;Pending", vec!["Pending"]),
        // A filter without a value filters nothing.
        ("executionStatus=", vec!["Completed"]),
        ("executionStatus=;%3B%20;", vec!["Completed"]),
        ("executionId=&executionStatus=%20", vec!["Completed"]),
        ("executionId=;;&getLatestExecution=0", vec!["Failed", "Completed", "Completed"]),
        ("getLatestExecution=TRUE&executionStatus=failed", vec!["Failed"]),
        ("reportId=ignored&unknown=1", vec!["Completed"]),
        (&two, vec!["Completed", "Completed"]),
        (&one_of_many, vec!["Completed"]),
        (&upper_id, vec!["Completed"]),
        (&failed_asked, vec!["Failed"]),
        (&failed_in_history, vec!["Failed"]),
        (&one, vec!["Completed"]),
        (&named, vec!["Completed", "Completed"]),
        (&named_latest, vec!["Completed"]),
    ] {
        for id in [&report, &upper] {
            let found = deployment.get(ANA, &format!("ScheduledReport/execution/{id}?{filters}")).await.ok();
            let statuses: Vec<_> = found.iter().map(|execution| execution["executionStatus"].as_str().unwrap()).collect();
            assert_eq!(statuses, expected, "{filters}");
        }
    }
    for (filters, status, message) in [
        ("executionStatus=string", 400, "Requested value 'string' not found"),
        ("executionStatus=Completed;Done", 400, "Requested value 'Done' not found"),
        ("executionStatus=Failed;Inactive", 400, "Requested value 'Inactive' not found"),
        ("executionStatus=Completed,Pending", 400, "Requested value 'Completed,Pending' not found"),
        ("executionStatus=1", 400, "Requested value '1' not found"),
        ("executionStatus=Paused", 404, "There are no executions"),
        ("executionStatus=Running;Paused&getLatestExecution=false", 404, "There are no executions"),
        ("getLatestExecution=perhaps", 400, "getLatestExecution should be true or false, but is 'perhaps'."),
        ("executionStatus=Running", 404, "There are no executions"),
        ("executionId=00000000-0000-0000-0000-00000000dead", 404, "There are no executions"),
        ("executionId=nonsense", 404, "There are no executions"),
        (&failed_id, 404, "There are no executions"),
    ] {
        let refused = deployment.get(ANA, &format!("ScheduledReport/execution/{report}?{filters}")).await.refused(status);
        assert!(refused.starts_with(message), "{filters}: {refused}");
    }
}

#[tokio::test]
async fn only_completed_executions_have_links_and_executions_are_listed_for_ninety_days() {
    let deployment = Deployment::new().await;
    let report = report_with_history(&deployment).await;
    for execution in deployment.executions(ANA, &report).await {
        let completed = execution["executionStatus"] == "Completed";
        for name in
            ["reportLocation", "reportAccessSecureLink", "reportExpiryTime", "reportGeneratedTime", "rowCount", "sha256", "dataAsOf"]
        {
            assert_eq!(execution[name].is_null(), !completed, "{name}: {execution}");
        }
        assert_eq!(execution["failureReason"].is_string(), execution["executionStatus"] == "Failed", "{execution}");
    }
    deployment.call(ANA, Method::PUT, &format!("ScheduledReport/pause/{report}"), Value::Null).await.ok();
    let path = format!("ScheduledReport/execution/{report}");
    deployment.advance(TimeDelta::days(90) - TimeDelta::hours(12));
    assert_eq!(deployment.get(ANA, &format!("{path}?getLatestExecution=false")).await.ok().len(), 3);
    deployment.advance(TimeDelta::hours(8));
    assert_eq!(deployment.get(ANA, &format!("{path}?getLatestExecution=false")).await.ok().len(), 1);
    // The latest execution is shown however old it is.
    assert_eq!(deployment.get(ANA, &path).await.ok().len(), 1);
}

#[tokio::test]
async fn several_reports_give_the_latest_of_each() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let mut reports = Vec::new();
    for _ in 0..2 {
        reports.push(deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await);
    }
    deployment.work().await;
    let found = deployment.get(ANA, &format!("ScheduledReport/execution/{};{}", reports[0], reports[1])).await.ok();
    let mut of: Vec<_> = found.iter().map(|execution| execution["reportId"].as_str().unwrap()).collect();
    of.sort_unstable();
    reports.sort_unstable();
    assert_eq!(of, reports);
    // A report that is named twice is answered once, and the list is limited.
    let twice = format!("ScheduledReport/execution/{};{}", reports[0], reports[0].to_uppercase());
    assert_eq!(deployment.get(ANA, &twice).await.ok().len(), 1);
    let of_many = |count: u128| {
        let others: Vec<_> = (1..count).map(|id| uuid::Uuid::from_u128(id).to_string()).collect();
        format!("ScheduledReport/execution/{};{}", reports[0], others.join(";"))
    };
    assert_eq!(deployment.get(ANA, &of_many(50)).await.ok().len(), 1);
    let refused = deployment.get(ANA, &of_many(51)).await.refused(400);
    assert_eq!(refused, "Ask for the executions of at most 50 reports at once.");
}

/// The ids in the path are separated by semicolons, however these are written; an id that is no report of the caller adds nothing.
#[tokio::test]
async fn a_path_names_one_report_or_several() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let one = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let two = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    let foreign = deployment.create_report(BEN, &deployment.create_query(BEN, ALL_SALES).await, json!({"ExecuteNow": true})).await;
    let idle = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    deployment.work().await;
    for (ids, expected) in [
        (one.clone(), vec![&one]),
        (format!("{one};"), vec![&one]),
        (format!(";;%20{one}%20;"), vec![&one]),
        (format!("{one};{two}"), vec![&one, &two]),
        (format!("{two}%3B{one}"), vec![&two, &one]),
        (format!("{one};00000000-0000-0000-0000-00000000dead;nonsense;{foreign};{idle}"), vec![&one]),
    ] {
        let found = deployment.get(ANA, &format!("ScheduledReport/execution/{ids}")).await.ok();
        assert_eq!(found.iter().map(|execution| execution["reportId"].as_str().unwrap()).collect::<Vec<_>>(), expected, "{ids}");
    }
    for (ids, message) in [
        (format!("{foreign};nonsense"), "No item found"),
        (";%20;".to_owned(), "No item found"),
        (format!("{one},{two}"), "No item found"),
        (idle, "There are no executions"),
    ] {
        assert!(deployment.get(ANA, &format!("ScheduledReport/execution/{ids}")).await.refused(404).starts_with(message), "{ids}");
    }
}

#[tokio::test]
async fn a_run_shows_the_documented_fields_and_the_added_ones() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let fields = json!({"Format": "TSV", "CallbackUrl": "https://example.org/a", "CallbackMethod": "get"});
    let report = deployment.create_report(ANA, &query, with(every_four_hours(Some(9)), fields)).await;
    deployment.advance(TimeDelta::hours(4));
    deployment.work().await;
    let answer = deployment.get(ANA, &format!("ScheduledReport/execution/{report}")).await;
    assert_eq!((&answer.envelope()["message"], &answer.envelope()["nextLink"]), (&Value::Null, &Value::Null));
    let mut execution = answer.ok().remove(0);
    let id = execution["executionId"].as_str().unwrap().to_owned();
    let location = format!("{BASE}/artifacts/{id}/report_{id}.tsv");
    let link = execution["reportAccessSecureLink"].as_str().unwrap();
    assert!(link.starts_with(&format!("{location}?sv=1&sr=b&se=2026-11-29T16%3A00%3A00Z&sp=r&sig=")), "{link}");
    for name in ["reportAccessSecureLink", "sha256", "byteCount", "dataAsOf"] {
        assert!(!execution.as_object_mut().unwrap().remove(name).unwrap().is_null(), "{name}");
    }
    let expected = json!({
        "executionId": id, "reportId": report, "recurrenceInterval": 4, "recurrenceCount": 9, "callbackUrl": "https://example.org/a",
        "callbackMethod": "GET", "format": "tsv", "executionStatus": "Completed", "reportLocation": location,
        "reportExpiryTime": "2026-11-29T16:00:00Z", "reportGeneratedTime": "2026-11-22T16:00:00Z", "failureReason": null, "attempts": 1,
        "rowCount": 3, "message": null,
    });
    // Fields may be added: clients ignore fields that they do not know.
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(execution[name], *value, "{name}");
    }
}

/// A failed execution is not a completed one: by default the answer is the same as if there were none yet.
#[tokio::test]
async fn only_those_who_ask_see_failed_executions() {
    let deployment = Deployment::new().await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await;
    std::fs::write(deployment.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet"), "no Parquet").unwrap();
    assert_eq!(deployment.work().await, 1);
    let path = format!("ScheduledReport/execution/{report}");
    for hidden in ["", "?getLatestExecution=true", "?executionStatus=Completed", "?executionStatus=Pending;Running;Paused;Completed"] {
        assert!(deployment.get(ANA, &format!("{path}{hidden}")).await.refused(404).starts_with("There are no executions"), "{hidden}");
    }
    for shown in ["?getLatestExecution=false", "?executionStatus=Failed", "?executionStatus=completed;FAILED"] {
        assert_eq!(deployment.get(ANA, &format!("{path}{shown}")).await.ok()[0]["executionStatus"], "Failed", "{shown}");
    }
}

#[tokio::test]
async fn each_program_has_its_own_words_for_nothing_yet() {
    let deployment = Deployment::new().await;
    let end = "the reportId or executionId and retry the API after the report's scheduled execution time";
    let begin = "There are no executions that have occurred for the given filter conditions.";
    for (who, program, dataset, advice) in [(ANA, "mpn", "Sales", "Double check"), (ALONE, "cmp", "Orders", "Please recheck")] {
        let body = json!({"Name": "n", "Query": format!("SELECT Name FROM {dataset}")});
        let query = deployment.call_program(who, program, Method::POST, "ScheduledQueries", body).await.ok().remove(0);
        let body = report_body(query["queryId"].as_str().unwrap(), json!({"ExecuteNow": true}));
        let report = deployment.call_program(who, program, Method::POST, "ScheduledReport", body).await.ok().remove(0);
        let path = format!("ScheduledReport/execution/{}", report["reportId"].as_str().unwrap());
        let early = deployment.call_program(who, program, Method::GET, &path, Value::Null).await.refused(404);
        assert_eq!(early, format!("{begin} {advice} {end}"));
        deployment.work().await;
        assert_eq!(
            deployment.call_program(who, program, Method::GET, &path, Value::Null).await.ok()[0]["rowCount"].as_u64(),
            Some(if program == "mpn" { 3 } else { 1 })
        );
    }
}
