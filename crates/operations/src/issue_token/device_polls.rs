//! How often devices poll for their tokens. The times are kept in memory, in a bounded map, so that polls write nothing to the database however fast
//! they come. Each process counts the polls that reach it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use insightgate_identity::tokens::device::Pace;

/// The most devices that are remembered.
const CAPACITY: usize = 10_000;

#[derive(Debug, Default)]
pub struct DevicePolls(Mutex<HashMap<String, Pace>>);

impl DevicePolls {
    /// Whether the device whose code has this digest polls too fast.
    pub fn too_fast(&self, digest: &str, now: DateTime<Utc>) -> bool {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = devices.get_mut(digest) {
            let (next, fast) = pace.after_poll(now);
            *pace = next;
            return fast;
        }
        if devices.len() >= CAPACITY {
            let oldest = devices.iter().min_by_key(|(_, pace)| pace.last).map(|(digest, _)| digest.clone());
            oldest.and_then(|oldest| devices.remove(&oldest));
        }
        devices.insert(digest.to_owned(), Pace::first(now));
        false
    }

    pub(crate) fn forget_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn forget(&self, digest: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn devices_are_told_apart_and_memory_is_bounded() {
        let (polls, now) = (DevicePolls::default(), DateTime::UNIX_EPOCH);
        assert!(!polls.too_fast("one", now) && !polls.too_fast("other", now));
        assert!(polls.too_fast("one", now) && !polls.too_fast("other", now + TimeDelta::seconds(5)));
        polls.forget("one");
        assert!(!polls.too_fast("one", now));
        for number in 0..CAPACITY {
            polls.too_fast(&format!("device {number}"), now + TimeDelta::seconds(10));
        }
        let devices = polls.0.lock().unwrap();
        assert!(devices.len() == CAPACITY && !devices.contains_key("one"));
    }
}
