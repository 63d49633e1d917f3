//! The outbox: one callback for each execution, one holder at a time, and what ends a callback; and what waits, counted.

use insightgate_report::callback::{Callback as Registered, CallbackEvent, CallbackMethod, CallbackState, give_up_after};

use prometheus_client::encoding::prometheus_text;

use super::*;

fn callback(claimed: &ClaimedExecution, id: u128, event: CallbackEvent) -> NewCallback {
    let report = &claimed.report;
    NewCallback {
        id: Uuid::from_u128(id),
        tenant: report.tenant,
        owner: report.owner,
        program: report.program,
        report: report.id,
        execution: claimed.execution.id,
        event,
        method: CallbackMethod::Post,
        url: "https://a.example/cb".into(),
        body: "{}".into(),
        created: at(1),
        give_up: give_up_after(at(1)),
    }
}

async fn running(store: &Store, id: u128) -> ClaimedExecution {
    store.add_report(&once(id), Some(&first_execution(&once(id))), None).await.unwrap().unwrap();
    store.claim_execution(0, 100).await.unwrap().unwrap()
}

/// Finishes an execution with a callback that has this id.
async fn told(store: &Store, report: u128, id: u128) -> ClaimedExecution {
    let claimed = running(store, report).await;
    let completed = Outcome::Completed { artifact: artifact(1_u64), note: None, sums: Vec::new() };
    let new = callback(&claimed, id, CallbackEvent::Completed);
    assert!(store.finish_execution(&claimed, &completed, Some(&new), at(1)).await.unwrap());
    claimed
}

fn attempt(number: u32, hour: i64, http_status: Option<u16>) -> CallbackAttempt {
    let error = http_status.is_none().then(|| "nobody answered".to_owned());
    CallbackAttempt { number, at: at(hour), milliseconds: 7, http_status, error }
}

async fn state(store: &Store, id: u128) -> CallbackState {
    store.callback(Uuid::from_u128(id)).await.unwrap().unwrap().delivery.state
}

async fn due(store: &Store, hour: i64, without: &[Uuid]) -> Vec<Uuid> {
    store.due_callbacks(at(hour), 1000, without, 100).await.unwrap().into_iter().map(|due| due.id).collect()
}

#[tokio::test]
async fn a_registered_callback_comes_back_as_it_was_written() {
    let Deployment { store, _folder, .. } = deployment().await;
    for (id, on_failure) in [(7, false), (8, true)] {
        let callback = Some(Registered { url: "https://a.example".into(), method: CallbackMethod::Get, on_failure });
        let report = ScheduledReport { callback, ..once(id) };
        store.add_report(&report, None, None).await.unwrap().unwrap();
        assert_eq!(store.report(OWNER, Program::Mpn, report.id).await.unwrap(), Some(report));
    }
}

#[tokio::test]
async fn a_run_is_told_of_once_and_only_by_its_holder() {
    let Deployment { store, _folder, .. } = deployment().await;
    let first = running(&store, 7).await;
    let second = store.claim_execution(200, 300).await.unwrap().unwrap();
    let completed = Outcome::Completed { artifact: artifact(2_u64), note: None, sums: Vec::new() };
    let lost = callback(&first, 90, CallbackEvent::Completed);
    assert!(!store.finish_execution(&first, &completed, Some(&lost), at(1)).await.unwrap());
    assert_eq!(store.callback(lost.id).await.unwrap(), None, "whoever lost the execution tells of nothing");
    let retried = Outcome::Retry { reason: "busy".into(), not_before: 0 };
    assert!(store.finish_execution(&second, &retried, Some(&lost), at(1)).await.unwrap());
    assert_eq!(store.callback(lost.id).await.unwrap(), None, "the execution is not over");
    let third = store.claim_execution(400, 500).await.unwrap().unwrap();
    let kept = callback(&third, 91, CallbackEvent::Completed);
    assert!(store.finish_execution(&third, &completed, Some(&kept), at(1)).await.unwrap());
    let mut connection = store.pool.acquire().await.unwrap();
    for (id, event) in [(92, CallbackEvent::Completed), (93, CallbackEvent::Failed)] {
        crate::callbacks::insert_callback(&mut connection, &callback(&third, id, event)).await.unwrap();
    }
    drop(connection);
    let page = store.callback_page(&CallbackFilter::default(), None, 10).await.unwrap();
    let ids: Vec<u128> = page.items.iter().map(|callback| callback.id.as_u128()).collect();
    assert_eq!((ids, page.total), (vec![93, 91], 2), "one for each execution and event");
}

#[tokio::test]
async fn one_holder_at_a_time_and_a_late_answer_changes_nothing() {
    let Deployment { store, _folder, .. } = deployment().await;
    told(&store, 7, 90).await;
    let id = Uuid::from_u128(90);
    assert!(due(&store, 0, &[]).await.is_empty());
    assert_eq!(due(&store, 1, &[]).await, [id]);
    assert!(due(&store, 1, &[tenant().id]).await.is_empty());
    assert!(store.claim_callback(id, at(0), 1000, 2000).await.unwrap().is_none(), "it is not due");
    let first = store.claim_callback(id, at(1), 1000, 2000).await.unwrap().unwrap();
    assert_eq!((first.callback.delivery.attempts, first.callback.delivery.epoch.number(), first.tried), (1, 1, 0));
    assert!(store.claim_callback(id, at(1), 1999, 3000).await.unwrap().is_none(), "it is leased");
    assert!(due(&store, 1, &[]).await.is_empty());
    let second = store.claim_callback(id, at(1), 2001, 3000).await.unwrap().unwrap();
    assert_eq!((second.callback.delivery.attempts, second.callback.delivery.epoch.number()), (2, 2));
    let late = store.finish_callback(&first, Some(&attempt(1, 1, Some(200))), SendOutcome::Delivered, at(1)).await.unwrap();
    assert!(!late && state(&store, 90).await == CallbackState::Pending);
    let retry = SendOutcome::Retry { due: at(2) };
    assert!(store.finish_callback(&second, Some(&attempt(2, 1, Some(500))), retry, at(1)).await.unwrap());
    assert!(!store.finish_callback(&second, Some(&attempt(2, 1, Some(200))), SendOutcome::Delivered, at(1)).await.unwrap(), "once");
    assert!(due(&store, 1, &[]).await.is_empty());
    let third = store.claim_callback(id, at(2), 2002, 3000).await.unwrap().unwrap();
    assert_eq!((third.callback.delivery.attempts, third.tried), (3, 1));
    assert!(store.finish_callback(&third, Some(&attempt(3, 2, None)), SendOutcome::Failed, at(2)).await.unwrap());
    let kept = store.callback(id).await.unwrap().unwrap();
    assert_eq!((kept.delivery.state, kept.delivery.finished), (CallbackState::Failed, Some(at(2))));
    assert_eq!(store.callback_attempts(id).await.unwrap(), [attempt(2, 1, Some(500)), attempt(3, 2, None)]);
    // A replay starts again: its backoff is short again, and a current attempt does not count.
    let replayed = store.replay_callback(id, at(50), give_up_after(at(50))).await.unwrap().unwrap();
    assert_eq!((replayed.delivery.state, replayed.delivery.due, replayed.delivery.finished), (CallbackState::Pending, at(50), None));
    let fourth = store.claim_callback(id, at(50), 5000, 6000).await.unwrap().unwrap();
    assert_eq!((fourth.callback.delivery.attempts, fourth.tried), (4, 0));
    store.replay_callback(id, at(51), give_up_after(at(51))).await.unwrap().unwrap();
    assert!(!store.finish_callback(&fourth, Some(&attempt(4, 50, Some(200))), SendOutcome::Delivered, at(51)).await.unwrap());
    assert_eq!(due(&store, 51, &[]).await, [id]);
    assert_eq!(store.replay_callback(Uuid::from_u128(1), at(51), at(52)).await.unwrap(), None);
}

#[tokio::test]
async fn twenty_claimers_share_out_the_callbacks() {
    let Deployment { store, _folder, .. } = deployment().await;
    for number in 0..10 {
        told(&store, 100 + number, 900 + number).await;
    }
    let claimers: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut claimed = Vec::new();
                for due in store.due_callbacks(at(1), 1000, &[], 100).await.unwrap() {
                    claimed.extend(store.claim_callback(due.id, at(1), 1000, 2000).await.unwrap().map(|claimed| claimed.callback.id));
                }
                claimed
            })
        })
        .collect();
    let mut claimed = Vec::new();
    for claimer in claimers {
        claimed.extend(claimer.await.unwrap());
    }
    claimed.sort();
    assert_eq!(claimed, (900..910).map(Uuid::from_u128).collect::<Vec<_>>(), "each once");
    store.release_leases().await.unwrap();
    assert_eq!(due(&store, 1, &[]).await.len(), 10);
}

#[tokio::test]
async fn a_deleted_report_takes_its_callbacks_with_it() {
    let Deployment { store, _folder, .. } = deployment().await;
    told(&store, 7, 90).await;
    told(&store, 8, 91).await;
    let held = store.claim_callback(Uuid::from_u128(90), at(1), 1000, 2000).await.unwrap().unwrap();
    assert!(store.delete_report(OWNER, Program::Mpn, Uuid::from_u128(7), at(2)).await.unwrap());
    assert_eq!((state(&store, 90).await, state(&store, 91).await), (CallbackState::Cancelled, CallbackState::Pending));
    assert!(!store.finish_callback(&held, Some(&attempt(1, 2, Some(200))), SendOutcome::Delivered, at(2)).await.unwrap());
    assert_eq!(state(&store, 90).await, CallbackState::Cancelled);
    // None of them keeps the tenant from being removed.
    let delivered = store.claim_callback(Uuid::from_u128(91), at(1), 1000, 2000).await.unwrap().unwrap();
    assert!(store.finish_callback(&delivered, Some(&attempt(1, 2, Some(200))), SendOutcome::Delivered, at(2)).await.unwrap());
    assert!(store.add_callback_secret(&secret(5, 0), at(24), 5).await.unwrap());
    assert!(store.delete_tenant(tenant().id).await.unwrap());
    assert_eq!(store.callback(Uuid::from_u128(91)).await.unwrap(), None);
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_with_its_attempts() {
    let Deployment { store, _folder, .. } = deployment().await;
    for (number, ended) in [(0, Some(10)), (1, Some(20)), (2, Some(30)), (3, None)] {
        told(&store, 100 + number, 900 + number).await;
        let Some(hour) = ended else { continue };
        let held = store.claim_callback(Uuid::from_u128(900 + number), at(1), 1000, 2000).await.unwrap().unwrap();
        assert!(store.finish_callback(&held, Some(&attempt(1, hour, Some(200))), SendOutcome::Delivered, at(hour)).await.unwrap());
    }
    assert_eq!(store.forget_callbacks(at(30), 1).await.unwrap(), 1, "the oldest first");
    assert_eq!(store.forget_callbacks(at(30), 10).await.unwrap(), 1);
    assert_eq!(store.forget_callbacks(at(30), 10).await.unwrap(), 0);
    let left = store.callback_page(&CallbackFilter::default(), None, 10).await.unwrap().items;
    assert_eq!(left.iter().map(|callback| callback.id.as_u128()).collect::<Vec<_>>(), [903, 902]);
    assert!(store.callback_attempts(Uuid::from_u128(900)).await.unwrap().is_empty());
    assert_eq!(store.callback_attempts(Uuid::from_u128(902)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let Deployment { store, _folder, .. } = deployment().await;
    let mut ended = Vec::new();
    for number in 0..5 {
        ended.push(told(&store, 100 + number, 900 + number).await);
    }
    let id = |number: u128| Uuid::from_u128(900 + number);
    let held = store.claim_callback(id(3), at(1), 1000, 2000).await.unwrap().unwrap();
    assert!(store.finish_callback(&held, None, SendOutcome::Cancelled, at(2)).await.unwrap());
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.callback_page(&CallbackFilter::default(), after, 2).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.items.iter().map(|callback| callback.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..5).rev().map(id).collect::<Vec<_>>());
    let filter = CallbackFilter::default;
    for (filter, expected) in [
        (CallbackFilter { state: Some(CallbackState::Cancelled), ..filter() }, vec![id(3)]),
        (CallbackFilter { report: Some(ended[2].report.id), ..filter() }, vec![id(2)]),
        (CallbackFilter { execution: Some(ended[4].execution.id), tenant: Some(tenant().id), ..filter() }, vec![id(4)]),
        (CallbackFilter { tenant: Some(Uuid::from_u128(99)), ..filter() }, vec![]),
    ] {
        let page = store.callback_page(&filter, None, 10).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|callback| callback.id).collect();
        assert_eq!((found, page.total), (expected.clone(), expected.len() as u64), "{filter:?}");
    }
}

fn secret(id: u128, hour: i64) -> CallbackSecret {
    CallbackSecret {
        id: Uuid::from_u128(id),
        tenant: tenant().id,
        owner: OWNER,
        sealed: format!("sealed {id}"),
        created: at(hour),
        expires: None,
    }
}

#[tokio::test]
async fn a_replaced_secret_goes_on_until_it_expires() {
    let Deployment { store, _folder, .. } = deployment().await;
    let signing = async |hour: i64| -> Vec<(u128, Option<DateTime<Utc>>)> {
        let all = store.callback_secrets(OWNER, at(hour)).await.unwrap();
        all.into_iter().map(|secret| (secret.id.as_u128(), secret.expires)).collect()
    };
    for (id, hour) in [(1, 0), (2, 1), (3, 2)] {
        assert!(store.add_callback_secret(&secret(id, hour), at(hour + 24), 3).await.unwrap());
    }
    assert_eq!(signing(2).await, [(3, None), (2, Some(at(26))), (1, Some(at(25)))]);
    assert!(!store.add_callback_secret(&secret(4, 3), at(27), 3).await.unwrap(), "one too many");
    assert_eq!(signing(3).await[0], (3, None), "and nothing changed");
    assert_eq!(signing(25).await, [(3, None), (2, Some(at(26)))]);
    assert!(store.add_callback_secret(&secret(4, 25), at(49), 3).await.unwrap(), "an expired one gives its place");
    assert!(store.remove_callback_secret(OWNER, Uuid::from_u128(3)).await.unwrap());
    assert!(!store.remove_callback_secret(Uuid::from_u128(9), Uuid::from_u128(4)).await.unwrap(), "another owner's is not found");
    assert_eq!(signing(25).await, [(4, None), (2, Some(at(26)))]);
    assert!(store.callback_secrets(Uuid::from_u128(9), at(0)).await.unwrap().is_empty());
    let sealed = store.sealed().await.unwrap().into_iter().find(|sealed| sealed.text == "sealed 4").unwrap();
    assert_eq!((sealed.place, sealed.purpose), (SealedPlace::CallbackSecrets, format!("callback {}", Uuid::from_u128(4))));
    assert!(store.replace_sealed(sealed.place, &sealed.id, "sealed 4", "anew").await.unwrap());
    assert_eq!(store.callback_secrets(OWNER, at(25)).await.unwrap()[0].sealed, "anew");
}

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
    let claimed = store.claim_execution(50, 100).await.unwrap().unwrap();
    let failed = Outcome::Failed { reason: "no".into() };
    assert!(store.finish_execution(&claimed, &failed, Some(&callback(&claimed, 77, CallbackEvent::Failed)), at(1)).await.unwrap());
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
