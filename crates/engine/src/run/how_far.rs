//! How far a query has read: the part of its row groups that are behind it. It is asked for at any time, and tells nothing of the rows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::physical_plan::ExecutionPlan;

use crate::guard::GROUPS_READ;

/// A place where a query says what it reads, for whoever waits for it. Clones share it.
#[derive(Clone, Default)]
pub struct HowFar(Arc<Mutex<Option<Read>>>);

/// What a query reads.
struct Read {
    physical: Arc<dyn ExecutionPlan>,
    groups: u64,
}

impl HowFar {
    /// The percentage of the row groups that have been read, from 0 to 99; 0 before anything is read. Each scan of a plan counts.
    pub fn percent(&self) -> u32 {
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().map_or(0, |Read { physical, groups }| percent(begun(physical), *groups))
    }

    /// From now on it is this plan that is read, which has so many row groups.
    pub(crate) fn reads(&self, physical: &Arc<dyn ExecutionPlan>, groups: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Read { physical: Arc::clone(physical), groups });
    }
}

impl fmt::Debug for HowFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HowFar({} %)", self.percent())
    }
}

/// Of the row groups that are begun, the last one is still being read.
fn percent(begun: u64, groups: u64) -> u32 {
    let percent = begun.saturating_sub(1).saturating_mul(100).checked_div(groups).unwrap_or_default();
    u32::try_from(percent.min(99)).unwrap_or(99)
}

/// The row groups that the scans of the plan have begun to read.
fn begun(physical: &Arc<dyn ExecutionPlan>) -> u64 {
    let own = physical.metrics().and_then(|metrics| metrics.sum_by_name(GROUPS_READ)).map_or(0, |read| read.as_usize() as u64);
    physical.children().into_iter().map(begun).fold(own, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_row_group_is_not_behind_before_the_end() {
        assert_eq!(
            [(0, 0), (1, 1), (0, 10), (1, 10), (2, 10), (10, 10), (30, 10)].map(|(begun, groups)| percent(begun, groups)),
            [0, 0, 0, 0, 10, 90, 99]
        );
    }
}
