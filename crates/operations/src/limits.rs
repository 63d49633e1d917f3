//! How many calls, previews and downloads a minute a tenant and each of its applications may make.
//!
//! A full minute's worth may come at once; then each comes back at its interval. Only tenants and applications whose token or link was accepted are
//! counted, so that a stranger cannot add to what is kept. The counts are in memory, of each process for itself, and end with it. Their time is the
//! product's, so that a sandbox whose clock stands still can be tested.

pub mod current;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use crate::failure::Failure;
use crate::pace::Pace;

/// The most counts that are kept. They come back within a minute, so that only so many who are active at once would exceed it; further ones are not counted.
const KEPT: usize = 100_000;
const BETWEEN_SWEEPS: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What a tenant may do in a minute; 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    pub calls: u32,
    pub previews: u32,
    pub downloads: u32,
    /// How much of it one application may use, in percent.
    pub application_percent: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        LimitSettings { calls: 60_000, previews: 6_000, downloads: 60_000, application_percent: 50 }
    }
}

impl LimitSettings {
    /// Nothing is limited.
    pub fn none() -> LimitSettings {
        LimitSettings { calls: 0, previews: 0, downloads: 0, application_percent: 100 }
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    Calls,
    Previews,
    Downloads,
}

impl Counted {
    pub const ALL: [Counted; 3] = [Counted::Calls, Counted::Previews, Counted::Downloads];

    pub fn name(self) -> &'static str {
        match self {
            Counted::Calls => "calls",
            Counted::Previews => "previews",
            Counted::Downloads => "downloads",
        }
    }
}

/// Whose count it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    Tenant,
    Application,
}

impl Holder {
    pub const ALL: [Holder; 2] = [Holder::Tenant, Holder::Application];

    pub fn name(self) -> &'static str {
        match self {
            Holder::Tenant => "tenant",
            Holder::Application => "application",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    pub tenant: Uuid,
    pub application: Uuid,
}

/// How much of a limit is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub of: Counted,
    pub holder: Holder,
    /// A minute.
    pub limit: u32,
    pub left: u32,
    /// After how long one more may come; zero if it may now.
    pub wait: Duration,
    /// After how long all of it is left.
    pub full_after: Duration,
}

impl Allowance {
    fn refusal(&self) -> Failure {
        let (of, limit, wait_seconds) = (self.of.name(), self.limit, whole_seconds(self.wait).max(1));
        let who = match self.holder {
            Holder::Tenant => "organization",
            Holder::Application => "application",
        };
        let told = format!("The {who} may make {limit} {of} a minute, and has used them up. Try again in {wait_seconds} s.");
        Failure::ShareTaken { told, wait_seconds }
    }
}

/// Rounded up.
pub fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX)
}

/// Tenant or application, by id.
type Key = (Counted, Holder, Uuid);

#[derive(Debug, Default)]
struct Kept {
    /// For each count, the instant at which all of it is available again.
    until: HashMap<Key, Instant>,
    /// When those that are whole again were forgotten last.
    swept: Option<Instant>,
}

impl Kept {
    /// Forgets the counts that are whole again, at most once in [`BETWEEN_SWEEPS`]: it looks at all of them, and every call waits for it.
    fn sweep(&mut self, now: Instant) {
        let is_due = self.swept.is_none_or(|swept| now < swept || now >= swept + BETWEEN_SWEEPS);
        if is_due {
            self.until.retain(|_, free| *free > now);
            self.swept = Some(now);
        }
    }
}

#[derive(Debug)]
pub struct Limits {
    kept: Mutex<Kept>,
    /// Stands for the beginning of the product's time.
    epoch: Instant,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { kept: Mutex::default(), epoch: Instant::now() }
    }
}

impl Limits {
    /// Counts one of each. All that was counted against is added to `seen`, whether there was room or not. What is refused counts against nothing further.
    ///
    /// # Errors
    /// When a limit is used up.
    pub fn take(
        &self,
        settings: &LimitSettings,
        (counted, whose): (&[Counted], Whose),
        now: DateTime<Utc>,
        seen: &mut Vec<Allowance>,
    ) -> Result<(), Failure> {
        let now = self.instant(now);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for of in counted {
            let paces = paces(settings, *of, whose);
            for (key, pace) in &paces {
                // From here on it fills, even if this one is refused.
                if let Some(free) = known(&kept.until, key, *pace, now) {
                    kept.until.insert(*key, free);
                }
            }
            let taken: Vec<_> = paces.iter().map(|(key, pace)| (*key, pace.taken(known(&kept.until, key, *pace, now), now))).collect();
            let is_full = taken.iter().any(|(_, free)| free.is_none());
            if !is_full {
                if kept.until.len() + taken.len() > KEPT {
                    kept.sweep(now);
                }
                for (key, free) in taken {
                    if let Some(free) = free.filter(|_| kept.until.len() < KEPT || kept.until.contains_key(&key)) {
                        kept.until.insert(key, free);
                    }
                }
            }
            let first = seen.len();
            seen.extend(paces.iter().map(|(key, pace)| allowance(key, *pace, known(&kept.until, key, *pace, now), now)));
            if is_full && let Some(used_up) = seen.iter().skip(first).max_by_key(|allowance| allowance.wait) {
                return Err(used_up.refusal());
            }
        }
        Ok(())
    }

    /// What is left of all limits, without counting anything.
    pub fn look(&self, settings: &LimitSettings, whose: Whose, now: DateTime<Utc>) -> Vec<Allowance> {
        let now = self.instant(now);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let paces = Counted::ALL.into_iter().flat_map(|of| paces(settings, of, whose));
        paces.map(|(key, pace)| allowance(&key, pace, known(&kept.until, &key, pace, now), now)).collect()
    }

    /// Everybody may begin anew.
    pub(crate) fn forget(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).until.clear();
    }

    fn instant(&self, now: DateTime<Utc>) -> Instant {
        self.epoch + (now - DateTime::UNIX_EPOCH).to_std().unwrap_or_default()
    }
}

/// When a count is whole again. A clock that is set back leaves at most an empty one, which fills as always.
fn known(kept: &HashMap<Key, Instant>, key: &Key, pace: Pace, now: Instant) -> Option<Instant> {
    kept.get(key).map(|free| (*free).min(now + pace.each * pace.burst))
}

/// The limits of one kind that apply; none if there is no limit.
fn paces(settings: &LimitSettings, of: Counted, whose: Whose) -> Vec<(Key, Pace)> {
    let a_minute = match of {
        Counted::Calls => settings.calls,
        Counted::Previews => settings.previews,
        Counted::Downloads => settings.downloads,
    };
    let share = u64::from(a_minute) * u64::from(settings.application_percent.min(100)) / 100;
    let holders =
        [(Holder::Tenant, whose.tenant, a_minute), (Holder::Application, whose.application, u32::try_from(share).unwrap_or(a_minute))];
    let limited = holders.into_iter().filter(|_| a_minute > 0);
    limited.map(|(holder, id, burst)| ((of, holder, id), Pace { burst: burst.max(1), each: MINUTE / burst.max(1) })).collect()
}

fn allowance((of, holder, _): &Key, pace: Pace, free: Option<Instant>, now: Instant) -> Allowance {
    Allowance {
        of: *of,
        holder: *holder,
        limit: pace.burst,
        left: pace.left(free, now),
        wait: pace.wait(free, now),
        full_after: pace.full_after(free, now),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SETTINGS: LimitSettings = LimitSettings { calls: 6, previews: 4, downloads: 0, application_percent: 50 };

    const NOW: DateTime<Utc> = DateTime::from_timestamp_nanos(1_795_348_800_000_000_000);

    fn whose(tenant: u128, application: u128) -> Whose {
        Whose { tenant: Uuid::from_u128(tenant), application: Uuid::from_u128(application) }
    }

    /// What is left after the call, or how many seconds to wait.
    fn ask(limits: &Limits, counted: &[Counted], whose: Whose, now: DateTime<Utc>) -> Result<Vec<u32>, u32> {
        let mut seen = Vec::new();
        let taken = limits.take(&SETTINGS, (counted, whose), now, &mut seen);
        taken.map(|()| seen.iter().map(|one| one.left).collect()).map_err(|failure| failure.retry_after().unwrap())
    }

    #[test]
    fn an_application_has_its_share_and_the_tenant_has_the_whole() {
        let (limits, now) = (Limits::default(), NOW);
        let calls = |application, now| ask(&limits, &[Counted::Calls], whose(1, application), now);
        assert_eq!((calls(7, now), calls(7, now), calls(7, now)), (Ok(vec![5, 2]), Ok(vec![4, 1]), Ok(vec![3, 0])));
        // Its own share is used up, and the refusal counts against nobody.
        assert_eq!((calls(7, now), calls(8, now)), (Err(20), Ok(vec![2, 2])));
        assert_eq!((calls(8, now), calls(8, now)), (Ok(vec![1, 1]), Ok(vec![0, 0])));
        // The tenant's is used up, which comes back faster than that of one application.
        assert_eq!(calls(9, now), Err(10));
        assert_eq!(calls(9, now + Duration::from_secs(10)), Ok(vec![0, 2]));
        assert_eq!(ask(&limits, &[Counted::Calls], whose(2, 70), now), Ok(vec![5, 2]), "another tenant's");
        assert_eq!(calls(7, now + Duration::from_secs(600)), Ok(vec![5, 2]));
        // A clock that is set back by an hour shuts nobody out for longer than a full minute's worth takes.
        let set_back = now - Duration::from_secs(3600);
        assert_eq!((calls(7, set_back), calls(7, set_back + Duration::from_secs(20))), (Err(20), Ok(vec![1, 0])));
    }

    #[test]
    fn a_preview_is_a_call_too_and_what_has_no_limit_is_not_counted() {
        let (limits, now) = (Limits::default(), NOW);
        let both = [Counted::Calls, Counted::Previews];
        assert_eq!(ask(&limits, &both, whose(1, 7), now), Ok(vec![5, 2, 3, 1]));
        assert_eq!(ask(&limits, &both, whose(1, 7), now), Ok(vec![4, 1, 2, 0]));
        assert_eq!(ask(&limits, &both, whose(1, 7), now), Err(30));
        // The call was counted, the preview was not.
        let left: Vec<_> = limits.look(&SETTINGS, whose(1, 7), now).iter().map(|one| (one.of, one.holder, one.left)).collect();
        let (calls, previews) = (Counted::Calls, Counted::Previews);
        assert_eq!(
            left,
            [
                (calls, Holder::Tenant, 3),
                (calls, Holder::Application, 0),
                (previews, Holder::Tenant, 2),
                (previews, Holder::Application, 0)
            ]
        );
        assert_eq!(ask(&limits, &[Counted::Downloads], whose(1, 7), now), Ok(vec![]));
        limits.forget();
        assert_eq!(ask(&limits, &both, whose(1, 7), now), Ok(vec![5, 2, 3, 1]));
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let (limits, now) = (Limits::default(), NOW);
        for number in 0..=(KEPT as u128) {
            assert!(ask(&limits, &[Counted::Calls], whose(number, number), now).is_ok());
        }
        assert_eq!(limits.kept.lock().unwrap().until.len(), KEPT);
        assert!(ask(&limits, &[Counted::Calls], whose(1 << 100, 1 << 100), now + MINUTE).is_ok());
        assert_eq!(limits.kept.lock().unwrap().until.len(), 2, "those that are whole again are forgotten");
    }
}
