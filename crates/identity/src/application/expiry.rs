//! When the people who look after an application are told that one of its secrets expires: 30 and 7 days before, and once it has.

use chrono::{DateTime, TimeDelta, Utc};
use strum::{IntoStaticStr, VariantArray};

/// What they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SecretNotice {
    Month,
    Week,
    Ended,
}

impl SecretNotice {
    pub const ALL: &'static [SecretNotice] = SecretNotice::VARIANTS;

    /// For how many days after its end people are told of a secret, if they could not be before.
    pub const DAYS_AFTER: i64 = 7;

    pub fn name(self) -> &'static str {
        self.into()
    }

    /// How many days before the end it comes.
    pub const fn days_before(self) -> i64 {
        match self {
            SecretNotice::Month => 30,
            SecretNotice::Week => 7,
            SecretNotice::Ended => 0,
        }
    }

    /// What there is to tell now: the latest notice whose time has come. A secret that was made for a shorter time than the notice gives has none.
    pub fn of(created: DateTime<Utc>, expires: DateTime<Utc>, now: DateTime<Utc>) -> Option<SecretNotice> {
        if now > expires + TimeDelta::days(SecretNotice::DAYS_AFTER) {
            return None;
        }
        let begins = |notice: SecretNotice| expires - TimeDelta::days(notice.days_before());
        let latest = SecretNotice::ALL.iter().rev().copied().find(|notice| begins(*notice) <= now)?;
        (created < begins(latest)).then_some(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_come_before_the_end_and_after_it() {
        let at = |days: i64| DateTime::UNIX_EPOCH + TimeDelta::days(days);
        let second = TimeDelta::seconds(1);
        for (created, now, expected) in [
            (0, at(70) - second, None),
            (0, at(70), Some(SecretNotice::Month)),
            (0, at(93) - second, Some(SecretNotice::Month)),
            (0, at(93), Some(SecretNotice::Week)),
            (0, at(100) - second, Some(SecretNotice::Week)),
            (0, at(100), Some(SecretNotice::Ended)),
            (0, at(107), Some(SecretNotice::Ended)),
            (0, at(107) + second, None),
            // Made for three weeks, and for a day.
            (79, at(80), None),
            (79, at(94), Some(SecretNotice::Week)),
            (99, at(99), None),
            (99, at(101), Some(SecretNotice::Ended)),
        ] {
            assert_eq!(SecretNotice::of(at(created), at(100), now), expected, "made on day {created}, {now}");
        }
    }
}
