//! Requests that wait: polls for a first execution, and bodies that do not arrive. Time only moves by the steps that a test makes.

use std::sync::mpsc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Method, Request, header};
use chrono::TimeDelta;
use futures::StreamExt as _;
use insightgate_identity::role::Locations;
use insightgate_operations::executions::runner::execute_next;
use insightgate_query::format::Format;
use insightgate_report::execution::Artifact;
use insightgate_store::Outcome;
use serde_json::{Value, json};

use crate::tests::harness::*;

const HOUR: Duration = Duration::from_secs(3600);

/// The runtime would advance its paused clock whenever it is idle, and it does not see the database's threads; it does not while a thread of its own is busy.
fn freeze() -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel();
    tokio::task::spawn_blocking(move || held.recv().is_ok());
    tokio::time::pause();
    release
}

/// Lets other tasks work: the database answers many times in the meantime.
async fn settle(deployment: &Deployment) {
    for _ in 0..100 {
        // Each of them has connections of its own.
        deployment.context.store.lease_time().await.unwrap();
        deployment.context.store.next_due().await.unwrap();
    }
}

/// The answer, and how much time had passed, in steps of `step`.
async fn answer_in_steps(deployment: &Deployment, step: Duration, asking: impl Future<Output = Answer>) -> (Answer, Duration) {
    let mut asking = std::pin::pin!(asking);
    let mut passed = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            answer = &mut asking => return (answer, passed),
            () = settle(deployment) => {}
        }
        assert!(passed < HOUR, "it never answers");
        tokio::time::advance(step).await;
        passed += step;
    }
}

async fn waiting_report(deployment: &Deployment) -> String {
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.create_report(ANA, &query, json!({"ExecuteNow": true})).await
}

#[tokio::test]
async fn an_early_poll_is_held_before_its_404() {
    let deployment = Deployment::with(|settings| settings.hold_poll = Duration::from_secs(2)).await;
    let report = waiting_report(&deployment).await;
    let _frozen = freeze();
    let path = format!("ScheduledReport/execution/{report}");
    let (answer, passed) = answer_in_steps(&deployment, Duration::from_millis(250), deployment.get(ANA, &path)).await;
    assert!(answer.refused(404).starts_with("There are no executions"));
    assert!(passed >= Duration::from_secs(2), "{passed:?}");
    // A poll that names a status asks for the present state, and is not held.
    let (_, passed) = answer_in_steps(&deployment, Duration::ZERO, deployment.get(ANA, &format!("{path}?executionStatus=Completed"))).await;
    assert_eq!(passed, Duration::ZERO);
}

/// The answer to a poll that would be held for an hour, while no time passes and `happening` runs.
async fn answer_while(deployment: &Deployment, report: &str, happening: impl Future<Output = ()>) -> Answer {
    let path = format!("ScheduledReport/execution/{report}");
    let _frozen = freeze();
    let happening = async {
        settle(deployment).await;
        happening.await;
        for _ in 0..50 {
            settle(deployment).await;
        }
    };
    tokio::select! {
        answer = deployment.get(ANA, &path) => answer,
        () = happening => panic!("the poll did not notice"),
    }
}

async fn patient() -> (Deployment, String) {
    let deployment = Deployment::with(|settings| settings.hold_poll = HOUR).await;
    let report = waiting_report(&deployment).await;
    (deployment, report)
}

#[tokio::test]
async fn a_held_poll_answers_as_soon_as_the_run_ends() {
    let (deployment, report) = patient().await;
    let happening = async { assert!(execute_next(&deployment.context).await.unwrap()) };
    assert_eq!(answer_while(&deployment, &report, happening).await.ok()[0]["executionStatus"], "Completed");
}

#[tokio::test]
async fn a_held_poll_does_not_wait_for_a_report_that_is_paused() {
    let (deployment, report) = patient().await;
    let path = format!("ScheduledReport/pause/{report}");
    let happening = async { assert_eq!(deployment.call(ANA, Method::PUT, &path, Value::Null).await.status, 200) };
    answer_while(&deployment, &report, happening).await.refused(404);
}

#[tokio::test]
async fn a_held_poll_does_not_wait_for_a_report_that_is_deleted() {
    let (deployment, report) = patient().await;
    let path = format!("ScheduledReport/{report}");
    let happening = async { assert_eq!(deployment.call(ANA, Method::DELETE, &path, Value::Null).await.status, 200) };
    answer_while(&deployment, &report, happening).await.refused(404);
}

/// The answer to a poll held for two seconds, and the time that passed. After `ends`, another process ends the execution without notifying this one.
async fn answer_when_another_process_ends(deployment: &Deployment, report: &str, ends: Duration, completes: bool) -> (Answer, Duration) {
    let store = &deployment.context.store;
    let claimed = store.claim_execution(0, i64::MAX / 2).await.unwrap().unwrap();
    let artifact = Artifact {
        epoch: claimed.execution.epoch,
        format: Format::Csv,
        rows: 3,
        bytes: 4,
        sha256: "ab".into(),
        generated: deployment.now(),
        data_as_of: None,
        data_version: None,
        locations: Locations::Organization,
        unredacted: Locations::Organization,
    };
    let failed = Outcome::Failed { reason: "no luck".into() };
    let outcome = if completes { Outcome::Completed { artifact, note: None, sums: Vec::new() } } else { failed };
    let _frozen = freeze();
    let path = format!("ScheduledReport/execution/{report}");
    let mut asking = std::pin::pin!(deployment.get(ANA, &path));
    let (step, mut passed) = (Duration::from_millis(50), Duration::ZERO);
    loop {
        tokio::select! {
            biased;
            answer = &mut asking => return (answer, passed),
            () = settle(deployment) => {}
        }
        if passed == ends {
            assert!(store.finish_execution(&claimed, &outcome, None, deployment.now()).await.unwrap());
        }
        assert!(passed < HOUR, "it never answers");
        tokio::time::advance(step).await;
        passed += step;
    }
}

#[tokio::test]
async fn a_held_poll_sees_what_another_process_ran() {
    let seconds = |seconds| Duration::from_millis((seconds * 1000.0) as u64);
    for (ends, completes, at_least, at_most) in [
        (seconds(0.5), true, seconds(0.5), seconds(0.8)),
        (seconds(0.5), false, seconds(0.5), seconds(0.8)),
        // After the last check but one; the last one is at the very end.
        (seconds(1.9), true, seconds(1.95), seconds(2.1)),
        // Too late.
        (seconds(60.0), true, seconds(2.0), seconds(2.1)),
    ] {
        let deployment = Deployment::with(|settings| settings.hold_poll = Duration::from_secs(2)).await;
        let report = waiting_report(&deployment).await;
        let (answer, passed) = answer_when_another_process_ends(&deployment, &report, ends, completes).await;
        tokio::time::resume();
        if completes && ends < Duration::from_secs(2) {
            assert_eq!((&answer.ok()[0]["executionStatus"], &answer.ok()[0]["rowCount"]), (&json!("Completed"), &json!(3)));
        } else {
            assert!(answer.refused(404).starts_with("There are no executions"));
        }
        assert!((at_least..=at_most).contains(&passed), "{ends:?}: {passed:?}");
    }
}

/// Each tenant's polls are counted separately, so that a tenant with many clients does not take the places of the others.
#[tokio::test]
async fn only_a_few_polls_of_each_tenant_are_held() {
    let (deployment, report) = patient().await;
    // Its execution is the younger one, and keeps waiting.
    deployment.advance(TimeDelta::seconds(1));
    let query = deployment.create_query(ZOE, ALL_SALES).await;
    let foreign = deployment.create_report(ZOE, &query, json!({"ExecuteNow": true})).await;
    let (path, foreign) = (format!("ScheduledReport/execution/{report}"), format!("ScheduledReport/execution/{foreign}"));
    let _frozen = freeze();
    let mut polls: futures::stream::FuturesUnordered<_> = (0..9).map(|_| deployment.get(ANA, &path)).collect();
    polls.next().await.unwrap().refused(404);
    let zoe = async {
        let answer = deployment.get(ZOE, &foreign).await;
        panic!("it should have been held: {answer:?}");
    };
    // All are polled together, since one that is not could keep a connection for which the others wait.
    let working = async {
        settle(&deployment).await;
        assert!(execute_next(&deployment.context).await.unwrap());
    };
    let held = async {
        for _ in 0..8 {
            assert_eq!(polls.next().await.unwrap().ok()[0]["executionStatus"], "Completed");
        }
    };
    tokio::select! {
        () = zoe => {}
        _ = async { tokio::join!(working, held) } => {}
    }
}

#[tokio::test]
async fn nothing_in_flight_is_not_waited_for() {
    let deployment = Deployment::with(|settings| settings.hold_poll = HOUR).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    let report = deployment.create_report(ANA, &query, every_four_hours(None)).await;
    let _frozen = freeze();
    deployment.get(ANA, &format!("ScheduledReport/execution/{report}")).await.refused(404);
}

fn endless(beginning: &'static str) -> Body {
    let beginning = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(beginning.as_bytes()))]);
    Body::from_stream(beginning.chain(futures::stream::pending()))
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let deployment = Deployment::new().await;
    let token = format!("Bearer {}", deployment.token(ANA));
    let _frozen = freeze();
    for path in ["/insights/v1/mpn/ScheduledQueries", "/insights/v1/mpn/ScheduledReport"] {
        let request = Request::post(path).header(header::AUTHORIZATION, &token).body(endless("{\"Name\":")).unwrap();
        let (answer, passed) = answer_in_steps(&deployment, Duration::from_secs(1), deployment.send(request)).await;
        assert_eq!(answer.refused(408), "The request's body did not arrive in time.");
        assert!((15..20).contains(&passed.as_secs()), "{passed:?}");
    }
    let request = Request::post(crate::tests::oauth::token_endpoint::v1()).body(endless("grant_type=")).unwrap();
    let (answer, passed) = answer_in_steps(&deployment, Duration::from_secs(1), deployment.send(request)).await;
    assert_eq!(crate::tests::oauth::token_endpoint::refused(&answer, "invalid_request", 400), 90013);
    assert!((15..20).contains(&passed.as_secs()), "{passed:?}");
}

/// A body that arrives byte by byte is given up no later.
#[tokio::test]
async fn a_body_that_drips_is_given_up() {
    let deployment = Deployment::new().await;
    let token = format!("Bearer {}", deployment.token(ANA));
    let _frozen = freeze();
    let drops = futures::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let request = Request::post("/insights/v1/mpn/ScheduledReport").header(header::AUTHORIZATION, &token);
    let request = request.body(Body::from_stream(drops)).unwrap();
    let (answer, passed) = answer_in_steps(&deployment, Duration::from_secs(1), deployment.send(request)).await;
    assert_eq!(answer.refused(408), "The request's body did not arrive in time.");
    assert!((15..20).contains(&passed.as_secs()), "{passed:?}");
}
