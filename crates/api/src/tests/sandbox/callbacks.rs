//! Callbacks that meet faults.

use insightgate_report::callback::CallbackState;
use insightgate_store::{Callback, CallbackFilter};
use serde_json::{Value, json};

use super::*;
use crate::tests::harness::receiver::{Receiver, allow_loopback};

/// Three executions of one report, told of in the order of their slots.
async fn three(fault: Value) -> (Deployment, Receiver) {
    let (deployment, receiver) = (Deployment::sandbox_with(allow_loopback).await, Receiver::start().await);
    order(&deployment, fault).await;
    let query = deployment.create_query(ANA, ALL_SALES).await;
    deployment.create_report(ANA, &query, with(every_four_hours(Some(3)), json!({"CallbackUrl": receiver.url}))).await;
    for _ in 0..3 {
        advance(&deployment, "PT4H").await;
        deployment.work().await;
        deployment.deliver().await;
    }
    (deployment, receiver)
}

/// The hours of the executions that the receiver was told of, as they came.
fn hours(receiver: &Receiver) -> Vec<String> {
    receiver.take().iter().map(|received| received.json()["reportGeneratedTime"].as_str().unwrap()[11..13].to_owned()).collect()
}

async fn kept(deployment: &Deployment) -> Vec<Callback> {
    let mut callbacks = deployment.context.store.callback_page(&CallbackFilter::default(), None, 100).await.unwrap().items;
    callbacks.reverse();
    callbacks
}

#[tokio::test]
async fn one_is_dropped_for_ever() {
    let (deployment, receiver) = three(json!({"kind": "callbackDropped", "times": 1, "match": {"dataset": "Sales"}})).await;
    assert_eq!(hours(&receiver), ["20", "00"]);
    let dropped = kept(&deployment).await.remove(0);
    let attempts = deployment.context.store.callback_attempts(dropped.id).await.unwrap();
    assert_eq!((dropped.delivery.state, attempts[0].error.as_deref()), (CallbackState::Failed, Some("dropped by a fault of the sandbox")));
    advance(&deployment, "P3D").await;
    assert_eq!(deployment.deliver().await, 0);
}

#[tokio::test]
async fn one_comes_twice_with_the_same_id() {
    let (deployment, receiver) = three(json!({"kind": "callbackDoubled", "times": 1})).await;
    let ids: Vec<String> = receiver.take().iter().map(|received| received.headers["webhook-id"].clone()).collect();
    assert!(ids.len() == 4 && ids[0] == ids[1] && ids[1] != ids[2] && ids[2] != ids[3], "{ids:?}");
    assert!(kept(&deployment).await.iter().all(|callback| callback.delivery.state == CallbackState::Delivered));
}

#[tokio::test]
async fn one_comes_late() {
    let (deployment, receiver) = three(json!({"kind": "callbackDelayed", "for": "PT10H", "times": 1})).await;
    assert_eq!(hours(&receiver), ["20", "00"]);
    advance(&deployment, "PT2H").await;
    deployment.deliver().await;
    assert_eq!(hours(&receiver), ["16"]);
    let late = kept(&deployment).await.remove(0);
    assert_eq!(
        (late.delivery.state, late.delivery.finished.unwrap() - late.created),
        (CallbackState::Delivered, chrono::TimeDelta::hours(10))
    );
}

#[tokio::test]
async fn they_come_in_the_reverse_order() {
    let (_deployment, receiver) = three(json!({"kind": "callbackOutOfOrder", "count": 3})).await;
    assert_eq!(hours(&receiver), ["00", "20", "16"]);
}

/// The slots lie further apart than a callback is tried for.
#[tokio::test]
async fn they_come_in_the_reverse_order_however_far_the_clock_is_moved() {
    for strides in [vec!["P25D"], vec!["P5D", "P10D", "P10D"]] {
        let (deployment, receiver) = (Deployment::sandbox_with(allow_loopback).await, Receiver::start().await);
        order(&deployment, json!({"kind": "callbackOutOfOrder", "count": 3})).await;
        let query = deployment.create_query(ANA, ALL_SALES).await;
        let schedule =
            json!({"StartTime": "2026-11-22T16:00:00Z", "RecurrenceInterval": 240, "RecurrenceCount": 4, "CallbackUrl": receiver.url});
        deployment.create_report(ANA, &query, schedule).await;
        for stride in &strides {
            assert!(receiver.take().is_empty(), "one did not wait for the others");
            advance(&deployment, stride).await;
            deployment.work().await;
            deployment.deliver().await;
        }
        let days: Vec<String> =
            receiver.take().iter().map(|received| received.json()["reportGeneratedTime"].as_str().unwrap()[5..10].to_owned()).collect();
        assert_eq!(days, ["12-12", "12-02", "11-22"], "{strides:?}");
        advance(&deployment, "P30D").await;
        deployment.work().await;
        deployment.deliver().await;
        let last = kept(&deployment).await.pop().unwrap();
        assert!(receiver.take().is_empty() && last.delivery.state == CallbackState::Pending, "the fourth waits for two others");
    }
}

#[tokio::test]
async fn what_waits_goes_when_the_demo_starts_again() {
    let (deployment, receiver) = three(json!({"kind": "callbackOutOfOrder", "count": 9})).await;
    deployment.context.store.let_all_callbacks_go().await.unwrap();
    assert_eq!(deployment.deliver().await, 3);
    assert_eq!(hours(&receiver).len(), 3);
}

#[tokio::test]
async fn those_that_wait_for_another_go_when_the_fault_is_cleared() {
    let (deployment, receiver) = three(json!({"kind": "callbackOutOfOrder", "count": 9})).await;
    assert!(hours(&receiver).is_empty());
    clear(&deployment).await;
    assert_eq!(deployment.deliver().await, 3);
    assert_eq!(hours(&receiver).len(), 3);
}
