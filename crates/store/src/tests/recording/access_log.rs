//! The access log's events, from the day on which they are written down until their file is complete.

use super::*;
use crate::{AccessDay, AccessRow};

const OTHER: Uuid = Uuid::from_u128(9);

fn row(id: u128, tenant: Uuid, hour: i64) -> AccessRow {
    AccessRow { id: Uuid::from_u128(id), tenant, at: at(hour), fields: format!("{{\"detail\":\"\\u0000{id}\"}}") }
}

async fn open_days(store: &Store, today: i64) -> Vec<AccessDay> {
    store.unwritten_access_days(today, 100).await.unwrap()
}

#[tokio::test]
async fn a_days_events_stay_until_its_file_is_complete() {
    let Deployment { store, _folder, .. } = deployment().await;
    let own = tenant().id;
    store.add_access_rows(7, &[row(2, own, 5), row(3, OTHER, 1), row(1, own, 5), row(4, own, 2)]).await.unwrap();
    // What is not known to be written is written again, and counts once.
    store.add_access_rows(7, &[row(2, own, 5)]).await.unwrap();
    let day = AccessDay { tenant: own, day: 7, generation: 0, added: 3, written: 0 };
    assert_eq!(open_days(&store, 7).await, [day.clone(), AccessDay { tenant: OTHER, added: 1, ..day.clone() }]);
    assert_eq!(store.access_rows(&day).await.unwrap(), [row(4, own, 2), row(1, own, 5), row(2, own, 5)]);

    assert!(store.claim_access_day(&day, 100, 200).await.unwrap());
    assert!(!store.claim_access_day(&day, 150, 250).await.unwrap(), "somebody writes it");
    assert!(store.claim_access_day(&day, 200, 300).await.unwrap(), "whoever had it is gone");
    store.access_day_written(&day, 3, false).await.unwrap();
    assert!(store.claim_access_day(&day, 250, 350).await.unwrap(), "it was given back");
    assert_eq!(open_days(&store, 7).await.len(), 1, "the other one's");
    assert_eq!(open_days(&store, 8).await.len(), 2, "the day is over");

    // One that came while the file was written keeps the day open.
    store.add_access_rows(7, &[row(5, own, 6)]).await.unwrap();
    store.access_day_written(&day, 3, true).await.unwrap();
    assert_eq!(open_days(&store, 7).await[0], AccessDay { added: 4, written: 3, ..day.clone() });
    store.access_day_written(&day, 4, true).await.unwrap();
    assert!(store.access_rows(&day).await.unwrap().is_empty());
    assert_eq!(open_days(&store, 8).await.len(), 1, "the other one's");

    // A clock that was set back begins another file.
    store.add_access_rows(7, &[row(6, own, 6)]).await.unwrap();
    let second = AccessDay { generation: 1, added: 1, written: 0, ..day.clone() };
    assert_eq!(open_days(&store, 7).await[0], second);
    assert!(!store.claim_access_day(&day, 400, 500).await.unwrap(), "the complete file is not written again");
}

#[tokio::test]
async fn old_days_go_with_what_waits() {
    let Deployment { store, _folder, .. } = deployment().await;
    for day in 1..5 {
        store.add_access_rows(day, &[row(u128::try_from(day).unwrap(), OTHER, day)]).await.unwrap();
    }
    let old = store.access_days_before(3, 10).await.unwrap();
    assert_eq!(old.iter().map(|day| day.day).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(store.access_days_before(3, 1).await.unwrap().len(), 1);
    for day in &old {
        store.forget_access_day(day).await.unwrap();
        assert!(store.access_rows(day).await.unwrap().is_empty());
    }
    assert!(store.access_days_before(3, 10).await.unwrap().is_empty());
    assert_eq!(open_days(&store, 3).await.len(), 2);
}
