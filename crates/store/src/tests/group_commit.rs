//! Refresh tokens and audit events: each is written once, whatever is written at the same time.

use std::pin::Pin;
use std::task::Poll;

use super::*;
use crate::database::locks::Hold;

async fn with_sign_in() -> (Deployment, RefreshTokenRecord) {
    let deployment = deployment().await;
    let application = Application::confidential(Uuid::from_u128(2), tenant().id, "Reports");
    deployment.store.add_application(&application, at(0)).await.unwrap();
    let user = User::new(OWNER, tenant().id, "analyst@contoso.example".into());
    deployment.store.add_user(&user, Some("hash"), at(0)).await.unwrap();
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
    deployment.store.add_refresh_token(&token).await.unwrap();
    (deployment, token)
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

/// A token that is not valid a second time.
fn first() -> UsedToken {
    UsedToken { digest: "first".into(), now: at(0), good_since: None }
}

#[tokio::test]
async fn a_refresh_token_is_used_once() {
    let (Deployment { store, _folder, .. }, token) = with_sign_in().await;
    assert!(store.replace_refresh_token(first(), None, None).await.unwrap());
    assert!(!store.replace_refresh_token(first(), None, None).await.unwrap());
    assert_eq!(store.refresh_token("first").await.unwrap(), Some((token.clone(), RefreshTokenState::Used(at(0)))));
    store.revoke_refresh_family(token.family, Some(event(1))).await.unwrap();
    assert_eq!(store.refresh_token("first").await.unwrap(), Some((token.clone(), RefreshTokenState::Revoked)));
    // The family ends once, and only one event is recorded.
    store.revoke_refresh_family(token.family, Some(event(2))).await.unwrap();
    assert_eq!(store.audit_events(10).await.unwrap(), [event(1)]);
}

#[tokio::test]
async fn a_used_token_is_good_for_as_long_as_is_asked() {
    let (Deployment { store, _folder, .. }, token) = with_sign_in().await;
    let use_it = async |now: DateTime<Utc>, good_since: Option<DateTime<Utc>>, by: &str| {
        let used = UsedToken { now, good_since, ..first() };
        let by = RefreshTokenRecord { digest: by.into(), ..token.clone() };
        store.replace_refresh_token(used, Some(by), None).await.unwrap()
    };
    assert!(use_it(at(1), Some(at(1)), "a").await);
    assert!(use_it(at(5), Some(at(1)), "b").await, "used first at 1");
    assert!(!use_it(at(5), Some(at(2)), "c").await);
    assert!(!use_it(at(5), None, "d").await);
    assert_eq!(
        store.refresh_token("first").await.unwrap().unwrap().1,
        RefreshTokenState::Used(at(1)),
        "further uses do not make it younger"
    );
    for (digest, there) in [("a", true), ("b", true), ("c", false), ("d", false)] {
        assert_eq!(store.refresh_token(digest).await.unwrap().is_some(), there, "{digest}");
    }
    store.revoke_refresh_family(token.family, None).await.unwrap();
    assert!(!use_it(at(5), Some(at(0)), "e").await);
    // A token from a version that did not record the time of use.
    let old = RefreshTokenRecord { digest: "old".into(), family: Uuid::from_u128(6), ..token.clone() };
    store.add_refresh_token(&old).await.unwrap();
    sqlx::query("UPDATE refresh_tokens SET used = 1 WHERE digest = 'old'").execute(&store.pool).await.unwrap();
    let used = |good_since| UsedToken { digest: "old".into(), now: at(1), good_since: Some(good_since) };
    assert!(!store.replace_refresh_token(used(at(1)), None, None).await.unwrap());
    assert!(store.replace_refresh_token(used(DateTime::UNIX_EPOCH), None, None).await.unwrap());
}

/// Two processes get one token from the same vault.
#[tokio::test]
async fn of_many_who_may_use_one_token_at_once_all_have_it() {
    let (Deployment { store, url, _folder }, token) = with_sign_in().await;
    let other = if store.is_shared() { Store::open(&url).await.unwrap() } else { store.clone() };
    let replacing = (0..50_u128).map(|number| {
        let store = if number % 2 == 0 { store.clone() } else { other.clone() };
        let by = RefreshTokenRecord { digest: format!("second {number}"), ..token.clone() };
        let used = UsedToken { good_since: Some(at(0)), ..first() };
        tokio::spawn(async move { store.replace_refresh_token(used, Some(by), Some(event(number))).await.unwrap() })
    });
    for replaced in replacing.collect::<Vec<_>>() {
        assert!(replaced.await.unwrap());
    }
    for number in 0..50 {
        assert!(store.refresh_token(&format!("second {number}")).await.unwrap().is_some());
    }
    assert_eq!(store.audit_events(100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn of_many_who_use_one_token_at_once_one_has_it() {
    let (Deployment { store, _folder, .. }, token) = with_sign_in().await;
    let replacing = (0..50_u128).map(|number| {
        let (store, by) = (store.clone(), RefreshTokenRecord { digest: format!("second {number}"), ..token.clone() });
        tokio::spawn(async move { store.replace_refresh_token(first(), Some(by), Some(event(number))).await.unwrap() })
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
    let (Deployment { store, _folder, .. }, _) = with_sign_in().await;
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
    // Written one by one, they would have written three pages each: that of the row and those of two indexes.
    let written = pages().await - before;
    assert!(written < 500, "{written} pages");
}

#[tokio::test]
async fn a_write_that_cannot_be_made_takes_no_other_with_it() {
    let (Deployment { store, _folder, .. }, token) = with_sign_in().await;
    store.record_audit_event(event(7)).await.unwrap();
    let foreign = RefreshTokenRecord { digest: "second".into(), user: Uuid::from_u128(99), ..token };
    let recording = (5..10).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.record_audit_event(event(number)).await.map_err(|error| error.is_conflict()) })
    });
    let recording: Vec<_> = recording.collect();
    let refused = store.replace_refresh_token(first(), Some(foreign), Some(event(20))).await;
    assert!(refused.is_err(), "there is no such user");
    let mut outcomes = Vec::new();
    for recorded in recording {
        outcomes.push(recorded.await.unwrap());
    }
    assert_eq!(outcomes, [Ok(()), Ok(()), Err(true), Ok(()), Ok(())]);
    let (_, state) = store.refresh_token("first").await.unwrap().unwrap();
    assert_eq!(state, RefreshTokenState::Fresh, "the refused replacement used nothing up");
}

/// Only the refreshes of a user wait for a lock on that user, and events in the same batch are kept.
#[tokio::test]
async fn a_user_that_somebody_holds_for_long_costs_no_event() {
    let (Deployment { store, _folder, .. }, token) = with_sign_in().await;
    if store.dialect != Dialect::Postgres {
        return;
    }
    let held = store.begin(Hold::User(OWNER)).await.unwrap();
    let by = RefreshTokenRecord { digest: "second".into(), ..token };
    // Both wait before the writer begins.
    let refresh = store.replace_refresh_token(first(), Some(by), Some(event(20)));
    let (replaced, recorded) = futures::join!(refresh, store.record_audit_event(event(7)));
    assert_eq!(replaced.unwrap_err().outage(), Some(Outage::Held));
    recorded.unwrap();
    held.commit().await.unwrap();
    assert_eq!(store.audit_events(10).await.unwrap(), [event(7)]);
    assert_eq!(store.refresh_token("first").await.unwrap().unwrap().1, RefreshTokenState::Fresh);
}

#[tokio::test]
async fn closing_waits_for_those_who_gave_up_waiting() {
    let (Deployment { store, url, _folder }, _) = with_sign_in().await;
    for number in 0..20 {
        // Polled once, so that the write is waiting, and then dropped.
        let mut recording = Box::pin(store.record_audit_event(event(number)));
        assert!(at_first_poll(recording.as_mut()).await.is_none());
    }
    store.close().await;
    assert_eq!(Store::open(&url).await.unwrap().audit_events(100).await.unwrap().len(), 20);
}

/// The result, if there is one at the first poll.
async fn at_first_poll<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        Poll::Ready(match Pin::new(&mut future).poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
