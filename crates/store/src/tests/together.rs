//! Refresh tokens and audit events: written once each, whoever writes beside them.

use std::pin::Pin;
use std::task::Poll;

use super::*;

async fn with_sign_in() -> (Bench, RefreshTokenRecord) {
    let bench = bench().await;
    let application = Application::confidential(Uuid::from_u128(2), tenant().id, "Reports");
    bench.store.add_application(&application, at(0)).await.unwrap();
    let user = User::new(OWNER, tenant().id, "analyst@contoso.example".into());
    bench.store.add_user(&user, Some("hash"), at(0)).await.unwrap();
    let token = RefreshTokenRecord {
        digest: "first".into(),
        family: Uuid::from_u128(5),
        tenant: tenant().id,
        application: application.id,
        user: user.id,
        resource: "r".into(),
        amr: "pwd".into(),
        expires: at(1),
    };
    bench.store.add_refresh_token(&token).await.unwrap();
    (bench, token)
}

pub(super) fn event(number: u128) -> AuditEvent {
    AuditEvent {
        id: Uuid::from_u128(number),
        at: at(0),
        tenant: Some(tenant().id),
        actor: "a".into(),
        action: "token.issue".into(),
        subject: "s".into(),
        detail: String::new(),
        correlation: None,
        occurrences: 1,
        address: None,
    }
}

#[tokio::test]
async fn a_refresh_token_is_used_once() {
    let (Bench { store, _folder, .. }, token) = with_sign_in().await;
    assert!(store.replace_refresh_token("first".into(), None, None).await.unwrap());
    assert!(!store.replace_refresh_token("first".into(), None, None).await.unwrap());
    assert_eq!(store.refresh_token("first").await.unwrap(), Some((token.clone(), RefreshTokenState::Used)));
    store.revoke_refresh_family(token.family).await.unwrap();
    assert_eq!(store.refresh_token("first").await.unwrap(), Some((token, RefreshTokenState::Revoked)));
}

#[tokio::test]
async fn of_many_who_use_one_token_at_once_one_has_it() {
    let (Bench { store, _folder, .. }, token) = with_sign_in().await;
    let replacing = (0..50_u128).map(|number| {
        let (store, by) = (store.clone(), RefreshTokenRecord { digest: format!("second {number}"), ..token.clone() });
        tokio::spawn(async move { store.replace_refresh_token("first".into(), Some(by), Some(event(number))).await.unwrap() })
    });
    let mut winners = Vec::new();
    for (number, replaced) in (0..).zip(replacing.collect::<Vec<_>>()) {
        if replaced.await.unwrap() {
            winners.push(number);
        }
    }
    assert_eq!(winners.len(), 1);
    for number in 0..50 {
        let kept = store.refresh_token(&format!("second {number}")).await.unwrap();
        assert_eq!(kept.is_some(), winners == [number], "the others left nothing");
    }
    let events = store.audit_events(100).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id.as_u128()).collect::<Vec<_>>(), winners);
}

#[tokio::test]
async fn events_that_come_at_once_are_all_kept_in_fewer_transactions() {
    let (Bench { store, _folder, .. }, _) = with_sign_in().await;
    if store.is_shared() {
        return;
    }
    let pages = async || {
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&store.pool).await.unwrap();
        row.try_get::<i64, _>(1).unwrap()
    };
    let before = pages().await;
    let recording = (0..500).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.record_audit_event(event(number)).await.unwrap() })
    });
    for recorded in recording.collect::<Vec<_>>() {
        recorded.await.unwrap();
    }
    let events = store.audit_events(1000).await.unwrap();
    assert_eq!(events.len(), 500);
    assert!(events.iter().all(|found| *found == event(found.id.as_u128())));
    // One by one they would have written three pages each: the row's and those of two indexes.
    let written = pages().await - before;
    assert!(written < 500, "{written} pages");
}

#[tokio::test]
async fn a_write_that_cannot_be_made_takes_no_other_with_it() {
    let (Bench { store, _folder, .. }, token) = with_sign_in().await;
    store.record_audit_event(event(7)).await.unwrap();
    let foreign = RefreshTokenRecord { digest: "second".into(), user: Uuid::from_u128(99), ..token };
    let recording = (5..10).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.record_audit_event(event(number)).await.map_err(|error| error.is_conflict()) })
    });
    let recording: Vec<_> = recording.collect();
    let refused = store.replace_refresh_token("first".into(), Some(foreign), Some(event(20))).await;
    assert!(refused.is_err(), "there is no such user");
    let mut outcomes = Vec::new();
    for recorded in recording {
        outcomes.push(recorded.await.unwrap());
    }
    assert_eq!(outcomes, [Ok(()), Ok(()), Err(true), Ok(()), Ok(())]);
    let (_, state) = store.refresh_token("first").await.unwrap().unwrap();
    assert_eq!(state, RefreshTokenState::Fresh, "the refused replacement used nothing up");
}

#[tokio::test]
async fn closing_waits_for_those_who_gave_up_waiting() {
    let (Bench { store, url, _folder }, _) = with_sign_in().await;
    for number in 0..20 {
        // Polled once, so that it is on its way, and then given up.
        let mut recording = Box::pin(store.record_audit_event(event(number)));
        assert!(at_first_poll(recording.as_mut()).await.is_none());
    }
    store.close().await;
    assert_eq!(Store::open(&url).await.unwrap().audit_events(100).await.unwrap().len(), 20);
}

/// The outcome, if there is one at the first poll.
async fn at_first_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
