//! Refresh tokens: how long one is valid, and whether a used one may be used again.

use chrono::{DateTime, TimeDelta, Utc};

/// How long a token is valid after it was issued. Source: the platform's default.
pub const LIFETIME: TimeDelta = TimeDelta::days(90);
/// How long a public application may use a token again: its answer may have been lost, or two processes may have used it at the same time.
pub const USED_AGAIN: TimeDelta = TimeDelta::seconds(60);
/// The most tokens of one sign-in. Beyond that, the least recently used ones are removed.
pub const KEPT_PER_SIGN_IN: u32 = 100;
/// The same limit for all sign-ins of one user at one application.
pub const KEPT_PER_USER: u32 = 1000;

/// Whether a token that was used before is accepted again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// Never: a second use means that the token was stolen.
    Theft,
    /// Always: the application authenticates with its secret, so that nobody else can use the token.
    Good,
    /// Only within [`USED_AGAIN`] of its first use; after that it counts as stolen.
    Soon,
}

impl Reuse {
    pub fn of(public: bool, strict: bool) -> Reuse {
        match (strict, public) {
            (true, _) => Reuse::Theft,
            (false, false) => Reuse::Good,
            (false, true) => Reuse::Soon,
        }
    }

    /// A used token is accepted if its first use was at this time or later. With `None` it is never accepted.
    pub fn good_since(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Reuse::Theft => None,
            Reuse::Good => Some(DateTime::UNIX_EPOCH),
            Reuse::Soon => Some(now - USED_AGAIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_used_token_is_worth() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(10);
        for (public, strict, first_use, good) in [
            (false, false, 0, true),
            (false, false, 86400 * 9, true),
            (true, false, 60, true),
            (true, false, 61, false),
            (true, true, 0, false),
            (false, true, 0, false),
        ] {
            let since = Reuse::of(public, strict).good_since(now);
            let found = since.is_some_and(|since| now - TimeDelta::seconds(first_use) >= since);
            assert_eq!(found, good, "public {public}, strict {strict}, {first_use} s ago");
        }
    }

    #[test]
    fn the_document_says_so() {
        let page = include_str!("../../../../docs/sign-in.md");
        let (seconds, days) = (USED_AGAIN.num_seconds(), LIFETIME.num_days());
        for figure in [
            format!("within {seconds} seconds"),
            format!("{days} days"),
            format!("{KEPT_PER_SIGN_IN} tokens of one sign-in"),
            // With a comma, as in all numbers on the page.
            format!("{},{:03} of one user", KEPT_PER_USER / 1_000, KEPT_PER_USER % 1_000),
        ] {
            assert!(page.contains(&figure), "{figure}");
        }
    }
}
