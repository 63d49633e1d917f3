//! Failed sign-ins of names that nobody has. They are locked as a user's are: else ten guesses would tell who exists.
//!
//! Kept in memory and bounded, like the failures of addresses; the names themselves are not kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use insightgate_identity::user::Lockout;
use uuid::Uuid;

use crate::password::secret_digest;

/// Names that are remembered.
const CAPACITY: usize = 10_000;

#[derive(Debug, Default)]
pub struct UnknownNames(Mutex<HashMap<String, (Lockout, DateTime<Utc>)>>);

impl UnknownNames {
    /// Counts a failed sign-in. Gives the lockout as it was found.
    pub fn failed(&self, tenant: Uuid, name: &str, now: DateTime<Utc>) -> Lockout {
        let key = secret_digest(&format!("{tenant} {name}"));
        // Each change leaves the map whole, even when its writer panicked.
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= CAPACITY && !entries.contains_key(&key) {
            let oldest = entries.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| entries.remove(&oldest));
        }
        let found = entries.get(&key).map(|(lockout, _)| *lockout).unwrap_or_default();
        let changed = if found.is_locked(now) { found } else { found.after_failure(now) };
        entries.insert(key, (changed, now));
        found
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn memory_is_bounded_and_the_oldest_goes() {
        let (names, now) = (UnknownNames::default(), DateTime::UNIX_EPOCH);
        for number in 0..=CAPACITY {
            names.failed(Uuid::nil(), &format!("user{number}"), now + TimeDelta::milliseconds(i64::try_from(number).unwrap()));
        }
        assert_eq!(names.0.lock().unwrap().len(), CAPACITY);
        assert_eq!(names.failed(Uuid::nil(), "user0", now).failures, 0);
        assert_eq!(names.failed(Uuid::nil(), &format!("user{CAPACITY}"), now).failures, 1);
    }
}
