//! What waits is counted, and the database's times are kept.

use prometheus_client::encoding::prometheus_text;

use super::*;

#[tokio::test]
async fn what_waits_is_counted_by_what_it_waits_for() {
    let Deployment { store, _folder, .. } = deployment().await;
    let counts = |queue: &Queue| (queue.due, queue.retrying, queue.running);
    assert_eq!(store.queue(50, 0).await.unwrap(), Queue::default());
    for id in [10, 11, 12] {
        store.add_report(&once(id), Some(&first_execution(&once(id))), None).await.unwrap().unwrap();
    }
    let queue = store.queue(50, 0).await.unwrap();
    assert_eq!((counts(&queue), queue.oldest_queued), ((3, 0, 0), Some(at(0).timestamp_millis())));
    let claimed = store.claim_execution(50, 100).await.unwrap().unwrap();
    assert_eq!(counts(&store.queue(50, 0).await.unwrap()), (2, 0, 1));
    let retry = Outcome::Retry { reason: "busy".into(), not_before: 80 };
    assert!(store.finish_execution(&claimed, &retry, None, at(1)).await.unwrap());
    assert_eq!(counts(&store.queue(50, 0).await.unwrap()), (2, 1, 0));
    assert_eq!(counts(&store.queue(80, 0).await.unwrap()), (3, 0, 0));
    let telling = |execution: &ClaimedExecution| NewCallback {
        id: Uuid::from_u128(77),
        tenant: execution.report.tenant,
        owner: OWNER,
        program: Program::Mpn,
        report: execution.report.id,
        execution: execution.execution.id,
        event: insightgate_report::callback::CallbackEvent::Failed,
        method: insightgate_report::callback::CallbackMethod::Get,
        url: "https://a.example/cb".into(),
        body: String::new(),
        created: at(1),
        give_up: at(9),
    };
    let claimed = store.claim_execution(50, 100).await.unwrap().unwrap();
    let failed = Outcome::Failed { reason: "no".into() };
    assert!(store.finish_execution(&claimed, &failed, Some(&telling(&claimed)), at(1)).await.unwrap());
    let queue = store.queue(50, at(2).timestamp_millis()).await.unwrap();
    assert_eq!((queue.callbacks_due, queue.oldest_callback, queue.callbacks_retrying), (1, Some(at(1).timestamp_millis()), 0));
    let queue = store.queue(50, at(0).timestamp_millis()).await.unwrap();
    assert_eq!((queue.callbacks_due, queue.oldest_callback, queue.callbacks_retrying), (0, None, 1));
}

#[tokio::test]
async fn the_times_of_the_database_are_kept_by_lane() {
    let Deployment { store, _folder, .. } = deployment().await;
    let mut registry = Registry::default();
    store.register(&mut registry);
    store.lease_time().await.unwrap();
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry).unwrap();
    let line = |name: &str, lane: &str| {
        let wanted = format!("{name}{{lane=\"{lane}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&wanted)?.parse::<f64>().ok()).unwrap_or_else(|| panic!("{wanted} in {text}"))
    };
    assert!(line("database_statement_seconds_count", "identity") >= 1.0);
    assert!(line("database_wait_seconds_count", "writing") + line("database_wait_seconds_count", "identity") >= 1.0);
    assert_eq!(line("database_outages_total", "reading"), 0.0);
}
