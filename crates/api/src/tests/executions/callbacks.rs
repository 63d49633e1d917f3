//! Callbacks, from the end of an execution to a real receiver.

use axum::http::Method;
use chrono::TimeDelta;
use insightgate_identity::program::Program;
use insightgate_operations::background::turn::Turn;
use insightgate_operations::context::Settings;
use insightgate_operations::executions::sweeper::sweep;
use insightgate_report::callback::CallbackState;
use insightgate_report::execution::HISTORY_DAYS;
use insightgate_store::{Callback, CallbackAttempt, CallbackFilter};
use serde_json::{Value, json};

use crate::tests::harness::receiver::{Receiver, allow_loopback};
use crate::tests::harness::*;

async fn deployment() -> (Deployment, Receiver) {
    (Deployment::with(allow_loopback).await, Receiver::start().await)
}

/// Executes a report with this callback; returns the report's id.
async fn run(deployment: &Deployment, url: &str, more: Value) -> String {
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, with(json!({"ExecuteNow": true, "CallbackUrl": url}), more)).await;
    assert_eq!(deployment.work().await, 1);
    report
}

async fn callbacks(deployment: &Deployment) -> Vec<Callback> {
    deployment.context.store.callback_page(&CallbackFilter::default(), None, 100).await.unwrap().items
}

/// The only callback and its attempts.
async fn only(deployment: &Deployment) -> (Callback, Vec<CallbackAttempt>) {
    let mut all = callbacks(deployment).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let attempts = deployment.context.store.callback_attempts(all[0].id).await.unwrap();
    (all.remove(0), attempts)
}

#[tokio::test]
async fn a_completed_run_is_told_of_by_post() {
    let (deployment, receiver) = deployment().await;
    let report = run(&deployment, &format!("{}/done?code=k%2B1#part", receiver.url), json!({})).await;
    assert_eq!(deployment.deliver().await, 1);
    let received = receiver.take().remove(0);
    assert_eq!(received.line, format!("POST /done/{report}?code=k%2B1"));
    assert_eq!(received.headers["content-type"], "application/json");
    let execution = deployment.executions(ANA, &report).await.remove(0);
    let said = received.json();
    let expected = json!({
        "reportId": report, "executionId": execution["executionId"], "executionStatus": "Completed", "reportName": "report",
        "reportGeneratedTime": NOW, "rowCount": 3, "byteCount": execution["byteCount"], "sha256": execution["sha256"],
    });
    assert_eq!(said, expected, "no link and no secret");
    let (callback, attempts) = only(&deployment).await;
    assert_eq!(received.headers["webhook-id"], callback.id.to_string());
    assert!(!received.headers.contains_key("webhook-signature"), "there is no secret");
    assert_eq!((callback.delivery.state, attempts.len(), attempts[0].http_status), (CallbackState::Delivered, 1, Some(204)));
    deployment.advance(TimeDelta::days(4));
    assert_eq!((deployment.work().await, deployment.deliver().await), (0, 0), "once");
}

#[tokio::test]
async fn get_has_the_id_in_its_query_and_no_body() {
    let (deployment, receiver) = deployment().await;
    for (registered, expected) in [("/done", "/done?reportId="), ("/done?a=1", "/done?a=1&reportId="), ("", "/?reportId=")] {
        let url = format!("{}{registered}", receiver.url);
        let report = run(&deployment, &url, json!({"callbackMethod": "get"})).await;
        assert_eq!(deployment.deliver().await, 1);
        let received = receiver.take().remove(0);
        assert_eq!((received.line, received.body), (format!("GET {expected}{report}"), String::new()));
    }
    // Registered as a real client does it.
    let report = run(&deployment, &format!("{}/done?", receiver.url), json!({"callbackMethod": "POST"})).await;
    deployment.deliver().await;
    assert_eq!(receiver.take().remove(0).line, format!("POST /done?/{report}"));
}

#[tokio::test]
async fn what_fails_is_tried_again_as_the_clock_moves_until_three_days_are_over() {
    let (deployment, receiver) = deployment().await;
    run(&deployment, &receiver.url, json!({})).await;
    receiver.answer("500 Broken");
    assert_eq!((deployment.deliver().await, deployment.deliver().await), (1, 0), "its wait is not over");
    deployment.advance(TimeDelta::seconds(4));
    assert_eq!(deployment.deliver().await, 0);
    deployment.advance(TimeDelta::seconds(1));
    assert_eq!(deployment.deliver().await, 1);
    deployment.advance(TimeDelta::seconds(29));
    assert_eq!(deployment.deliver().await, 0);
    let target = Receiver::start().await;
    receiver.answer(&format!("307 Elsewhere\r\nlocation: {}", target.url));
    let mut count = 2;
    while only(&deployment).await.0.delivery.state == CallbackState::Pending {
        deployment.advance(TimeDelta::minutes(30));
        count += deployment.deliver().await;
    }
    let (callback, attempts) = only(&deployment).await;
    assert_eq!((callback.delivery.state, callback.delivery.attempts as usize, attempts.len()), (CallbackState::Failed, count, count));
    assert!(callback.delivery.finished.unwrap() <= callback.created + TimeDelta::days(3), "{callback:?}");
    assert!(callback.delivery.finished.unwrap() > callback.created + TimeDelta::hours(60), "{callback:?}");
    let statuses: Vec<_> = attempts.iter().map(|attempt| attempt.http_status).collect();
    assert!(statuses[..2] == [Some(500); 2] && statuses[2..].iter().all(|status| *status == Some(307)), "{statuses:?}");
    assert!(target.take().is_empty(), "a redirect is not followed");
    let ids: Vec<_> = receiver.take().into_iter().map(|received| received.headers["webhook-id"].clone()).collect();
    assert!(ids.len() == count && ids.iter().all(|id| *id == callback.id.to_string()), "repetitions show: {ids:?}");
    let event = deployment.audited("callback.giveUp").await.remove(0);
    assert_eq!((event.tenant, event.detail.as_str()), (Some(CONTOSO), "HTTP status 307"));
}

#[tokio::test]
async fn a_receiver_that_recovers_hears_of_it_and_one_that_is_gone_is_left_alone() {
    let (deployment, receiver) = deployment().await;
    run(&deployment, &receiver.url, json!({})).await;
    receiver.answer("503 Busy");
    deployment.deliver().await;
    receiver.answer("200 OK");
    deployment.advance(TimeDelta::seconds(5));
    assert_eq!(deployment.deliver().await, 1);
    assert_eq!(only(&deployment).await.0.delivery.state, CallbackState::Delivered);
    run(&deployment, &receiver.url, json!({})).await;
    receiver.answer("410 Gone");
    assert_eq!(deployment.deliver().await, 1);
    let states: Vec<_> = callbacks(&deployment).await.into_iter().map(|callback| callback.delivery.state).collect();
    assert!(states.contains(&CallbackState::Failed) && states.contains(&CallbackState::Delivered), "{states:?}");
}

/// Neither the path nor the query of the URL is in the recorded error.
#[tokio::test]
async fn an_address_where_nobody_listens_is_a_failure_in_words() {
    let deployment = Deployment::with(allow_loopback).await;
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    run(&deployment, &format!("http://{closed}/hidden?code=secret"), json!({})).await;
    assert_eq!(deployment.deliver().await, 1);
    let (callback, attempts) = only(&deployment).await;
    let error = attempts[0].error.clone().unwrap();
    assert_eq!((callback.delivery.state, attempts[0].http_status), (CallbackState::Pending, None));
    assert!(error.contains("127.0.0.1") && !error.contains("hidden") && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn failed_executions_are_told_of_only_when_that_was_asked_for() {
    for (by_setting, asked, told) in
        [(false, Value::Null, false), (false, json!(false), false), (false, json!(true), true), (true, Value::Null, true)]
    {
        let change = |settings: &mut Settings| {
            allow_loopback(settings);
            settings.callbacks.on_failure = by_setting;
        };
        let (deployment, receiver) = (Deployment::with(change).await, Receiver::start().await);
        std::fs::write(deployment.data_folder(Program::Mpn, "Sales", CONTOSO).join("b.parquet"), "no Parquet").unwrap();
        let report = run(&deployment, &receiver.url, json!({"callbackOnFailure": asked})).await;
        let shown = deployment.get(ANA, &format!("ScheduledReport?reportId={report}")).await.ok().remove(0);
        assert_eq!(shown["callbackOnFailure"], json!(asked == json!(true)));
        assert_eq!(deployment.deliver().await, usize::from(told), "{by_setting} {asked}");
        if let Some(received) = receiver.take().pop() {
            let said = received.json();
            assert_eq!((&said["executionStatus"], &said["reportId"]), (&json!("Failed"), &json!(report)));
            let failure = deployment.executions(ANA, &report).await.remove(0)["failureReason"].clone();
            assert!(failure.is_string() && said["failureReason"] == failure && said.get("rowCount").is_none(), "{said}");
        }
    }
}

#[tokio::test]
async fn deleting_the_report_cancels_what_is_still_to_be_sent() {
    let (deployment, receiver) = deployment().await;
    let report = run(&deployment, &receiver.url, json!({})).await;
    receiver.answer("500 Broken");
    deployment.deliver().await;
    deployment.call(ANA, Method::DELETE, &format!("ScheduledReport/{report}"), Value::Null).await.ok();
    deployment.advance(TimeDelta::hours(1));
    assert_eq!(deployment.deliver().await, 0);
    assert_eq!(only(&deployment).await.0.delivery.state, CallbackState::Cancelled);
}

#[tokio::test]
async fn addresses_that_may_not_be_called_are_refused_at_once_or_when_they_are_connected_to() {
    let (deployment, receiver) = (Deployment::new().await, Receiver::start().await);
    let port = receiver.url.rsplit(':').next().unwrap().to_owned();
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let create = async |url: &str| {
        deployment
            .call(ANA, Method::POST, "ScheduledReport", report_body(&query, with(every_four_hours(None), json!({"CallbackUrl": url}))))
            .await
    };
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.1.2.3"] {
        let refused = create(&format!("http://{host}:{port}/cb?code=secret")).await.refused(400);
        assert!(refused.starts_with("Invalid report parameters for creation - CallbackUrl leads to "), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    let refused = create("https://me:pass@example.org/cb").await.refused(400);
    assert_eq!(refused, "Invalid report parameters for creation - CallbackUrl should not hold a user name or password");
    let events = deployment.audited("callback.refuse").await;
    assert!(
        events.len() == 8 && events.iter().all(|event| event.tenant == Some(CONTOSO) && !event.detail.contains("secret")),
        "{events:?}"
    );
    // An update is checked too.
    let report = create("https://example.org/cb").await.ok().remove(0)["reportId"].as_str().unwrap().to_owned();
    let change = json!({"CallbackUrl": "http://[::1]/"});
    let refused = deployment.call(ANA, Method::PUT, &format!("ScheduledReport/{report}"), change).await.refused(400);
    assert!(refused.contains("CallbackUrl leads to ::1"), "{refused}");
    // A name is checked when the connection is made.
    run(&deployment, &format!("http://localhost:{port}/cb?code=secret"), json!({})).await;
    assert_eq!(deployment.deliver().await, 1);
    let error = only(&deployment).await.1.remove(0).error.unwrap();
    assert!(error.contains("may not be connected to") && !error.contains("secret"), "{error}");
    assert_eq!(deployment.audited("callback.refuse").await.len(), 10);
    assert!(receiver.take().is_empty());
}

/// Otherwise a tenant could find out the names in the operator's network one by one. Only the operators' audit events show the difference.
#[tokio::test]
async fn a_private_name_and_one_that_does_not_exist_are_told_in_the_same_words() {
    let mut told = Vec::new();
    for host in ["localhost", "no-such-name.invalid"] {
        let deployment = Deployment::new().await;
        run(&deployment, &format!("http://{host}:9/cb?code=secret"), json!({})).await;
        assert_eq!(deployment.deliver().await, 1, "{host}");
        let (_, attempts) = only(&deployment).await;
        told.push(attempts[0].error.clone().unwrap().replace(host, "HOST"));
        let (event, expected) = (deployment.audited("callback.refuse").await.pop(), host == "localhost");
        assert_eq!(event.is_some(), expected, "{host}: {event:?}");
        assert!(event.is_none_or(|event| event.tenant.is_none()), "the tenant's administrators must not read it");
        // When the callback is given up, the same words are used again.
        while only(&deployment).await.0.delivery.state == CallbackState::Pending {
            deployment.advance(TimeDelta::hours(6));
            deployment.deliver().await;
        }
        let given_up = deployment.audited("callback.giveUp").await.remove(0);
        assert_eq!(given_up.detail.replace(host, "HOST"), told[0], "{host}");
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn an_operator_can_ask_for_https() {
    let deployment = Deployment::with(|settings| settings.report_rules.https_callbacks = true).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for (url, taken) in [("http://example.org/cb", false), ("https://example.org/cb", true)] {
        let fields = with(every_four_hours(None), json!({"CallbackUrl": url}));
        let answer = deployment.call(ANA, Method::POST, "ScheduledReport", report_body(&query, fields)).await;
        match taken {
            true => drop(answer.ok()),
            false => assert!(answer.refused(400).ends_with("CallbackUrl should be an https address")),
        }
    }
}

/// A receiver that never answers gets two places, and the others get theirs.
#[tokio::test]
async fn a_receiver_that_hangs_keeps_nobody_else_waiting() {
    let (deployment, silent) = deployment().await;
    let quick = Receiver::start().await;
    silent.answer("");
    for url in [&silent.url, &silent.url, &silent.url, &quick.url, &quick.url] {
        run(&deployment, url, json!({})).await;
    }
    let delivering = deployment.deliver();
    let (mut told, mut held) = (0, 0);
    let both_are_asked = async {
        while told < 2 || held < 2 {
            tokio::task::yield_now().await;
            told += quick.take().len();
            held += silent.take().len();
        }
    };
    tokio::select! {
        _ = delivering => panic!("the silent receiver answered"),
        () = both_are_asked => {}
    }
    assert_eq!((told, held), (2, 2));
    // The current attempts are held until their leases end; the third was not begun.
    let lease_now = deployment.context.store.lease_time().await.unwrap();
    let waiting = deployment.context.store.due_callbacks(deployment.now(), lease_now, &[], 10).await.unwrap();
    assert_eq!(waiting.iter().filter(|due| due.receiver.starts_with(&silent.url)).count(), 1);
}

/// Attempts are recorded while other callbacks are claimed: neither may hold the database while it waits for the other.
#[tokio::test]
async fn many_callbacks_are_sent_side_by_side() {
    let change = |settings: &mut Settings| {
        allow_loopback(settings);
        settings.quotas = false;
    };
    let deployment = Deployment::with(change).await;
    let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
    let query = deployment.create_query(ANA, ALL_SALES).await;
    for number in 0..30 {
        let fields = json!({"ExecuteNow": true, "CallbackUrl": receivers[number % 3].url});
        deployment.create_report(ANA, &query, fields).await;
    }
    deployment.work().await;
    assert_eq!(deployment.deliver().await, 30);
    assert_eq!(receivers.iter().map(|receiver| receiver.take().len()).sum::<usize>(), 30);
    assert!(callbacks(&deployment).await.iter().all(|callback| callback.delivery.state == CallbackState::Delivered));
}

#[tokio::test]
async fn callbacks_that_ended_are_kept_as_long_as_executions_are_listed() {
    let (deployment, receiver) = deployment().await;
    run(&deployment, &receiver.url, json!({})).await;
    assert_eq!(deployment.deliver().await, 1);
    let (ended, attempts) = only(&deployment).await;
    assert_eq!((ended.delivery.finished, attempts.len()), (Some(deployment.now()), 1));
    deployment.advance(TimeDelta::days(HISTORY_DAYS));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(only(&deployment).await.0.id, ended.id, "not older than that");
    receiver.answer("500 Broken");
    run(&deployment, &receiver.url, json!({})).await;
    assert_eq!(deployment.deliver().await, 1);
    deployment.advance(TimeDelta::seconds(1));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    let (waiting, attempts) = only(&deployment).await;
    assert_eq!((waiting.delivery.state, attempts.len()), (CallbackState::Pending, 1), "one that waits has not ended");
    assert_eq!(deployment.context.store.callback_attempts(ended.id).await.unwrap().len(), 0);
    // However long the callback waits.
    deployment.advance(TimeDelta::days(10 * HISTORY_DAYS));
    sweep(&deployment.context, deployment.now(), &Turn::alone()).await.unwrap();
    assert_eq!(only(&deployment).await.0.id, waiting.id);
}
