//! People who sign in.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: Uuid,
    pub tenant: Uuid,
    /// The sign-in name, `name@domain`, in lower case.
    pub username: String,
    pub enabled: bool,
    pub lockout: Lockout,
}

/// Wrong passwords in a row, and until when they keep the account shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lockout {
    pub failures: u32,
    pub until: Option<DateTime<Utc>>,
}

impl Lockout {
    /// Failures before the first wait.
    pub const FREE_FAILURES: u32 = 10;
    const FIRST_WAIT_SECONDS: i64 = 60;
    const LONGEST_WAIT_SECONDS: i64 = 3600;

    pub fn is_locked(&self, now: DateTime<Utc>) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// After one more wrong password: from the tenth on the account waits, twice as long each time, an hour at most.
    pub fn after_failure(self, now: DateTime<Utc>) -> Lockout {
        let failures = self.failures.saturating_add(1);
        let over = failures.saturating_sub(Lockout::FREE_FAILURES);
        let until = (failures >= Lockout::FREE_FAILURES).then(|| {
            let wait = Lockout::FIRST_WAIT_SECONDS.saturating_mul(1 << over.min(16)).min(Lockout::LONGEST_WAIT_SECONDS);
            now + TimeDelta::seconds(wait)
        });
        Lockout { failures, until }
    }
}

/// The domain of a sign-in name.
pub fn domain_of(username: &str) -> Option<&str> {
    username.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let now = DateTime::<Utc>::UNIX_EPOCH;
        let mut lockout = Lockout::default();
        for _ in 0..Lockout::FREE_FAILURES - 1 {
            lockout = lockout.after_failure(now);
            assert!(!lockout.is_locked(now));
        }
        let mut waits = Vec::new();
        for _ in 0..40 {
            lockout = lockout.after_failure(now);
            waits.push((lockout.until.unwrap() - now).num_seconds());
        }
        assert_eq!(&waits[..4], &[60, 120, 240, 480]);
        assert!(waits.iter().all(|wait| *wait <= 3600));
        assert!(!lockout.is_locked(now + TimeDelta::seconds(3600)));
    }
}
