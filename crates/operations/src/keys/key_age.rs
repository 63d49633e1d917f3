//! The age of keys: which key is the newest, when a key begins to sign, and when an old key has nothing left to verify.

use chrono::{DateTime, TimeDelta, Utc};

/// The rules for keys of one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAge {
    /// How long a new key is published before it signs.
    pub before_use: TimeDelta,
    /// How long a signature is valid.
    pub signed_lives: TimeDelta,
}

/// By how much the clocks of those who verify may differ.
const MARGIN: TimeDelta = TimeDelta::minutes(5);

impl KeyAge {
    /// The key that signs at `now`: the newest one that has been published long enough, or else the oldest. `created` has the newest first.
    pub fn signer(self, created: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<usize> {
        let published = created.iter().position(|created| *created + self.before_use <= now);
        published.or(created.len().checked_sub(1))
    }

    /// When the newest key was created, from times with the newest first. Times that a clock which was ahead has written are skipped.
    pub fn newest(created: impl IntoIterator<Item = DateTime<Utc>>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        created.into_iter().find(|created| *created <= now + MARGIN)
    }

    /// Whether the key is obsolete: a newer one has signed for longer than a signature of this one is valid.
    pub fn is_over(self, created: DateTime<Utc>, all: &[DateTime<Utc>], now: DateTime<Utc>) -> bool {
        all.iter().any(|newer| *newer > created && *newer + self.before_use + self.signed_lives + MARGIN <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_published_then_signs_then_only_verifies_then_is_over() {
        let age = KeyAge { before_use: TimeDelta::minutes(5), signed_lives: TimeDelta::hours(1) };
        let at = |minutes| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        let (old, new) = (at(0), at(100));
        assert_eq!(age.signer(&[old], at(0)), Some(0), "the only one signs at once");
        for (minute, signer, over) in [(100, 1, false), (104, 1, false), (105, 0, false), (169, 0, false), (170, 0, true)] {
            assert_eq!(age.signer(&[new, old], at(minute)), Some(signer), "{minute}");
            assert_eq!(age.is_over(old, &[new, old], at(minute)), over, "{minute}");
            assert!(!age.is_over(new, &[new, old], at(minute)));
        }
        assert_eq!(age.signer(&[], at(0)), None);
        assert_eq!(KeyAge::newest([at(500_000), new, old], at(100)), Some(new), "a clock that was a year ahead made one");
    }
}
